import { describe, expect, test } from 'vitest';
import { at, LOOP, run, step } from './fixtures';
import {
  failureCount,
  isAbandoned,
  lastSeen,
  nextFailure,
  previousEnded,
  runDurationUs,
  runStatus,
  slowestStep,
  stepDurationUs,
} from './status';

describe('runStatus', () => {
  test.each([
    ['nothing recorded', [], 'empty'],
    ['the last step is open', [step(0, 'count'), step(1, 'count', { ended: null })], 'running'],
    ['the last step failed', [step(0, 'count'), step(1, 'count', { exception: 'x' })], 'failed'],
    ['an earlier step failed', [step(0, 'count', { exception: 'x' }), step(1, 'done')], 'ok'],
    ['the last action has no way out', [step(0, 'count'), step(1, 'done')], 'ok'],
    ['the last action has a way out', [step(0, 'count')], 'waiting'],
    ['an earlier step never ended', [step(0, 'count', { ended: null }), step(1, 'count')], 'waiting'],
  ] as const)('%s', (_name, steps, status) => {
    expect(runStatus(run(steps, LOOP))).toBe(status);
  });
});

test('only an open step that others follow is abandoned', () => {
  const steps = [step(0, 'a', { ended: null }), step(1, 'a'), step(2, 'a', { ended: null })];
  expect(steps.map((_, index) => isAbandoned(steps, index))).toEqual([true, false, false]);
});

test('the last sign of life of an open step is its newest record of the same kind', () => {
  const open = step(0, 'a', {
    ended: null,
    spans: [{ id: '0:0.0', name: 's', parentId: null, start: at(3), end: at(7) }],
    attributes: [{ key: 'k', value: 1, spanId: null, tags: {}, at: at(90, '') }],
  });
  expect(lastSeen(run([open]))).toEqual(at(7));
  expect(runDurationUs(run([open]))).toBe(7e6);
});

test('durations need two times of one kind', () => {
  expect(stepDurationUs(step(0, 'a', { began: 1, ended: 3 }))).toBe(2e6);
  expect(stepDurationUs(step(0, 'a', { start: at(0, '') }))).toBeNull();
  expect(stepDurationUs(step(0, 'a', { ended: null }))).toBeNull();
});

test('moving to failures starts over, and finds the same one when it is the only one', () => {
  const steps = [
    step(5, 'a'),
    step(6, 'a', { exception: 'x' }),
    step(7, 'a'),
    step(8, 'a', { exception: 'y' }),
  ];
  expect([0, 1, 2, 3].map((from) => nextFailure(steps, from))).toEqual([1, 3, 3, 1]);
  expect(nextFailure(steps.slice(0, 2), 1)).toBe(1);
  expect(nextFailure([step(0, 'a')], 0)).toBeNull();
  expect(nextFailure([], -1)).toBeNull();
  expect(failureCount(run(steps))).toBe(2);
});

test('states are compared with the nearest step that left one', () => {
  const steps = [step(4, 'a', { ended: null }), step(5, 'a'), step(6, 'a', { ended: null }), step(7, 'a')];
  expect([0, 1, 2, 3].map((index) => previousEnded(steps, index)?.sequenceId ?? null)).toEqual([
    null,
    null,
    5,
    5,
  ]);
});

test('the slowest step', () => {
  expect(slowestStep([step(0, 'a'), step(1, 'a', { ended: 9 }), step(2, 'a', { ended: null })])).toBe(1);
  expect(slowestStep([step(0, 'a', { ended: null })])).toBeNull();
});
