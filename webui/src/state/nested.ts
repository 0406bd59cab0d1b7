/* What is open below the steps of the list: records of steps, runs that they spawned, and pages of their steps, of any run. */
import { useQueries } from '@tanstack/react-query';
import { useMemo } from 'react';
import { get } from '../api/client';
import type { Run, Runs, RunSummary, Steps } from '../model/api';
import {
  detailQuery,
  pageQuery,
  recordsQuery,
  runKey,
  useFound,
  type RunPlace,
  type StepRecords,
} from './run';

/** A step, or a page of steps, of a run of the project. */
export interface Numbered {
  readonly appId: string;
  readonly number: number;
}

export function keyOf({ appId, number }: Numbered): string {
  return `${number}/${appId}`;
}

function placeOf(project: string, key: string): { readonly run: RunPlace; readonly number: number } {
  const slash = key.indexOf('/');
  return { run: { project, app_id: key.slice(slash + 1) }, number: Number(key.slice(0, slash)) };
}

/** The same list as long as it says the same. */
export function useKeysOf(wanted: readonly Numbered[]): readonly string[] {
  return useTexts(wanted.map(keyOf));
}

export function useTexts(texts: Iterable<string>): readonly string[] {
  const key = JSON.stringify([...new Set(texts)].sort());
  return useMemo(() => JSON.parse(key) as readonly string[], [key]);
}

/** By the keys of useKeysOf, as far as they are there. */
export function usePagesOf(project: string, keys: readonly string[]): ReadonlyMap<string, Steps> {
  const combine = useFound<string, Steps>(keys);
  const queryOf = (key: string) => {
    const { run, number } = placeOf(project, key);
    return pageQuery(run, number);
  };
  return useQueries({ queries: keys.map(queryOf), combine });
}

export function useRecordsOf(project: string, keys: readonly string[]): ReadonlyMap<string, StepRecords> {
  const combine = useFound<string, StepRecords>(keys);
  const queryOf = (key: string) => {
    const { run, number } = placeOf(project, key);
    return recordsQuery(run, number);
  };
  return useQueries({ queries: keys.map(queryOf), combine });
}

export function useRunsOf(project: string, appIds: readonly string[]): ReadonlyMap<string, Run> {
  const combine = useFound<string, Run>(appIds);
  return useQueries({ queries: appIds.map((app_id) => detailQuery({ project, app_id })), combine });
}

export type RunRow = Omit<RunSummary, 'child_count'>;

/* A run that spawned more has the newest of them told in the list; the others are there by name. */
const CHILDREN_MOST = 1000;
const RUNNING_MS = 2000;

/** How the runs that were spawned by or forked from others are doing, by their names. */
export function useChildrenOf(project: string, parents: readonly string[]): ReadonlyMap<string, RunRow> {
  const combine = useFound<string, Runs>(parents);
  const answers = useQueries({ queries: parents.map((parent) => childrenQuery(project, parent)), combine });
  return useMemo(
    () => new Map([...answers.values()].flatMap(({ runs }) => runs.map((run) => [run.app_id, run] as const))),
    [answers],
  );
}

function childrenQuery(project: string, parent: string) {
  const params = { project, parent, limit: CHILDREN_MOST };
  return {
    queryKey: runKey({ project, app_id: parent }, 'children'),
    queryFn: ({ signal }: { readonly signal: AbortSignal }) =>
      get('/api/v1/projects/{project}/runs', params, signal),
    structuralSharing: false as const,
    /* Their own changes are no change of the parent. */
    refetchInterval: (query: { readonly state: { readonly data?: Runs | undefined } }) =>
      query.state.data?.runs.some((run) => run.status === 'running') === true ? RUNNING_MS : false,
  };
}
