import { describe, expect, test } from 'vitest';
import type { Changed, Project, RunSummary, Steps } from './api';
import { withChildren, withProjects, withRow, withSteps } from './deltas';
import { project, row, summary } from './fixtures';

const time = '2026-11-30T10:00:00.000000Z';

function change(delta: Changed['delta'], refetch = false): Changed {
  return { topic: 'x', cursor: 1, refetch, delta };
}

describe('projects', () => {
  const answer = { now: time, indexing: null, projects: [project('a'), project('b')] };

  test('come, change and go', () => {
    const told = { projects: [project('c'), project('b', { run_count: 7 })], gone: ['a'] };
    const next = withProjects(answer, change(told));
    expect(next?.projects.map((one) => [one.name, one.run_count])).toEqual([
      ['c', 1],
      ['b', 7],
    ]);
  });

  test('that cannot be told are to be asked for', () => {
    expect(withProjects(answer, change(null, true))).toBeNull();
    expect(withProjects(answer, change({ projects: [], gone: [] }, true))).toBeNull();
  });
});

describe('a page of steps', () => {
  const range = { first: 200, size: 200 };
  const page = (from: number, to: number): Steps => ({
    now: time,
    step_count: to,
    complete: true,
    next: null,
    steps: Array.from({ length: to - from }, (_, index) => summary(from + index)),
  });
  const told = (
    count: number,
    from: number | null,
    to: number | null,
    numbers: readonly number[],
    refetch = false,
  ) =>
    change(
      {
        run: row('r', { step_count: count }),
        from,
        to,
        steps: numbers.map((number) => summary(number, { action: 'new' })),
      },
      refetch,
    );
  const newOnes = (steps: Steps | null) =>
    steps?.steps.filter((step) => step.action === 'new').map((step) => step.number);

  test('grows by the steps that came', () => {
    const next = withSteps(page(200, 203), told(205, 202, 205, [202, 203, 204]), range);
    expect(newOnes(next)).toEqual([202, 203, 204]);
    expect(next?.steps).toHaveLength(5);
    expect(next?.step_count).toBe(205);
  });

  test('takes of what came only its own, up to its end', () => {
    const next = withSteps(page(200, 399), told(402, 199, 402, [199, 399, 400, 401]), range);
    expect(newOnes(next)).toEqual([399]);
    expect(next?.steps).toHaveLength(200);
  });

  test('of which nothing changed is the same one', () => {
    const full = page(200, 400);
    expect(withSteps(full, told(500, 499, 500, [499]), range)).toBe(full);
    expect(withSteps(full, told(900, 500, 900, [899], true), range)).toBe(full);
    expect(withSteps(full, told(500, null, null, []), range)).toBe(full);
  });

  test('loses the steps that are no more', () => {
    expect(withSteps(page(200, 210), told(205, null, null, []), range)?.steps).toHaveLength(5);
    expect(withSteps(page(200, 210), told(10, null, null, []), range)?.steps).toHaveLength(0);
  });

  test('is to be asked for where a step is missing, or not all are told', () => {
    expect(withSteps(page(200, 203), told(206, 205, 206, [205]), range)).toBeNull();
    expect(withSteps(page(200, 203), told(900, 203, 900, [899], true), range)).toBeNull();
    expect(withSteps(page(200, 203), told(300, null, null, []), range)).toBeNull();
    expect(withSteps(page(200, 203), change(null, true), range)).toBeNull();
    const gone = { run: null, from: null, to: null, steps: [] };
    expect(withSteps(page(200, 203), change(gone), range)).toBeNull();
  });

  test('has all that was told, though more of others was not', () => {
    const next = withSteps(page(200, 203), told(204, 10, 204, [203], true), range);
    expect(next).toBeNull();
    expect(newOnes(withSteps(page(200, 203), told(204, 203, 204, [203], true), range))).toEqual([203]);
  });
});

test('a run has its row, and keeps what a row does not tell', () => {
  const run = { ...row('r'), now: time, project: 'p', actions: [], attributes: [], edges: [] };
  const detail = { ...run, graph: null, metadata: null, children: [] };
  const steps = { run: row('r', { step_count: 9, status: 'lost' }), from: null, to: null, steps: [] };
  expect(withRow(detail, change(steps))).toMatchObject({ step_count: 9, status: 'lost', project: 'p' });
});

describe('children', () => {
  const pointer = (app_id: string) => ({ app_id, sequence_id: 0, partition_key: null });
  const child = (app_id: string, minute: number, rest: Partial<RunSummary> = {}) =>
    row(app_id, {
      started: `2026-11-30T10:0${minute}:00.000000Z`,
      spawning_parent: pointer('p'),
      ...rest,
    });
  const answer = {
    now: time,
    indexing: null,
    total: 2,
    complete: true,
    next: null,
    runs: [child('a', 1), child('c', 3)],
  };
  const told = (runs: readonly RunSummary[], gone: readonly string[] = []) =>
    change({ project: project('x'), runs, gone });
  const ids = (runs: readonly RunSummary[] | undefined) => runs?.map((run) => run.app_id).join('');

  test('come where they began, change and go', () => {
    const next = withChildren(answer, told([child('b', 2), child('c', 3, { status: 'lost' })], ['a']), 'p');
    expect(ids(next?.runs)).toBe('bc');
    expect(next?.runs[1]?.status).toBe('lost');
  });

  test('of others do not count, and leave the answer as it is', () => {
    expect(withChildren(answer, told([child('d', 2, { spawning_parent: pointer('q') })]), 'p')).toBe(answer);
  });

  test('that may be on a further page are to be asked for', () => {
    expect(withChildren({ ...answer, next: 'more' }, told([child('b', 2)]), 'p')).toBeNull();
  });
});

test('a project that is gone is to be asked for', () => {
  const gone: Project | null = null;
  const answer = { now: time, indexing: null, total: 0, complete: true, next: null, runs: [] };
  expect(withChildren(answer, change({ project: gone, runs: [], gone: [] }), 'p')).toBeNull();
});
