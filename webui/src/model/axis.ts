/* The time axis of a run, shared by every bar of the waterfall.
 *
 * A run that waits for people or cron is mostly pause: drawn to scale, its steps would be dots. A compressed axis gives every
 * pause longer than a second a fixed small share instead, and says where it did. Positions are fractions of the width, 0 to 1. */
import { clamp } from '../base/number';
import type { RunClock } from './clock';
import type { Step } from './types';

export const PAUSE_US = 1e6;
/* Pauses together take at most this much of a compressed axis, and one no more than PAUSE_SHARE. */
const ALL_PAUSES_SHARE = 0.3;
const PAUSE_SHARE = 0.025;

export interface Pause {
  readonly from: number;
  readonly to: number;
  readonly durationUs: number;
}

export interface Axis {
  readonly at: (us: number) => number;
  readonly startUs: number;
  readonly endUs: number;
  readonly pauses: readonly Pause[];
}

interface Busy {
  readonly from: number;
  to: number;
}

export function buildAxis(steps: readonly Step[], clock: RunClock, compressed: boolean): Axis {
  const busy = busyTimes(steps, clock);
  const startUs = busy[0]?.from ?? 0;
  const endUs = Math.max(busy.at(-1)?.to ?? 0, startUs + 1);
  const gaps = busy.slice(1).map((next, index) => ({ from: busy[index]?.to ?? next.from, to: next.from }));
  const long = gaps.filter((gap) => gap.to - gap.from > PAUSE_US);
  const paused = long.reduce((sum, gap) => sum + gap.to - gap.from, 0);
  const share = Math.min(ALL_PAUSES_SHARE / Math.max(long.length, 1), PAUSE_SHARE);
  const total = endUs - startUs;
  const worthwhile = compressed && paused > share * long.length * total;
  if (!worthwhile) {
    const at = (us: number) => clamp((us - startUs) / total, 0, 1);
    const pauses = long.map((gap) => ({ from: at(gap.from), to: at(gap.to), durationUs: gap.to - gap.from }));
    return { at, startUs, endUs, pauses };
  }

  const active = Math.max(total - paused, 1);
  const scale = (1 - share * long.length) / active;
  const knots: { readonly us: number; readonly x: number; readonly slope: number }[] = [];
  const pauses: Pause[] = [];
  let x = 0;
  let us = startUs;
  for (const gap of long) {
    knots.push({ us, x, slope: scale });
    x += (gap.from - us) * scale;
    knots.push({ us: gap.from, x, slope: share / (gap.to - gap.from) });
    pauses.push({ from: x, to: x + share, durationUs: gap.to - gap.from });
    x += share;
    us = gap.to;
  }
  knots.push({ us, x, slope: scale });
  const at = (moment: number) => {
    let low = 0;
    let high = knots.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((knots[middle]?.us ?? Infinity) <= moment) low = middle;
      else high = middle - 1;
    }
    const knot = knots[low];
    return knot ? clamp(knot.x + (moment - knot.us) * knot.slope, 0, 1) : 0;
  };
  return { at, startUs, endUs, pauses };
}

/* Steps in the order of their start, overlapping ones merged. */
function busyTimes(steps: readonly Step[], clock: RunClock): Busy[] {
  const spans = steps.flatMap((step) => {
    const from = step.start ?? step.end?.at ?? null;
    if (from === null) return [];
    const to = step.end?.at ?? newestWithin(step) ?? from;
    const begin = clock.place(from);
    return [{ from: begin, to: Math.max(clock.place(to), begin) }];
  });
  spans.sort((a, b) => a.from - b.from);
  const merged: Busy[] = [];
  for (const span of spans) {
    const last = merged.at(-1);
    if (last && span.from <= last.to) last.to = Math.max(last.to, span.to);
    else merged.push({ ...span });
  }
  return merged;
}

function newestWithin(step: Step) {
  return step.spans.at(-1)?.end ?? step.spans.at(-1)?.start ?? null;
}
