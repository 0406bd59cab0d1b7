import { expect, test } from 'vitest';
import type { Status } from './api';
import { recordRate, troublesOf } from './collector';

const WELL: Status = {
  version: '1',
  pid: 1,
  store: '/s',
  url: 'http://localhost:1',
  durability: 'os',
  started: '2026-11-30T10:00:00.000000Z',
  uptime_s: 9,
  appending: true,
  writers: 0,
  batches: 0,
  records: 0,
  bytes: 0,
  invalid: 0,
  lost: 0,
  later: 0,
  never: 0,
  refused: 0,
  dropped: 0,
  spools: 0,
  recovered: 0,
  aside: 0,
  trouble: '',
  later_apps: [],
  http: {
    ...{ clients: 0, listeners: 0, queued: 0, requests: 0, refused: 0, denied: 0, cut: 0 },
    ...{ deltas: 0, told: 0, refetches: 0, kept_bytes: 0 },
  },
  index: { ready: true, path: '/store/.burr-catalog', indexed: 0, waiting: 0, failed: 0, trouble: '' },
};

test('records a second, between two answers of one collector', () => {
  const before = { status: { ...WELL, records: 100 }, atMs: 1000 };
  const now = { status: { ...WELL, records: 300 }, atMs: 3000 };
  expect(recordRate(before, now)).toBe(100);
  expect(recordRate(null, now)).toBeNull();
  expect(recordRate(before, { ...now, atMs: 1000 })).toBeNull();
  const restarted = { ...now.status, started: '2026-11-30T10:00:02.000000Z' };
  expect(recordRate(before, { status: restarted, atMs: 3000 })).toBeNull();
});

test('what went wrong is told, what is well is not', () => {
  expect(troublesOf(WELL)).toEqual([]);
  expect(troublesOf({ ...WELL, dropped: 3, recovered: 5 })).toHaveLength(1);
  expect(troublesOf({ ...WELL, appending: false })[0]).toMatch(/Another process/);
});
