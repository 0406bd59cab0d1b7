/* The rows of the step list: the last attempts of a run by pages, what a filter leaves, or with repeated cycles folded.
 *
 * The last attempts have their place by number, and any of them can be shown at once: only which stretches gave way is asked for. What a
 * filter leaves, and cycles, the server finds by going through the run. They are read around where the reader is: from the newest end,
 * or from a step that was chosen, on in either direction; what lies between is a gap until somebody comes there. */
import { useQueries, useQuery } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { get } from '../api/client';
import type { StepSummary } from '../model/api';
import {
  segmentsOf,
  segmentsOfGroups,
  segmentsWithout,
  type Group,
  type Range,
  type Segment,
} from '../model/listing';
import { filterParams, isFiltered, type StepFilter } from '../model/stepFilter';
import { piecesOf, type Piece, type Stretch, type Wish } from '../model/stretches';
import { runKey, type RunPlace } from './run';

const RUN = '/api/v1/projects/{project}/runs/{app_id}';
const STRETCH_ITEMS = 500;

export type ListingKind = 'all' | 'filtered' | 'folded';

export interface Listed {
  readonly kind: ListingKind;
  readonly segments: readonly Segment[];
  /** Steps that came with the listing itself. */
  readonly known: ReadonlyMap<number, StepSummary>;
  /** Nothing of it is there yet: what is told is what was before. */
  readonly fresh: boolean;
  /** Some of the run is not read, and may hold more. */
  readonly partial: boolean;
  readonly loading: boolean;
  readonly error: Error | null;
  readonly read: (wish: Wish) => void;
}

interface Wanted {
  readonly count: number;
  readonly supersededCount: number;
  readonly filter: StepFilter;
  readonly folded: boolean;
  readonly openFolds: ReadonlySet<number>;
}

type Shown = Pick<Listed, 'kind' | 'segments' | 'known'>;

export function useListed(
  run: RunPlace,
  { count, supersededCount, filter, folded, openFolds }: Wanted,
): Listed {
  const kind = isFiltered(filter) ? 'filtered' : folded ? 'folded' : 'all';
  const superseded = useSuperseded(run, kind === 'all' ? supersededCount : 0);
  const matches = useStretches(run, kind === 'filtered', count, readSteps, filter);
  const cycles = useStretches(run, kind === 'folded', count, readGroups, null);
  const gone = superseded.data;
  const shown = useMemo((): Shown | null => {
    if (kind === 'all')
      return gone === undefined ? null : { kind, segments: segmentsWithout(count, gone), known: new Map() };
    if (kind === 'folded')
      return (
        cycles.pieces && { kind, segments: segmentsOfCycles(cycles.pieces, openFolds), known: new Map() }
      );
    return matches.pieces && { kind, ...shownOf(matches.pieces) };
  }, [kind, gone, count, cycles.pieces, openFolds, matches.pieces]);

  /* What was there before stays until the first of what is asked for is. */
  const before = useRef<Shown>({ kind, segments: [], known: new Map() });
  useEffect(() => {
    if (shown) before.current = shown;
  });
  const source = kind === 'filtered' ? matches : cycles;
  const { segments, known } = shown ?? before.current;
  return {
    kind: (shown ?? before.current).kind,
    segments,
    known,
    fresh: shown === null,
    partial: segments.some((segment) => segment.kind === 'gap'),
    loading: kind === 'all' ? superseded.isFetching : source.loading,
    error: kind === 'all' ? superseded.error : source.error,
    read: kind === 'all' ? readNothing : source.read,
  };
}

function readNothing() {
  /* all is there */
}

function shownOf(pieces: readonly Piece<StepSummary>[]) {
  const known = new Map<number, StepSummary>();
  const segments = pieces.flatMap((piece): readonly Segment[] => {
    if (piece.kind === 'gap') return [piece];
    for (const step of piece.items) known.set(step.number, step);
    return segmentsOf(piece.items.map((step) => step.number));
  });
  return { segments, known };
}

function segmentsOfCycles(pieces: readonly Piece<Group>[], open: ReadonlySet<number>): readonly Segment[] {
  return pieces.flatMap((piece) => (piece.kind === 'gap' ? [piece] : segmentsOfGroups(piece.items, open)));
}

/* ---- which attempts gave way ---- */

const NONE: readonly Range[] = [];
const RANGES = 10_000;
/* A run of which every second step was taken back has more: those behind these stand in their place, struck through. */
const RANGES_MOST = 100_000;

