/* A time axis: moments in microseconds to fractions of its width, 0 to 1, and back.
 *
 * A run that waits for people or cron is mostly pause: drawn to scale, its steps would be dots. A compressed axis gives every
 * pause longer than a second a fixed small share instead, and says where it did. */
import { clamp } from '../base/number';
import { parseTime } from '../base/time';
import type { Folded, Overview, StepSummary } from './api';

export const PAUSE_US = 1e6;
/* Pauses together take at most this much of a compressed axis, and one no more than PAUSE_SHARE. */
const ALL_PAUSES_SHARE = 0.3;
const PAUSE_SHARE = 0.025;

export interface Interval {
  readonly from: number;
  readonly to: number;
}

export interface Pause extends Interval {
  readonly durationUs: number;
}

export interface Axis {
  readonly at: (us: number) => number;
  readonly us: (x: number) => number;
  readonly startUs: number;
  readonly endUs: number;
  readonly pauses: readonly Pause[];
  /** Pauses are drawn short. */
  readonly compressed: boolean;
}

/** From when something ran. `window`: the axis shows this, and not all of it. */
export function buildAxis(
  intervals: readonly Interval[],
  compressed: boolean,
  window: Interval | null = null,
): Axis {
  const busy = merge(intervals, window);
  const startUs = window?.from ?? busy[0]?.from ?? 0;
  const endUs = Math.max(window?.to ?? busy.at(-1)?.to ?? 0, startUs + 1);
  const gaps = gapsOf(busy, startUs, endUs).filter((gap) => gap.to - gap.from > PAUSE_US);
  const paused = gaps.reduce((sum, gap) => sum + gap.to - gap.from, 0);
  const share = Math.min(ALL_PAUSES_SHARE / Math.max(gaps.length, 1), PAUSE_SHARE);
  const total = endUs - startUs;
  const short = compressed && paused > share * gaps.length * total;
  const knots = short
    ? shortKnots(gaps, startUs, endUs, share)
    : [
        { us: startUs, x: 0 },
        { us: endUs, x: 1 },
      ];
  const at = (us: number) => clamp(interpolate(knots, us, 'us', 'x'), 0, 1);
  const us = (x: number) => clamp(interpolate(knots, x, 'x', 'us'), startUs, endUs);
  return {
    at,
    us,
    startUs,
    endUs,
    pauses: gaps.map((gap) => ({ from: at(gap.from), to: at(gap.to), durationUs: gap.to - gap.from })),
    compressed: short,
  };
}

interface Knot {
  readonly us: number;
  readonly x: number;
}

function shortKnots(
  gaps: readonly Interval[],
  startUs: number,
  endUs: number,
  share: number,
): readonly Knot[] {
  const paused = gaps.reduce((sum, gap) => sum + gap.to - gap.from, 0);
  const scale = (1 - share * gaps.length) / Math.max(endUs - startUs - paused, 1);
  const knots: Knot[] = [{ us: startUs, x: 0 }];
  let x = 0;
  let us = startUs;
  for (const gap of gaps) {
    x += (gap.from - us) * scale;
    knots.push({ us: gap.from, x });
    x += share;
    knots.push({ us: gap.to, x });
    us = gap.to;
  }
  knots.push({ us: endUs, x: 1 });
  return knots;
}

/* The last knots' line goes on beyond them. */
function interpolate(knots: readonly Knot[], wanted: number, from: keyof Knot, to: keyof Knot): number {
  let low = 0;
  let high = knots.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((knots[middle]?.[from] ?? Infinity) <= wanted) low = middle;
    else high = middle - 1;
  }
  const a = knots[low];
  const b = knots[low + 1];
  if (!a || !b) return 0;
  const length = b[from] - a[from];
  return length === 0 ? b[to] : a[to] + ((wanted - a[from]) / length) * (b[to] - a[to]);
}

function gapsOf(busy: readonly Interval[], startUs: number, endUs: number): readonly Interval[] {
  const edges = [{ from: startUs, to: startUs }, ...busy, { from: endUs, to: endUs }];
  return edges.slice(1).flatMap((next, index) => {
    const from = edges[index]?.to ?? next.from;
    return next.from > from ? [{ from, to: next.from }] : [];
  });
}

/* In the order of their begin, overlapping ones as one, what is outside the window left out. */
function merge(intervals: readonly Interval[], window: Interval | null): readonly Interval[] {
  const sorted = intervals
    .filter((one) => window === null || (one.to >= window.from && one.from <= window.to))
    .map((one) => ({
      from: Math.max(one.from, window?.from ?? -Infinity),
      to: Math.min(Math.max(one.to, one.from), window?.to ?? Infinity),
    }))
    .sort((a, b) => a.from - b.from);
  const merged: { from: number; to: number }[] = [];
  for (const one of sorted) {
    const last = merged.at(-1);
    if (last && one.from <= last.to) last.to = Math.max(last.to, one.to);
    else merged.push(one);
  }
  return merged;
}

export function usOf(time: string | null): number | null {
  return parseTime(time)?.us ?? null;
}

/** When a step ran; one that is open, until `nowUs`. null: it has no time. */
export function intervalOf(step: StepSummary, nowUs: number | null): Interval | null {
  const from = usOf(step.started) ?? usOf(step.ended);
  if (from === null) return null;
  const to = usOf(step.ended) ?? (step.status === 'open' ? nowUs : null) ?? from;
  return { from, to: Math.max(from, to) };
}

/** When a folded cycle ran. */
export function intervalOfGroup({ started, ended }: Folded['groups'][number]): Interval | null {
  const from = usOf(started) ?? usOf(ended);
  return from === null ? null : { from, to: Math.max(usOf(ended) ?? from, from) };
}

/** When something ran, as far as an overview tells: of a bucket in which steps began, to the end of the longest of them. */
export function intervalsOf(overview: Overview): readonly Interval[] {
  return overview.buckets.flatMap((bucket) => {
    const from = usOf(bucket.from);
    if (bucket.step_count === 0 || from === null) return [];
    return [{ from, to: from + overview.bucket_us + bucket.longest_us }];
  });
}

/** Where round moments of an axis lie, some four of them, as microseconds since its start. */
export function ticksOf(axis: Axis): readonly number[] {
  if (axis.compressed) return [];
  const total = axis.endUs - axis.startUs;
  const step = roundStep(total / 4);
  const ticks: number[] = [];
  for (let us = step; us < total * 0.97; us += step) ticks.push(us);
  return ticks;
}

const SECOND = 1e6;
/* Beyond a second, clocks do not count by tens. */
const ROUND_STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
];

function roundStep(us: number): number {
  const slow = ROUND_STEPS.find((seconds) => seconds * SECOND >= us);
  if (us > SECOND && slow !== undefined) return slow * SECOND;
  const power = 10 ** Math.floor(Math.log10(Math.max(us, 1)));
  return ([1, 2, 5].find((factor) => factor * power >= us) ?? 10) * power;
}
