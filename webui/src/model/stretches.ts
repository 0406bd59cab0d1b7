/* A list that the server finds by going through a run, and of which parts are known: around the run's end, its start, or a step.
 *
 * A part is all that is listed of the steps [from, to). Between parts there are gaps, which are read from the side that the reader
 * comes from. */
import type { Range } from './listing';

export interface Stretch<T> extends Range {
  /** By rising number. */
  readonly items: readonly T[];
}

/** What to read: from `at` on (1), or what lies before it (-1), and no further than `bound`. */
export interface Wish {
  readonly at: number;
  readonly direction: 1 | -1;
  readonly bound: number;
}

export type Piece<T> =
  { readonly kind: 'items'; readonly items: readonly T[] } | { readonly kind: 'gap'; readonly range: Range };

/** A run of `count` steps, by what is known of it. Of stretches that overlap, the one that begins first holds. */
export function piecesOf<T>(
  stretches: readonly Stretch<T>[],
  count: number,
  numberOf: (item: T) => number,
): readonly Piece<T>[] {
  const sorted = [...stretches].sort((a, b) => a.from - b.from || b.to - a.to);
  const pieces: Piece<T>[] = [];
  let known = 0;
  for (const { from, to, items } of sorted) {
    if (to <= known) continue;
    if (from > known) pieces.push({ kind: 'gap', range: { from: known, to: from } });
    const news = from < known ? items.filter((item) => numberOf(item) >= known) : items;
    if (news.length > 0) pieces.push({ kind: 'items', items: news });
    known = to;
  }
  if (known < count) pieces.push({ kind: 'gap', range: { from: known, to: count } });
  return pieces;
}

/** How to read a gap for a reader who sees rows above it or below it. */
export function wishFor(gap: Range, seen: 'above' | 'below'): Wish {
  return seen === 'above'
    ? { at: gap.from, direction: 1, bound: gap.to }
    : { at: gap.to, direction: -1, bound: gap.from };
}
