/* Which row of the step list shows what, for lists of a million steps of which a few pages are loaded.
 *
 * A listing is made of blocks: steps that follow one another, folded cycles, and the details below an open step. It costs one small
 * object a block, whatever the number of steps in it, and both questions (what is in row i, where is step n) are binary searches. */
import type { Folded } from './api';

export type Group = Folded['groups'][number];

export type Segment =
  | { readonly kind: 'steps'; readonly first: number; readonly count: number }
  | { readonly kind: 'fold'; readonly group: Group; readonly open: boolean };

export type Place =
  | { readonly kind: 'step'; readonly number: number; readonly folded: boolean }
  | { readonly kind: 'fold'; readonly group: Group; readonly open: boolean }
  | { readonly kind: 'detail'; readonly number: number; readonly offset: number };

type Block =
  | {
      readonly kind: 'steps';
      readonly row: number;
      readonly first: number;
      readonly count: number;
      readonly folded: boolean;
    }
  | {
      readonly kind: 'fold';
      readonly row: number;
      readonly first: number;
      readonly group: Group;
      readonly open: boolean;
    }
  | { readonly kind: 'details'; readonly row: number; readonly first: number; readonly count: number };

export interface Listing {
  readonly length: number;
  readonly at: (row: number) => Place | null;
  /** The row of a step, or of the closed fold that hides it; -1 for one that is not listed. */
  readonly rowOf: (number: number) => number;
  /** The listed step at or after `number`, or else the last before it; null in an empty listing. */
  readonly nearest: (number: number, direction: 1 | -1) => number | null;
}

/** `details`: how many rows are open below which steps. */
export function makeListing(segments: readonly Segment[], details: ReadonlyMap<number, number>): Listing {
  const opened = [...details.keys()].sort((a, b) => a - b);
  const blocks: Block[] = [];
  let row = 0;
  const putSteps = (first: number, count: number, folded: boolean) => {
    let from = first;
    const end = first + count;
    for (let at = lowerBound(opened, first); at < opened.length; at++) {
      const number = opened[at] ?? end;
      if (number >= end) break;
      blocks.push({ kind: 'steps', row, first: from, count: number + 1 - from, folded });
      row += number + 1 - from;
      const below = details.get(number) ?? 0;
      if (below > 0) blocks.push({ kind: 'details', row, first: number, count: below });
      row += below;
      from = number + 1;
    }
    if (from < end) blocks.push({ kind: 'steps', row, first: from, count: end - from, folded });
    row += end - from;
  };
  for (const segment of segments) {
    if (segment.kind === 'steps') {
      putSteps(segment.first, segment.count, false);
      continue;
    }
    const { group, open } = segment;
    blocks.push({ kind: 'fold', row, first: group.from, group, open });
    row++;
    if (open) putSteps(group.from, group.to - group.from, true);
  }
  const length = row;

  /* The last block for which `value` does not lie beyond `wanted`. */
  const find = (wanted: number, value: (block: Block) => number): number => {
    let low = 0;
    let high = blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      const block = blocks[middle];
      if (block && value(block) <= wanted) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  const at = (wanted: number): Place | null => {
    const block = wanted < 0 || wanted >= length ? undefined : blocks[find(wanted, (b) => b.row)];
    if (!block) return null;
    const offset = wanted - block.row;
    if (block.kind === 'steps') return { kind: 'step', number: block.first + offset, folded: block.folded };
    if (block.kind === 'details') return { kind: 'detail', number: block.first, offset };
    return { kind: 'fold', group: block.group, open: block.open };
  };
  const holding = (number: number): Block | null => {
    let index = find(number, (b) => b.first);
    if (blocks[index]?.kind === 'details') index--;
    const block = blocks[index];
    return block && block.first <= number ? block : null;
  };
  const rowOf = (number: number): number => {
    const block = holding(number);
    if (block?.kind === 'steps' && number < block.first + block.count)
      return block.row + number - block.first;
    if (block?.kind === 'fold' && !block.open && number < block.group.to) return block.row;
    return -1;
  };
  const firstOf = (block: Block | undefined) => (block === undefined ? null : block.first);
  const nearest = (number: number, direction: 1 | -1): number | null => {
    if (blocks.length === 0) return null;
    if (rowOf(number) >= 0) return number;
    const index = find(number, (b) => b.first);
    const block = blocks[index];
    const before = block && block.first <= number ? lastOf(block) : null;
    const after = block && block.first > number ? block.first : firstOf(blocks[index + 1]);
    return direction > 0 ? (after ?? before) : (before ?? after);
  };
  return { length, at, rowOf, nearest };
}

function lastOf(block: Block): number {
  if (block.kind === 'steps') return block.first + block.count - 1;
  return block.kind === 'fold' ? block.group.to - 1 : block.first;
}

function lowerBound(sorted: readonly number[], wanted: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? Infinity) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
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

/** Segments for folded groups: cycles as folds, plain steps as they are. */
export function segmentsOfGroups(groups: readonly Group[], open: ReadonlySet<number>): readonly Segment[] {
  const segments: Segment[] = [];
  for (const group of groups) {
    const last = segments.at(-1);
    if (group.times > 1) segments.push({ kind: 'fold', group, open: open.has(group.from) });
    else if (last?.kind === 'steps' && last.first + last.count === group.from)
      segments[segments.length - 1] = { ...last, count: group.to - last.first };
    else segments.push({ kind: 'steps', first: group.from, count: group.to - group.from });
  }
  return segments;
}
