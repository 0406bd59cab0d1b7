/* What is open below the steps of the list, and what its rows show. */
import { useCallback, useMemo } from 'react';
import type { Run, StepSummary } from '../../model/api';
import { intervalOf, usOf, type Interval } from '../../model/axis';
import { childrenBySequenceId, detailsOf, type Detail } from '../../model/details';
import { innerOf, type Inner } from '../../model/inner';
import type { Listing } from '../../model/listing';
import type { Sequence } from '../../model/sequence';
import { parentOf, reachable, runAt, stepAt, type Trail } from '../../model/trail';
import {
  keyOf,
  useChildrenOf,
  useKeysOf,
  usePagesOf,
  useRecordsOf,
  useRunsOf,
  useTexts,
  type Numbered,
  type RunRow,
} from '../../state/nested';
import { PAGE_STEPS } from '../../state/run';
import { useFacts } from './context';

export interface Opened {
  readonly isOpen: (trail: Trail) => boolean;
  /** Rows below the run's own steps, by their numbers. */
  readonly below: ReadonlyMap<number, Sequence<Inner>>;
  /** Spawned runs whose steps are shown. */
  readonly runs: ReadonlyMap<string, Run>;
  /** How spawned runs are doing, as far as it is known. */
  readonly childAt: (appId: string) => RunRow | null;
  /** How many runs a step of the run itself spawned. */
  readonly childCount: (sequenceId: number) => number;
}

function pageOf({ appId, number }: Numbered): Numbered {
  return { appId, number: Math.floor(number / PAGE_STEPS) };
}

export function useOpened(wanted: ReadonlySet<Trail>): Opened {
  const { place, detail } = useFacts();
  const { project, app_id: root } = place;
  const count = detail.step_count;
  const open = useMemo(
    () =>
      new Set(reachable(wanted).filter((trail) => runAt(trail) !== null || (stepAt(trail) ?? count) < count)),
    [wanted, count],
  );
  const steps = useMemo(
    () =>
      [...open].flatMap((trail) => {
        const number = stepAt(trail);
        return number === null ? [] : [{ trail, appId: runAt(trail) ?? root, number }];
      }),
    [open, root],
  );
  const records = useRecordsOf(project, useKeysOf(steps));
  const pages = usePagesOf(project, useKeysOf(steps.map(pageOf)));
  const ids = useTexts([...open].flatMap((trail) => (stepAt(trail) === null ? [runAt(trail) ?? root] : [])));
  const runs = useRunsOf(project, ids);
  const childrenAt = useMemo(
    () =>
      new Map(
        [[root, detail] as const, ...runs].map(
          ([id, run]) => [id, childrenBySequenceId(run.children)] as const,
        ),
      ),
    [root, detail, runs],
  );
  const details = useMemo(() => {
    const map = new Map<Trail, readonly Detail[] | number>();
    for (const { trail, appId, number } of steps) {
      const found = records.get(keyOf({ appId, number }));
      const step = pages.get(keyOf(pageOf({ appId, number })))?.steps[number % PAGE_STEPS];
      const children = (step && childrenAt.get(appId)?.get(step.sequence_id)) ?? [];
      map.set(trail, found && step ? detailsOf(found.records, children) : (step?.record_count ?? 1));
    }
    return map;
  }, [steps, records, pages, childrenAt]);

  const parents = useTexts(
    steps.flatMap(({ trail, appId }) => (hasChild(details.get(trail)) ? [appId] : [])),
  );
  const children = useChildrenOf(project, parents);
  const below = useMemo(() => {
    const sources = {
      open,
      details: (step: Trail) => details.get(step) ?? 1,
      stepCount: (appId: string) => runs.get(appId)?.step_count ?? null,
      openSteps: (run: Trail) =>
        steps.flatMap(({ trail, number }) => (parentOf(trail) === run ? [number] : [])),
    };
    return new Map(
      steps.flatMap(({ trail, number }) =>
        parentOf(trail) === null ? [[number, innerOf(trail, sources)] as const] : [],
      ),
    );
  }, [open, details, runs, steps]);
  const childAt = useCallback(
    (appId: string) => runs.get(appId) ?? children.get(appId) ?? null,
    [runs, children],
  );
  const childCount = useCallback(
    (sequenceId: number) => childrenAt.get(root)?.get(sequenceId)?.length ?? 0,
    [childrenAt, root],
  );
  return { isOpen: (trail) => open.has(trail), below, runs, childAt, childCount };
}

function hasChild(details: readonly Detail[] | number | undefined): boolean {
  return typeof details === 'object' && details.some((detail) => detail.kind === 'child');
}

export interface InnerSteps {
  readonly stepOf: (step: Numbered) => StepSummary | null;
  /** null: it has no time of its own, or none that the axis should make room for. */
  readonly intervalOf: (row: Inner, nowUs: number | null) => Interval | null;
}

/** The steps of spawned runs in rows [from, to). */
export function useInnerSteps(
  listing: Listing<Inner>,
  from: number,
  to: number,
  { childAt }: Opened,
): InnerSteps {
  const { place } = useFacts();
  const wanted: Numbered[] = [];
  for (let row = Math.max(from, 0); row < Math.min(to, listing.length); row++) {
    const at = listing.at(row);
    if (at?.kind === 'inner' && at.row.kind === 'step') wanted.push(pageOf(at.row));
  }
  const pages = usePagesOf(place.project, useKeysOf(wanted));
  const stepOf = useCallback(
    (step: Numbered) => pages.get(keyOf(pageOf(step)))?.steps[step.number % PAGE_STEPS] ?? null,
    [pages],
  );
  const innerInterval = useCallback(
    (row: Inner, nowUs: number | null) => {
      if (row.kind === 'child') return row.open ? runInterval(childAt(row.child.appId), nowUs) : null;
      const step = row.kind === 'step' ? stepOf(row) : null;
      return step && intervalOf(step, nowUs);
    },
    [stepOf, childAt],
  );
  return useMemo(() => ({ stepOf, intervalOf: innerInterval }), [stepOf, innerInterval]);
}

/** When a run ran; one that runs, until `nowUs`. */
export function runInterval(run: RunRow | Run | null, nowUs: number | null): Interval | null {
  const from = usOf(run?.started ?? null);
  const to = (run?.status === 'running' ? nowUs : null) ?? usOf(run?.last_activity ?? null);
  return from === null ? null : { from, to: Math.max(to ?? from, from) };
}
