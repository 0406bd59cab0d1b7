/* The steps as rows on one time axis. Only what is on the screen is drawn, and only what is around it is asked for. */
import { useEffect, useLayoutEffect, useMemo, useRef, type CSSProperties } from 'react';
import { plural } from '../../base/number';
import type { Overview } from '../../model/api';
import { usOf } from '../../model/axis';
import type { Inner } from '../../model/inner';
import type { Listing, Place } from '../../model/listing';
import { momentAt, pinText } from '../../model/pins';
import { wishFor, type Wish } from '../../model/stretches';
import type { Listed } from '../../state/listing';
import { useHistories, type PinnedPage } from '../../state/history';
import { PAGE_STEPS, useLiveRun } from '../../state/run';
import type { RunView } from '../../state/runView';
import type { Selection } from '../../state/selection';
import { useKeys } from '../../ui/keys';
import { AxisHead } from './AxisHead';
import { useFacts } from './context';
import { Empty } from './Empty';
import { Minimap } from './Minimap';
import { RowView } from './RowView';
import { seqWidth } from './StepRow';
import { useFollowByScroll } from './useFollowByScroll';
import type { Rows } from './useRows';
import { useAxis, useStepRows, type StepRows } from './useStepRows';

export type TimeMode = 'elapsed' | 'clock';

/* More stripes would not be told apart. */
const PAUSES_DRAWN = 200;

/* Gaps are read before they are scrolled to. */
const GAP_ROWS = 50;
/* A run that grew by more is read from its new end. */
const TAIL_STEPS = 500;

interface Props {
  readonly listed: Listed;
  readonly view: RunView;
  readonly selection: Selection;
  readonly overview: Overview | null;
  readonly hits: ReadonlySet<number>;
  readonly compressed: boolean;
  readonly timeMode: TimeMode;
  readonly nowUs: number | null;
  readonly onPick: (number: number) => void;
  readonly onHover: (action: string | null) => void;
  readonly onTimeMode: () => void;
}

export function StepList(props: Props) {
  const { listed, view, selection, overview, compressed, nowUs } = props;
  const { detail } = useFacts();
  const { number: selected, select } = selection;
  const steps = useStepRows(listed, view, selected);
  const { listing, rows, stepAt } = steps;
  const axis = useAxis({ steps, overview, zoom: view.zoom, compressed, nowUs });
  const pinsAt = usePins(view.pins, steps.pages);
  const originUs = usOf(detail.started) ?? 0;
  const jump = (number: number) => select(number, 'push');

  useSteady(listing, rows, listed.kind);
  useReveal(listing, rows, selection);
  const onFollowScroll = useFollowByScroll(selection);
  useReading(listed, listing, rows, selection, detail.step_count);
  useListKeys(steps, view, selection);

  const current = selected === null ? null : stepAt(selected);
  const drawn = Array.from({ length: rows.drawTo - rows.drawFrom }, (_, index) => rows.drawFrom + index);
  return (
    <div
      className="steps-list"
      style={{ '--seq': seqWidth(detail), '--pins': view.pins.length } as CSSProperties}
      data-pins={view.pins.length > 0 ? '' : undefined}
    >
      <Minimap
        overview={overview}
        compressed={compressed}
        zoom={view.zoom}
        shown={axis}
        selectedUs={current && (usOf(current.started) ?? usOf(current.ended))}
        onZoom={view.setZoom}
        onJump={jump}
      />
      <AxisHead
        axis={axis}
        listed={listed}
        view={view}
        selected={selected}
        timeMode={props.timeMode}
        onTimeMode={props.onTimeMode}
        onJump={jump}
      />
      <div
        className="steps-scroll"
        ref={rows.scroller}
        onScroll={(event) => {
          rows.onScroll();
          onFollowScroll(event);
        }}
        onMouseLeave={() => props.onHover(null)}
      >
        <div className="steps-body" style={{ height: rows.heightPx }} role="list" aria-label="Steps">
          <div className="drawn" style={{ transform: `translateY(${rows.drawPx}px)` }}>
            <div className="pauses" aria-hidden="true">
              <div className="pauses-lane">
                {axis.pauses.slice(0, PAUSES_DRAWN).map((pause) => (
                  <span
                    key={pause.from}
                    style={{ left: `${pause.from * 100}%`, width: `${(pause.to - pause.from) * 100}%` }}
                  />
                ))}
              </div>
            </div>
            {drawn.map((row) => {
              const place = listing.at(row);
              return (
                place && (
                  <RowView
                    key={keyOf(place)}
                    place={place}
                    steps={steps}
                    axis={axis}
                    originUs={originUs}
                    selected={selected}
                    hits={props.hits}
                    view={view}
                    pins={place.kind === 'step' || place.kind === 'attempt' ? pinsAt(place.number) : []}
                    timeMode={props.timeMode}
                    nowUs={nowUs}
                    onPick={props.onPick}
                    onHover={props.onHover}
                  />
                )
              );
            })}
          </div>
        </div>
        <Empty listed={listed} count={detail.step_count} shown={listing.length} onClear={view.clearFilter} />
      </div>
      {[...steps.opened.runs.keys()].map((appId) => (
        <LiveRun key={appId} appId={appId} />
      ))}
      {selection.unseen > 0 && (
        <button type="button" className="unseen" onClick={() => selection.follow()}>
          {plural(selection.unseen, 'new step')} ↓
        </button>
      )}
    </div>
  );
}

