import { expect, test } from 'vitest';
import type { JsonText } from '../base/jsonText';
import { readVia } from './via';

test('a condition is told with its values, and what was not taken', () => {
  const via = readVia(
    JSON.stringify({
      from: 'decide',
      condition: 'count < limit and name == "count"',
      values: { count: 3, limit: 10 },
      rejected: [{ to: 'stop', condition: 'done', values: { done: false } }],
    }) as JsonText,
  );
  expect(via?.from).toBe('decide');
  expect(via?.filled).toBe('3 < 10 and name == "count"');
  expect(via?.values).toEqual([
    ['count', '3'],
    ['limit', '10'],
  ]);
  expect(via?.rejected).toEqual([
    { to: 'stop', condition: 'done', filled: 'false', values: [['done', 'false']] },
  ]);
});

test('the default transition has no condition, and nothing is made up', () => {
  expect(readVia('{"from":"a","condition":"default","values":{},"rejected":[]}' as JsonText)).toEqual({
    from: 'a',
    condition: null,
    filled: null,
    values: [],
    rejected: [],
  });
  expect(readVia('{"from":"a","condition":"is_ready","values":{}}' as JsonText)?.filled).toBeNull();
  expect(readVia('null' as JsonText)).toBeNull();
  expect(readVia(null)).toBeNull();
});
