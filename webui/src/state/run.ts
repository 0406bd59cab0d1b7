/* What the server tells of one run, question by question. All of it is cached below one key, so that a change of the run asks again
 * what is on the screen, and what is not on it when it comes back. What cannot change any more is not asked for twice. */
import {
  keepPreviousData,
  useQueries,
  useQuery,
  useQueryClient,
  type QueryClient,
} from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';
import { get } from '../api/client';
import type { JsonText } from '../base/jsonText';
import type { Difference, Overview, Record as StepRecord, Run, Step, Steps, StepSummary } from '../model/api';
import { addOverviews } from '../model/overview';
import { topicOf } from './live';
import { useLive } from './queries';

export interface RunPlace {
  readonly project: string;
  readonly app_id: string;
}

const RUN = '/api/v1/projects/{project}/runs/{app_id}';

/** Steps of a page of the windowed list. */
export const PAGE_STEPS = 200;
/* A page whose steps have all ended can change only when one of them is taken back. */
const SETTLED_MS = 5000;

export function runKey({ project, app_id }: RunPlace, ...more: readonly unknown[]): readonly unknown[] {
  return ['run', project, app_id, ...more];
}

export function useRunDetail(run: RunPlace) {
  const { project, app_id } = run;
  useLive(topicOf('run', project, app_id), runKey(run));
  return useQuery(detailQuery(run));
}

export function detailQuery(run: RunPlace) {
  return {
    queryKey: runKey(run, 'detail'),
    queryFn: ({ signal }: { readonly signal: AbortSignal }) => get(RUN, { ...run }, signal),
    structuralSharing: false as const,
  };
}

export function cached<T>(client: QueryClient, key: readonly unknown[]) {
  const state = client.getQueryState<T>(key);
  return state?.data === undefined ? null : { data: state.data, ageMs: Date.now() - state.dataUpdatedAt };
}

async function fetchPage(
  client: QueryClient,
  run: RunPlace,
  page: number,
  signal: AbortSignal,
): Promise<Steps> {
  const known = cached<Steps>(client, runKey(run, 'page', page));
  if (known && known.ageMs < SETTLED_MS && isSettled(known.data)) return known.data;
  const to = (page + 1) * PAGE_STEPS;
  let answer = await get(`${RUN}/steps`, { ...run, from: page * PAGE_STEPS, to, limit: PAGE_STEPS }, signal);
  const steps = [...answer.steps];
  while (!answer.complete && answer.next !== null) {
    answer = await get(`${RUN}/steps`, { ...run, from: answer.next, to, limit: PAGE_STEPS }, signal);
    steps.push(...answer.steps);
  }
  return steps.length === answer.steps.length ? answer : { ...answer, steps };
}

function isSettled({ steps }: Steps): boolean {
  return steps.length === PAGE_STEPS && steps.every((step) => step.status !== 'open');
}

/** Combines results by what was asked for: the same map as long as they are the same. `wanted` must be, too. */
export function useFound<T, D>(wanted: readonly T[]) {
  return useCallback(
    (results: readonly { readonly data: D | undefined }[]): ReadonlyMap<T, D> => {
      const found = new Map<T, D>();
      results.forEach(({ data }, index) => {
        const one = wanted[index];
        if (one !== undefined && data !== undefined) found.set(one, data);
      });
      return found;
    },
    [wanted],
  );
}

/** The wanted pages as far as they are there. `pages` stays the same array as long as it says the same. */
export function usePages(run: RunPlace, pages: readonly number[]): ReadonlyMap<number, Steps> {
  const client = useQueryClient();
  const combine = useFound<number, Steps>(pages);
  return useQueries({ queries: pages.map((page) => pageQuery(client, run, page)), combine });
}

export function pageQuery(client: QueryClient, run: RunPlace, page: number) {
  return {
    queryKey: runKey(run, 'page', page),
    queryFn: ({ signal }: { readonly signal: AbortSignal }) => fetchPage(client, run, page, signal),
    structuralSharing: false as const,
    gcTime: 60_000,
  };
}

/** The attempts at a sequence id, by number. */
export function useAttempts(run: RunPlace, sequence_id: number | null) {
  return useQuery({ ...attemptsQuery(run, sequence_id ?? 0), enabled: sequence_id !== null });
}

/** Of several sequence ids, as far as they are there. `ids` as for usePages. */
export function useAttemptsOf(
  run: RunPlace,
  ids: readonly number[],
): ReadonlyMap<number, readonly StepSummary[]> {
  const combine = useFound<number, readonly StepSummary[]>(ids);
  return useQueries({ queries: ids.map((id) => attemptsQuery(run, id)), combine });
}

function attemptsQuery(run: RunPlace, sequence_id: number) {
  return {
    queryKey: runKey(run, 'attempts', sequence_id),
    queryFn: async ({ signal }: { readonly signal: AbortSignal }): Promise<readonly StepSummary[]> => {
      let answer = await get(`${RUN}/steps`, { ...run, sequence_id, limit: 1000 }, signal);
      const steps = [...answer.steps];
      while (answer.next !== null && !answer.complete) {
        answer = await get(`${RUN}/steps`, { ...run, sequence_id, from: answer.next, limit: 1000 }, signal);
        steps.push(...answer.steps);
      }
      return steps;
    },
  };
}

