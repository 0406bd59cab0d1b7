import { expect, test } from 'vitest';
import { below, isTrail, reachable, runAt, stepAt, withTrail } from './trail';

test('a trail leads through runs to steps', () => {
  const run = below('12', 'a/b, c');
  const step = below(run, 3);
  expect([run, step].every(isTrail)).toBe(true);
  expect([runAt('12'), runAt(run), runAt(step)]).toEqual([null, 'a/b, c', 'a/b, c']);
  expect([stepAt('12'), stepAt(run), stepAt(step)]).toEqual([12, null, 3]);
  expect(runAt(below(step, '100%'))).toBe('100%');
  expect(runAt('1/%zz')).toBe('%zz');
});

test('what an address may hold and is none', () => {
  expect(['', 'x', '1/', '1//2', '/1', '1/a/b', '-1'].filter(isTrail)).toEqual([]);
});

test('what is below something closed is not reached', () => {
  expect(reachable(new Set(['1/a', '1/a/0', '2', '2/b', '2/c/1']))).toEqual(['2', '2/b']);
});

test('closing closes what is below', () => {
  const open = new Set(['1', '1/a', '1/a/0', '12']);
  expect([...withTrail(open, '1', false)]).toEqual(['12']);
  expect([...withTrail(open, '1/a', true)].at(-1)).toBe('1/a');
});
