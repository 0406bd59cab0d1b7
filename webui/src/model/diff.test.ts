import { describe, expect, test } from 'vitest';
import { diffStates, pathText } from './diff';

function told(before: object, after: object, limit?: number): string[] {
  const diff = diffStates(before as never, after as never, limit);
  return diff.changes.map((change) => `${change.kind} ${pathText(change.path)}`);
}

describe('diffStates', () => {
  test.each([
    ['equal', { a: { b: [1] } }, { a: { b: [1] } }, []],
    ['a new key', {}, { a: null }, ['added a']],
    ['a lost key', { a: null }, {}, ['removed a']],
    ['null and a value', { a: null }, { a: 0 }, ['changed a']],
    ['a key deep inside', { a: { b: { c: 1 } } }, { a: { b: { c: 2 } } }, ['changed a.b.c']],
    ['an appended item', { a: [1, 2] }, { a: [1, 2, 3] }, ['added a[2]']],
    ['a shortened list', { a: [1, 2, 3] }, { a: [1] }, ['removed a[1]', 'removed a[2]']],
    ['another type', { a: [1] }, { a: { 0: 1 } }, ['changed a']],
    ['an empty list and object', { a: [] }, { a: {} }, ['changed a']],
    ['inherited names', {}, { constructor: 1, toString: 2 }, ['added constructor', 'added toString']],
  ])('%s', (_name, before, after, changes) => {
    expect(told(before, after)).toEqual(changes);
  });

  test('says that it stopped early', () => {
    const after = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`k${index}`, index]));
    expect(diffStates({}, after, 200)).toMatchObject({ cut: true });
    expect(diffStates({}, after, 200).changes).toHaveLength(200);
    expect(diffStates({}, after, 300).cut).toBe(false);
    expect(diffStates({ list: [] }, { list: Array.from({ length: 1e5 }, () => 1) }, 50).changes).toHaveLength(
      50,
    );
  });
});

test.each([
  [['a', 'b'], 'a.b'],
  [['messages', 3, 'content'], 'messages[3].content'],
  [['odd key', 'x'], '["odd key"].x'],
  [['ключ', 0], 'ключ[0]'],
  [[], ''],
])('%j', (path, text) => {
  expect(pathText(path)).toBe(text);
});
