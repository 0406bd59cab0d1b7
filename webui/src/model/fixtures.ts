/* Short ways to what the API tells, for tests. Times are seconds after noon of one day. */
import { parseTime, type Time } from '../base/time';
import type { Project, RunSummary, StepSummary } from './api';

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

export function row(appId: string, parts: Partial<RunSummary> = {}): RunSummary {
  return {
    app_id: appId,
    partition_key: null,
    status: 'ok',
    started: at(0).text,
    last_activity: at(0).text,
    duration_us: 5,
    time_zone: 'exact',
    step_count: 1,
    failed_count: 0,
    superseded_count: 0,
    next_sequence_id: 1,
    record_count: 0,
    damaged_count: 0,
    input_tokens: 0,
    output_tokens: 0,
    last_action: null,
    last_error: null,
    parent: null,
    spawning_parent: null,
    log_bytes: 1,
    child_count: 0,
    ...parts,
  };
}

export function project(name: string, parts: Partial<Project> = {}): Project {
  return {
    name,
    run_count: 1,
    root_count: 1,
    started: at(0).text,
    last_activity: at(0).text,
    statuses: { running: 0, unknown: 0, lost: 0, failed: 0, ok: 1, waiting: 0 },
    ...parts,
  };
}
