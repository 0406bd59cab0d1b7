/* What became of a step and of a run, from the records alone.
 *
 * Whether an open step's process still lives cannot be read from version 0 of the API, so "running" comes with the time of the
 * last record. */
import { elapsedUs, type Time } from '../base/time';
import type { Machine, Run, Step } from './types';

export type StepStatus = 'running' | 'ok' | 'failed';
export type RunStatus = 'empty' | 'running' | 'failed' | 'ok' | 'waiting';

export function stepStatus(step: Step): StepStatus {
  if (step.end === null) return 'running';
  return step.end.exception === null ? 'ok' : 'failed';
}

/** Whether a later step shows that this one, open as it is, will not be finished by the process that began it. */
export function isAbandoned(steps: readonly Step[], index: number): boolean {
  return steps[index]?.end === null && index < steps.length - 1;
}

export function stepDurationUs(step: Step): number | null {
  return elapsedUs(step.start, step.end?.at ?? null);
}

/** The nearest step before the one at `index` that left a state. */
export function previousEnded(steps: readonly Step[], index: number): Step | null {
  for (let at = index - 1; at >= 0; at--) {
    const step = steps[at];
    if (step?.end) return step;
  }
  return null;
}

export function runStatus(run: Run): RunStatus {
  const last = run.steps.at(-1);
  if (last === undefined) return 'empty';
  const status = stepStatus(last);
  if (status !== 'ok') return status;
  return hasWayOut(run.machine, last.action) ? 'waiting' : 'ok';
}

function hasWayOut(machine: Machine, action: string): boolean {
  return machine.transitions.some((transition) => transition.from === action);
}

/** The newest time of any record of the step's own kind, the best there is for "last seen". */
export function lastSeen(run: Run): Time | null {
  const last = run.steps.at(-1);
  if (last === undefined) return null;
  const times = [
    last.end?.at,
    last.start,
    ...last.spans.flatMap((span) => [span.end, span.start]),
    ...last.streamEvents.map((event) => event.at),
    ...last.attributes.map((attribute) => attribute.at),
  ].filter((time): time is Time => time !== null && time !== undefined);
  const kind = last.start?.zoned;
  const alike = kind === undefined ? times : times.filter((time) => time.zoned === kind);
  return alike.reduce<Time | null>((newest, time) => (newest && newest.us >= time.us ? newest : time), null);
}

export function runDurationUs(run: Run): number | null {
  return elapsedUs(run.steps[0]?.start ?? null, lastSeen(run));
}

export function failureCount(run: Run): number {
  return run.steps.reduce((count, step) => count + (stepStatus(step) === 'failed' ? 1 : 0), 0);
}

/** The position of the next failed step after `from`, starting over at the top; null without any. */
export function nextFailure(steps: readonly Step[], from: number): number | null {
  for (let offset = 1; offset <= steps.length; offset++) {
    const index = (from + offset) % steps.length;
    const step = steps[index];
    if (step && stepStatus(step) === 'failed') return index;
  }
  return null;
}

export function slowestStep(steps: readonly Step[]): number | null {
  let best: { readonly index: number; readonly us: number } | null = null;
  for (const [index, step] of steps.entries()) {
    const us = stepDurationUs(step);
    if (us !== null && (best === null || us > best.us)) best = { index, us };
  }
  return best?.index ?? null;
}
