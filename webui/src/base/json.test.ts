import { expect, test } from 'vitest';
import { brief, cut } from './json';

test.each([
  [null, 'null'],
  ['text', '"text"'],
  [[1, [2]], '[1, [2]]'],
  [{ a: { b: true } }, '{a: {b: true}}'],
])('%j', (value, text) => {
  expect(brief(value)).toBe(text);
});

test('a large value is cut and not serialised whole', () => {
  const huge = Array.from({ length: 1_000_000 }, (_, index) => index);
  expect(brief(huge, 20)).toHaveLength(20);
  expect(brief('x'.repeat(1_000_000), 20)).toHaveLength(20);
});

test('a surrogate pair is never split', () => {
  expect(cut('ab🚀', 3)).toBe('ab');
  expect(cut('ab🚀', 4)).toBe('ab🚀');
});
