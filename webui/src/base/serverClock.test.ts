import { afterEach, beforeEach, expect, test, vi } from 'vitest';

beforeEach(() => {
  vi.resetModules();
  vi.useFakeTimers({ now: 1_000_000 });
});

afterEach(() => vi.useRealTimers());

const iso = (ms: number) => new Date(ms).toISOString();

test('the time that is furthest ahead wins, whatever came out of a cache', async () => {
  const { noteServerTime, serverNow } = await import('./serverClock');
  expect(serverNow()).toBe(1_000_000);
  noteServerTime(null);
  noteServerTime('odd');
  noteServerTime(iso(400_000));
  expect(serverNow()).toBe(400_000);
  noteServerTime(iso(1_005_000));
  noteServerTime(iso(900_000));
  vi.advanceTimersByTime(60_000);
  expect(serverNow()).toBe(1_065_000);
});
