import { describe, expect, test } from 'vitest';
import { upTo } from '../base/cursor';
import type { Changed, Runs, RunSummary } from './api';
import { project, row } from './fixtures';
import {
  allRuns,
  arrangeRows,
  cursorsOf,
  durationOf,
  inOrderOf,
  NO_RUNS,
  rootsOf,
  withPage,
  withRows,
  type RunList,
} from './runs';

const time = (minute: number) => `2026-11-30T10:${String(minute).padStart(2, '0')}:00.000000Z`;

function run(appId: string, minute: number, rest: Partial<RunSummary> = {}): RunSummary {
  return row(appId, { started: time(0), last_activity: time(minute), ...rest });
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
    expect(cursorsOf(withPage(NO_RUNS, '', answer([], null), '-last'), 0, 0)).toEqual(['']);
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

describe('a change of the project, in a list', () => {
  const wanted = { filter: '', sort: '-last', roots: false } as const;
  const pages = (next: string | null = null) => {
    const first = withPage(NO_RUNS, '', answer([run('a', 9), run('b', 8)], 'after-b', 4), '-last');
    return withPage(first, 'after-b', answer([run('c', 7), run('d', 6)], next), '-last');
  };
  const told = (runs: readonly RunSummary[], gone: readonly string[] = [], cursor = 5): Changed => ({
    topic: 'project/x',
    cursor,
    refetch: false,
    delta: { project: project('x', { run_count: 40, root_count: 30 }), runs, gone },
  });

  test('moves a run to where it belongs, and counts', () => {
    const { list, whole } = withRows(pages(), told([run('c', 20)]), wanted);
    expect(ids(list)).toBe('cabd');
    expect(list.total).toBe(40);
    expect(whole).toBe(true);
  });

  test('leaves one in its place whose place is the same', () => {
    const { list } = withRows(pages(), told([run('b', 8, { status: 'failed' })]), wanted);
    expect(ids(list)).toBe('abcd');
    expect(allRuns(list)[1]?.status).toBe('failed');
  });

  test('brings new runs and takes those that are gone', () => {
    expect(ids(withRows(pages(), told([run('n', 10)], ['b', 'd']), wanted).list)).toBe('nac');
    expect(ids(withRows(pages(), told([run('n', 1)]), wanted).list)).toBe('abcdn');
    expect(ids(withRows(pages('more'), told([run('n', 1)]), wanted).list)).toBe('abcd');
  });

  test('is not told again to a page that has it, or a newer one', () => {
    const list = pages();
    const newer = withPage(list, '', upTo(answer([run('a', 9), run('b', 8)], 'after-b', 4), 7), '-last');
    const next = withRows(newer, told([run('a', 3), run('x', 10), run('c', 20)]), wanted).list;
    expect(ids(next)).toBe('abd');
    const again = withRows(next, told([run('d', 30)], [], 5), wanted).list;
    expect(ids(again)).toBe('abd');
    expect(ids(withRows(next, told([run('c', 20)], [], 8), wanted).list)).toBe('cabd');
  });

  test('with a filter shows what it tells of the runs there, and the rest is asked for', () => {
    const filtered = { ...wanted, filter: 'status:ok' };
    const { list, whole } = withRows(
      pages(),
      told([run('n', 10), run('a', 9, { status: 'failed' })]),
      filtered,
    );
    expect(ids(list)).toBe('abcd');
    expect(allRuns(list)[0]?.status).toBe('failed');
    expect(list.total).toBe(4);
    expect(whole).toBe(false);
  });

  test('leaves children out among the roots', () => {
    const roots = { ...wanted, roots: true };
    const child = (parent: string) => run('n', 10, { parent: { app_id: parent } });
    const known = withRows(pages(), told([child('a')]), roots);
    expect(ids(known.list)).toBe('abcd');
    expect(known.list.total).toBe(30);
    expect(known.whole).toBe(true);
    expect(withRows(pages(), told([child('who?')]), roots).whole).toBe(false);
  });

  test('that does not tell all is asked for', () => {
    const list = pages();
    const change = { topic: 'project/x', cursor: 5, refetch: true, delta: null };
    expect(withRows(list, change, wanted)).toEqual({ list, whole: false });
  });
});

test('runs whose order is held stay in it, and new ones come where they belong', () => {
  const before = [run('a', 9), run('b', 8), run('c', 7)];
  const now = [run('n', 30), run('c', 20), run('m', 19), run('a', 9), run('b', 8, { status: 'lost' })];
  const held = inOrderOf(before, now);
  expect(held.map((one) => one.app_id).join('')).toBe('mabnc');
  expect(held[2]?.status).toBe('lost');
});
