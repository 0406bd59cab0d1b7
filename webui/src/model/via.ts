/* Why a step ran: the transition that led to it, the values its condition read, and what was looked at before and not taken. */
import type { Exact } from '../base/jsonText';
import type { Value } from './api';
import { brief, isList, isMap, read, type ExactMap } from './exact';

export interface Reason {
  /** null: the transition without a condition. */
  readonly condition: string | null;
  /** The condition with the values in place of the names, as far as that says more. */
  readonly filled: string | null;
  readonly values: readonly (readonly [string, string])[];
}

export interface Rejected extends Reason {
  readonly to: string;
}

export interface Via extends Reason {
  readonly from: string | null;
  readonly rejected: readonly Rejected[];
}

const VALUE_MOST = 40;

export function readVia(value: Value | null): Via | null {
  const via = read(value);
  if (!isMap(via)) return null;
  const from = via.get('from');
  const rejected = via.get('rejected') ?? null;
  return {
    ...reasonOf(via),
    from: typeof from === 'string' ? from : null,
    rejected: (isList(rejected) ? rejected : []).flatMap((one) => {
      const to = isMap(one) ? one.get('to') : undefined;
      return isMap(one) && typeof to === 'string' ? [{ ...reasonOf(one), to }] : [];
    }),
  };
}

function reasonOf(map: ExactMap): Reason {
  const text = map.get('condition');
  const condition = typeof text === 'string' && text !== '' && text !== 'default' ? text : null;
  const found = map.get('values');
  const values = isMap(found)
    ? [...found].map(([name, value]) => [name, brief(value, VALUE_MOST)] as const)
    : [];
  return {
    condition,
    values,
    filled: condition === null ? null : fill(condition, isMap(found) ? found : new Map()),
  };
}

/* Names outside quotes that are not a part of a longer path. */
const NAME = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|(?<![\w.])[\p{L}_][\p{L}\p{N}_]*/gu;

function fill(condition: string, values: ReadonlyMap<string, Exact>): string | null {
  const filled = condition.replace(NAME, (name) => {
    const value = values.get(name);
    return value === undefined || isList(value) || isMap(value) ? name : brief(value, VALUE_MOST);
  });
  return filled === condition ? null : filled;
}
