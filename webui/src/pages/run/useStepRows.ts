/* What the rows of the step list show: which steps are listed, those on the screen and what is open below them, and the time axis. */
import { useMemo } from 'react';
import type { Overview, Steps, StepSummary } from '../../model/api';
import {
  buildAxis,
  intervalOf,
  intervalOfGroup,
  intervalsOf,
  usOf,
  type Axis,
  type Interval,
} from '../../model/axis';
import type { Inner } from '../../model/inner';
import { makeListing, type Listing } from '../../model/listing';
import type { Listed } from '../../state/listing';
import { PAGE_STEPS, useAttemptsOf, usePages } from '../../state/run';
import type { RunView } from '../../state/runView';
import { useFacts } from './context';
import { runInterval, useInnerSteps, useOpened, type InnerSteps, type Opened } from './useInner';
import { useRows, type Rows } from './useRows';

/* A run of no more steps has one axis for all of it; of a longer one, the steps on the screen would be dots on it. */
export const WHOLE_AXIS_STEPS = 300;
/* Beyond the screen: what is asked for before it is scrolled to. */
const PREFETCH_ROWS = 150;

export type StepAt = (number: number) => StepSummary | null;

export interface StepRows {
  readonly listing: Listing<Inner>;
  readonly rows: Rows;
  /** The pages of the steps on the screen. */
  readonly pages: readonly number[];
  readonly stepAt: StepAt;
  readonly opened: Opened;
  readonly inner: InnerSteps;
  /** Sequence ids whose earlier attempts are shown. */
  readonly earlier: ReadonlySet<number>;
  /** Earlier attempts are below their last ones, and not in a place of their own. */
  readonly foldsAttempts: boolean;
}

function pageOf(number: number): number {
  return Math.floor(number / PAGE_STEPS);
}

function inPages(pages: ReadonlyMap<number, Steps>, number: number): StepSummary | null {
  return pages.get(pageOf(number))?.steps[number % PAGE_STEPS] ?? null;
}

/* The same array as long as it says the same. */
function useNumbers(numbers: Iterable<number>): readonly number[] {
  const key = [...new Set(numbers)].sort((a, b) => a - b).join();
  return useMemo(() => (key === '' ? [] : key.split(',').map(Number)), [key]);
}

export function useStepRows(listed: Listed, view: RunView, selected: number | null): StepRows {
  const { place, detail } = useFacts();
  const count = detail.step_count;
  const whole = count <= WHOLE_AXIS_STEPS;
  const kept = useNumbers([
    ...(selected === null ? [] : [pageOf(selected)]),
    ...(whole ? Array.from({ length: Math.ceil(count / PAGE_STEPS) }, (_, page) => page) : []),
  ]);
  const keptPages = usePages(place, kept);
  const attempts = useEarlier(listed, view, selected === null ? null : inPages(keptPages, selected));

  const opened = useOpened(view.open);
  const { below } = opened;
  const listing = useMemo(
    () => makeListing(listed.segments, { inner: below, attempts: attempts.numbers }),
    [listed.segments, below, attempts.numbers],
  );
  const rows = useRows(listing.length, selected === null ? 0 : listing.rowOf(selected));
  const wanted = useNumbers(
    listed.kind === 'filtered' ? [] : pagesIn(listing, rows.from - PREFETCH_ROWS, rows.to + PREFETCH_ROWS),
  );
  const loaded = usePages(place, wanted);
  const pages = useNumbers(pagesIn(listing, rows.from, rows.to));
  const stepAt = useMemo(
    () => (number: number) =>
      inPages(loaded, number) ??
      inPages(keptPages, number) ??
      listed.known.get(number) ??
      attempts.known.get(number) ??
      null,
    [loaded, keptPages, listed.known, attempts.known],
  );
  const inner = useInnerSteps(listing, rows.from - PREFETCH_ROWS, rows.to + PREFETCH_ROWS, opened);
  return {
    listing,
    rows,
    pages,
    stepAt,
    opened,
    inner,
    earlier: attempts.ids,
    foldsAttempts: listed.kind !== 'filtered',
  };
}

/* Earlier attempts that are shown below their last ones: those that the address names, and the one that is looked at. What a filter
 * left stands in its own place. */
function useEarlier(listed: Listed, view: RunView, selected: StepSummary | null) {
  const { place } = useFacts();
  const looked = selected?.superseded === true ? [selected.sequence_id] : [];
  const ids = useNumbers(listed.kind === 'filtered' ? [] : [...view.earlier, ...looked]);
  const found = useAttemptsOf(place, ids);
  return useMemo(() => {
    const numbers = new Map<number, readonly number[]>();
    const known = new Map<number, StepSummary>();
    for (const steps of found.values()) {
      const last = steps.at(-1);
      if (!last) continue;
      numbers.set(
        last.number,
        steps
          .slice(0, -1)
          .map((step) => step.number)
          .reverse(),
      );
      for (const step of steps) known.set(step.number, step);
    }
    return { ids: new Set(ids), numbers, known };
  }, [ids, found]);
}

/* Of the steps in rows [from, to). */
function pagesIn(listing: Listing<Inner>, from: number, to: number): ReadonlySet<number> {
  const pages = new Set<number>();
  const end = Math.min(to, listing.length);
  for (let row = Math.max(from, 0); row < end; row++) {
    const place = listing.at(row);
    if (place?.kind === 'step') pages.add(pageOf(place.number));
  }
  return pages;
}

interface AxisParts {
  readonly steps: StepRows;
  readonly overview: Overview | null;
  readonly zoom: Interval | null;
  readonly compressed: boolean;
  readonly nowUs: number | null;
}

/** The axis of the rows: of the zoom, of the whole of a short run, or of the steps on the screen. */
export function useAxis({ steps, overview, zoom, compressed, nowUs }: AxisParts): Axis {
  const { detail } = useFacts();
  const { listing, stepAt, rows, inner, opened } = steps;
  const { from, to } = rows;
  const { runs } = opened;
  const originUs = usOf(detail.started) ?? 0;
  const count = detail.step_count;
  return useMemo(() => {
    const window = zoom && { from: originUs + zoom.from, to: originUs + zoom.to };
    const whole = count <= WHOLE_AXIS_STEPS;
    if (window && !whole) return buildAxis(overview ? intervalsOf(overview) : [], compressed, window);
    const at = (number: number) => {
      const step = stepAt(number);
      return (step && intervalOf(step, nowUs)) ?? [];
    };
    const ofRow = (row: number): Interval | readonly Interval[] => {
      const place = listing.at(row);
      if (place?.kind === 'inner') return inner.intervalOf(place.row, nowUs) ?? [];
      if (place?.kind === 'fold') return intervalOfGroup(place.group) ?? [];
      /* Earlier attempts may be of last week: the axis is for what stands beside them. */
      return place?.kind === 'step' ? at(place.number) : [];
    };
    const intervals = whole
      ? [
          ...Array.from({ length: count }, (_, number) => at(number)).flat(),
          ...[...runs.values()].flatMap((run) => runInterval(run, nowUs) ?? []),
        ]
      : Array.from({ length: Math.max(to - from, 0) }, (_, index) => from + index).flatMap(ofRow);
    return buildAxis(intervals, compressed, window);
  }, [count, listing, stepAt, inner, runs, from, to, overview, zoom, originUs, compressed, nowUs]);
}
