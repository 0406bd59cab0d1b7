import { expect, test } from 'vitest';
import { runClock } from './clock';
import { at, step } from './fixtures';

const SEVEN_HOURS = 7 * 3600;

function logged(seconds: number) {
  return { key: 'k', value: 1, spanId: null, tags: {}, at: at(seconds) };
}

test('the offset of naive steps is read off their UTC attributes', () => {
  const steps = [
    step(0, 'a', { zone: '', attributes: [logged(SEVEN_HOURS + 0.4)] }),
    step(1, 'a', { zone: '', attributes: [logged(SEVEN_HOURS + 1.4)] }),
  ];
  const clock = runClock(steps);
  expect(clock.naiveToUtcUs).toBe(SEVEN_HOURS * 1e6);
  expect(clock.place(at(SEVEN_HOURS + 0.4))).toBe(at(0.4, '').us);
  expect(clock.place(at(3, ''))).toBe(at(3, '').us);
});

test('the majority decides, whatever one stray time says', () => {
  const steps = [
    step(0, 'a', { zone: '', attributes: [logged(SEVEN_HOURS), logged(SEVEN_HOURS), logged(9_000_000)] }),
  ];
  expect(runClock(steps).naiveToUtcUs).toBe(SEVEN_HOURS * 1e6);
});

test('steps in UTC need no offset', () => {
  const clock = runClock([step(0, 'a', { attributes: [logged(0.2)] })]);
  expect(clock.naiveToUtcUs).toBeNull();
  expect(clock.place(at(0.2))).toBe(at(0.2).us);
});
