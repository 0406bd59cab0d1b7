import { describe, expect, test } from 'vitest';
import { DecodeError } from './decode';
import { decodeRun } from './v0';

const BEGIN = {
  type: 'begin_entry',
  start_time: '2024-08-27T11:57:10.763679',
  action: 'prompt',
  inputs: { prompt: 'hi' },
  sequence_id: 3,
};
const END = {
  type: 'end_entry',
  end_time: '2024-08-27T11:57:10.863679',
  action: 'prompt',
  result: {},
  exception: null,
  state: { __SEQUENCE_ID: 3, __PRIOR_STEP: 'prompt', prompt: 'hi', _own: 1 },
  sequence_id: 3,
};
const STEP = { step_start_log: BEGIN, step_end_log: END, spans: [], attributes: [], streaming_events: [] };
const GRAPH = { type: 'application', entrypoint: 'prompt', actions: [], transitions: [] };

function runOf(steps: readonly object[], rest: object = {}) {
  return decodeRun({ application: GRAPH, children: [], steps, ...rest } as never);
}

describe('decodeRun', () => {
  test('private state keys are left out', () => {
    expect(runOf([STEP]).steps[0]?.end?.state).toEqual({ prompt: 'hi', _own: 1 });
  });

  test('an open step, and what old logs lack', () => {
    const begin = { action: 'prompt', sequence_id: 3 };
    const [step] = runOf([{ step_start_log: begin, step_end_log: null }]).steps;
    expect(step).toMatchObject({
      sequenceId: 3,
      end: null,
      inputs: {},
      spans: [],
      attributes: [],
      streamEvents: [],
    });
  });

  test('either half of a span may be missing', () => {
    const begin = {
      span_id: '3:0.0',
      span_name: 'http',
      parent_span_id: '3:0',
      start_time: '2024-08-27T11:57:10',
    };
    const end = { span_id: '3:0', end_time: '2024-08-27T11:57:11' };
    const spans = [
      { begin_entry: begin, end_entry: null },
      { begin_entry: null, end_entry: end },
    ];
    expect(runOf([{ ...STEP, spans }]).steps[0]?.spans).toMatchObject([
      { id: '3:0.0', name: 'http', end: null },
      { id: '3:0', name: null, start: null },
    ]);
  });

  test('streams and attributes', () => {
    const [step] = runOf([
      {
        ...STEP,
        attributes: [{ key: 'k', value: [1], action_sequence_id: 3, span_id: null }],
        streaming_events: [
          { type: 'begin_stream', stream_init_time: '2024-08-27T18:57:10Z' },
          { type: 'first_item_stream', first_item_time: '2024-08-27T18:57:11Z' },
          { type: 'end_stream', end_time: '2024-08-27T18:57:12Z', items_streamed: 9 },
        ],
      },
    ]).steps;
    expect(step?.attributes).toEqual([{ key: 'k', value: [1], spanId: null, tags: {}, at: null }]);
    expect(step?.streamEvents.map((event) => [event.kind, event.at?.text, event.itemCount])).toEqual([
      ['begin', '2024-08-27T18:57:10Z', null],
      ['first_item', '2024-08-27T18:57:11Z', null],
      ['end', '2024-08-27T18:57:12Z', 9],
    ]);
  });

  test('parents and children', () => {
    const pointer = { type: 'pointer_data', app_id: 'a', sequence_id: 2, partition_key: 'k' };
    const child = {
      type: 'child_application_data',
      child: pointer,
      event_type: 'spawn_start',
      sequence_id: 4,
    };
    const run = runOf([], { parent_pointer: pointer, spawning_parent_pointer: null, children: [child] });
    expect(run.forkedFrom).toEqual({ appId: 'a', partitionKey: 'k', sequenceId: 2 });
    expect(run.children[0]).toMatchObject({ kind: 'spawn', sequenceId: 4 });
  });

  test('a step that makes no sense is named', () => {
    const broken = { ...STEP, step_start_log: { ...BEGIN, sequence_id: 'three' } };
    expect(() => runOf([STEP, broken])).toThrow(
      new DecodeError('steps[1].step_start_log.sequence_id: a number expected'),
    );
  });
});
