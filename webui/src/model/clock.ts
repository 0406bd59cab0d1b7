/* One clock for one run.
 *
 * Burr's tracker writes steps and spans in naive local time but attributes and streams in UTC. The difference is a zone's offset, and
 * zones are multiples of 15 minutes, so it can be read off the records: it is the offset that puts a step's UTC times beside the step. */
import type { Time } from '../base/time';
import type { Step } from './types';

const QUARTER_US = 15 * 60e6;

export interface RunClock {
  /** A time's place on the clock of the run's steps, in microseconds; comparable with any other of the same run. */
  readonly place: (time: Time) => number;
  /** What to add to a naive time to get UTC, where the records tell. */
  readonly naiveToUtcUs: number | null;
}

export function runClock(steps: readonly Step[]): RunClock {
  const votes = new Map<number, number>();
  for (const step of steps) {
    const base = step.end?.at ?? step.start;
    if (base === null || base.zoned) continue;
    for (const time of [...step.attributes, ...step.streamEvents].map((event) => event.at)) {
      if (time?.zoned !== true) continue;
      const offset = Math.round((time.us - base.us) / QUARTER_US) * QUARTER_US;
      votes.set(offset, (votes.get(offset) ?? 0) + 1);
    }
  }
  const winner = [...votes].reduce<readonly [number, number] | null>(
    (best, vote) => (best && best[1] >= vote[1] ? best : vote),
    null,
  );
  const naiveToUtcUs = winner?.[0] ?? null;
  const naiveSteps = steps.some((step) => step.start?.zoned === false);
  const shift = naiveToUtcUs ?? 0;
  return {
    naiveToUtcUs,
    place: naiveSteps
      ? (time) => (time.zoned ? time.us - shift : time.us)
      : (time) => (time.zoned ? time.us : time.us + shift),
  };
}
