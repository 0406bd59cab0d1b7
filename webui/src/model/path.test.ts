import { expect, test } from 'vitest';
import { pathOf, pathText, pointerOf, readPath } from './path';

test.each([
  [['a', 'b'], 'a.b', '/a/b'],
  [['messages', 3, 'content'], 'messages[3].content', '/messages/3/content'],
  [['odd key', 'x'], '["odd key"].x', '/odd key/x'],
  [['a/b', '~'], '["a/b"]["~"]', '/a~1b/~0'],
  [['ключ', 0], 'ключ[0]', '/ключ/0'],
  [[], '', ''],
])('%j', (path, text, pointer) => {
  expect(pathText(path)).toBe(text);
  expect(pointerOf(path)).toBe(pointer);
  expect(pathOf(pointer)).toEqual(path);
  if (path.length > 0) expect(readPath(text)).toBe(pointer);
});

test.each([
  ['/a/b', '/a/b'],
  [' count ', '/count'],
  ['a b.c', '/a b/c'],
  ['/a~2', null],
  ['a[', null],
  ['', null],
  ['a..b', null],
])('a reader may write %j', (text, pointer) => {
  expect(readPath(text)).toBe(pointer);
});
