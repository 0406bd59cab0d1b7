import { expect, test } from 'vitest';
import type { Record as StepRecord } from './api';
import { childrenBySequenceId, detailsOf, summariseStream, type Detail } from './details';

const time = (ms: number) => new Date(Date.UTC(2024, 0, 2) + ms).toISOString();
const begin = (id: string, parent: string | null, ms = 0): StepRecord => ({
  type: 'begin_span',
  step: 0,
  time: time(ms),
  span_id: id,
  span_name: `span ${id}`,
  parent_span_id: parent,
});
const end = (id: string, ms: number): StepRecord => ({
  type: 'end_span',
  step: 0,
  time: time(ms),
  span_id: id,
});
const attribute = (key: string, span: string | null): StepRecord => ({
  type: 'attribute',
  step: 0,
  time: time(0),
  key,
  span_id: span,
});
const shape = (details: readonly Detail[]) =>
  details.map((detail) => [
    detail.depth,
    detail.kind === 'span' ? detail.id : detail.kind === 'attribute' ? detail.key : detail.kind,
  ]);

test('spans nest in the order of the log, with their attributes', () => {
  const records = [
    begin('4:0', null),
    begin('4:0.1', '4:0'),
    attribute('inner', '4:0.1'),
    end('4:0.1', 3),
    begin('4:0.2', '4:0'),
    end('4:0', 9),
    attribute('own', null),
    attribute('lost', 'nowhere'),
  ];
  const details = detailsOf(records, []);
  expect(shape(details)).toEqual([
    [1, '4:0'],
    [2, '4:0.1'],
    [3, 'inner'],
    [2, '4:0.2'],
    [1, 'own'],
    [1, 'lost'],
  ]);
  expect(details[1]).toMatchObject({ endUs: Date.UTC(2024, 0, 2) * 1000 + 3000 });
  expect(details[3]).toMatchObject({ endUs: null });
});

test("a root span that never began is left out; another's end is shown", () => {
  expect(shape(detailsOf([end('1:0', 1), end('1:0.3', 2)], []))).toEqual([[1, '1:0.3']]);
});

test('spans that are their own ancestors are shown once or not at all, without end', () => {
  expect(shape(detailsOf([begin('a', 'a'), begin('b', 'c'), begin('c', 'b')], []))).toEqual([[1, 'a']]);
});

test('2,000 spans in one step are arranged at once', () => {
  const records = Array.from({ length: 2000 }, (_, index) =>
    begin(`0:0.${index}`, index === 0 ? null : '0:0.0'),
  );
  const started = performance.now();
  expect(detailsOf(records, [])).toHaveLength(2000);
  expect(performance.now() - started).toBeLessThan(1000);
});

test('a stream is told by its delay, items and rate', () => {
  const records: StepRecord[] = [
    { type: 'begin_stream', step: 0, time: time(0) },
    { type: 'first_item_stream', step: 0, time: time(200) },
    { type: 'end_stream', step: 0, time: time(2000), items_streamed: 50 },
  ];
  const [stream] = detailsOf(records, []);
  if (stream?.kind !== 'stream') throw new Error('no stream');
  expect(stream.itemCount).toBe(50);
  expect(summariseStream(stream)).toEqual({ delayUs: 200_000, totalUs: 2e6, itemsPerSecond: 25 });
  expect(summariseStream({ ...stream, endUs: null }).itemsPerSecond).toBeNull();
});

test('children hang below the step that made them', () => {
  const children = childrenBySequenceId([
    { child: { app_id: 'kid' }, event_type: 'spawn_start', sequence_id: 3, event_time: time(0) },
    { child: { app_id: 'fork' }, event_type: 'fork', sequence_id: 3 },
    { child: { app_id: 'unplaced' }, event_type: 'fork', sequence_id: null },
    { child: null },
  ]);
  expect(children.get(3)?.map((child) => [child.how, child.appId])).toEqual([
    ['spawn', 'kid'],
    ['fork', 'fork'],
  ]);
  expect(children.size).toBe(1);
});
