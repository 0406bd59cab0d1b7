/* Where a text stands in a run. Hits come in the order of the run, and more of them as the reader moves on; what a run that goes on
 * has left since is searched as it comes. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo } from 'react';
import { get } from '../api/client';
import type { Hit, Run } from '../model/api';
import { runKey, usePaced, type RunPlace } from './run';

const RUN = '/api/v1/projects/{project}/runs/{app_id}';
const HITS = 200;
const GROWN_MS = 1000;

interface Page {
  readonly hits: readonly Hit[];
  /** Where the next page begins; null: the run was searched to its end. */
  readonly next: number | null;
  /** When the run had last done something by then, and where to search on when it has since: its last step may not have ended. */
  readonly searchedAt: string | null;
  readonly resume: number;
}

export interface RunSearch {
  readonly hits: readonly Hit[];
  /** The server may find more, behind the last. */
  readonly more: boolean;
  readonly searching: boolean;
  readonly error: Error | null;
  readonly loadMore: () => Promise<readonly Hit[]>;
}

/* The first hits from `from` on. The server ends each of its looks early, so one that found nothing says nothing yet. */
async function fetchPage(
  run: RunPlace,
  q: string,
  detail: Run,
  from: number,
  signal: AbortSignal,
): Promise<Page> {
  const ask = (at: number) => get(`${RUN}/search`, { ...run, q, from: at, limit: HITS }, signal);
  let answer = await ask(from);
  while (answer.hits.length === 0 && answer.next !== null) answer = await ask(answer.next);
  const { hits, next } = answer;
  const behind = (hits.at(-1)?.number ?? -1) + 1;
  return {
    hits,
    next,
    searchedAt: detail.last_activity,
    resume: Math.max(detail.step_count - 1, behind, from),
  };
}

export function useRunSearch(run: RunPlace, text: string, detail: Run): RunSearch {
  const activity = usePaced(detail.last_activity, GROWN_MS);
  const query = useInfiniteQuery({
    queryKey: ['search', ...runKey(run), text],
    queryFn: ({ signal, pageParam }) => fetchPage(run, text, detail, pageParam, signal),
    initialPageParam: 0,
    getNextPageParam: (last) => last.next ?? (last.searchedAt === activity ? null : last.resume),
    enabled: text !== '',
    structuralSharing: false,
    staleTime: Infinity,
    gcTime: 30_000,
  });
  const { data, fetchNextPage, hasNextPage, isFetching, isError } = query;
  const hits = useMemo(() => (data?.pages ?? []).flatMap((page) => page.hits), [data]);
  const isGrown = hasNextPage && data?.pages.at(-1)?.next === null;
  useEffect(() => {
    if (isGrown && !isFetching && !isError) void fetchNextPage();
  }, [isGrown, isFetching, isError, fetchNextPage]);
  const loadMore = useCallback(async () => {
    const { data: pages } = await fetchNextPage();
    return (pages?.pages ?? []).flatMap((page) => page.hits);
  }, [fetchNextPage]);
  return {
    hits,
    more: hasNextPage && !isGrown,
    searching: isFetching && !isGrown,
    error: query.error,
    loadMore,
  };
}