function useSuperseded(run: RunPlace, count: number) {
  const { project, app_id } = run;
  return useQuery({
    queryKey: ['superseded', project, app_id, count],
    queryFn: async ({ signal }): Promise<readonly Range[]> => {
      const ranges: Range[] = [];
      let next: number | null = count > 0 ? 0 : null;
      while (next !== null && ranges.length < RANGES_MOST) {
        const from: number = next;
        const answer = await get(`${RUN}/superseded`, { ...run, from, limit: RANGES }, signal);
        ranges.push(...answer.ranges);
        next = answer.next;
      }
      return ranges;
    },
    initialData: count > 0 ? undefined : NONE,
    placeholderData: (older, query) => (query?.queryKey[2] === app_id ? older : undefined),
    structuralSharing: false,
    staleTime: Infinity,
    gcTime: 10_000,
  });
}

/* ---- what the server finds ---- */

type Reader<T, Of> = (run: RunPlace, of: Of, wish: Wish, signal: AbortSignal) => Promise<Stretch<T>>;

/* Parameters of a question that reads on from a place. */
function rangeOf({ at, direction, bound }: Wish) {
  if (direction < 0) return { from: bound, to: at, order: 'newest' as const };
  return Number.isFinite(bound) ? { from: at, to: bound } : { from: at };
}

function stretchOf({ at, direction, bound }: Wish, next: number | null, count: number): Range {
  return direction < 0
    ? { from: next ?? bound, to: at }
    : { from: at, to: next ?? Math.max(Math.min(bound, count), at) };
}

const readSteps: Reader<StepSummary, StepFilter> = async (run, filter, wish, signal) => {
  const params = { ...run, ...filterParams(filter), ...rangeOf(wish), limit: STRETCH_ITEMS };
  const { steps, next, step_count } = await get(`${RUN}/steps`, params, signal);
  const stretch = stretchOf(wish, next, step_count);
  return { ...stretch, items: wish.direction > 0 ? steps : [...steps].reverse() };
};

const readGroups: Reader<Group, null> = async (run, _of, wish, signal) => {
  const params = { ...run, ...rangeOf(wish), superseded: false, limit: STRETCH_ITEMS };
  const { groups, next, step_count } = await get(`${RUN}/folded`, params, signal);
  const stretch = stretchOf(wish, next, step_count);
  return { ...stretch, items: wish.direction > 0 ? groups : [...groups].reverse() };
};

interface Wishes {
  readonly key: string;
  readonly list: readonly Wish[];
}

function numberOf(item: { readonly number: number } | { readonly from: number }): number {
  return 'number' in item ? item.number : item.from;
}

/* What was read of a run, stretch by stretch, each an answer of its own; `pieces` is null until the first is there. */
function useStretches<T extends StepSummary | Group, Of>(
  run: RunPlace,
  enabled: boolean,
  count: number,
  reader: Reader<T, Of>,
  of: Of,
) {
  const key = JSON.stringify([...runKey(run), of]);
  const [wishes, setWishes] = useState<Wishes>({ key, list: [] });
  const list = enabled && wishes.key === key ? wishes.list : NO_WISHES;
  const results = useQueries({
    queries: list.map((wish) => ({
      queryKey: runKey(run, 'stretch', of, wish.at, wish.direction, String(wish.bound)),
      queryFn: ({ signal }: { readonly signal: AbortSignal }) => reader(run, of, wish, signal),
      structuralSharing: false as const,
      gcTime: 30_000,
    })),
    combine: combineStretches<T>,
  });
  const { stretches, loading, error } = results;
  const pieces = useMemo(
    () => (stretches.length === 0 ? null : piecesOf(stretches, count, numberOf)),
    [stretches, count],
  );
  const read = useCallback(
    (wish: Wish) =>
      setWishes((old) => {
        const before = old.key === key ? old.list : NO_WISHES;
        const known = before.some((one) => one.at === wish.at && one.direction === wish.direction);
        return known ? old : { key, list: [...before, wish] };
      }),
    [key],
  );
  return { pieces, loading, error, read };
}

const NO_WISHES: readonly Wish[] = [];

interface Result<T> {
  readonly data: Stretch<T> | undefined;
  readonly isFetching: boolean;
  readonly error: Error | null;
}

function combineStretches<T>(results: readonly Result<T>[]) {
  return {
    stretches: results.flatMap(({ data }) => (data ? [data] : [])),
    loading: results.some(({ isFetching, data }) => isFetching && data === undefined),
    error: results.find(({ error }) => error !== null)?.error ?? null,
  };
}
