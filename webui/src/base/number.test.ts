import { expect, test } from 'vitest';
import { formatBytes } from './number';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 KB'],
  [65_536, '66 KB'],
  [4.2e6, '4.2 MB'],
  [999_999_999, '1.0 GB'],
])('%j bytes', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});
