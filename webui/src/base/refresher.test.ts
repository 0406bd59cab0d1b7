import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Refresher } from './refresher';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function slowRefetch(ms: number) {
  const starts: number[] = [];
  const refetch = () => {
    starts.push(Date.now());
    return new Promise((resolve) => setTimeout(resolve, ms));
  };
  return { starts, refetch };
}

test('a burst becomes one refetch now and one after it', async () => {
  const { starts, refetch } = slowRefetch(40);
  const refresher = new Refresher(refetch, 100);
  const begin = Date.now();
  for (let i = 0; i < 50; i++) refresher.request();
  await vi.advanceTimersByTimeAsync(1000);
  expect(starts.map((at) => at - begin)).toEqual([0, 140]);
});

test('a steady stream is refetched with a gap after each end', async () => {
  const { starts, refetch } = slowRefetch(50);
  const refresher = new Refresher(refetch, 100);
  const begin = Date.now();
  for (let i = 0; i < 60; i++) {
    refresher.request();
    await vi.advanceTimersByTimeAsync(10);
  }
  await vi.advanceTimersByTimeAsync(1000);
  expect(starts.map((at) => at - begin)).toEqual([0, 150, 300, 450, 600]);
});

test('a failed refetch does not stop later ones', async () => {
  const refetch = vi.fn().mockRejectedValueOnce(new Error('down')).mockResolvedValue(undefined);
  const refresher = new Refresher(refetch, 100);
  refresher.request();
  await vi.advanceTimersByTimeAsync(200);
  refresher.request();
  await vi.advanceTimersByTimeAsync(200);
  expect(refetch).toHaveBeenCalledTimes(2);
});

test('nothing runs after stop', async () => {
  const { starts, refetch } = slowRefetch(10);
  const refresher = new Refresher(refetch, 100);
  refresher.request();
  refresher.request();
  refresher.stop();
  await vi.advanceTimersByTimeAsync(1000);
  refresher.request();
  expect(starts).toHaveLength(1);
});
