/* Which steps a reader wants to see, as the address holds it and the server is asked. */
import type { StepStatus } from './api';

export interface StepFilter {
  readonly action: string | null;
  readonly status: StepStatus | null;
  readonly slowerUs: number | null;
  readonly changed: string | null;
  /** Only the last attempt at each sequence id. */
  readonly lastAttempts: boolean;
}

export const NO_FILTER: StepFilter = {
  action: null,
  status: null,
  slowerUs: null,
  changed: null,
  lastAttempts: false,
};

const STATUSES: readonly StepStatus[] = ['ok', 'failed', 'open'];

/** The names that the filter has in the address. */
export const FILTER_NAMES = ['action', 'status', 'slower', 'changed', 'attempts'] as const;

export function readFilter(query: URLSearchParams): StepFilter {
  return {
    action: query.get('action'),
    status: STATUSES.find((status) => status === query.get('status')) ?? null,
    slowerUs: readDuration(query.get('slower') ?? ''),
    changed: query.get('changed'),
    lastAttempts: query.get('attempts') === 'last',
  };
}

export function isFiltered(filter: StepFilter): boolean {
  return Object.values(filter).some((part) => part !== null && part !== false);
}

/** The parameters of the API's list of steps. */
export function filterParams(filter: StepFilter) {
  return {
    ...(filter.action === null ? {} : { action: filter.action }),
    ...(filter.status === null ? {} : { status: filter.status }),
    ...(filter.slowerUs === null ? {} : { slower_us: filter.slowerUs }),
    ...(filter.changed === null ? {} : { changed: filter.changed }),
    ...(filter.lastAttempts ? { superseded: false } : {}),
  };
}

const UNITS: Readonly<Record<string, number>> = {
  us: 1,
  µs: 1,
  ms: 1e3,
  s: 1e6,
  m: 60e6,
  min: 60e6,
  h: 3600e6,
};

/** Microseconds of `250ms`, `1.5 s`, `2m`; a number alone is milliseconds. null: it is no duration. */
export function readDuration(text: string): number | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(us|µs|ms|s|m|min|h)?\s*$/.exec(text);
  if (match === null) return null;
  return Math.round(Number(match[1]) * (UNITS[match[2] ?? 'ms'] ?? 1e3));
}
