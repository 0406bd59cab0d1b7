import { expect, test } from 'vitest';
import { backoffMs } from './backoff';

test('waits grow, are spread, and end at five seconds', () => {
  expect([0, 1, 2, 3, 4, 5, 60].map((attempt) => backoffMs(attempt, 0.5))).toEqual([
    250, 500, 1000, 2000, 4000, 5000, 5000,
  ]);
  expect(backoffMs(0, 0)).toBe(188);
  expect(backoffMs(0, 0.999)).toBe(312);
});
