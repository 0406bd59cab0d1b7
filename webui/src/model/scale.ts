/* Pixels of a list, and of the area that a browser can scroll it in. */
import { clamp } from '../base/number';

/* Below what Chromium (33.5 million) and Firefox (17.8 million) take. */
export const TALLEST_PX = 16_000_000;
/* At both ends of a scaled list, a pixel is a pixel. */
const EDGE_PX = 1_000_000;

export interface Scale {
  readonly isScaled: boolean;
  /** Of the area. */
  readonly heightPx: number;
  /** The list's pixel at the top of a screen of `screenPx`, where the bar is at `barPx`; and the other way round. */
  readonly listPx: (barPx: number, screenPx: number) => number;
  readonly barPx: (listPx: number, screenPx: number) => number;
}

export function makeScale(listHeightPx: number): Scale {
  if (listHeightPx <= TALLEST_PX)
    return { isScaled: false, heightPx: listHeightPx, listPx: (bar) => bar, barPx: (list) => list };
  const between = (wanted: number, fromEnd: number, toEnd: number) => {
    if (wanted <= EDGE_PX) return Math.max(wanted, 0);
    if (wanted >= fromEnd - EDGE_PX) return clamp(wanted + toEnd - fromEnd, 0, toEnd);
    return EDGE_PX + ((wanted - EDGE_PX) / (fromEnd - 2 * EDGE_PX)) * (toEnd - 2 * EDGE_PX);
  };
  return {
    isScaled: true,
    heightPx: TALLEST_PX,
    listPx: (bar, screen) => between(bar, TALLEST_PX - screen, listHeightPx - screen),
    barPx: (list, screen) => between(list, listHeightPx - screen, TALLEST_PX - screen),
  };
}
