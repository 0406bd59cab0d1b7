import { describe, expect, test } from 'vitest';
import {
  elapsedUs,
  epochMs,
  formatAgo,
  formatDateTime,
  formatDuration,
  formatElapsed,
  parseTime,
} from './time';

describe('parseTime', () => {
  test.each([
    ['2024-08-27T18:57:11.562787Z', 1724785031562787, true],
    ['2024-08-27T11:57:11.562787', 1724759831562787, false],
    ['2024-08-27T11:57:11', 1724759831000000, false],
    ['2024-08-27 11:57:11.5', 1724759831500000, false],
    ['2024-08-27T20:57:11+02:00', 1724785031000000, true],
    ['2024-08-27T13:27:11-0530', 1724785031000000, true],
    ['2024-08-27T18:57:11.123456789Z', 1724785031123456, true],
  ])('%s', (text, us, zoned) => {
    expect(parseTime(text)).toEqual({ us, zoned, text });
  });

  test.each([null, '', 'yesterday', '2024-08-27', '11:57:11', '2024-08-27T11:57:11 PST'])(
    '%j is no time',
    (text) => {
      expect(parseTime(text)).toBeNull();
    },
  );
});

test('times of different kinds are not subtracted', () => {
  const naive = parseTime('2024-08-27T11:57:10');
  const utc = parseTime('2024-08-27T18:57:11Z');
  expect(elapsedUs(naive, utc)).toBeNull();
  expect(elapsedUs(naive, parseTime('2024-08-27T11:57:10.000085'))).toBe(85);
  expect(elapsedUs(null, utc)).toBeNull();
});

test('a naive time is shown as it stands, in whatever zone the reader is', () => {
  const naive = parseTime('2024-08-27T11:57:10');
  expect(naive && formatDateTime(naive)).toBe('2024-08-27 11:57:10');
});

test('a zoned time is an exact moment', () => {
  const utc = parseTime('2024-08-27T18:57:11.562787Z');
  expect(utc && epochMs(utc)).toBe(Date.UTC(2024, 7, 27, 18, 57, 11, 562));
});

test.each([
  [0, '0 µs'],
  [85, '85 µs'],
  [999.6, '1 ms'],
  [1500, '1.5 ms'],
  [12_340, '12.3 ms'],
  [799_000, '799 ms'],
  [999_900, '1 s'],
  [4_070_000, '4.07 s'],
  [59_400_000, '59.4 s'],
  [59_999_000, '1 m'],
  [60e6, '1 m'],
  [192e6, '3 m 12 s'],
  [3_600e6, '1 h'],
  [18_120e6, '5 h 2 m'],
  [198_000e6, '2 d 7 h'],
  [-1500, '−1.5 ms'],
])('%d µs is %s', (us, text) => {
  expect(formatDuration(us)).toBe(text);
});

test.each([
  [0, 'just now'],
  [12_000, '12 s ago'],
  [180_000, '3 min ago'],
  [7_200_000, '2 h ago'],
  [-60_000, 'in the future'],
])('%d ms earlier is %s', (before, text) => {
  expect(formatAgo(1e12 - before, 1e12)).toBe(text);
});

test.each([
  [0, '0.000'],
  [12_345_678, '12.345'],
  [2_240_746_000, '37:20.746'],
  [3_600e6 * 5 + 140e6, '5:02:20.000'],
  [-1500, '−0.001'],
])('%j µs after the start', (us, text) => {
  expect(formatElapsed(us)).toBe(text);
});
