/* Which row of the step list shows what, for lists of a million steps of which a few pages are loaded.
 *
 * A listing is made of blocks: steps that follow one another, folded cycles, steps that are not read yet, and what is open below a step:
 * its earlier attempts, and rows of any kind R. It costs one small object a block, whatever the number of steps in it, and both
 * questions (what is in row i, where is step n) are binary searches. */
import type { Folded } from './api';
import { upperBound, type Sequence } from './sequence';

export type Group = Folded['groups'][number];

/** Numbers of steps, [from, to). */
export interface Range {
  readonly from: number;
  readonly to: number;
}

export type Segment =
  | { readonly kind: 'steps'; readonly first: number; readonly count: number }
  | { readonly kind: 'fold'; readonly group: Group; readonly open: boolean }
  /** Steps of which it is not known yet which of them are listed: a row. */
  | { readonly kind: 'gap'; readonly range: Range };

export type Place<R> =
  | { readonly kind: 'step'; readonly number: number; readonly folded: boolean }
  | { readonly kind: 'fold'; readonly group: Group; readonly open: boolean }
  | { readonly kind: 'gap'; readonly range: Range }
  /** An earlier attempt, below the last. */
  | { readonly kind: 'attempt'; readonly number: number; readonly last: number }
  | { readonly kind: 'inner'; readonly number: number; readonly row: R };

interface At {
  readonly row: number;
  /** The step that it stands at or below: by these, blocks rise as by their rows. */
  readonly first: number;
  /** Rows. */
  readonly count: number;
}

type Block<R> = At &
  (
    | { readonly kind: 'steps'; readonly folded: boolean }
    | { readonly kind: 'fold'; readonly group: Group; readonly open: boolean }
    | { readonly kind: 'gap'; readonly range: Range }
    | { readonly kind: 'attempt'; readonly number: number }
    | { readonly kind: 'inner'; readonly number: number; readonly rows: Sequence<R> }
  );

export interface Listing<R> {
  readonly length: number;
  readonly at: (row: number) => Place<R> | null;
  /** The row of a step, or of the closed fold that hides it; -1 for one that is not listed. */
  readonly rowOf: (number: number) => number;
  /** The gap in which a step may be. */
  readonly gapOf: (number: number) => Range | null;
  /** The step in the nearest row after (1) or before (-1) that of `number`; of one that is not listed, the nearest by number. null: there
   * is none, or it is not read yet. */
  readonly next: (number: number, direction: 1 | -1) => number | null;
}

/** What is open below steps, by their numbers. */
export interface Below<R> {
  readonly inner: ReadonlyMap<number, Sequence<R>>;
  /** Numbers of earlier attempts at the same step, in the order to show. */
  readonly attempts: ReadonlyMap<number, readonly number[]>;
}

export function makeListing<R>(segments: readonly Segment[], below: Below<R>): Listing<R> {
  const blocks = blocksOf(segments, below);
  const last = blocks.at(-1);
  const length = last ? last.row + last.count : 0;
  const rows = blocks.map((block) => block.row);
  const firsts = blocks.map((block) => block.first);
  const attemptRows = new Map(
    blocks.flatMap((block) => (block.kind === 'attempt' ? [[block.number, block.row] as const] : [])),
  );

  const blockAt = (row: number) => (row < 0 || row >= length ? undefined : blocks[upperBound(rows, row) - 1]);
  const at = (row: number): Place<R> | null => {
    const block = blockAt(row);
    return block ? placeIn(block, row - block.row) : null;
  };
  /* The last block that stands in the list itself, and not below a step, and begins at the number or before. */
  const holding = (number: number): number => {
    let index = upperBound(firsts, number) - 1;
    while (isBelow(blocks[index])) index--;
    return index;
  };
  const rowOf = (number: number): number => {
    const attempt = attemptRows.get(number);
    if (attempt !== undefined) return attempt;
    const block = blocks[holding(number)];
    if (block?.kind === 'steps' && number < block.first + block.count)
      return block.row + number - block.first;
    if (block?.kind === 'fold' && !block.open && number < block.group.to) return block.row;
    return -1;
  };
  const gapOf = (number: number): Range | null => {
    const block = blocks[holding(number)];
    return block?.kind === 'gap' && number < block.range.to ? block.range : null;
  };
  const nearest = (number: number, direction: 1 | -1): number | null => {
    const index = holding(number);
    const listed = (from: number, by: 1 | -1): number | null => {
      let at = from;
      while (blocks[at] && stepOf(blocks[at], by) === null) at += by;
      return stepOf(blocks[at], by);
    };
    const before = listed(index, -1);
    const after = listed(index + 1, 1);
    return direction > 0 ? (after ?? before) : (before ?? after);
  };
  const next = (number: number, direction: 1 | -1): number | null => {
    const start = rowOf(number);
    if (start < 0) return nearest(number, direction);
    const here = blockAt(start);
    const hidden = number + direction;
    if (here?.kind === 'fold' && hidden >= here.group.from && hidden < here.group.to) return hidden;
    for (let row = start + direction; ;) {
      const block = blockAt(row);
      if (!block || block.kind === 'gap') return null;
      if (block.kind === 'steps') return block.first + row - block.row;
      if (block.kind === 'attempt') return block.number;
      if (block.kind === 'fold' && !block.open) return direction > 0 ? block.group.from : block.group.to - 1;
      row = direction > 0 ? block.row + block.count : block.row - 1;
    }
  };
  return { length, at, rowOf, gapOf, next };
}