function LiveRun({ appId }: { readonly appId: string }) {
  const { place } = useFacts();
  useLiveRun({ project: place.project, app_id: appId });
  return null;
}

function keyOf(place: Place<Inner>): string {
  switch (place.kind) {
    case 'step':
    case 'attempt':
      return `s${place.number}`;
    case 'fold':
      return `f${place.group.from}`;
    case 'gap':
      return `g${place.range.from}`;
    case 'inner':
      return 'trail' in place.row ? `t${place.row.trail}` : `d${place.row.key}`;
  }
}

function usePins(pins: readonly string[], pages: readonly number[]) {
  const { place } = useFacts();
  const wanted = useMemo(
    (): readonly PinnedPage[] => pins.flatMap((pointer) => pages.map((page) => ({ pointer, page }))),
    [pins, pages],
  );
  const histories = useHistories(place, wanted);
  return (number: number): readonly (string | null)[] =>
    pins.map((pin) => {
      const page = wanted.find((one) => one.pointer === pin && one.page === Math.floor(number / PAGE_STEPS));
      return pinText(momentAt((page && histories.get(page)) ?? [], number));
    });
}

function useListKeys(
  { listing, stepAt, earlier }: StepRows,
  view: RunView,
  { number: selected, select }: Selection,
) {
  const move = (by: 1 | -1) => {
    const target = selected === null ? null : listing.next(selected, by);
    if (target !== null) select(target, 'replace');
  };
  const toggle = (open: boolean) => {
    if (selected !== null) view.toggle(String(selected), open);
  };
  const toggleEarlier = () => {
    const step = selected === null ? null : stepAt(selected);
    if (!step || (step.attempt === 1 && !step.superseded)) return;
    const open = earlier.has(step.sequence_id);
    const last = open && step.superseded ? lastAttempt(listing, step.number) : null;
    if (last !== null) select(last, 'replace');
    view.toggleEarlier(step.sequence_id, !open);
  };
  useKeys('Steps', [
    { keys: ['j', 'ArrowDown'], label: 'Next step', run: () => move(1) },
    { keys: ['k', 'ArrowUp'], label: 'Step before', run: () => move(-1) },
    { keys: ['l', 'ArrowRight'], label: 'Open spans and attributes', run: () => toggle(true) },
    { keys: ['h', 'ArrowLeft'], label: 'Close them', run: () => toggle(false) },
    { keys: ['a'], label: 'Earlier attempts of the step', run: toggleEarlier },
  ]);
}

