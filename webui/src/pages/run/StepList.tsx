/* The steps as rows on one time axis. Only what is on the screen is drawn, and only what is around it is asked for. */
import { useEffect, useLayoutEffect, useMemo, useRef, type CSSProperties } from 'react';
import { plural } from '../../base/number';
import type { Overview } from '../../model/api';
import { usOf } from '../../model/axis';
import type { Listing, Place } from '../../model/listing';
import { momentAt, pinText } from '../../model/pins';
import type { Listed } from '../../state/listing';
import { useHistories, type PinnedPage } from '../../state/history';
import { PAGE_STEPS } from '../../state/run';
import type { RunView } from '../../state/runView';
import type { Selection } from '../../state/selection';
import { useKeys } from '../../ui/keys';
import { AxisHead } from './AxisHead';
import { useFacts } from './context';
import { Empty } from './Empty';
import { Minimap } from './Minimap';
import { RowView } from './RowView';
import { useFollowByScroll } from './useFollowByScroll';
import { ROW_PX, type Rows } from './useRows';
import { useAxis, useStepRows } from './useStepRows';

export type TimeMode = 'elapsed' | 'clock';

/* More stripes would not be told apart. */
const PAUSES_DRAWN = 200;

/* A step that is chosen but not listed yet is read on to, so far. */
const FAR_ROWS = 20_000;

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

  useReveal(listing, rows, selection);
  const onFollowScroll = useFollowByScroll(selection);
  const { more, loadMore } = listed;
  const away = selected !== null && listing.rowOf(selected) < 0 && listing.length < FAR_ROWS;
  useEffect(() => {
    if (more && (rows.to >= listing.length - 50 || away)) loadMore();
  }, [more, away, rows.to, listing.length, loadMore]);
  useListKeys(listing, view, selection);

  const current = selected === null ? null : stepAt(selected);
  const drawn = Array.from({ length: rows.drawTo - rows.drawFrom }, (_, index) => rows.drawFrom + index);
  const digits = Math.max(String(Math.max(detail.next_sequence_id - 1, 0)).length, 2);
  return (
    <div
      className="steps-list"
      style={{ '--seq': `${digits * 7 + 4}px`, '--pins': view.pins.length } as CSSProperties}
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
        shown={listing.length}
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
          <div className="drawn" style={{ transform: `translateY(${rows.drawFrom * ROW_PX}px)` }}>
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
                    pins={place.kind === 'step' ? pinsAt(place.number) : []}
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
      {selection.unseen > 0 && (
        <button type="button" className="unseen" onClick={() => selection.follow()}>
          {plural(selection.unseen, 'new step')} ↓
        </button>
      )}
    </div>
  );
}

function keyOf(place: Place): string {
  if (place.kind === 'step') return `s${place.number}`;
  return place.kind === 'fold' ? `f${place.group.from}` : `d${place.number}/${place.offset}`;
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

function useListKeys(listing: Listing, view: RunView, { number: selected, select }: Selection) {
  const move = (by: 1 | -1) => {
    const target = selected === null ? null : listing.nearest(selected + by, by);
    if (target !== null) select(target, 'replace');
  };
  const toggle = (open: boolean) => {
    if (selected !== null) view.toggle(selected, open);
  };
  useKeys('Steps', [
    { keys: ['j', 'ArrowDown'], label: 'Next step', run: () => move(1) },
    { keys: ['k', 'ArrowUp'], label: 'Step before', run: () => move(-1) },
    { keys: ['l', 'ArrowRight'], label: 'Open spans and attributes', run: () => toggle(true) },
    { keys: ['h', 'ArrowLeft'], label: 'Close them', run: () => toggle(false) },
  ]);
}

/* The chosen step is brought onto the screen when it is chosen, and the end while it is followed. Nothing else scrolls: who stops
 * following, by scrolling up, stays there. */
function useReveal(listing: Listing, rows: Rows, { number, following }: Selection) {
  const revealed = useRef<{ readonly number: number | null; readonly end: number | null } | null>(null);
  const { reveal } = rows;
  const row = number === null ? -1 : listing.rowOf(number);
  const end = following ? listing.length : null;
  useLayoutEffect(() => {
    const before = revealed.current;
    if (row < 0 || (before?.number === number && (end === null || before.end === end))) return;
    revealed.current = { number, end };
    if (end !== null) reveal(end - 1, 'end');
    else reveal(row, before === null ? 'centre' : 'near');
  }, [row, number, end, reveal]);
}
