/* What is different between two values: as the server tells it of states that it has, here for those that it has not. */
import type { Exact } from '../base/jsonText';
import { isList, isMap, write } from './exact';
import type { Path } from './path';

export interface ValueChange {
  readonly kind: 'added' | 'changed' | 'removed';
  readonly path: Path;
  /** null where it was added. */
  readonly before: Exact;
  /** null where it was removed. */
  readonly after: Exact;
}

/** The places at which the values differ, `most` of them at most. */
export function changesBetween(before: Exact, after: Exact, most: number): readonly ValueChange[] {
  const found: ValueChange[] = [];
  const note = (change: ValueChange) => {
    if (found.length < most) found.push(change);
  };
  const compare = (old: Exact, now: Exact, path: Path) => {
    if (found.length >= most || Object.is(old, now)) return;
    if ((isMap(old) && isMap(now)) || (isList(old) && isList(now))) members(old, now, path);
    else if (write(old) !== write(now)) note({ kind: 'changed', path, before: old, after: now });
  };
  const members = (old: Exact, now: Exact, path: Path) => {
    const [olds, nows] = [entriesOf(old), entriesOf(now)];
    for (const [key, value] of olds) {
      const place = [...path, key];
      if (nows.has(key)) compare(value, nows.get(key) ?? null, place);
      else note({ kind: 'removed', path: place, before: value, after: null });
    }
    for (const [key, value] of nows)
      if (!olds.has(key)) note({ kind: 'added', path: [...path, key], before: null, after: value });
  };
  compare(before, after, []);
  return found;
}

function entriesOf(value: Exact): ReadonlyMap<string | number, Exact> {
  return isList(value) ? new Map(value.entries()) : isMap(value) ? value : new Map();
}
