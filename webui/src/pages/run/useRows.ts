/* Rows of one height, of which only those on the screen and a few around them are drawn. Nothing here costs more for a million rows than for
 * ten, which a virtualizer for rows of any height cannot give. */
import { useCallback, useLayoutEffect, useRef, useState, type RefObject } from 'react';
import { clamp } from '../../base/number';

export const ROW_PX = 26;
/* Above and below the screen: what a fast wheel passes between two frames. */
const AROUND = 12;

export interface Rows {
  readonly scroller: RefObject<HTMLDivElement | null>;
  /** The rows on the screen, [from, to). */
  readonly from: number;
  readonly to: number;
  /** The rows to draw. */
  readonly drawFrom: number;
  readonly drawTo: number;
  readonly heightPx: number;
  readonly onScroll: () => void;
  /** Brings a row onto the screen: where it is there already, nothing moves. */
  readonly reveal: (row: number, align: 'near' | 'centre' | 'end') => void;
}

export function useRows(count: number): Rows {
  const scroller = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ from: 0, size: 30 });
  const measure = useCallback(() => {
    const element = scroller.current;
    if (!element) return;
    const from = Math.floor(element.scrollTop / ROW_PX);
    const size = Math.ceil(element.clientHeight / ROW_PX) + 1;
    setView((old) => (old.from === from && old.size === size ? old : { from, size }));
  }, []);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [measure]);
  /* A list that became shorter has been scrolled by the browser. */
  useLayoutEffect(measure, [measure, count]);

  const reveal = useCallback(
    (row: number, align: 'near' | 'centre' | 'end') => {
      const element = scroller.current;
      if (!element || row < 0) return;
      const top = row * ROW_PX;
      const { clientHeight: height, scrollTop } = element;
      if (align === 'end') element.scrollTop = top + ROW_PX - height;
      else if (align === 'centre') element.scrollTop = top - (height - ROW_PX) / 2;
      else if (top < scrollTop) element.scrollTop = top;
      else if (top + ROW_PX > scrollTop + height) element.scrollTop = top + ROW_PX - height;
      measure();
    },
    [measure],
  );
  const from = clamp(view.from, 0, Math.max(count - 1, 0));
  const to = Math.min(from + view.size, count);
  return {
    scroller,
    from,
    to,
    drawFrom: Math.max(from - AROUND, 0),
    drawTo: Math.min(to + AROUND, count),
    heightPx: count * ROW_PX,
    onScroll: measure,
    reveal,
  };
}