function lastAttempt(listing: Listing<Inner>, number: number): number | null {
  const place = listing.at(listing.rowOf(number));
  return place?.kind === 'attempt' ? place.last : null;
}

/* What is not read of a filtered or folded list is when it comes near the screen, from the side that is seen of it; or where the reader
 * goes. */
function useReading(
  listed: Listed,
  listing: Listing<Inner>,
  { from, to }: Rows,
  { number, following }: Selection,
  count: number,
) {
  const { kind, fresh, loading, read, error } = listed;
  const idle = (kind !== 'all' || fresh) && !loading && error === null && count > 0;
  const wish = useMemo((): Wish | null => {
    if (!idle) return null;
    if (number === null) return null;
    if (fresh) return following ? newest(count) : tail(number);
    const away = listing.gapOf(number);
    if (away && following)
      return count - away.from > TAIL_STEPS
        ? { at: count, direction: -1, bound: away.from }
        : tail(away.from);
    if (away) return away.to === count ? tail(number) : { at: number, direction: 1, bound: away.to };
    const middle = (from + to) / 2;
    for (let row = Math.max(from - GAP_ROWS, 0); row < to + GAP_ROWS; row++) {
      const place = listing.at(row);
      if (place?.kind !== 'gap') continue;
      const { range } = place;
      if (range.to < count || range.from === 0) return wishFor(range, row < middle ? 'below' : 'above');
      return tail(range.from);
    }
    return null;
  }, [idle, fresh, listing, number, following, count, from, to]);
  useEffect(() => {
    if (wish) read(wish);
  }, [wish, read]);
}

function newest(count: number): Wish {
  return { at: count, direction: -1, bound: 0 };
}

function tail(at: number): Wish {
  return { at, direction: 1, bound: Infinity };
}

/* Rows that come or go above the screen move nothing on it: the first step on the screen stays where it is. */
function useSteady(listing: Listing<Inner>, rows: Rows, kind: string) {
  const before = useRef<{ readonly listing: Listing<Inner>; readonly kind: string } | null>(null);
  const { from, moveBy } = rows;
  useLayoutEffect(() => {
    const last = before.current;
    before.current = { listing, kind };
    if (last === null || last.listing === listing || last.kind !== kind) return;
    for (let row = from; row < Math.min(from + 40, last.listing.length); row++) {
      const place = last.listing.at(row);
      const now = place?.kind === 'step' ? listing.rowOf(place.number) : -1;
      if (now < 0) continue;
      if (now !== row) moveBy(now - row);
      return;
    }
  }, [listing, kind, from, moveBy]);
}

/* The chosen step is brought onto the screen when it is chosen, and the end while it is followed. What is chosen and not listed, as a
 * filter left it out, is told by what is listed beside it. Nothing else scrolls: who stops following, by scrolling up, stays there. */
function useReveal(listing: Listing<Inner>, rows: Rows, { number, following }: Selection) {
  const revealed = useRef<Revealed | null>(null);
  const { reveal } = rows;
  const wanted = useMemo((): Revealed => {
    if (following) return { number, end: listing.length, row: listing.length - 1, listed: true };
    const row = number === null ? -1 : listing.rowOf(number);
    const beside = row >= 0 || number === null || listing.gapOf(number) ? null : listing.next(number, 1);
    return {
      number,
      end: null,
      row: beside === null ? row : listing.rowOf(beside),
      listed: row >= 0,
    };
  }, [listing, number, following]);
  useLayoutEffect(() => {
    const before = revealed.current;
    const { end, row, listed } = wanted;
    if (row < 0) return;
    const same = before?.number === wanted.number;
    if (same && (end === null ? before.listed || !listed : before.end === end)) return;
    revealed.current = wanted;
    if (end !== null) reveal(row, 'end');
    else reveal(row, before === null || same ? 'centre' : 'near');
  }, [wanted, reveal]);
}

interface Revealed {
  readonly number: number | null;
  /** Rows of a list whose end is followed. */
  readonly end: number | null;
  readonly row: number;
  readonly listed: boolean;
}
