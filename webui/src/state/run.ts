/* What the server tells of one run, question by question. All of it is cached below one key, so that a change of the run asks again
 * what is on the screen, and what is not on it when it comes back. What cannot change any more is not asked for twice. */
import {
  keepPreviousData,
  useQueries,
  useQuery,
  useQueryClient,
  type Query,
  type QueryClient,
  type QueryKey,
} from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';
import { get } from '../api/client';
import { cursorOf, upTo } from '../base/cursor';
import type { JsonText } from '../base/jsonText';
import { Refresher } from '../base/refresher';
import type {
  Changed,
  Difference,
  Overview,
  Record as StepRecord,
  Run,
  Step,
  Steps,
  StepSummary,
} from '../model/api';
import { runDelta, withRow, withSteps, type StepRange } from '../model/deltas';
import type { Range } from '../model/listing';
import { addOverviews } from '../model/overview';
import { topicOf } from './live';
import { applyTo, askCurrent, refreshQueries, useLive } from './queries';

export interface RunPlace {
  readonly project: string;
  readonly app_id: string;
}

const RUN = '/api/v1/projects/{project}/runs/{app_id}';

/** Steps of a page of the windowed list. */
export const PAGE_STEPS = 200;
/* Of pages and steps that are not looked at any more. A run that grows fast leaves some behind each second. */
const KEPT_MS = 15_000;
/* How long a page or a step is looked at before it is asked for, where one follows the other fast: as the end of a run that grows. */
const CALM_MS = 150;
/* How often actions and edges were taken is not told, but asked for again, as often while the run goes on. */
const COUNTS_MS = 1000;

export function runKey({ project, app_id }: RunPlace, ...more: readonly unknown[]): readonly unknown[] {
  return ['run', project, app_id, ...more];
}

/** The run, and whatever else of it is cached, kept current while the caller is shown. */
export function useRunDetail(run: RunPlace) {
  useLiveRun(run);
  return useQuery(detailQuery(run));
}

/** Keeps what is cached of a run current while the caller is shown. */
export function useLiveRun(run: RunPlace): void {
  useLive(topicOf('run', run.project, run.app_id), runKey(run), useApply(run));
}

export function detailQuery(run: RunPlace) {
  return {
    queryKey: runKey(run, 'detail'),
    queryFn: ({ signal }: { readonly signal: AbortSignal }) =>
      askCurrent(topicOf('run', run.project, run.app_id), () => get(RUN, { ...run }, signal), withRow),
    structuralSharing: false as const,
  };
}

/* Row and steps are told, and are on the screen at once. What is shown of single steps, and the counts, are asked for again. */
function useApply({ project, app_id }: RunPlace): (change: Changed) => boolean {
  const client = useQueryClient();
  const asking = useRef<Asking | null>(null);
  useEffect(() => {
    const made = new Asking(client, { project, app_id });
    asking.current = made;
    return () => made.stop();
  }, [client, project, app_id]);
  return (change) => {
    const run = { project, app_id };
    const delta = runDelta(change);
    if (delta === null || !applyTo(client, runKey(run, 'detail'), change, withRow)) return false;
    client.setQueryData(runKey(run, 'newest'), byPage(delta.steps));
    const left = bringToPages(client, run, change);
    asking.current?.ask({ from: delta.from ?? Infinity, to: delta.to ?? 0 }, left);
    return true;
  };
}

/* Numbers of steps, without `to`. */
interface Touched {
  readonly from: number;
  readonly to: number;
}

const NOTHING: Touched = { from: Infinity, to: 0 };

/* Asks again for what a change has touched and does not tell. */
class Asking {
  #touched = NOTHING;
  #left: readonly QueryKey[] = [];
  readonly #counts: Refresher;
  readonly #pages: Refresher;
  readonly #steps: Refresher;