function blocksOf<R>(segments: readonly Segment[], { inner, attempts }: Below<R>): readonly Block<R>[] {
  const opened = [...new Set([...inner.keys(), ...attempts.keys()])].sort((a, b) => a - b);
  const blocks: Block<R>[] = [];
  let row = 0;
  const put = (block: Block<R>) => {
    if (block.count === 0) return;
    blocks.push(block);
    row += block.count;
  };
  const putInner = (first: number, number: number) => {
    const rows = inner.get(number);
    if (rows) put({ kind: 'inner', row, first, count: rows.length, number, rows });
  };
  const putSteps = (first: number, count: number, folded: boolean) => {
    let from = first;
    for (let at = upperBound(opened, first - 1); (opened[at] ?? Infinity) < first + count; at++) {
      const number = opened[at] ?? first;
      put({ kind: 'steps', row, first: from, count: number + 1 - from, folded });
      for (const earlier of attempts.get(number) ?? []) {
        put({ kind: 'attempt', row, first: number, count: 1, number: earlier });
        putInner(number, earlier);
      }
      putInner(number, number);
      from = number + 1;
    }
    put({ kind: 'steps', row, first: from, count: first + count - from, folded });
  };
  for (const segment of segments) {
    if (segment.kind === 'steps') putSteps(segment.first, segment.count, false);
    else if (segment.kind === 'gap')
      put({ kind: 'gap', row, first: segment.range.from, count: 1, range: segment.range });
    else {
      const { group, open } = segment;
      put({ kind: 'fold', row, first: group.from, count: 1, group, open });
      if (open) putSteps(group.from, group.to - group.from, true);
    }
  }
  return blocks;
}

function placeIn<R>(block: Block<R>, offset: number): Place<R> | null {
  switch (block.kind) {
    case 'steps':
      return { kind: 'step', number: block.first + offset, folded: block.folded };
    case 'fold':
      return { kind: 'fold', group: block.group, open: block.open };
    case 'gap':
      return { kind: 'gap', range: block.range };
    case 'attempt':
      return { kind: 'attempt', number: block.number, last: block.first };
    case 'inner': {
      const row = block.rows.at(offset);
      return row === null ? null : { kind: 'inner', number: block.number, row };
    }
  }
}

function isBelow<R>(block: Block<R> | undefined): boolean {
  return block?.kind === 'inner' || block?.kind === 'attempt';
}

function stepOf<R>(block: Block<R> | undefined, side: 1 | -1): number | null {
  if (block?.kind === 'steps') return side > 0 ? block.first : block.first + block.count - 1;
  if (block?.kind === 'fold') return side > 0 ? block.group.from : block.group.to - 1;
  return null;
}

export function isIn({ from, to }: Range, number: number): boolean {
  return number >= from && number < to;
}

/** Segments for steps that a filter left, which come by rising number. */
export function segmentsOf(numbers: readonly number[]): readonly Segment[] {
  const segments: { kind: 'steps'; first: number; count: number }[] = [];
  for (const number of numbers) {
    const last = segments.at(-1);
    if (last && last.first + last.count === number) last.count++;
    else segments.push({ kind: 'steps', first: number, count: 1 });
  }
  return segments;
}

/** Segments for all of `count` steps but those in `ranges`, which rise. */
export function segmentsWithout(count: number, ranges: readonly Range[]): readonly Segment[] {
  const segments: Segment[] = [];
  let first = 0;
  for (const { from, to } of [...ranges, { from: count, to: count }]) {
    if (from > first) segments.push({ kind: 'steps', first, count: from - first });
    first = to;
  }
  return segments;
}

/** Segments for folded groups: cycles as folds, plain steps as they are. A fold is open by any of its steps: where it begins may be another
 * step when the list is read from elsewhere. */
export function segmentsOfGroups(groups: readonly Group[], open: ReadonlySet<number>): readonly Segment[] {
  const segments: Segment[] = [];
  for (const group of groups) {
    const last = segments.at(-1);
    if (group.times > 1)
      segments.push({ kind: 'fold', group, open: [...open].some((number) => isIn(group, number)) });
    else if (last?.kind === 'steps' && last.first + last.count === group.from)
      segments[segments.length - 1] = { ...last, count: group.to - last.first };
    else segments.push({ kind: 'steps', first: group.from, count: group.to - group.from });
  }
  return segments;
}
