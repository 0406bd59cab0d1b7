import { describe, expect, test } from 'vitest';
import { at } from './fixtures';
import { arrangeProjects, projectKind } from './project';
import { filterRuns, mergePages } from './runs';
import { readTraceback } from './traceback';
import type { RunSummary } from './types';

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
  const project = (name: string, runCount: number, seconds: number | null) => ({
    id: name,
    name,
    runCount,
    lastActivity: seconds === null ? null : at(seconds),
  });
  const all = [project('b10', 1, 5), project('B2', 7, null), project('demo_x', 3, 9)];
  const names = (filter: string, sort: 'activity' | 'name' | 'runs') =>
    arrangeProjects(all, filter, sort).map(({ name }) => name);
  expect(names('', 'activity')).toEqual(['demo_x', 'b10', 'B2']);
  expect(names('', 'name')).toEqual(['B2', 'b10', 'demo_x']);
  expect(names('', 'runs')).toEqual(['B2', 'demo_x', 'b10']);
  expect(names(' b ', 'name')).toEqual(['B2', 'b10']);
  expect(all.map(({ name }) => projectKind(name))).toEqual(['own', 'own', 'demo']);
});

describe('runs', () => {
  const summary = (appId: string, partitionKey: string | null = null): RunSummary => ({
    appId,
    partitionKey,
    started: null,
    lastActivity: null,
    stepCount: 1,
    forkedFrom: null,
    spawnedBy: null,
  });

  test('a run pushed onto the next page is listed once', () => {
    const merged = mergePages([
      { runs: [summary('c'), summary('b')] },
      { runs: [summary('b'), summary('b', 'k')] },
    ]);
    expect(merged.map((run) => [run.appId, run.partitionKey])).toEqual([
      ['c', null],
      ['b', null],
      ['b', 'k'],
    ]);
  });

  test('all words must be found, in id or partition', () => {
    const all = [summary('Chat-1', 'user_a'), summary('chat-2', 'user_b')];
    expect(filterRuns(all, 'CHAT b').map((run) => run.appId)).toEqual(['chat-2']);
    expect(filterRuns(all, '  ')).toHaveLength(2);
  });
});
