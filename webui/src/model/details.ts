/* What is nested in a step, as flat rows: spans below their parents, attributes and the stream where they belong, spawned runs. */
import type { Json, JsonObject } from '../base/json';
import { isObject } from '../base/json';
import type { Record as StepRecord, Value } from './api';
import { usOf } from './axis';

export interface SpanDetail {
  readonly kind: 'span';
  readonly depth: number;
  readonly id: string;
  readonly name: string | null;
  readonly startUs: number | null;
  readonly endUs: number | null;
}

export interface AttributeDetail {
  readonly kind: 'attribute';
  readonly depth: number;
  readonly key: string;
  readonly value: Value | null;
  readonly spanName: string | null;
  readonly tags: JsonObject;
  readonly atUs: number | null;
}

export interface StreamDetail {
  readonly kind: 'stream';
  readonly depth: number;
  readonly beginUs: number | null;
  readonly firstUs: number | null;
  readonly endUs: number | null;
  readonly itemCount: number | null;
}

export interface ChildDetail {
  readonly kind: 'child';
  readonly depth: number;
  readonly how: 'fork' | 'spawn';
  readonly appId: string;
  readonly atUs: number | null;
}

export type Detail = SpanDetail | AttributeDetail | StreamDetail | ChildDetail;

interface Open {
  readonly id: string;
  readonly name: string | null;
  readonly parent: string | null;
  readonly startUs: number | null;
  endUs: number | null;
}

function textOf(value: Json | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

/** The records of one step, in the order of the log. */
export function detailsOf(
  records: readonly StepRecord[],
  children: readonly ChildDetail[],
): readonly Detail[] {
  const spans = collectSpans(records);
  const below = new Map<string | null, Open[]>();
  for (const span of spans.values()) {
    const parent =
      span.parent !== null && span.parent !== span.id && spans.has(span.parent) ? span.parent : null;
    const siblings = below.get(parent);
    if (siblings) siblings.push(span);
    else below.set(parent, [span]);
  }
  const attributes = new Map<string | null, AttributeDetail[]>();
  for (const record of records) {
    if (record.type !== 'attribute') continue;
    const id = textOf(record.span_id);
    const owner = id === null ? undefined : spans.get(id);
    const attribute: AttributeDetail = {
      kind: 'attribute',
      depth: 1,
      key: textOf(record.key) ?? '',
      value: record.value ?? null,
      spanName: owner ? (owner.name ?? owner.id) : null,
      tags: record.tags !== undefined && isObject(record.tags) ? record.tags : {},
      atUs: usOf(record.time),
    };
    const place = owner ? owner.id : null;
    attributes.set(place, [...(attributes.get(place) ?? []), attribute]);
  }

  const details: Detail[] = [];
  const stream = collectStream(records);
  if (stream) details.push(stream);
  const placed = new Set<string>();
  const visit = (parent: string | null, depth: number) => {
    for (const span of below.get(parent) ?? []) {
      if (placed.has(span.id)) continue;
      placed.add(span.id);
      const { id, name, startUs, endUs } = span;
      details.push({ kind: 'span', depth, id, name, startUs, endUs });
      for (const attribute of attributes.get(id) ?? []) details.push({ ...attribute, depth: depth + 1 });
      visit(id, depth + 1);
    }
  };
  visit(null, 1);
  details.push(...(attributes.get(null) ?? []), ...children);
  return details;
}

/* Burr's own root span of a step, `<seq>:0`, may end without having begun; it says nothing that the step does not. */
function collectSpans(records: readonly StepRecord[]): ReadonlyMap<string, Open> {
  const spans = new Map<string, Open>();
  for (const record of records) {
    const id = textOf(record.span_id);
    if (id === null) continue;
    if (record.type === 'begin_span')
      spans.set(id, {
        id,
        name: textOf(record.span_name),
        parent: textOf(record.parent_span_id),
        startUs: usOf(record.time),
        endUs: null,
      });
    if (record.type !== 'end_span') continue;
    const open = spans.get(id);
    if (open) open.endUs = usOf(record.time);
    else if (id.includes('.'))
      spans.set(id, { id, name: null, parent: null, startUs: null, endUs: usOf(record.time) });
  }
  return spans;
}

function collectStream(records: readonly StepRecord[]): StreamDetail | null {
  const find = (type: StepRecord['type']) => records.find((record) => record.type === type);
  const begin = find('begin_stream');
  const first = find('first_item_stream');
  const end = find('end_stream');
  if (!begin && !first && !end) return null;
  const items = end?.items_streamed;
  return {
    kind: 'stream',
    depth: 1,
    beginUs: usOf(begin?.time ?? null),
    firstUs: usOf(first?.time ?? null),
    endUs: usOf(end?.time ?? null),
    itemCount: typeof items === 'number' ? items : null,
  };
}

export interface StreamSummary {
  /** From its begin to its first item. */
  readonly delayUs: number | null;
  readonly totalUs: number | null;
  readonly itemsPerSecond: number | null;
}

export function summariseStream(stream: StreamDetail): StreamSummary {
  const since = (us: number | null) => (us === null || stream.beginUs === null ? null : us - stream.beginUs);
  const totalUs = since(stream.endUs);
  return {
    delayUs: since(stream.firstUs),
    totalUs,
    itemsPerSecond:
      stream.itemCount !== null && totalUs !== null && totalUs > 0
        ? (stream.itemCount * 1e6) / totalUs
        : null,
  };
}

/** Runs that were forked or spawned from a step, by its sequence id. */
export function childrenBySequenceId(
  lines: readonly JsonObject[],
): ReadonlyMap<number, readonly ChildDetail[]> {
  const map = new Map<number, ChildDetail[]>();
  for (const line of lines) {
    const child = line.child;
    const appId = child !== undefined && isObject(child) ? textOf(child.app_id) : null;
    const at = line.sequence_id;
    if (appId === null || typeof at !== 'number') continue;
    const how = line.event_type === 'fork' ? 'fork' : 'spawn';
    const detail: ChildDetail = { kind: 'child', depth: 1, how, appId, atUs: usOf(textOf(line.event_time)) };
    map.set(at, [...(map.get(at) ?? []), detail]);
  }
  return map;
}
