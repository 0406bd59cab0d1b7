/* Version 0 of the HTTP API, from wire to model. Old logs lack some keys; defaults are filled in here. */
import type { Json, JsonObject } from '../base/json';
import type {
  Action,
  Attribute,
  Child,
  Machine,
  Pointer,
  Run,
  Span,
  Step,
  StepEnd,
  StreamEvent,
  StreamEventKind,
  Transition,
} from '../model/types';
import { count, list, listOrEmpty, object, objectOrEmpty, optional, text, time } from './decode';

export function decodeRun(value: Json): Run {
  const o = object(value, 'run');
  return {
    machine: machine(o.application, 'application'),
    steps: list(step)(o.steps, 'steps'),
    children: listOrEmpty(child)(o.children, 'children'),
    forkedFrom: optional(pointer)(o.parent_pointer, 'parent_pointer'),
    spawnedBy: optional(pointer)(o.spawning_parent_pointer, 'spawning_parent_pointer'),
  };
}

function pointer(value: Json | undefined, place: string): Pointer {
  const o = object(value, place);
  return {
    appId: text(o.app_id, `${place}.app_id`),
    partitionKey: optional(text)(o.partition_key, `${place}.partition_key`),
    sequenceId: optional(count)(o.sequence_id, `${place}.sequence_id`),
  };
}

function machine(value: Json | undefined, place: string): Machine {
  const o = object(value, place);
  return {
    entrypoint: optional(text)(o.entrypoint, `${place}.entrypoint`),
    actions: listOrEmpty(action)(o.actions, `${place}.actions`),
    transitions: listOrEmpty(transition)(o.transitions, `${place}.transitions`),
  };
}

const texts = listOrEmpty(text);

function action(value: Json | undefined, place: string): Action {
  const o = object(value, place);
  return {
    name: text(o.name, `${place}.name`),
    reads: texts(o.reads, `${place}.reads`),
    writes: texts(o.writes, `${place}.writes`),
    inputs: texts(o.inputs, `${place}.inputs`),
    optionalInputs: texts(o.optional_inputs, `${place}.optional_inputs`),
    code: optional(text)(o.code, `${place}.code`) ?? '',
  };
}

function transition(value: Json | undefined, place: string): Transition {
  const o = object(value, place);
  return {
    from: text(o.from_, `${place}.from_`),
    to: text(o.to, `${place}.to`),
    condition: optional(text)(o.condition, `${place}.condition`) ?? 'default',
  };
}

function step(value: Json | undefined, place: string): Step {
  const o = object(value, place);
  const begin = object(o.step_start_log, `${place}.step_start_log`);
  return {
    sequenceId: count(begin.sequence_id, `${place}.step_start_log.sequence_id`),
    action: text(begin.action, `${place}.step_start_log.action`),
    inputs: objectOrEmpty(begin.inputs, place),
    start: time(begin.start_time, place),
    end: optional(stepEnd)(o.step_end_log, `${place}.step_end_log`),
    spans: listOrEmpty(span)(o.spans, `${place}.spans`),
    attributes: listOrEmpty(attribute)(o.attributes, `${place}.attributes`),
    streamEvents: listOrEmpty(streamEvent)(o.streaming_events, `${place}.streaming_events`),
    raw: o,
  };
}

function stepEnd(value: Json | undefined, place: string): StepEnd {
  const o = object(value, place);
  return {
    at: time(o.end_time, place),
    result: o.result ?? null,
    exception: optional(text)(o.exception, `${place}.exception`),
    state: withoutPrivateKeys(objectOrEmpty(o.state, place)),
  };
}

function withoutPrivateKeys(state: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(state).filter(([key]) => !key.startsWith('__')));
}

/* Either half of a span may be missing; the one that is there names it. */
function span(value: Json | undefined, place: string): Span {
  const o = object(value, place);
  const begin = optional(object)(o.begin_entry, `${place}.begin_entry`);
  const end = optional(object)(o.end_entry, `${place}.end_entry`);
  return {
    id: text(begin?.span_id ?? end?.span_id, `${place}.span_id`),
    name: optional(text)(begin?.span_name, `${place}.span_name`),
    parentId: optional(text)(begin?.parent_span_id, `${place}.parent_span_id`),
    start: time(begin?.start_time, place),
    end: time(end?.end_time, place),
  };
}

function attribute(value: Json | undefined, place: string): Attribute {
  const o = object(value, place);
  return {
    key: text(o.key, `${place}.key`),
    value: o.value ?? null,
    spanId: optional(text)(o.span_id, `${place}.span_id`),
    tags: objectOrEmpty(o.tags, place),
    at: time(o.time_logged, place),
  };
}

const STREAM_TIMES: Readonly<Record<string, readonly [StreamEventKind, string]>> = {
  begin_stream: ['begin', 'stream_init_time'],
  first_item_stream: ['first_item', 'first_item_time'],
  end_stream: ['end', 'end_time'],
};

function streamEvent(value: Json | undefined, place: string): StreamEvent {
  const o = object(value, place);
  const type = text(o.type, `${place}.type`);
  const [kind, field] = STREAM_TIMES[type] ?? ['end', 'end_time'];
  return {
    kind,
    at: time(o[field], place),
    itemCount: optional(count)(o.items_streamed, `${place}.items_streamed`),
  };
}

function child(value: Json | undefined, place: string): Child {
  const o = object(value, place);
  return {
    kind: o.event_type === 'fork' ? 'fork' : 'spawn',
    run: pointer(o.child, `${place}.child`),
    at: time(o.event_time, place),
    sequenceId: optional(count)(o.sequence_id, `${place}.sequence_id`),
  };
}
