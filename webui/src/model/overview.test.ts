import { expect, test } from 'vitest';
import type { Overview } from './api';
import { addOverviews } from './overview';

const bucket = (from: string, first_number: number | null, step_count: number, longest_us: number) => ({
  from,
  first_number,
  step_count,
  failed_count: step_count,
  open_count: 0,
  busy_us: 10 * step_count,
  longest_us,
});
const overview = (
  next: number | null,
  bucket_us: number,
  ...buckets: Overview['buckets'][number][]
): Overview => ({
  now: '2026-01-01T00:00:00.000000Z',
  complete: next === null,
  next,
  bucket_us,
  buckets,
});

test('the parts of an overview add up', () => {
  const first = overview(7, 50, bucket('a', 0, 5, 9), bucket('b', 5, 2, 1), bucket('c', null, 0, 0));
  const rest = overview(null, 50, bucket('a', null, 0, 0), bucket('b', 7, 3, 4), bucket('c', 10, 1, 2));
  const sum = addOverviews(first, rest);
  expect(sum?.next).toBeNull();
  expect(
    sum?.buckets.map((one) => [
      one.first_number,
      one.step_count,
      one.failed_count,
      one.busy_us,
      one.longest_us,
    ]),
  ).toEqual([
    [0, 5, 5, 50, 9],
    [5, 5, 5, 50, 4],
    [10, 1, 1, 10, 2],
  ]);
});

test('of a run that has grown they do not', () => {
  expect(
    addOverviews(overview(7, 50, bucket('a', 0, 5, 9)), overview(null, 60, bucket('a', 7, 1, 1))),
  ).toBeNull();
});
