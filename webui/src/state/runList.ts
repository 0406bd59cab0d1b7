/* The runs of a project as a table shows them: loaded by pages as it is scrolled, and kept current where it is looked at.
 *
 * The list is one value of the query cache, so that a reader who comes back finds it as it was. A change of the project asks again for the
 * pages in view and no others, whatever has been loaded. */
import { useQueries, useQuery, useQueryClient, type UseQueryResult } from '@tanstack/react-query';
import { useCallback, useRef, useState } from 'react';
import { get } from '../api/client';
import type { Changed, Runs } from '../model/api';
import { withChildren } from '../model/deltas';
import {
  cursorsOf,
  NO_RUNS,
  withPage,
  withRows,
  type ChildrenOf,
  type RunList,
  type RunsWanted,
} from '../model/runs';
import { topicOf } from './live';
import { applyTo, askCurrent, hearWhile, useChanges, useLive, useWhileIndexing } from './queries';

const RUNS = '/api/v1/projects/{project}/runs';
const PAGE_RUNS = 200;
const CHILD_RUNS = 1000;
const MANY_MS = 60 * 60_000;

export interface RunQuestion extends RunsWanted {
  readonly project: string;
}

export function useRunList(question: RunQuestion) {
  const client = useQueryClient();
  const queryKey = ['run list', question];
  const topic = topicOf('project', question.project);
  /* Gives what brings a page into a list, and with it what was told while the page was on its way. */
  const ask = async (cursor: string, signal: AbortSignal) => {
    const params = { ...question, cursor, limit: PAGE_RUNS };
    const [answer, heard] = await hearWhile(topic, () => get(RUNS, params, signal));
    return (list: RunList) =>
      heard.reduce(
        (now, change) => withRows(now, change, question).list,
        withPage(list, cursor, answer, question.sort),
      );
  };
  const query = useQuery({
    queryKey,
    queryFn: async ({ signal }) => (await ask('', signal))(NO_RUNS),
    structuralSharing: false,
    staleTime: MANY_MS,
  });
  const inView = useRef<readonly [number, number]>([0, 0]);
  const loading = useRef<string | null>(null);
  const [refreshError, setRefreshError] = useState<Error | null>(null);

  const take = async (cursor: string) => {
    const bring = await ask(cursor, new AbortController().signal);
    client.setQueryData<RunList>(queryKey, (list) => list && bring(list));
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
  useChanges(topic, refresh, (change) => {
    const list = client.getQueryData<RunList>(queryKey);
    if (list === undefined) return client.isFetching({ queryKey, exact: true }) > 0;
    const { list: next, whole } = withRows(list, change, question);
    client.setQueryData<RunList>(queryKey, next);
    return whole;
  });

  useWhileIndexing(query.data?.indexing != null, refresh);

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
  const client = useQueryClient();
  const topic = topicOf('project', project);
  useLive(topic, ['children', project], (change) =>
    parents
      .map((parent) => applyTo<Runs>(client, ['children', project, parent], change, bringTo(parent)))
      .every(Boolean),
  );
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
      queryFn: ({ signal }: { readonly signal: AbortSignal }) => {
        const params = { project, parent, sort: 'first', limit: CHILD_RUNS } as const;
        return askCurrent(topic, () => get(RUNS, params, signal), bringTo(parent));
      },
      structuralSharing: false,
    })),
    combine,
  });
}

function bringTo(parent: string) {
  return (answer: Runs, change: Changed) => withChildren(answer, change, parent);
}
