/* Where a text stands in a run. Hits come in the order of the run, and more of them as the reader moves on. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { useCallback, useMemo } from 'react';
import { get } from '../api/client';
import type { Hit } from '../model/api';
import { runKey, type RunPlace } from './run';

const RUN = '/api/v1/projects/{project}/runs/{app_id}';
const HITS = 200;

export interface RunSearch {
  readonly hits: readonly Hit[];
  /** The server may find more, behind the last. */
  readonly more: boolean;
  readonly searching: boolean;
  readonly error: Error | null;
  readonly loadMore: () => Promise<readonly Hit[]>;
}

export function useRunSearch(run: RunPlace, text: string): RunSearch {
  const query = useInfiniteQuery({
    queryKey: ['search', ...runKey(run), text],
    queryFn: ({ signal, pageParam }) =>
      get(`${RUN}/search`, { ...run, q: text, from: pageParam, limit: HITS }, signal),
    initialPageParam: 0,
    getNextPageParam: (last) => last.next,
    enabled: text !== '',
    structuralSharing: false,
    staleTime: 5000,
    gcTime: 30_000,
  });
  const { data, fetchNextPage, hasNextPage } = query;
  const hits = useMemo(() => (data?.pages ?? []).flatMap((page) => page.hits), [data]);
  const loadMore = useCallback(async () => {
    const { data: pages } = await fetchNextPage();
    return (pages?.pages ?? []).flatMap((page) => page.hits);
  }, [fetchNextPage]);
  return { hits, more: hasNextPage, searching: query.isFetching, error: query.error, loadMore };
}
