import { expect, test } from 'vitest';
import { formatBytes } from './number';

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1 KB'],
  [66_000, '64 KB'],
  [4.2 * 1024 ** 2, '4.2 MB'],
  [1024 ** 3 - 1, '1 GB'],
])('%j bytes', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});
