/* What a link to a run restores beside the step: filter, folds, what is open, pinned values, zoom. All of it is in the address. */
import { useCallback, useMemo } from 'react';
import type { Interval } from '../model/axis';
import { FILTER_NAMES, readFilter, type StepFilter } from '../model/stepFilter';
import { useUrlQuery, type Query } from './url';

const OPEN_MOST = 50;
const PINS_MOST = 6;

export interface RunView {
  readonly filter: StepFilter;
  readonly folded: boolean;
  /** Numbers of the steps whose details are open. */
  readonly open: ReadonlySet<number>;
  /** Folds that are open, by their first step. */
  readonly openFolds: ReadonlySet<number>;
  /** JSON pointers into the state. */
  readonly pins: readonly string[];
  /** In microseconds since the run's start. */
  readonly zoom: Interval | null;
  readonly change: (parts: Query, how?: 'push' | 'replace') => void;
  readonly toggle: (number: number, open: boolean) => void;
  readonly toggleFold: (first: number, open: boolean) => void;
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
  const open = useMemo(() => readNumbers(openText), [openText]);
  const foldsText = query.get('folds');
  const openFolds = useMemo(() => readNumbers(foldsText), [foldsText]);
  const pinsText = query.get('pin');
  const pins = useMemo(() => readPins(pinsText), [pinsText]);
  const zoomText = query.get('zoom');
  const zoom = useMemo(() => readZoom(zoomText), [zoomText]);

  const toggle = useCallback(
    (number: number, opened: boolean) => change({ open: writeNumbers(withOne(open, number, opened)) }),
    [change, open],
  );
  const toggleFold = useCallback(
    (first: number, opened: boolean) => change({ folds: writeNumbers(withOne(openFolds, first, opened)) }),
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
      openFolds,
      pins,
      zoom,
      change,
      toggle,
      toggleFold,
      togglePin,
      setZoom,
      clearFilter,
    }),
    [
      filter,
      folded,
      open,
      openFolds,
      pins,
      zoom,
      change,
      toggle,
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
