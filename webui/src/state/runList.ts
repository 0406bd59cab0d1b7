/* The runs of a project as a table shows them: loaded by pages as it is scrolled, and kept current where it is looked at.
 *
 * The list is one value of the query cache, so that a reader who comes back finds it as it was. A change of the project asks again for the
 * pages in view and no others, whatever has been loaded. */
import { useQueries, useQuery, useQueryClient, type UseQueryResult } from '@tanstack/react-query';
import { useCallback, useRef, useState } from 'react';
import { get } from '../api/client';
import type { Runs } from '../model/api';
import { cursorsOf, NO_RUNS, withPage, type ChildrenOf, type RunList, type RunSort } from '../model/runs';
import { topicOf } from './live';
import { useChanges, useLive } from './queries';

const RUNS = '/api/v1/projects/{project}/runs';
const PAGE_RUNS = 200;
const CHILD_RUNS = 1000;
const MANY_MS = 60 * 60_000;

export interface RunQuestion {
  readonly project: string;
  readonly filter: string;
  readonly sort: RunSort;
  readonly roots: boolean;
}

export function useRunList(question: RunQuestion) {
  const client = useQueryClient();
  const queryKey = ['run list', question];
  const ask = (cursor: string, signal: AbortSignal) =>
    get(RUNS, { ...question, cursor, limit: PAGE_RUNS }, signal);
  const query = useQuery({
    queryKey,
    queryFn: async ({ signal }) => withPage(NO_RUNS, '', await ask('', signal), question.sort),
    structuralSharing: false,
    staleTime: MANY_MS,
  });
  const inView = useRef<readonly [number, number]>([0, 0]);
  const loading = useRef<string | null>(null);
  const [refreshError, setRefreshError] = useState<Error | null>(null);

  const take = async (cursor: string) => {
    const answer = await ask(cursor, new AbortController().signal);
    client.setQueryData<RunList>(queryKey, (list) => list && withPage(list, cursor, answer, question.sort));
  };
  const refresh = async () => {
    const list = client.getQueryData<RunList>(queryKey);
    if (!list) {
      await query.refetch();
      return;
    }
    try {
      await Promise.all(cursorsOf(list, ...inView.current).map(take));
      setRefreshError(null);
    } catch (error) {
      setRefreshError(error as Error);
    }
  };
  useChanges(topicOf('project', question.project), refresh);

  const loadMore = () => {
    const next = query.data?.next ?? null;
    if (next === null || loading.current === next) return;
    loading.current = next;
    take(next)
      .then(() => setRefreshError(null))
      .catch((error: unknown) => setRefreshError(error as Error))
      .finally(() => {
        loading.current = null;
      });
  };
  const setInView = useCallback((first: number, last: number) => {
    inView.current = [first, last];
  }, []);
  return { list: query.data, error: query.error, refreshError, retry: refresh, loadMore, setInView };
}

/** The runs that were forked from or spawned by each of `parents`; the same function as long as none of the answers changed. */
export function useChildren(project: string, parents: readonly string[]): ChildrenOf {
  useLive(topicOf('project', project), ['children', project]);
  const hash = JSON.stringify(parents);
  const combine = useCallback(
    (results: readonly UseQueryResult<Runs>[]): ChildrenOf => {
      const names = JSON.parse(hash) as readonly string[];
      return (parent) => {
        const found = results[names.indexOf(parent)];
        return found?.data ?? (found?.isError ? 'failed' : 'loading');
      };
    },
    [hash],
  );
  return useQueries({
    queries: parents.map((parent) => ({
      queryKey: ['children', project, parent],
      queryFn: ({ signal }: { readonly signal: AbortSignal }) =>
        get(RUNS, { project, parent, sort: 'first', limit: CHILD_RUNS }, signal),
      structuralSharing: false,
    })),
    combine,
  });
}
