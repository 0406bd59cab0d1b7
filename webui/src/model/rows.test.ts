import { describe, expect, test } from 'vitest';
import { at, run, step } from './fixtures';
import { buildRows, childrenByStep, hasDetail, matchesStep, type Row } from './rows';
import type { Span } from './types';

const ALL = { text: '', action: null };

function span(id: string, parentId: string | null, began = true): Span {
  return { id, name: began ? id : null, parentId, start: began ? at(0) : null, end: at(1) };
}

function outline(rows: readonly Row[]): string[] {
  return rows.map((row) => {
    if (row.kind === 'step') return `${row.step.sequenceId} ${row.step.action}`;
    const name = {
      span: () => row.kind === 'span' && row.span.id,
      attribute: () => row.kind === 'attribute' && row.attribute.key,
    };
    const label = row.kind === 'span' || row.kind === 'attribute' ? name[row.kind]() : row.kind;
    return `${'  '.repeat(row.depth)}${label}`;
  });
}

describe('an expanded step', () => {
  const full = step(4, 'act', {
    spans: [span('4:0', null, false), span('4:0.0', '4:0'), span('4:0.0.0', '4:0.0'), span('4:0.1', '4:0')],
    attributes: [
      { key: 'loose', value: 1, spanId: null, tags: {}, at: null },
      { key: 'inner', value: 2, spanId: '4:0.0.0', tags: {}, at: null },
      { key: 'root', value: 3, spanId: '4:0', tags: {}, at: null },
    ],
    streamEvents: [{ kind: 'begin', at: at(0), itemCount: null }],
  });

  test('shows spans below their parents and the rest at the first level', () => {
    const child = {
      kind: 'spawn',
      run: { appId: 'kid', partitionKey: null, sequenceId: null },
      at: null,
      sequenceId: 4,
    } as const;
    const children = childrenByStep({ ...run([full]), children: [child, { ...child, sequenceId: null }] });
    expect(outline(buildRows([step(3, 'plan'), full], ALL, new Set([4]), children))).toEqual([
      '3 plan',
      '4 act',
      '  stream',
      '  4:0.0',
      '    4:0.0.0',
      '      inner',
      '  4:0.1',
      '  loose',
      '  root',
      '  child',
    ]);
  });

  test('has a key for every row', () => {
    const rows = buildRows([full], ALL, new Set([4]), new Map());
    expect(new Set(rows.map((row) => row.key)).size).toBe(rows.length);
  });

  test('spans that name each other as parents do not hang', () => {
    const odd = step(1, 'a', {
      spans: [span('1:0.0', '1:0.1'), span('1:0.1', '1:0.0'), span('1:0.2', '1:0.2')],
    });
    expect(outline(buildRows([odd], ALL, new Set([1]), new Map()))).toEqual(['1 a']);
  });
});

test('only a root span that never began is no detail', () => {
  expect(hasDetail(step(0, 'a', { spans: [span('0:0', null, false)] }), [])).toBe(false);
  expect(hasDetail(step(0, 'a', { spans: [span('0:0.0', '0:0', false)] }), [])).toBe(true);
});

test.each([
  ['', true],
  ['QUE', true],
  ['12', true],
  ['#12', true],
  ['1', false],
  ['failed', true],
  ['timeout', true],
  ['query timeout', true],
  ['query refused', false],
])('filter %j', (text, matches) => {
  const failed = step(12, 'query_llm', { exception: 'Timeout after 3 s' });
  expect(matchesStep(failed, { text, action: null })).toBe(matches);
});

test('positions stay those of the whole run when rows are filtered', () => {
  const rows = buildRows(
    [step(7, 'a'), step(8, 'b'), step(9, 'a')],
    { text: '', action: 'a' },
    new Set(),
    new Map(),
  );
  expect(rows.map((row) => row.kind === 'step' && row.index)).toEqual([0, 2]);
});
