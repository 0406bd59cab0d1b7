/* The server's data, kept by the query cache and refreshed when the server says that it changed. */
import {
  QueryClient,
  useQueries,
  useQuery,
  useQueryClient,
  type QueryFilters,
  type QueryKey,
} from '@tanstack/react-query';
import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { ApiError, get } from '../api/client';
import { Refresher } from '../base/refresher';
import { serverNow } from '../base/serverClock';
import { cursorOf, upTo } from '../base/cursor';
import type { Changed } from '../model/api';
import type { KnownValues } from '../model/completion';
import { withProjects } from '../model/deltas';
import { DAY_HOURS } from '../model/project';
import type { LiveStatus } from './eventStream';
import { Live } from './live';

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

/** Brings what a change tells into what is known, and gives whether that was all of it; else the server is asked again. */
export type Apply = (change: Changed) => boolean;

/** Calls `refresh` when the topic may have changed and `apply` cannot do without, at a pace that the page can keep. */
export function useChanges(
  topic: string | null,
  refresh: () => Promise<unknown>,
  apply: Apply = () => false,
): void {
  const current = useRef({ refresh, apply });
  useEffect(() => {
    current.current = { refresh, apply };
  });
  useEffect(() => {
    if (topic === null) return;
    const refresher = new Refresher(() => current.current.refresh());
    const stop = live.listen(topic, (change) => {
      if (change === null || !current.current.apply(change)) refresher.request();
    });
    return () => {
      stop();
      refresher.stop();
    };
  }, [topic]);
}

/** Keeps what is cached under `queryKey` (and under keys that begin with it) current while the caller is shown. */
export function useLive(topic: string | null, queryKey: QueryKey, apply?: Apply): void {
  const client = useQueryClient();
  useChanges(topic, () => refreshQueries(client, { queryKey }), apply);
}

export async function refreshQueries(client: QueryClient, which: QueryFilters): Promise<void> {
  /* An answer on its way may be older than the change: let it end, then ask again. */
  const asked: QueryFilters = { ...which, fetchStatus: 'fetching' };
  if (client.isFetching(asked) > 0) await client.refetchQueries(asked, { cancelRefetch: false });
  await client.invalidateQueries(which, { cancelRefetch: false });
}

/** A value with a change in it; null: the change does not tell enough. */
export type Bring<T> = (value: T, change: Changed) => T | null;

/** The value with the change in it, as far as it goes by then; the same one, where it goes that far already. */
export function broughtUp<T extends object>(value: T, change: Changed, bring: Bring<T>): T | null {
  if (change.cursor <= cursorOf(value)) return value;
  const next = bring(value, change);
  return next && upTo(next, change.cursor);
}

/** Brings a change into what is cached under `queryKey`, and gives whether it goes as far as the change then, or will when the answer is
 * there that `askCurrent` is waiting for. What has to be asked for again, and is not, is left as it is. */
export function applyTo<T extends object>(
  client: QueryClient,
  queryKey: QueryKey,
  change: Changed,
  bring: Bring<T>,
): boolean {
  const state = client.getQueryState<T>(queryKey);
  if (state === undefined) return true;
  const isAsked = state.fetchStatus === 'fetching';
  if (state.data === undefined || (state.isInvalidated && !isAsked)) return isAsked;
  const next = broughtUp(state.data, change, bring);
  if (next !== null && next !== state.data) client.setQueryData(queryKey, next);
  return next !== null;
}

/** Asks, and hears meanwhile how the topic changes. */
export async function hearWhile<T>(
  topic: string,
  ask: () => Promise<T>,
): Promise<readonly [answer: T, heard: readonly Changed[]]> {
  const heard: Changed[] = [];
  const stop = live.listen(topic, (change) => change && heard.push(change));
  try {
    return [await ask(), heard];
  } finally {
    stop();
  }
}

/** Asks, and brings into the answer what was told while it was on its way: nothing older takes the place of newer. */
export async function askCurrent<T extends object>(
  topic: string,
  ask: () => Promise<T>,
  bring: Bring<T>,
): Promise<T> {
  const [answer, heard] = await hearWhile(topic, ask);
  return heard.reduce((value, change) => broughtUp(value, change, bring) ?? value, answer);
}

const INDEXING_MS = 250;

/** While the store is being indexed, asks again how far that is: no change tells it. */
export function useWhileIndexing(isIndexing: boolean, refresh: () => Promise<unknown>): void {
  const current = useRef(refresh);
  useEffect(() => {
    current.current = refresh;
  });
  useEffect(() => {
    if (!isIndexing) return;
    const timer = setInterval(() => void current.current(), INDEXING_MS);
    return () => clearInterval(timer);
  }, [isIndexing]);
}

export function useProjects() {
  const client = useQueryClient();
  const path = '/api/v1/projects';
  useLive('projects', [path], (change) => applyTo(client, [path], change, withProjects));
  const query = useQuery({
    queryKey: [path],
    queryFn: ({ signal }) => askCurrent('projects', () => get(path, {}, signal), withProjects),
    structuralSharing: false,
  });
  useWhileIndexing(query.data?.indexing != null, () => query.refetch({ cancelRefetch: false }));
  return query;
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
