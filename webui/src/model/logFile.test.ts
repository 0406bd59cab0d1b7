import { expect, test } from 'vitest';
import { Digits } from '../base/jsonText';
import { readLog, usesOf, valuesOf } from './logFile';

const begin = (n: number, action = 'count') =>
  `{"type":"begin_entry","start_time":"2026-01-01T00:00:0${n}.000000Z","action":"${action}","inputs":{"by":1},"sequence_id":${n}}`;
const end = (n: number, state: string, exception = 'null') =>
  `{"type":"end_entry","end_time":"2026-01-01T00:00:0${n}.500000Z","action":"count","sequence_id":${n},"exception":${exception},"result":null,"state":${state}}`;
const span = (n: number) =>
  `{"type":"begin_span","action_sequence_id":${n},"span_id":"${n}:0","span_name":"ask"}`;
const log = (...lines: string[]) => readLog(`${lines.join('\n')}\n`);

test('begins and ends are steps, with what was recorded between them', () => {
  const { steps, damaged } = log(
    begin(0),
    span(0),
    end(0, '{"10":1,"2":12345678901234567890,"__PRIOR_STEP":"x"}'),
    begin(1),
  );
  expect(damaged).toEqual([]);
  expect(
    steps.map(({ sequenceId, action, status, durationUs }) => [sequenceId, action, status, durationUs]),
  ).toEqual([
    [0, 'count', 'ok', 500_000],
    [1, 'count', 'open', null],
  ]);
  const { state, inputs, others } = valuesOf(steps[0] ?? expect.fail());
  expect([...(state ?? [])]).toEqual([
    ['10', 1],
    ['2', new Digits('12345678901234567890')],
  ]);
  expect(inputs?.get('by')).toBe(1);
  expect(others).toHaveLength(1);
});

test('an attempt that is repeated is a step of its own', () => {
  const { steps } = log(begin(0), end(0, '{}', '"boom"'), begin(0), end(0, '{}'));
  expect(steps.map(({ status }) => status)).toEqual(['failed', 'ok']);
  expect(valuesOf(steps[0] ?? expect.fail()).exception).toBe('boom');
  expect(usesOf(steps)).toEqual({
    actions: [{ name: 'count', count: 2, failed_count: 1 }],
    edges: [
      { from: null, to: 'count', count: 1 },
      { from: 'count', to: 'count', count: 1 },
    ],
  });
});

test.each([
  ['a torn line', '{"type":"begin_en'],
  ['no object', '[1]'],
  ['no record', '{"type":"begin_entry"}'],
])('%s costs itself, and is told with its place', (_, line) => {
  const { steps, damaged } = log(begin(0), '', line, end(0, '{}'));
  expect(steps.map(({ status }) => status)).toEqual(['ok']);
  expect(damaged).toMatchObject([{ line: 3, head: line }]);
});

test('an end without its begin is a step', () => {
  expect(log(end(4, '{}')).steps).toMatchObject([
    { sequenceId: 4, action: 'count', status: 'ok', started: null },
  ]);
});

test('nothing is no step', () => {
  expect(readLog('')).toEqual({ steps: [], damaged: [] });
});
