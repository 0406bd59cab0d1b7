import { describe, expect, test } from 'vitest';
import { buildAxis } from './axis';
import { runClock } from './clock';
import { at, step } from './fixtures';
import type { Step } from './types';

function axisOf(steps: readonly Step[], compressed: boolean) {
  return buildAxis(steps, runClock(steps), compressed);
}

/* Busy 0–1 and 1000–1001, a pause of 999 s between them. */
const CHAT = [step(0, 'a', { began: 0, ended: 1 }), step(1, 'a', { began: 1000, ended: 1001 })];

describe('to scale', () => {
  test('positions are fractions of the whole time', () => {
    const axis = axisOf(CHAT, false);
    expect(axis.at(at(0).us)).toBe(0);
    expect(axis.at(at(500.5).us)).toBeCloseTo(0.5);
    expect(axis.at(at(1001).us)).toBe(1);
    expect(axis.pauses).toHaveLength(1);
    expect(axis.pauses[0]?.durationUs).toBe(999e6);
  });
});

describe('compressed', () => {
  const axis = axisOf(CHAT, true);

  test('a pause gets a small share and the rest goes to the steps', () => {
    expect(axis.at(at(0).us)).toBe(0);
    expect(axis.at(at(1).us)).toBeCloseTo(0.4875);
    expect(axis.at(at(1000).us)).toBeCloseTo(0.5125);
    expect(axis.at(at(1001).us)).toBeCloseTo(1);
  });

  test('order is kept everywhere', () => {
    let before = -1;
    for (let second = 0; second <= 1001; second += 0.5) {
      const here = axis.at(at(second).us);
      expect(here).toBeGreaterThanOrEqual(before);
      before = here;
    }
  });

  test('a thousand pauses leave most of the width to the steps', () => {
    const steps = Array.from({ length: 1000 }, (_, index) => step(index, 'a', { began: index * 100 }));
    const many = axisOf(steps, true);
    const width = many.pauses.reduce((sum, pause) => sum + pause.to - pause.from, 0);
    expect(many.pauses).toHaveLength(999);
    expect(width).toBeCloseTo(0.3);
  });

  test('pauses that take little anyway are left alone', () => {
    const steps = [step(0, 'a', { began: 0, ended: 1000 }), step(1, 'a', { began: 1002, ended: 2000 })];
    expect(axisOf(steps, true).at(at(1000).us)).toBeCloseTo(0.5);
  });
});

test('runs without steps, without times and of one instant do not divide by zero', () => {
  expect(axisOf([], true).at(5)).toBe(1);
  expect(axisOf([step(0, 'a', { start: null, ended: null })], true).pauses).toEqual([]);
  expect(axisOf([step(0, 'a', { ended: 0 })], true).at(at(0).us)).toBe(0);
});

test('overlapping and unordered steps are one stretch', () => {
  const steps = [step(1, 'a', { began: 3, ended: 9 }), step(0, 'a', { began: 0, ended: 4 })];
  expect(axisOf(steps, true).pauses).toEqual([]);
});