  constructor(client: QueryClient, run: RunPlace) {
    this.#counts = new Refresher(
      () => refreshQueries(client, { queryKey: runKey(run, 'detail') }),
      COUNTS_MS,
    );
    this.#pages = new Refresher(() => {
      const left = new Set(this.#left);
      this.#left = [];
      return Promise.all([...left].map((queryKey) => refreshQueries(client, { queryKey })));
    });
    this.#steps = new Refresher(() => {
      const touched = this.#touched;
      this.#touched = NOTHING;
      return refreshQueries(client, {
        queryKey: runKey(run),
        predicate: (query) => isTouched(query, touched),
      });
    });
  }

  /** These steps have changed, and of these pages the change did not tell all. */
  ask({ from, to }: Touched, pages: readonly QueryKey[]): void {
    this.#touched = { from: Math.min(this.#touched.from, from), to: Math.max(this.#touched.to, to) };
    this.#left = [...this.#left, ...pages];
    if (pages.length > 0) this.#pages.request();
    this.#steps.request();
    this.#counts.request();
  }

  stop(): void {
    this.#counts.stop();
    this.#pages.stop();
    this.#steps.stop();
  }
}

/* Into all that are there, as who scrolls back finds them as they are now; gives those of which the change does not tell all. */
function bringToPages(client: QueryClient, run: RunPlace, change: Changed): readonly QueryKey[] {
  return client
    .getQueryCache()
    .findAll({ queryKey: runKey(run, 'page') })
    .filter((query) => query.state.data !== undefined || query.isActive())
    .map(({ queryKey }) => queryKey)
    .filter((key) => !applyTo<Steps>(client, key, change, bringTo(rangeOf(key[4] as number))));
}

/* Of what is cached of a run: what of it is by the number of a step, by a page of them, found among some of them, or brought up by the
 * change itself. */
function isTouched({ queryKey, state }: Query, { from, to }: Touched): boolean {
  const [, , , kind, first, second] = queryKey;
  const isIn = (number: unknown, size: number) =>
    typeof number === 'number' && number * size < to && (number + 1) * size > from;
  if (kind === 'detail' || kind === 'page' || kind === 'newest') return false;
  if (kind === 'step' || kind === 'state' || kind === 'difference' || kind === 'records')
    return isIn(first, 1);
  if (kind === 'stretch' && state.data !== undefined) {
    /* Up to its end, as one that ends with the run goes on. */
    const stretch = state.data as Range;
    return from <= stretch.to && to > stretch.from;
  }
  return kind === 'history' ? isIn(second, PAGE_STEPS) : true;
}

function rangeOf(page: number): StepRange {
  return { first: page * PAGE_STEPS, size: PAGE_STEPS };
}

function bringTo(range: StepRange) {
  return (page: Steps, change: Changed) => withSteps(page, change, range);
}

async function fetchPage(run: RunPlace, page: number, signal: AbortSignal): Promise<Steps> {
  const { first, size } = rangeOf(page);
  const params = { ...run, to: first + size, limit: size };
  const answer = await get(`${RUN}/steps`, { ...params, from: first }, signal);
  const steps = [...answer.steps];
  for (let last = answer; !last.complete && last.next !== null;) {
    last = await get(`${RUN}/steps`, { ...params, from: last.next }, signal);
    steps.push(...last.steps);
  }
  return steps.length === answer.steps.length ? answer : upTo({ ...answer, steps }, cursorOf(answer));
}

/* Steps by the page that they are on, each at its place there: what is shown of a page until it is there. The end of a run that grows fast
 * is seen at once by that. */
function byPage(steps: readonly StepSummary[]): ReadonlyMap<number, Steps> {
  const pages = new Map<number, Steps & { readonly steps: StepSummary[] }>();
  for (const step of steps) {
    const page = Math.floor(step.number / PAGE_STEPS);
    const part = pages.get(page) ?? { now: '', step_count: 0, complete: false, next: null, steps: [] };
    part.steps[step.number % PAGE_STEPS] = step;
    pages.set(page, part);
  }
  return pages;
}

