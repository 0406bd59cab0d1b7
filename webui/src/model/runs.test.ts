import { describe, expect, test } from 'vitest';
import type { Runs, RunSummary } from './api';
import {
  allRuns,
  arrangeRows,
  cursorsOf,
  durationOf,
  NO_RUNS,
  rootsOf,
  withPage,
  type RunList,
} from './runs';

const time = (minute: number) => `2026-11-30T10:${String(minute).padStart(2, '0')}:00.000000Z`;

function run(appId: string, minute: number, rest: Partial<RunSummary> = {}): RunSummary {
  return {
    app_id: appId,
    partition_key: null,
    status: 'ok',
    started: time(0),
    last_activity: time(minute),
    duration_us: 5,
    time_zone: 'exact',
    step_count: 1,
    failed_count: 0,
    next_sequence_id: 1,
    record_count: 0,
    damaged_count: 0,
    input_tokens: 0,
    output_tokens: 0,
    last_action: null,
    last_error: null,
    parent: null,
    spawning_parent: null,
    log_bytes: 1,
    child_count: 0,
    ...rest,
  };
}

function answer(runs: readonly RunSummary[], next: string | null, total: number | null = null): Runs {
  return { now: time(59), indexing: null, total, complete: true, next, runs };
}

const ids = (list: RunList) =>
  allRuns(list)
    .map((one) => one.app_id)
    .join('');

describe('a list of runs, the newest first', () => {
  const first = withPage(NO_RUNS, '', answer([run('a', 9), run('b', 8)], 'after-b', 4), '-last');
  const both = withPage(first, 'after-b', answer([run('c', 7), run('d', 6)], null), '-last');

  test('grows by pages', () => {
    expect(first).toMatchObject({ next: 'after-b', total: 4 });
    expect(both).toMatchObject({ next: null, total: 4 });
    expect(ids(both)).toBe('abcd');
  });

  test('a new run pushes none out', () => {
    const now = withPage(both, '', answer([run('n', 10), run('a', 9)], 'after-a', 5), '-last');
    expect(ids(now)).toBe('nabcd');
    expect(now.total).toBe(5);
  });

  test('one that became active moves up', () => {
    const now = withPage(both, '', answer([run('d', 11), run('a', 9)], 'after-a'), '-last');
    expect(ids(now)).toBe('dabc');
  });

  test('one that no longer fits goes', () => {
    const now = withPage(both, '', answer([run('a', 9), run('c', 7)], 'after-c'), '-last');
    expect(ids(now)).toBe('acd');
  });

  test('the last page goes on where it did', () => {
    const now = withPage(first, '', answer([run('n', 10), run('a', 9)], 'after-a', 5), '-last');
    expect(now.next).toBe('after-b');
    expect(ids(now)).toBe('nab');
  });

  test('which pages are in view', () => {
    expect(cursorsOf(both, 0, 1)).toEqual(['']);
    expect(cursorsOf(both, 1, 2)).toEqual(['', 'after-b']);
    expect(cursorsOf(both, 3, 99)).toEqual(['after-b']);
  });
});

test('a run that runs takes as long as it has until now', () => {
  const now = Date.parse(time(2));
  expect(durationOf(run('a', 1, { status: 'running' }), now)).toBe(120e6);
  expect(durationOf(run('a', 1), now)).toBe(5);
});

describe('the tree', () => {
  const parent = run('p', 9, { child_count: 2 });
  const child = run('c', 8, { child_count: 1 });
  const rows = (open: readonly string[], children: Readonly<Record<string, Runs | 'loading'>>) =>
    arrangeRows(
      [parent, run('q', 1)],
      (id) => open.includes(id),
      (id) => children[id] ?? 'loading',
    ).map((row) => `${'>'.repeat(row.depth)}${row.kind === 'run' ? row.run.app_id : row.kind}`);

  test('is closed at first', () => expect(rows([], {})).toEqual(['p', 'q']));
  test('children come under their parent', () => {
    expect(rows(['p', 'c'], { p: answer([child, run('d', 7)], null) })).toEqual([
      'p',
      '>c',
      '>>loading',
      '>d',
      'q',
    ]);
  });
  test('what is too much says so', () => {
    expect(rows(['p'], { p: answer([child], 'next') })).toEqual(['p', '>c', '>more', 'q']);
  });
  test('each row knows its root', () => {
    const all = arrangeRows(
      [parent, run('q', 1)],
      (id) => id === 'p',
      () => answer([child], null),
    );
    expect(rootsOf(all)).toEqual([0, 0, 1]);
  });
  test('a circle ends', () => {
    expect(rows(['p', 'c'], { p: answer([child], null), c: answer([parent], null) })).toEqual([
      'p',
      '>c',
      '>>p',
      'q',
    ]);
  });
});
