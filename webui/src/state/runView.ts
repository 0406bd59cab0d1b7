/* What a link to a run restores beside the step: filter, folds, what is open, pinned values, zoom. All of it is in the address. */
import { useCallback, useMemo } from 'react';
import type { Interval } from '../model/axis';
import { isIn, type Range } from '../model/listing';
import { FILTER_NAMES, readFilter, type StepFilter } from '../model/stepFilter';
import { isTrail, withTrail, type Trail } from '../model/trail';
import { useUrlQuery, type Query } from './url';

const OPEN_MOST = 50;
/* Browsers and servers take longer addresses, but not all that addresses are pasted into. */
const OPEN_MOST_BYTES = 1500;
const PINS_MOST = 6;

export interface RunView {
  readonly filter: StepFilter;
  readonly folded: boolean;
  /** Steps whose details are open, spawned runs whose steps are, and so on. */
  readonly open: ReadonlySet<Trail>;
  /** Sequence ids whose earlier attempts are shown. */
  readonly earlier: ReadonlySet<number>;
  /** Folds that are open, by the number of a step in each. */
  readonly openFolds: ReadonlySet<number>;
  /** JSON pointers into the state. */
  readonly pins: readonly string[];
  /** In microseconds since the run's start. */
  readonly zoom: Interval | null;
  readonly change: (parts: Query, how?: 'push' | 'replace') => void;
  readonly toggle: (trail: Trail, open: boolean) => void;
  readonly toggleEarlier: (sequenceId: number, open: boolean) => void;
  readonly toggleFold: (fold: Range, open: boolean) => void;
  readonly togglePin: (pointer: string) => void;
  readonly setZoom: (zoom: Interval | null) => void;
  readonly clearFilter: () => void;
}

function readNumbers(text: string | null): ReadonlySet<number> {
  return new Set(
    (text ?? '')
      .split(',')
      .filter((part) => /^\d+$/.test(part))
      .map(Number)
      .slice(0, OPEN_MOST),
  );
}

function writeNumbers(numbers: ReadonlySet<number>): string {
  return [...numbers].slice(-OPEN_MOST).join(',');
}

function readTrails(text: string | null): ReadonlySet<Trail> {
  return new Set((text ?? '').split(',').filter(isTrail).slice(0, OPEN_MOST));
}

/* What was opened last stays. */
function writeTrails(trails: ReadonlySet<Trail>): string {
  let left = OPEN_MOST_BYTES;
  return [...trails]
    .slice(-OPEN_MOST)
    .reverse()
    .filter((trail) => (left -= trail.length + 1) >= 0)
    .reverse()
    .join(',');
}

function readPins(text: string | null): readonly string[] {
  return (text ?? '')
    .split(',')
    .filter((part) => part !== '')
    .map(decode)
    .filter((pointer) => pointer.startsWith('/'))
    .slice(0, PINS_MOST);
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function readZoom(text: string | null): Interval | null {
  const match = /^(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)$/.exec(text ?? '');
  if (match === null) return null;
  const zoom = { from: Number(match[1]) * 1e6, to: Number(match[2]) * 1e6 };
  return zoom.to > zoom.from ? zoom : null;
}

function seconds(us: number): string {
  return String(Math.round(us) / 1e6);
}

export function useRunView(): RunView {
  const [query, change] = useUrlQuery();
  const filterKey = FILTER_NAMES.map((name) => query.get(name) ?? '').join('\n');
  // eslint-disable-next-line react-hooks/exhaustive-deps -- the same object as long as it says the same
  const filter = useMemo(() => readFilter(query), [filterKey]);
  const openText = query.get('open');
  const open = useMemo(() => readTrails(openText), [openText]);
  const earlierText = query.get('earlier');
  const earlier = useMemo(() => readNumbers(earlierText), [earlierText]);
  const foldsText = query.get('folds');
  const openFolds = useMemo(() => readNumbers(foldsText), [foldsText]);
  const pinsText = query.get('pin');
  const pins = useMemo(() => readPins(pinsText), [pinsText]);
  const zoomText = query.get('zoom');
  const zoom = useMemo(() => readZoom(zoomText), [zoomText]);

  const toggle = useCallback(
    (trail: Trail, opened: boolean) => change({ open: writeTrails(withTrail(open, trail, opened)) }),
    [change, open],
  );
  const toggleEarlier = useCallback(
    (sequenceId: number, opened: boolean) =>
      change({ earlier: writeNumbers(withOne(earlier, sequenceId, opened)) }),
    [change, earlier],
  );
  const toggleFold = useCallback(
    (fold: Range, opened: boolean) => {
      const others = [...openFolds].filter((number) => !isIn(fold, number));
      change({ folds: writeNumbers(new Set(opened ? [...others, fold.from] : others)) });
    },
    [change, openFolds],
  );
  const togglePin = useCallback(
    (pointer: string) => {
      const next = pins.includes(pointer)
        ? pins.filter((pin) => pin !== pointer)
        : [...pins, pointer].slice(-PINS_MOST);
      change({ pin: next.map(encodeURIComponent).join(',') });
    },
    [change, pins],
  );
  const setZoom = useCallback(
    (next: Interval | null) =>
      change({ zoom: next && `${seconds(Math.max(next.from, 0))}-${seconds(next.to)}` }),
    [change],
  );
  const clearFilter = useCallback(
    () => change(Object.fromEntries(FILTER_NAMES.map((name) => [name, null])), 'push'),
    [change],
  );
  const folded = query.get('fold') === '1';
  return useMemo(
    () => ({
      filter,
      folded,
      open,
      earlier,
      openFolds,
      pins,
      zoom,
      change,
      toggle,
      toggleEarlier,
      toggleFold,
      togglePin,
      setZoom,
      clearFilter,
    }),
    [
      filter,
      folded,
      open,
      earlier,
      openFolds,
      pins,
      zoom,
      change,
      toggle,
      toggleEarlier,
      toggleFold,
      togglePin,
      setZoom,
      clearFilter,
    ],
  );
}

function withOne(numbers: ReadonlySet<number>, one: number, there: boolean): ReadonlySet<number> {
  const next = new Set(numbers);
  next.delete(one);
  if (there) next.add(one);
  return next;
}
