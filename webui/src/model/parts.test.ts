import { describe, expect, test } from 'vitest';
import { arrangeProjects, dayOf, projectKind, type ProjectSort } from './project';
import { readTraceback } from './traceback';

describe('readTraceback', () => {
  test('finds the line that names the error, and the frames', () => {
    const trace = readTraceback(
      'Traceback (most recent call last):\n  File "/a b/app.py", line 12, in <module>\n    go()\nopenai.AuthError: no key\n',
    );
    expect(trace.headline).toBe('openai.AuthError: no key');
    expect(trace.lines[1]).toEqual({ kind: 'frame', file: '/a b/app.py', line: '12', where: '<module>' });
  });

  test('a chained exception is named by the last one', () => {
    const text =
      'Traceback (most recent call last):\nKeyError: 1\n\nTraceback (most recent call last):\nValueError: 2\n  note';
    expect(readTraceback(text).headline).toBe('ValueError: 2');
  });

  test.each(['by must be positive, not -1', '', 'two\nlines'])(
    'any other text %j keeps its first line',
    (text) => {
      expect(readTraceback(text).headline).toBe(text.split('\n')[0]);
    },
  );
});

test('projects are sorted and found', () => {
  const project = (name: string, runCount: number, seconds: number, failed = 0) => ({
    name,
    root_count: 0,
    run_count: runCount,
    started: null,
    last_activity: `2026-11-30T10:00:0${seconds}.000000Z`,
    statuses: { running: 0, unknown: 0, lost: 1, failed, ok: 0, waiting: 0 },
  });
  const all = [project('b10', 1, 5, 1), project('B2', 7, 0, 3), project('demo_x', 3, 9)];
  const names = (filter: string, sort: ProjectSort) =>
    arrangeProjects(all, filter, sort).map(({ name }) => name);
  expect(names('', 'activity')).toEqual(['demo_x', 'b10', 'B2']);
  expect(names('', 'name')).toEqual(['B2', 'b10', 'demo_x']);
  expect(names('', 'runs')).toEqual(['B2', 'demo_x', 'b10']);
  expect(names('', 'failed')).toEqual(['B2', 'b10', 'demo_x']);
  expect(names(' b ', 'name')).toEqual(['B2', 'b10']);
  expect(all.map(({ name }) => projectKind(name))).toEqual(['own', 'own', 'demo']);
});

test('a day of a project has an hour for each, also where nothing was', () => {
  const at = (hour: string) => `2026-11-${hour}:00:00.000000Z`;
  const day = dayOf(
    {
      now: at('30T10'),
      from: at('29T11'),
      hours: [
        { project: 'a', from: at('29T12'), run_count: 4, failed_count: 1 },
        { project: 'a', from: at('30T10'), run_count: 2, failed_count: 0 },
        { project: 'b', from: at('30T10'), run_count: 9, failed_count: 9 },
      ],
    },
    'a',
  );
  expect(day).toMatchObject({ runCount: 6, failedCount: 1 });
  expect(day.hours).toHaveLength(24);
  expect([day.hours[0], day.hours[1], day.hours[23]].map((hour) => hour?.runCount)).toEqual([0, 4, 2]);
});
