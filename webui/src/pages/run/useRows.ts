/* Rows of one height, of which only those on the screen and a few around them are drawn. Nothing here costs more for a million rows than for
 * ten, which a virtualizer for rows of any height cannot give.
 *
 * A browser scrolls no more than some 33 million pixels, 1.28 million rows. A list that is taller gets an area of TALLEST_PX, whose ends
 * are to scale, so that both ends of a list are like those of any other; in between, a pixel of the scroll bar is many of the list. The
 * wheel and keys still move by pixels of the list, and when they rest, the scroll bar is put where it belongs. */
import { useCallback, useLayoutEffect, useMemo, useRef, useState, type RefObject } from 'react';
import { clamp } from '../../base/number';
import { makeScale } from '../../model/scale';

export const ROW_PX = 26;
/* About as many as a screen shows, until it is measured. */
const SCREEN_ROWS = 30;
/* Above and below the screen: what a fast wheel passes between two frames. */
const AROUND = 12;
/* More pixels at once than this many screens, so long after the wheel turned: it was the scroll bar. */
const FAR_SCREENS = 3;
const WHEEL_MS = 500;

export interface Rows {
  readonly scroller: RefObject<HTMLDivElement | null>;
  /** The rows on the screen, [from, to). */
  readonly from: number;
  readonly to: number;
  /** The rows to draw. */
  readonly drawFrom: number;
  readonly drawTo: number;
  /** Where the first of them is drawn. */
  readonly drawPx: number;
  readonly heightPx: number;
  readonly onScroll: () => void;
  /** Brings a row onto the screen: where it is there already, nothing moves. */
  readonly reveal: (row: number, align: 'near' | 'centre' | 'end') => void;
  /** Rows came or went above: what is on the screen stays there. */
  readonly moveBy: (rows: number) => void;
}

/** `revealed` is the row that is brought onto the screen first, so that nothing else is asked for before. */
export function useRows(count: number, revealed: number): Rows {
  const scroller = useRef<HTMLDivElement>(null);
  const scale = useMemo(() => makeScale(count * ROW_PX), [count]);
  /* How far the list's own pixels are from the scroll bar's. */
  const place = useRef({ barPx: 0, topPx: 0, wheeledAt: -Infinity });
  const [view, setView] = useState(() => ({
    from: clamp(revealed - SCREEN_ROWS / 2, 0, Math.max(count - SCREEN_ROWS, 0)),
    size: SCREEN_ROWS,
    shiftPx: 0,
  }));
  const measure = useCallback(() => {
    const element = scroller.current;
    if (!element) return;
    const { scrollTop: barPx, clientHeight } = element;
    const { wheeledAt } = place.current;
    const moved = barPx - place.current.barPx;
    const wheeled = performance.now() - wheeledAt < WHEEL_MS;
    const near = scale.isScaled && (wheeled || Math.abs(moved) < FAR_SCREENS * clientHeight);
    const topPx = near
      ? clamp(place.current.topPx + moved, 0, Math.max(count * ROW_PX - clientHeight, 0))
      : scale.listPx(barPx, clientHeight);
    place.current = { barPx, topPx, wheeledAt };
    const from = Math.floor(topPx / ROW_PX);
    const size = Math.ceil(clientHeight / ROW_PX) + 1;
    const shiftPx = barPx - topPx;
    setView((old) =>
      old.from === from && old.size === size && old.shiftPx === shiftPx ? old : { from, size, shiftPx },
    );
  }, [scale, count]);
  const scrollTo = useCallback(
    (topPx: number) => {
      const element = scroller.current;
      if (!element) return;
      const { clientHeight } = element;
      const wanted = clamp(topPx, 0, Math.max(count * ROW_PX - clientHeight, 0));
      element.scrollTop = scale.barPx(wanted, clientHeight);
      const barPx = element.scrollTop;
      place.current = { barPx, topPx: scale.isScaled ? wanted : barPx, wheeledAt: -Infinity };
      measure();
    },
    [scale, count, measure],
  );
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    const rest = () => scale.isScaled && scrollTo(place.current.topPx);
    const wheel = () => (place.current.wheeledAt = performance.now());
    element.addEventListener('scrollend', rest);
    element.addEventListener('wheel', wheel, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scrollend', rest);
      element.removeEventListener('wheel', wheel);
    };
  }, [measure, scale, scrollTo]);
  /* A list that became shorter has been scrolled by the browser. */
  useLayoutEffect(measure, [measure, count]);

  const reveal = useCallback(
    (row: number, align: 'near' | 'centre' | 'end') => {
      const element = scroller.current;
      if (!element || row < 0) return;
      const top = row * ROW_PX;
      const { clientHeight: height } = element;
      const { topPx } = place.current;
      if (align === 'end') scrollTo(top + ROW_PX - height);
      else if (align === 'centre') scrollTo(top - (height - ROW_PX) / 2);
      else if (top < topPx) scrollTo(top);
      else if (top + ROW_PX > topPx + height) scrollTo(top + ROW_PX - height);
      else measure();
    },
    [scrollTo, measure],
  );
  const moveBy = useCallback((rows: number) => scrollTo(place.current.topPx + rows * ROW_PX), [scrollTo]);
  const from = clamp(view.from, 0, Math.max(count - 1, 0));
  const to = Math.min(from + view.size, count);
  const drawFrom = Math.max(from - AROUND, 0);
  return {
    scroller,
    from,
    to,
    drawFrom,
    drawTo: Math.min(to + AROUND, count),
    drawPx: drawFrom * ROW_PX + view.shiftPx,
    heightPx: scale.heightPx,
    onScroll: measure,
    reveal,
    moveBy,
  };
}
