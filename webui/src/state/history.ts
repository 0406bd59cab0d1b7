/* How one place of the state went through a run. */
import { keepPreviousData, useQueries, useQuery } from '@tanstack/react-query';
import { get } from '../api/client';
import type { History } from '../model/api';
import { PAGE_STEPS, runKey, useFound, usePaced, type RunPlace } from './run';

const RUN = '/api/v1/projects/{project}/runs/{app_id}';

export interface PinnedPage {
  readonly pointer: string;
  readonly page: number;
}

/** The values of places of the state in pages of steps, as far as they are there. `wanted` as for usePages. */
export function useHistories(
  run: RunPlace,
  wanted: readonly PinnedPage[],
): ReadonlyMap<PinnedPage, History['values']> {
  const combine = useFound<PinnedPage, History['values']>(wanted);
  return useQueries({
    queries: wanted.map(({ pointer, page }) => ({
      queryKey: runKey(run, 'history', pointer, page),
      queryFn: async ({ signal }: { readonly signal: AbortSignal }) => {
        const from = page * PAGE_STEPS;
        const range = { from, to: from + PAGE_STEPS, limit: PAGE_STEPS };
        return (await get(`${RUN}/history`, { ...run, pointer, ...range }, signal)).values;
      },
      structuralSharing: false as const,
      gcTime: 60_000,
    })),
    combine,
  });
}

/** The step that last wrote a value as it was after `number`; null: none did. Looks back in growing strides. */
export async function findLastWrite(
  run: RunPlace,
  pointer: string,
  number: number,
  signal: AbortSignal,
): Promise<History['values'][number] | null> {
  for (let stride = PAGE_STEPS; ; stride *= 4) {
    const from = Math.max(number + 1 - stride, 0);
    const values: History['values'][number][] = [];
    let next: number | null = from;
    while (next !== null) {
      const range: { from: number; to: number } = { from: next, to: number + 1 };
      const answer: History = await get(`${RUN}/history`, { ...run, pointer, ...range }, signal);
      values.push(...answer.values);
      next = answer.next;
    }
    /* The first value of a stretch is told in any case, so it takes a second one to know that it was written here. */
    if (values.length > 1 || from === 0) return values.at(-1) ?? null;
  }
}

export interface Sampled {
  readonly values: History['values'];
  /** Steps that they are of: those behind were not looked at. */
  readonly stepCount: number;
}

const SAMPLES = 400;
/* A question is given 200 ms, and states may be large: a small picture is worth no more of them. */
const QUESTIONS = 10;

/** Values of a place of the state at some steps of the whole run: enough for a small picture of it. */
export function useSampledHistory(run: RunPlace, pointer: string, count: number) {
  const paced = usePaced(count, 2000);
  return useQuery({
    queryKey: ['sampled', ...runKey(run), pointer, paced],
    queryFn: async ({ signal }): Promise<Sampled> => {
      const values: History['values'][number][] = [];
      let from = 0;
      for (let asked = 0; asked < QUESTIONS; asked++) {
        const samples = Math.max(Math.round(SAMPLES * (1 - from / Math.max(paced, 1))), 2);
        const range = { from, to: paced, samples };
        const answer: History = await get(`${RUN}/history`, { ...run, pointer, ...range }, signal);
        values.push(...answer.values);
        if (answer.next === null) return { values, stepCount: paced };
        from = answer.next;
      }
      return { values, stepCount: from };
    },
    placeholderData: keepPreviousData,
    structuralSharing: false,
    gcTime: 10_000,
  });
}
