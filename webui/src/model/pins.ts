/* Values of the state beside the steps that left them. */
import type { History } from './api';
import { brief, read } from './exact';

export type Moment = History['values'][number];

/** The moment whose value stood after step `number`; null: none is known. `moments` by rising number. */
export function momentAt(moments: readonly Moment[], number: number): Moment | null {
  let low = 0;
  let high = moments.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((moments[middle]?.number ?? Infinity) <= number) low = middle + 1;
    else high = middle;
  }
  return moments[low - 1] ?? null;
}

const PIN_MOST = 60;

export function pinText(moment: Moment | null): string | null {
  if (moment === null) return null;
  return moment.present ? brief(read(moment.value), PIN_MOST) : '–';
}

export interface Spark {
  /** An SVG path in a box of 1 by 1. */
  readonly path: string;
  readonly least: number;
  readonly most: number;
}

/** A picture of a value over the steps; null: it is not a number most of the time. */
export function sparkOf(moments: readonly Moment[], count: number): Spark | null {
  const points = moments.flatMap((moment) => {
    const value = moment.present ? Number(moment.value) : NaN;
    return Number.isFinite(value) ? [{ x: moment.number / Math.max(count - 1, 1), value }] : [];
  });
  if (points.length < 2 || points.length * 2 < moments.length) return null;
  const least = Math.min(...points.map((point) => point.value));
  const most = Math.max(...points.map((point) => point.value));
  const y = (value: number) => (most === least ? 0.5 : 1 - (value - least) / (most - least));
  const path = points
    .map(
      ({ x, value }, index) =>
        `${index === 0 ? 'M' : 'H'}${round(x)}${index === 0 ? ' ' : 'V'}${round(y(value))}`,
    )
    .join('');
  return { path: `${path}H1`, least, most };
}

function round(value: number): number {
  return Math.round(value * 1e4) / 1e4;
}