export function useStep(run: RunPlace, number: number | null) {
  const client = useQueryClient();
  const queryKey = runKey(run, 'step', number);
  return useQuery({
    queryKey,
    queryFn: async ({ signal }) => {
      const known = cached<Step>(client, queryKey);
      if (known && known.data.status !== 'open' && known.ageMs < SETTLED_MS) return known.data;
      return get(`${RUN}/steps/{number}`, { ...run, number: number ?? 0 }, signal);
    },
    enabled: number !== null,
    structuralSharing: false,
    placeholderData: keepPreviousData,
  });
}

/** What a step changed, or what is different from the state after `from`. Asked only of steps that have ended. */
export function useDifference(run: RunPlace, to: number | null, from: number | null) {
  const client = useQueryClient();
  const queryKey = runKey(run, 'difference', to, from);
  return useQuery({
    queryKey,
    queryFn: async ({ signal }) => {
      const known = cached<Difference>(client, queryKey);
      if (known) return known.data;
      const base = { ...run, to: to ?? 0, limit: 300, cut: 2048 };
      return get(`${RUN}/difference`, from === null ? base : { ...base, from }, signal);
    },
    enabled: to !== null,
    structuralSharing: false,
    placeholderData: keepPreviousData,
  });
}

const CUT_BYTES = 65536;

/** The state after a step, long values cut. */
export function useStateAfter(run: RunPlace, number: number | null) {
  return useQuery({
    queryKey: runKey(run, 'state', number),
    queryFn: ({ signal }) => fetchState(run, number ?? 0, '', CUT_BYTES, signal),
    enabled: number !== null,
    structuralSharing: false,
    staleTime: Infinity,
  });
}

/** A part of the state after a step. Without `cut` it is whole. */
export function fetchState(
  run: RunPlace,
  number: number,
  pointer: string,
  cut: number | null,
  signal: AbortSignal,
): Promise<JsonText> {
  const params = { ...run, number, pointer };
  return get(`${RUN}/steps/{number}/state`, cut === null ? params : { ...params, cut }, signal);
}

/** A step with nothing cut. */
export function fetchWholeStep(run: RunPlace, number: number, signal: AbortSignal): Promise<Step> {
  return get(`${RUN}/steps/{number}`, { ...run, number, cut: 2 ** 31 - 1 }, signal);
}

export interface StepRecords {
  readonly records: readonly StepRecord[];
  readonly leftOut: number;
}

async function fetchRecords(run: RunPlace, number: number, signal: AbortSignal): Promise<StepRecords> {
  const range = { from: number, to: number + 1, limit: 10_000 };
  const { records, left_out } = await get(`${RUN}/records`, { ...run, ...range }, signal);
  return { records, leftOut: left_out };
}

export function useRecords(run: RunPlace, number: number | null) {
  return useQuery({ ...recordsQuery(run, number ?? 0), enabled: number !== null });
}

export function recordsQuery(run: RunPlace, number: number) {
  return {
    queryKey: runKey(run, 'records', number),
    queryFn: ({ signal }: { readonly signal: AbortSignal }) => fetchRecords(run, number, signal),
    structuralSharing: false as const,
  };
}

const OVERVIEW_BUCKETS = 400;
const OVERVIEW_MS = 1000;

/* Each answer tells what there was time for. Of a run that grows meanwhile, the next question may know more. */
async function fetchOverview(run: RunPlace, signal: AbortSignal): Promise<Overview> {
  const ask = (from: number) => get(`${RUN}/overview`, { ...run, from, buckets: OVERVIEW_BUCKETS }, signal);
  let whole = await ask(0);
  while (whole.next !== null) {
    const sum = addOverviews(whole, await ask(whole.next));
    if (sum === null) return whole;
    whole = sum;
  }
  return whole;
}

/** A run over time. Looks at every step, so it is asked again only each second while the run grows. */
export function useOverview(run: RunPlace, detail: Run): Overview | null {
  const count = usePaced(detail.step_count, OVERVIEW_MS);
  const { data } = useQuery({
    queryKey: ['overview', run.project, run.app_id, count, detail.status],
    queryFn: ({ signal }) => fetchOverview(run, signal),
    placeholderData: keepPreviousData,
    structuralSharing: false,
    gcTime: 10_000,
  });
  return data ?? null;
}

/** A value that follows `value`, but moves no more often than every `everyMs`. */
export function usePaced<T>(value: T, everyMs: number): T {
  const [paced, setPaced] = useState(value);
  const newest = useRef(value);
  const behind = !Object.is(paced, value);
  useEffect(() => {
    newest.current = value;
  });
  useEffect(() => {
    if (!behind) return;
    const timer = setTimeout(() => setPaced(newest.current), everyMs);
    return () => clearTimeout(timer);
  }, [behind, everyMs]);
  return paced;
}

/** The first step at or after `from` that fits; null: there is none. */
export async function findStep(
  run: RunPlace,
  filter: { readonly status?: 'failed'; readonly slower_us?: number },
  from: number,
  signal: AbortSignal,
): Promise<StepSummary | null> {
  let next: number | null = from;
  while (next !== null) {
    const answer: Steps = await get(`${RUN}/steps`, { ...run, ...filter, from: next, limit: 1 }, signal);
    const [found] = answer.steps;
    if (found) return found;
    next = answer.complete ? null : answer.next;
  }
  return null;
}
