import { describe, expect, test } from 'vitest';
import { Checker } from './check';
import { ANSWERS, SCHEMAS } from './schemas';
import { target } from './target';

const checker = new Checker(SCHEMAS);
const NOW = '2026-11-30T10:00:00.000000Z';
const HIT = {
  number: 3,
  sequence_id: 3,
  action: 'a',
  field: 'state',
  offset: 0,
  key: null,
  context: { before: '', hit: 'x', after: '' },
};

function problemOf(name: string, answer: object): string | null {
  return checker.read(JSON.stringify(answer), name).problem;
}

describe('an answer', () => {
  const hits = { now: NOW, complete: true, next: null, hits: [HIT] };

  test('that fits is given as it is', () => {
    expect(checker.read(JSON.stringify(hits), 'Hits')).toEqual({ value: hits, problem: null });
  });

  test('may have new fields', () => {
    expect(problemOf('Hits', { ...hits, new: 1 })).toBeNull();
  });

  test.each([
    [{ ...hits, next: 'three' }, '.next: not integer or null'],
    [{ ...hits, complete: undefined }, '.complete: missing'],
    [{ ...hits, hits: [HIT, { ...HIT, field: 'elsewhere' }] }, '.hits[1].field: none of the known words'],
    [{ ...hits, hits: [{ ...HIT, context: 'x' }] }, '.hits[0].context: not object'],
    [[], ': not object'],
  ])('that does not is told with its place', (answer, problem) => {
    expect(problemOf('Hits', answer)).toBe(problem);
  });

  test('either of two schemas will do', () => {
    const difference = { now: NOW, from: null, to: 1, before_known: true, added: 0, changed: 0, removed: 0 };
    expect(problemOf('Difference', { ...difference, complete: true, changes: [] })).toBeNull();
  });

  test('no JSON is a SyntaxError', () => {
    expect(() => checker.read('<html>', 'Hits')).toThrow(SyntaxError);
    expect(() => checker.read('{"now":', 'Step')).toThrow(SyntaxError);
  });
});

describe('what an application recorded', () => {
  test('comes as the text that it was', () => {
    const change = '{"kind":"changed","path":"/n","before":12345678901234567890,"after":{"10":1.0,"2":"}"}}';
    const text = `{"now":"${NOW}","from":0,"to":1,"before_known":true,"added":0,"changed":1,"removed":0,"complete":true,"changes":[ ${change} ]}`;
    const { value, problem } = checker.read(text, 'Difference');
    expect(problem).toBeNull();
    expect(value).toMatchObject({
      to: 1,
      changes: [{ kind: 'changed', path: '/n', before: '12345678901234567890', after: '{"10":1.0,"2":"}"}' }],
    });
  });

  test('a state alone is the whole answer', () => {
    expect(checker.read(' {"a":1.0}', 'Value').value).toBe('{"a":1.0}');
  });

  test('lists around it are checked as ever', () => {
    expect(problemOf('Records', { now: NOW, next: null, left_out: 0, records: [{ type: 'x' }] })).toBe(
      '.records[0].type: none of the known words',
    );
  });
});

test('every answer has its schema', () => {
  for (const name of Object.values(ANSWERS)) expect(() => checker.read('{}', name)).not.toThrow();
});

describe('target', () => {
  test('names in the path and the query are encoded', () => {
    expect(
      target('/api/v1/projects/{project}/runs/{app_id}/steps', {
        project: 'a/b',
        app_id: '$& é',
        action: 'x&y',
        from: 0,
        superseded: false,
        to: undefined,
      }),
    ).toBe('api/v1/projects/a%2Fb/runs/%24%26%20%C3%A9/steps?action=x%26y&from=0&superseded=false');
  });
});
