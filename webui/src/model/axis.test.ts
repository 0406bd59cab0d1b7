import { describe, expect, test } from 'vitest';
import { buildAxis, intervalOf, intervalsOf, ticksOf } from './axis';
import { summary } from './fixtures';

const S = 1e6;
const chat = [
  { from: 0, to: 2 * S },
  { from: 602 * S, to: 604 * S },
];

describe('an axis', () => {
  test('to scale runs from the first begin to the last end', () => {
    const axis = buildAxis(
      [
        { from: 3 * S, to: 4 * S },
        { from: 1 * S, to: 2 * S },
      ],
      false,
    );
    expect([axis.startUs, axis.endUs]).toEqual([S, 4 * S]);
    expect(axis.at(2.5 * S)).toBeCloseTo(0.5);
    expect(axis.us(0.5)).toBeCloseTo(2.5 * S);
    expect(axis.at(-S)).toBe(0);
    expect(axis.at(9 * S)).toBe(1);
  });

  test('gives pauses a small share when compressed, and finds the way back', () => {
    const axis = buildAxis(chat, true);
    expect(axis.compressed).toBe(true);
    expect(axis.pauses).toHaveLength(1);
    const [pause] = axis.pauses;
    expect(pause?.durationUs).toBe(600 * S);
    expect((pause?.to ?? 0) - (pause?.from ?? 0)).toBeCloseTo(0.025);
    expect(axis.at(2 * S)).toBeCloseTo(0.4875);
    for (const us of [0, S, 2 * S, 300 * S, 603 * S, 604 * S])
      expect(axis.us(axis.at(us))).toBeCloseTo(us, 0);
  });

  test('shows pauses to scale when not', () => {
    const axis = buildAxis(chat, false);
    expect(axis.compressed).toBe(false);
    expect(axis.pauses[0]?.from).toBeCloseTo(2 / 604);
  });

  test('a window shows its part', () => {
    const axis = buildAxis(chat, false, { from: S, to: 3 * S });
    expect(axis.at(2 * S)).toBeCloseTo(0.5);
    expect(axis.pauses).toHaveLength(0);
  });

  test('of nothing, and of one moment, divides by nothing', () => {
    expect(buildAxis([], true).at(5)).toBe(1);
    expect(buildAxis([{ from: 7, to: 7 }], true).at(7)).toBe(0);
  });

  test('a short gap is no pause', () => {
    expect(
      buildAxis(
        [
          { from: 0, to: S },
          { from: 1.9 * S, to: 3 * S },
        ],
        true,
      ).pauses,
    ).toHaveLength(0);
  });

  test('ticks are round', () => {
    expect(ticksOf(buildAxis([{ from: 0, to: 700 * S }], false))).toEqual([300 * S, 600 * S]);
    expect(ticksOf(buildAxis([{ from: 0, to: 80_000 }], false))).toEqual([20_000, 40_000, 60_000]);
    expect(ticksOf(buildAxis([{ from: 5, to: 5 + 10 * S }], false))).toEqual([5 * S]);
    expect(ticksOf(buildAxis([{ from: 5, to: 5 + 8 * S }], false))).toEqual([2 * S, 4 * S, 6 * S]);
  });
});

test('an open step runs until now', () => {
  expect(
    intervalOf(summary(0, { started: '2024-01-02T12:00:00Z', ended: null, status: 'open' }), 1e18)?.to,
  ).toBe(1e18);
  expect(intervalOf(summary(0, { started: null, ended: null }), 5)).toBeNull();
});

test('an overview tells when steps ran, at most', () => {
  const bucket = { open_count: 0, failed_count: 0, busy_us: 0 };
  const overview = {
    now: '',
    complete: true,
    next: null,
    bucket_us: 1000,
    buckets: [
      { ...bucket, from: '1970-01-01T00:00:00.000000Z', first_number: 0, step_count: 2, longest_us: 500 },
      { ...bucket, from: '1970-01-01T00:00:00.001000Z', first_number: null, step_count: 0, longest_us: 0 },
    ],
  };
  expect(intervalsOf(overview)).toEqual([{ from: 0, to: 1500 }]);
});