function newestOf(client: QueryClient, run: RunPlace, page: number): Steps | undefined {
  return client.getQueryData<ReadonlyMap<number, Steps>>(runKey(run, 'newest'))?.get(page);
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
  const calm = usePaced(pages, CALM_MS);
  const combine = useFound<number, Steps>(pages);
  return useQueries({
    queries: pages.map((page) => ({
      ...pageQuery(run, page),
      placeholderData: () => newestOf(client, run, page),
      enabled: calm.includes(page),
    })),
    combine,
  });
}

export function pageQuery(run: RunPlace, page: number) {
  return {
    queryKey: runKey(run, 'page', page),
    queryFn: ({ signal }: { readonly signal: AbortSignal }) =>
      askCurrent(
        topicOf('run', run.project, run.app_id),
        () => fetchPage(run, page, signal),
        bringTo(rangeOf(page)),
      ),
    structuralSharing: false as const,
    gcTime: KEPT_MS,
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

export function useStep(run: RunPlace, step: number | null) {
  const number = usePaced(step, CALM_MS);
  return useQuery({
    queryKey: runKey(run, 'step', number),
    queryFn: ({ signal }) => get(`${RUN}/steps/{number}`, { ...run, number: number ?? 0 }, signal),
    enabled: number !== null,
    structuralSharing: false,
    placeholderData: keepPreviousData,
    gcTime: KEPT_MS,
  });
}

/** What a step changed, or what is different from the state after `from`. Asked only of steps that have ended. */
export function useDifference(run: RunPlace, step: number | null, from: number | null) {
  const to = usePaced(step, CALM_MS);
  const client = useQueryClient();
  const queryKey = runKey(run, 'difference', to, from);
  return useQuery({
    queryKey,
    queryFn: async ({ signal }) => {
      const known = client.getQueryData<Difference>(queryKey);
      if (known) return known;
      const base = { ...run, to: to ?? 0, limit: 300, cut: 2048 };
      return get(`${RUN}/difference`, from === null ? base : { ...base, from }, signal);
    },
    enabled: to !== null,
    structuralSharing: false,
    placeholderData: keepPreviousData,
    gcTime: KEPT_MS,
  });
}

const CUT_BYTES = 65536;

/** The state after a step, long values cut. */
export function useStateAfter(run: RunPlace, step: number | null) {
  const number = usePaced(step, CALM_MS);
  return useQuery({
    queryKey: runKey(run, 'state', number),
    queryFn: ({ signal }) => fetchState(run, number ?? 0, '', CUT_BYTES, signal),
    enabled: number !== null,
    structuralSharing: false,
    staleTime: Infinity,
    gcTime: KEPT_MS,
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

export function useRecords(run: RunPlace, step: number | null) {
  const number = usePaced(step, CALM_MS);
  return useQuery({ ...recordsQuery(run, number ?? 0), enabled: number !== null, gcTime: KEPT_MS });
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

/** The first lines of the run's log that are no records; asked for when they are wanted. */
export function useDamage(run: RunPlace, wanted: boolean) {
  return useQuery({
    queryKey: ['damage', run.project, run.app_id],
    queryFn: async ({ signal }) => {
      let answer = await get(`${RUN}/damage`, { ...run }, signal);
      /* A long log is read piece by piece, until there is something to show. */
      while (answer.lines.length === 0 && answer.next !== null)
        answer = await get(
          `${RUN}/damage`,
          { ...run, from: answer.next, line: answer.next_line ?? 1 },
          signal,
        );
      return answer;
    },
    enabled: wanted,
  });
}

/** A value that follows `value`, but moves no more often than every `everyMs`; the first time at once. */
export function usePaced<T>(value: T, everyMs: number): T {
  const [paced, setPaced] = useState(value);
  const movedMs = useRef(-Infinity);
  useEffect(() => {
    if (Object.is(paced, value)) return;
    const move = () => {
      movedMs.current = performance.now();
      setPaced(() => value);
    };
    const waitMs = movedMs.current + everyMs - performance.now();
    if (waitMs <= 0) {
      move();
      return;
    }
    const timer = setTimeout(move, waitMs);
    return () => clearTimeout(timer);
  }, [paced, value, everyMs]);
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
