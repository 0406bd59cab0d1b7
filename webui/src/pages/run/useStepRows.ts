/* What the rows of the step list show: which steps are listed, those on the screen and what is open below them, and the time axis. */
import { useMemo } from 'react';
import type { Overview, Steps, StepSummary } from '../../model/api';
import { buildAxis, intervalOf, intervalsOf, usOf, type Axis, type Interval } from '../../model/axis';
import { childrenBySequenceId, detailsOf, type ChildDetail, type Detail } from '../../model/details';
import { makeListing, type Listing } from '../../model/listing';
import type { Listed } from '../../state/listing';
import { PAGE_STEPS, usePages, useRecordsOf } from '../../state/run';
import type { RunView } from '../../state/runView';
import { useFacts } from './context';
import { useRows, type Rows } from './useRows';

/* A run of no more steps has one axis for all of it; of a longer one, the steps on the screen would be dots on it. */
export const WHOLE_AXIS_STEPS = 300;
/* Beyond the screen: what is asked for before it is scrolled to. */
const PREFETCH_ROWS = 150;

export type StepAt = (number: number) => StepSummary | null;

export interface StepRows {
  readonly listing: Listing;
  readonly rows: Rows;
  /** The pages of the steps on the screen. */
  readonly pages: readonly number[];
  readonly stepAt: StepAt;
  readonly details: ReadonlyMap<number, readonly Detail[]>;
  readonly children: ReadonlyMap<number, readonly ChildDetail[]>;
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
  const open = useNumbers([...view.open].filter((number) => number < count));
  const whole = count <= WHOLE_AXIS_STEPS;
  const kept = useNumbers([
    ...[...open, ...(selected === null ? [] : [selected])].map(pageOf),
    ...(whole ? Array.from({ length: Math.ceil(count / PAGE_STEPS) }, (_, page) => page) : []),
  ]);
  const keptPages = usePages(place, kept);

  const records = useRecordsOf(place, open);
  const children = useMemo(() => childrenBySequenceId(detail.children), [detail.children]);
  const details = useMemo(() => {
    const map = new Map<number, readonly Detail[]>();
    for (const number of open) {
      const found = records.get(number);
      const step = inPages(keptPages, number);
      if (found && step) map.set(number, detailsOf(found.records, children.get(step.sequence_id) ?? []));
    }
    return map;
  }, [open, records, children, keptPages]);
  const listing = useMemo(() => {
    const rowsBelow = (number: number) =>
      details.get(number)?.length ?? inPages(keptPages, number)?.record_count ?? 1;
    return makeListing(listed.segments, new Map(open.map((number) => [number, rowsBelow(number)])));
  }, [listed.segments, open, details, keptPages]);

  const rows = useRows(listing.length);
  const wanted = useNumbers(
    listed.kind === 'filtered' ? [] : pagesIn(listing, rows.from - PREFETCH_ROWS, rows.to + PREFETCH_ROWS),
  );
  const loaded = usePages(place, wanted);
  const pages = useNumbers(pagesIn(listing, rows.from, rows.to));
  const stepAt = useMemo(
    () => (number: number) =>
      inPages(loaded, number) ?? inPages(keptPages, number) ?? listed.known.get(number) ?? null,
    [loaded, keptPages, listed.known],
  );
  return { listing, rows, pages, stepAt, details, children };
}

/* Of the steps in rows [from, to). */
function pagesIn(listing: Listing, from: number, to: number): ReadonlySet<number> {
  const pages = new Set<number>();
  const end = Math.min(to, listing.length);
  for (let row = Math.max(from, 0); row < end; row++) {
    const place = listing.at(row);
    if (place?.kind === 'fold') pages.add(pageOf(place.group.from)).add(pageOf(place.group.to - 1));
    else if (place) pages.add(pageOf(place.number));
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
  const { listing, stepAt, rows } = steps;
  const { from, to } = rows;
  const originUs = usOf(detail.started) ?? 0;
  const count = detail.step_count;
  return useMemo(() => {
    const window = zoom && { from: originUs + zoom.from, to: originUs + zoom.to };
    const whole = count <= WHOLE_AXIS_STEPS;
    if (window && !whole) return buildAxis(overview ? intervalsOf(overview) : [], compressed, window);
    const at = (number: number) => {
      const step = stepAt(number);
      return step && intervalOf(step, nowUs);
    };
    const ranges = whole ? everyStep(count) : rangesIn(listing, from, to);
    const intervals = ranges.flatMap((range) => {
      const begin = at(range.first);
      const end = range.last === range.first ? begin : at(range.last);
      return begin && end ? [{ from: begin.from, to: end.to }] : [];
    });
    return buildAxis(intervals, compressed, window);
  }, [count, listing, stepAt, from, to, overview, zoom, originUs, compressed, nowUs]);
}

interface StepRange {
  readonly first: number;
  readonly last: number;
}

function everyStep(count: number): readonly StepRange[] {
  return Array.from({ length: count }, (_, number) => ({ first: number, last: number }));
}

/* Steps and folds in rows [from, to). */
function rangesIn(listing: Listing, from: number, to: number): readonly StepRange[] {
  const ranges: StepRange[] = [];
  for (let row = from; row < to; row++) {
    const place = listing.at(row);
    if (place?.kind === 'fold') ranges.push({ first: place.group.from, last: place.group.to - 1 });
    else if (place?.kind === 'step') ranges.push({ first: place.number, last: place.number });
  }
  return ranges;
}
