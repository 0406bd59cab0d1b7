import { describe, expect, test } from 'vitest';
import { readExact, type JsonText } from '../base/jsonText';
import {
  asConversation,
  asTable,
  brief,
  cutOf,
  holdsOver,
  isImage,
  looksLikeMarkdown,
  read,
  valueAt,
  write,
} from './exact';

const exact = (text: string) => readExact(text as JsonText);

test.each([
  ['null', 'null'],
  ['"text"', '"text"'],
  ['[1, [2]]', '[1, [2]]'],
  ['{"a": {"b": true}}', '{a: {b: true}}'],
  ['12345678901234567890', '12345678901234567890'],
  ['{"$cut":"string","bytes":900,"pointer":"/a","head":"abc"}', '"abc"…'],
])('%s in short', (text, short) => {
  expect(brief(exact(text))).toBe(short);
});

test('a value holds what is nested in it', () => {
  const value = exact('{"a":[1,2,{"b":3}],"c":4}');
  expect([5, 6].map((limit) => holdsOver(value, limit))).toEqual([true, false]);
});

test('a large value is not written out whole', () => {
  const huge = Array.from({ length: 1_000_000 }, (_, index) => index);
  expect(brief(huge, 20)).toHaveLength(20);
  expect(brief('x'.repeat(1_000_000), 20)).toHaveLength(20);
});

test('what is written again is what was recorded', () => {
  const text = '{\n  "2": 1.0,\n  "1": [\n    {},\n    12345678901234567890\n  ],\n  "n": null\n}';
  expect(write(exact(text))).toBe(text);
});

test('a marker is read, and only a marker', () => {
  expect(
    cutOf(exact('{"$cut":"array","bytes":9000,"pointer":"/state/a","count":50,"shown":2,"head":[1,2]}')),
  ).toEqual({
    kind: 'array',
    bytes: 9000,
    pointer: '/state/a',
    head: [1, 2],
    left: 48,
  });
  expect(cutOf(exact('{"a":1,"$cut":"array"}'))).toBeNull();
  expect(cutOf(exact('[]'))).toBeNull();
});

test('what is no JSON is no value', () => {
  expect(read('{' as JsonText)).toBeNull();
  expect(read(undefined)).toBeNull();
});

test('a pointer finds its value', () => {
  const value = exact('{"a":[{"b/c":7}],"":1}');
  expect(valueAt(value, '/a/0/b~1c')).toBe(7);
  expect(valueAt(value, '/')).toBe(1);
  expect(valueAt(value, '')).toBe(value);
  expect(valueAt(value, '/a/1')).toBeUndefined();
  expect(valueAt(value, '/a/0/b~1c/d')).toBeUndefined();
});

test.each([
  ['[{"role":"user","content":"hi"}]', 1],
  ['[{"role":"tool","content":null,"id":3}]', 1],
  ['[]', null],
  ['[{"role":"user"}]', null],
  ['[{"role":"user","content":"x"},"odd"]', null],
  ['{"role":"user","content":"x"}', null],
])('conversation %s', (text, count) => {
  expect(asConversation(exact(text))?.length ?? null).toBe(count);
});

describe('a table', () => {
  test.each([
    ['[{"a":1,"b":2},{"a":3,"b":4}]', ['a', 'b']],
    ['[{"a":1,"b":2},{"a":3,"c":null,"b":1}]', ['a', 'b', 'c']],
    ['[{"a":1,"b":2}]', null],
    ['[{"a":1,"b":[]},{"a":3,"b":4}]', null],
    ['[{"a":1},{"a":3}]', null],
    ['[1,2]', null],
  ])('%s', (text, columns) => {
    expect(asTable(exact(text))?.columns ?? null).toEqual(columns);
  });
});

test('images are those that hold themselves', () => {
  expect(isImage('data:image/png;base64,iVBORw0KGgo=')).toBe(true);
  expect(isImage('data:image/svg+xml;base64,PHN2Zz4=')).toBe(false);
  expect(isImage('https://example.org/a.png')).toBe(false);
});

test.each([
  ['# Title\n\ntext', true],
  ['- one\n- **two**', true],
  ['```c\nint x;\n```', true],
  ['plain text\nof two lines', false],
  ['- a list alone\n- is also prose', false],
  ['# not several lines', false],
])('markdown %j', (text, is) => {
  expect(looksLikeMarkdown(text)).toBe(is);
});
