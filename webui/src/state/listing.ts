/* The rows of the step list: all steps of a run by pages, those that a filter leaves, or with repeated cycles folded.
 *
 * All steps have their place by number, and any of them can be shown at once. What a filter leaves, and cycles, the server finds in the
 * order of the run; they are read on as the reader scrolls, and when the run grows, from the first step that was still open. */
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useRef } from 'react';
import { get } from '../api/client';
import type { Folded, Steps, StepSummary } from '../model/api';
import { segmentsOf, segmentsOfGroups, type Group, type Segment } from '../model/listing';
import { filterParams, isFiltered, type StepFilter } from '../model/stepFilter';
import { runKey, type RunPlace } from './run';

const RUN = '/api/v1/projects/{project}/runs/{app_id}';
const FILTERED_STEPS = 500;
const FOLDED_GROUPS = 500;

export type ListingKind = 'all' | 'filtered' | 'folded';

export interface Listed {
  readonly kind: ListingKind;
  readonly segments: readonly Segment[];
  /** Steps that came with the listing itself. */
  readonly known: ReadonlyMap<number, StepSummary>;
  /** The server may have more, behind the last. */
  readonly more: boolean;
  readonly loading: boolean;
  readonly error: Error | null;
  readonly loadMore: () => void;
}

interface Wanted {
  readonly count: number;
  readonly filter: StepFilter;
  readonly folded: boolean;
  readonly openFolds: ReadonlySet<number>;
}

export function useListed(run: RunPlace, { count, filter, folded, openFolds }: Wanted): Listed {
  const kind = isFiltered(filter) ? 'filtered' : folded ? 'folded' : 'all';
  const filtered = useFiltered(run, filter, kind === 'filtered', count);
  const cycles = useFolded(run, kind === 'folded', count);
  const segments = useMemo((): readonly Segment[] => {
    if (kind === 'filtered') return segmentsOf(filtered.steps.map((step) => step.number));
    if (kind === 'folded') return segmentsOfGroups(cycles.groups, openFolds);
    return count > 0 ? [{ kind: 'steps', first: 0, count }] : [];
  }, [kind, filtered.steps, cycles.groups, openFolds, count]);
  const known = useMemo(() => new Map(filtered.steps.map((step) => [step.number, step])), [filtered.steps]);
  if (kind === 'all')
    return { kind, segments, known, more: false, loading: false, error: null, loadMore: () => undefined };
  const source = kind === 'filtered' ? filtered : cycles;
  const { more, loading, error, loadMore } = source;
  return { kind, segments, known, more, loading, error, loadMore };
}

interface Read {
  readonly next: number;
  readonly atEnd: boolean;
}

/* Goes on by itself while the server had no time to find anything, and when the run has grown. */
function useReadingOn(
  query: {
    readonly hasNextPage: boolean;
    readonly isFetching: boolean;
    readonly fetchNextPage: () => Promise<unknown>;
  },
  found: number,
  last: Read | undefined,
  enabled: boolean,
  count: number,
) {
  const { isFetching, fetchNextPage } = query;
  const seen = useRef(count);
  const grown = enabled && last?.atEnd === true && count > seen.current;
  useEffect(() => {
    if (!enabled || isFetching || last === undefined) return;
    if (grown || (!last.atEnd && found === 0)) {
      seen.current = count;
      void fetchNextPage();
    }
  }, [enabled, isFetching, fetchNextPage, last, grown, found, count]);
  const loadMore = useCallback(() => {
    if (enabled && !isFetching && last?.atEnd === false) void fetchNextPage();
  }, [enabled, isFetching, fetchNextPage, last]);
  return { more: last?.atEnd === false, loading: isFetching, loadMore };
}

function useFiltered(run: RunPlace, filter: StepFilter, enabled: boolean, count: number) {
  const query = useInfiniteQuery({
    queryKey: ['filtered', ...runKey(run), filter],
    queryFn: async ({ signal, pageParam }): Promise<{ readonly steps: Steps['steps'] } & Read> => {
      const params = { ...run, ...filterParams(filter), from: pageParam, limit: FILTERED_STEPS };
      const answer = await get(`${RUN}/steps`, params, signal);
      const open = answer.steps.find((step) => step.status === 'open')?.number;
      return {
        steps: answer.steps,
        next: answer.next ?? open ?? answer.step_count,
        atEnd: answer.next === null,
      };
    },
    initialPageParam: 0,
    getNextPageParam: (last) => last.next,
    enabled,
    structuralSharing: false,
    placeholderData: keepPreviousData,
    staleTime: Infinity,
    gcTime: 30_000,
  });
  const pages = query.data?.pages;
  const steps = useMemo(() => {
    const byNumber = new Map<number, StepSummary>();
    for (const page of pages ?? []) for (const step of page.steps) byNumber.set(step.number, step);
    return [...byNumber.values()].sort((a, b) => a.number - b.number);
  }, [pages]);
  const reading = useReadingOn(query, steps.length, pages?.at(-1), enabled, count);
  return { steps, error: query.error, ...reading };
}

function useFolded(run: RunPlace, enabled: boolean, count: number) {
  const query = useInfiniteQuery({
    queryKey: ['folded', ...runKey(run)],
    queryFn: async ({ signal, pageParam }): Promise<{ readonly groups: Folded['groups'] } & Read> => {
      const answer = await get(`${RUN}/folded`, { ...run, from: pageParam, limit: FOLDED_GROUPS }, signal);
      const lastGroup = answer.groups.at(-1);
      return {
        groups: answer.groups,
        next: answer.next ?? lastGroup?.from ?? pageParam,
        atEnd: answer.next === null,
      };
    },
    initialPageParam: 0,
    getNextPageParam: (last) => last.next,
    enabled,
    structuralSharing: false,
    staleTime: Infinity,
    gcTime: 30_000,
  });
  const pages = query.data?.pages;
  const groups = useMemo(() => {
    const all: Group[] = [];
    for (const page of pages ?? []) {
      const from = page.groups[0]?.from ?? Infinity;
      while ((all.at(-1)?.from ?? -1) >= from) all.pop();
      all.push(...page.groups);
    }
    return all;
  }, [pages]);
  const reading = useReadingOn(query, groups.length, pages?.at(-1), enabled, count);
  return { groups, error: query.error, ...reading };
}
