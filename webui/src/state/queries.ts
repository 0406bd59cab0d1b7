/* The server's data, kept by the query cache and refreshed when the server says that it changed. */
import {
  QueryClient,
  useInfiniteQuery,
  useQuery,
  useQueryClient,
  type QueryKey,
} from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { ApiError, fetchProjects, fetchRun, fetchRuns, get, PAGE_SIZE } from '../api/client';
import { Refresher } from '../base/refresher';
import type { Api } from '../model/api';
import { mergePages } from '../model/runs';
import type { LiveStatus } from './eventStream';
import { Live, topicOf, type Change } from './live';

const live = new Live();

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 1000,
        refetchOnWindowFocus: false,
        refetchOnReconnect: false,
        networkMode: 'always',
        retry: (failures, error) => failures < 2 && error instanceof ApiError && error.kind === 'unreachable',
        retryDelay: 300,
      },
    },
  });
}

export function useLiveStatus(): LiveStatus {
  return useSyncExternalStore(live.watchStatus, live.status);
}

export function useOutdated(): boolean {
  return useSyncExternalStore(live.watchStatus, live.outdated);
}

/** Keeps what is cached under `queryKey` (and under keys that begin with it) current while the caller is shown. `apply` may bring a
 * change that says what it is into the cache by itself, and gives whether it did; otherwise the server is asked again. */
export function useLive(topic: string | null, queryKey: QueryKey, apply?: (change: Change) => boolean): void {
  const client = useQueryClient();
  const hash = JSON.stringify(queryKey);
  const applied = useRef(apply);
  useEffect(() => {
    applied.current = apply;
  });
  useEffect(() => {
    if (topic === null) return;
    const key = JSON.parse(hash) as QueryKey;
    const refresher = new Refresher(async () => {
      /* An answer on its way may be older than the change: let it end, then ask again. */
      if (client.isFetching({ queryKey: key }) > 0)
        await client.refetchQueries({ queryKey: key }, { cancelRefetch: false });
      await client.invalidateQueries({ queryKey: key }, { cancelRefetch: false });
    });
    const stop = live.listen(topic, (change) => {
      if (applied.current?.(change) !== true) refresher.request();
    });
    return () => {
      stop();
      refresher.stop();
    };
  }, [client, hash, topic]);
}

/** The answer to one question, kept current by the changes of `topic` (null: it is asked once). `enabled: false` asks nothing yet. */
export function useAnswer<P extends keyof Api>(
  topic: string | null,
  path: P,
  params: Api[P]['params'],
  { enabled = true }: { readonly enabled?: boolean } = {},
) {
  const queryKey = [path, params];
  useLive(topic, queryKey);
  return useQuery({
    queryKey,
    queryFn: ({ signal }) => get(path, params, signal),
    structuralSharing: false,
    enabled,
  });
}

export function useProjects() {
  const queryKey = ['projects'];
  useLive('projects', queryKey);
  return useQuery({ queryKey, queryFn: ({ signal }) => fetchProjects(signal) });
}

export function useRuns(project: string, partition: string | null) {
  const queryKey = ['runs', project, partition];
  useLive(topicOf('project', project), queryKey);
  const query = useInfiniteQuery({
    queryKey,
    queryFn: ({ signal, pageParam }) => fetchRuns(project, partition, pageParam, signal),
    initialPageParam: 0,
    getNextPageParam: (last, pages) => (last.hasMore ? pages.length * PAGE_SIZE : undefined),
  });
  const pages = query.data?.pages;
  const runs = useMemo(() => (pages ? mergePages(pages) : null), [pages]);
  return { ...query, runs, total: pages?.at(-1)?.total ?? null };
}

export function useRun(project: string, app: string, partition: string | null) {
  const queryKey = ['run', project, app, partition];
  useLive(topicOf('run', project, app), queryKey);
  return useQuery({
    queryKey,
    queryFn: ({ signal }) => fetchRun(project, app, partition, signal),
    structuralSharing: false,
    gcTime: 60_000,
  });
}

/** The time, again every `everyMs`, for what is told relative to now. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

/** True once `waiting` has lasted long enough that saying nothing would be worse than saying so. */
export function useSlow(waiting: boolean): boolean {
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    if (!waiting) return;
    const timer = setTimeout(() => setSlow(true), 150);
    return () => {
      clearTimeout(timer);
      setSlow(false);
    };
  }, [waiting]);
  return waiting && slow;
}
