/* The server's data, kept by the query cache and refreshed when the server says that it changed. */
import { QueryClient, useQueries, useQuery, useQueryClient, type QueryKey } from '@tanstack/react-query';
import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { ApiError, get } from '../api/client';
import { Refresher } from '../base/refresher';
import { serverNow } from '../base/serverClock';
import type { Api } from '../model/api';
import type { KnownValues } from '../model/completion';
import { DAY_HOURS } from '../model/project';
import type { LiveStatus } from './eventStream';
import { Live, type Change } from './live';

const live = new Live();

/* A run that is not indexed yet, or a server that ends: what is asked for is there in a moment. */
const NOT_YET_TRIES = 20;

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 1000,
        refetchOnWindowFocus: false,
        refetchOnReconnect: false,
        networkMode: 'always',
        retry: (failures, error) =>
          error instanceof ApiError &&
          (error.kind === 'unreachable' ? failures < 2 : error.status === 503 && failures < NOT_YET_TRIES),
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

/** Calls `refresh` when the topic may have changed, at a pace that the page can keep. `apply` may bring a change that says what it is
 * into the cache by itself, and gives whether it did; otherwise `refresh` asks the server again. */
export function useChanges(
  topic: string | null,
  refresh: () => Promise<unknown>,
  apply?: (change: Change) => boolean,
): void {
  const current = useRef({ refresh, apply });
  useEffect(() => {
    current.current = { refresh, apply };
  });
  useEffect(() => {
    if (topic === null) return;
    const refresher = new Refresher(() => current.current.refresh());
    const stop = live.listen(topic, (change) => {
      if (current.current.apply?.(change) !== true) refresher.request();
    });
    return () => {
      stop();
      refresher.stop();
    };
  }, [topic]);
}

/** Keeps what is cached under `queryKey` (and under keys that begin with it) current while the caller is shown. */
export function useLive(topic: string | null, queryKey: QueryKey, apply?: (change: Change) => boolean): void {
  const client = useQueryClient();
  const refresh = async () => {
    /* An answer on its way may be older than the change: let it end, then ask again. */
    if (client.isFetching({ queryKey }) > 0)
      await client.refetchQueries({ queryKey }, { cancelRefetch: false });
    await client.invalidateQueries({ queryKey }, { cancelRefetch: false });
  };
  useChanges(topic, refresh, apply);
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
  return useAnswer('projects', '/api/v1/projects', {});
}

const USUAL_STORE = '/.burr';

/** The folder that the collector keeps, where programs do not find it by themselves; null: they do, or nobody knows; undefined: not
 * known yet. */
export function useStore(): string | null | undefined {
  const { data, error } = useQuery({
    queryKey: ['store'],
    queryFn: ({ signal }) => get('/api/v1/status', {}, signal),
    select: ({ store }) => store,
    staleTime: Infinity,
  });
  if (data === undefined) return error === null ? undefined : null;
  return data.endsWith(USUAL_STORE) ? null : data;
}

const ACTIVITY_MS = 30_000;

/** When all projects were active in the last day; it moves slowly, and is asked for so. */
export function useActivity() {
  return useQuery({
    queryKey: ['activity'],
    queryFn: ({ signal }) => get('/api/v1/activity', { hours: DAY_HOURS }, signal),
    refetchInterval: ACTIVITY_MS,
  });
}

const NAMES_MS = 60_000;
const NAMES = 1000;

/** The names that a project's runs have, for completing what is typed; asked for when they are wanted. */
export function useNames(project: string, wanted: boolean): KnownValues {
  const path = '/api/v1/projects/{project}/names';
  const kinds = ['action', 'partition', 'attribute'] as const;
  const answers = useQueries({
    queries: kinds.map((kind) => ({
      queryKey: ['names', project, kind],
      queryFn: ({ signal }: { readonly signal: AbortSignal }) =>
        get(path, { project, kind, limit: NAMES }, signal),
      staleTime: NAMES_MS,
      enabled: wanted,
    })),
  });
  const [action, partition, attribute] = answers.map(({ data }) => data?.names ?? []);
  return { action: action ?? [], partition: partition ?? [], 'attr.': attribute ?? [] };
}

/** The time by the server's clock in milliseconds since 1970, again every `everyMs`, for what is told relative to now. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    const timer = setInterval(() => setNow(serverNow()), everyMs);
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
