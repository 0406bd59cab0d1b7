import { describe, expect, test } from 'vitest';
import type { Detail } from './details';
import { innerOf, type Inner, type InnerSources } from './inner';
import { reachable } from './trail';
import { stepAt } from './trail';

const child = (appId: string): Detail => ({ kind: 'child', depth: 1, how: 'spawn', appId, atUs: null });
const span = (id: string): Detail => ({ kind: 'span', depth: 1, id, name: id, startUs: 0, endUs: 1 });

function sources(open: string[], details: Record<string, readonly Detail[]>, counts: Record<string, number>) {
  const reached = new Set(reachable(new Set(open)));
  return {
    open: reached,
    details: (step) => details[step] ?? 1,
    stepCount: (appId) => counts[appId] ?? null,
    openSteps: (run) =>
      [...reached].flatMap((trail) =>
        trail.slice(0, trail.lastIndexOf('/')) === run ? [stepAt(trail) ?? -1] : [],
      ),
  } satisfies InnerSources;
}

const shown = (row: Inner | null) =>
  row &&
  (row.kind === 'detail'
    ? `${row.depth} ${row.key}`
    : row.kind === 'waiting'
      ? 'waiting'
      : `${row.depth} ${row.trail}`);
const all = (step: string, from: InnerSources) => {
  const rows = innerOf(step, from);
  return Array.from({ length: rows.length }, (_, index) => shown(rows.at(index)));
};

describe('below a step', () => {
  const details = {
    '4': [span('s'), child('one'), child('two')],
    '4/one/1': [child('deep')],
    '4/one/1/deep/0': [span('t')],
  };

  test('are its details', () => {
    expect(all('4', sources(['4'], details, {}))).toEqual(['1 4/0', '1 4/one', '1 4/two']);
  });

  test('a run that is open shows its steps, and theirs, to any depth', () => {
    const open = ['4', '4/one', '4/one/1', '4/one/1/deep', '4/one/1/deep/0'];
    expect(all('4', sources(open, details, { one: 3, deep: 1 }))).toEqual([
      '1 4/0',
      '1 4/one',
      '2 4/one/0',
      '2 4/one/1',
      '3 4/one/1/deep',
      '4 4/one/1/deep/0',
      '5 4/one/1/deep/0/0',
      '2 4/one/2',
      '1 4/two',
    ]);
  });

  test('a run that is not there yet takes a row', () => {
    expect(all('4', sources(['4', '4/two'], details, {}))).toEqual([
      '1 4/0',
      '1 4/one',
      '1 4/two',
      'waiting',
    ]);
    expect(all('5', sources(['5'], details, {}))).toEqual(['waiting']);
  });

  test('a run of a million steps costs nothing before it is looked at', () => {
    const rows = innerOf('4', sources(['4', '4/one'], details, { one: 1_000_000 }));
    expect(rows.length).toBe(1_000_003);
    expect(shown(rows.at(777_779))).toBe('2 4/one/777777');
    expect(shown(rows.at(1_000_002))).toBe('1 4/two');
  });
});
