/* A run's log.jsonl, read without a server: what Burr's tracker and libburr write (proto/DISK.md). A line costs a look at its first keys;
 * its values are read when its step is looked at. */
import type { JsonText } from '../base/jsonText';
import { elapsedUs, parseTime, type Time } from '../base/time';
import { isMap, read, type ExactMap } from './exact';

export interface FileStep {
  /** The place among the steps, from 0. */
  readonly number: number;
  readonly sequenceId: number | null;
  readonly action: string | null;
  readonly started: Time | null;
  readonly durationUs: number | null;
  readonly status: 'ok' | 'failed' | 'open';
  /** Its records as they stand: the begin, spans, attributes and streams, the end. */
  readonly records: readonly JsonText[];
}

/** A line that is no record. */
export interface DamagedLine {
  /** From 1. */
  readonly line: number;
  /** What it begins with. */
  readonly head: string;
  /** Why it is no record. */
  readonly reason: string;
}

export interface LogFile {
  readonly steps: readonly FileStep[];
  readonly damaged: readonly DamagedLine[];
}

type Fields = Readonly<Record<string, unknown>>;

interface Draft {
  sequenceId: number | null;
  action: string | null;
  started: Time | null;
  ended: Time | null;
  status: FileStep['status'];
  records: JsonText[];
}

const HEAD_SHOWN = 200;

export function readLog(text: string): LogFile {
  const drafts: Draft[] = [];
  const newest = new Map<number | null, Draft>();
  const damaged: DamagedLine[] = [];
  const begin = (sequenceId: number | null): Draft => {
    const draft: Draft = {
      ...{ sequenceId, action: null, started: null, ended: null, status: 'open', records: [] },
    };
    drafts.push(draft);
    newest.set(sequenceId, draft);
    return draft;
  };
  text.split('\n').forEach((line, index) => {
    if (line.trim() === '') return;
    const fields = fieldsOf(line);
    if (typeof fields === 'string') {
      damaged.push({ line: index + 1, head: line.slice(0, HEAD_SHOWN), reason: fields });
      return;
    }
    const sequenceId = numberOf(fields.sequence_id ?? fields.action_sequence_id);
    const known = newest.get(sequenceId);
    if (fields.type === 'begin_entry') {
      const draft = begin(sequenceId);
      draft.action = textOf(fields.action);
      draft.started = parseTime(textOf(fields.start_time));
      draft.records.push(line as JsonText);
    } else if (fields.type === 'end_entry') {
      /* An end whose begin was lost is a step, too. */
      const draft = known?.status === 'open' ? known : begin(sequenceId);
      draft.action ??= textOf(fields.action);
      draft.ended = parseTime(textOf(fields.end_time));
      draft.status = fields.exception === null || fields.exception === undefined ? 'ok' : 'failed';
      draft.records.push(line as JsonText);
    } else known?.records.push(line as JsonText);
  });
  const steps = drafts.map(({ ended, ...draft }, number) => ({
    ...draft,
    number,
    durationUs: elapsedUs(draft.started, ended),
  }));
  return { steps, damaged };
}

/* A text: why it is no record. */
function fieldsOf(line: string): Fields | string {
  try {
    const value: unknown = JSON.parse(line);
    if (!isFields(value)) return 'JSON, but no object';
    const isEntry = value.type === 'begin_entry' || value.type === 'end_entry';
    return isEntry && numberOf(value.sequence_id) === null
      ? 'an object that lacks what its type needs'
      : value;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : null;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** What the records of a step say, with all digits and in the order of the file. */
export interface FileStepValues {
  readonly state: ExactMap | null;
  readonly inputs: ExactMap | null;
  readonly result: ExactMap | null;
  readonly exception: string | null;
  /** Spans, attributes and streams. */
  readonly others: readonly ExactMap[];
}

export function valuesOf(step: FileStep): FileStepValues {
  const records = step.records.map((line) => read(line)).filter((record) => isMap(record));
  const of = (type: string) => records.find((record) => record.get('type') === type);
  const end = of('end_entry');
  const map = (record: ExactMap | undefined, key: string) => {
    const value = record?.get(key);
    return isMap(value) ? value : null;
  };
  const state = map(end, 'state');
  const exception = end?.get('exception');
  return {
    /* Burr keeps what is its own under names that begin so. */
    state: state && new Map([...state].filter(([key]) => !key.startsWith('__'))),
    inputs: map(of('begin_entry'), 'inputs'),
    result: map(end, 'result'),
    exception: typeof exception === 'string' ? exception : null,
    others: records.filter(
      (record) => record.get('type') !== 'begin_entry' && record.get('type') !== 'end_entry',
    ),
  };
}

/** How often each action ran and failed, and which followed which: what the graph is painted with. */
export function usesOf(steps: readonly FileStep[]) {
  const actions = new Map<string, { name: string; count: number; failed_count: number }>();
  const edges = new Map<string, { from: string | null; to: string; count: number }>();
  let from: string | null = null;
  for (const { action, status } of steps) {
    if (action === null) continue;
    const use = actions.get(action) ?? { name: action, count: 0, failed_count: 0 };
    use.count += 1;
    use.failed_count += status === 'failed' ? 1 : 0;
    actions.set(action, use);
    const key = JSON.stringify([from, action]);
    const edge = edges.get(key) ?? { from, to: action, count: 0 };
    edge.count += 1;
    edges.set(key, edge);
    from = action;
  }
  return { actions: [...actions.values()], edges: [...edges.values()] };
}
