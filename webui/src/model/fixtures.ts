/* Short ways to steps and runs, for tests. Times are seconds after noon of one day. */
import type { JsonObject } from '../base/json';
import { parseTime, type Time } from '../base/time';
import type { Run, Step, Transition } from './types';

export function at(seconds: number, zone = 'Z'): Time {
  const text = new Date(Date.UTC(2024, 0, 2, 12) + seconds * 1000).toISOString().replace('Z', zone);
  const time = parseTime(text);
  if (time === null) throw new Error(text);
  return time;
}

interface StepParts extends Partial<Omit<Step, 'end'>> {
  readonly ended?: number | null;
  readonly exception?: string;
  readonly state?: JsonObject;
  readonly began?: number;
  readonly zone?: string;
}

export function step(sequenceId: number, action: string, parts: StepParts = {}): Step {
  const { ended, exception, state, began = sequenceId, zone = 'Z', ...rest } = parts;
  return {
    sequenceId,
    action,
    inputs: {},
    start: at(began, zone),
    end:
      ended === null
        ? null
        : {
            at: at(ended ?? began + 0.5, zone),
            result: null,
            exception: exception ?? null,
            state: state ?? {},
          },
    spans: [],
    attributes: [],
    streamEvents: [],
    raw: {},
    ...rest,
  };
}

export function run(steps: readonly Step[], transitions: readonly Transition[] = []): Run {
  const names = new Set(transitions.flatMap((transition) => [transition.from, transition.to]));
  return {
    machine: {
      entrypoint: null,
      actions: [...names].map((name) => ({
        name,
        reads: [],
        writes: [],
        inputs: [],
        optionalInputs: [],
        code: '',
      })),
      transitions,
    },
    steps,
    children: [],
    forkedFrom: null,
    spawnedBy: null,
  };
}

export const LOOP: readonly Transition[] = [
  { from: 'count', to: 'count', condition: 'count < limit' },
  { from: 'count', to: 'done', condition: 'default' },
];
