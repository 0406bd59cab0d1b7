/* Short ways to what the API tells, for tests. Times are seconds after noon of one day. */
import { parseTime, type Time } from '../base/time';
import type { StepSummary } from './api';

export function at(seconds: number, zone = 'Z'): Time {
  const text = new Date(Date.UTC(2024, 0, 2, 12) + seconds * 1000).toISOString().replace('Z', zone);
  const time = parseTime(text);
  if (time === null) throw new Error(text);
  return time;
}

export function summary(number: number, parts: Partial<StepSummary> = {}): StepSummary {
  return {
    number,
    sequence_id: number,
    attempt: 1,
    superseded: false,
    action: 'count',
    condition: null,
    changed: null,
    status: 'ok',
    started: at(number).text,
    ended: at(number + 0.5).text,
    duration_us: 500_000,
    record_count: 0,
    ...parts,
  };
}
