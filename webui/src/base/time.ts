/* Times as trackers write them: UTC with `Z`, an explicit offset, or naive local time without a zone.
 *
 * A naive time is kept as if it were UTC and marked `zoned: false`. Two times of one kind can be subtracted; to place a naive
 * time on the world's clock, the machine's zone is assumed. Nothing here throws on bad input. */

export interface Time {
  /** Microseconds since 1970; for a naive time, of its wall clock read as UTC. */
  readonly us: number;
  readonly zoned: boolean;
  readonly text: string;
}

const SHAPE = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?$/;

export function parseTime(text: string | null): Time | null {
  const match = text === null ? null : SHAPE.exec(text);
  if (match === null || text === null) return null;
  const [, year, month, day, hour, minute, second = '0', fraction = '', zone] = match;
  const whole = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  if (Number.isNaN(whole)) return null;
  const us = whole * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6));
  return { us: us - offsetUs(zone), zoned: zone !== undefined, text };
}

function offsetUs(zone: string | undefined): number {
  if (zone === undefined || zone === 'Z') return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2));
  return (zone.startsWith('-') ? -minutes : minutes) * 60e6;
}

/** Microseconds from one time to the other, or null where they cannot be compared. */
export function elapsedUs(from: Time | null, to: Time | null): number | null {
  return from !== null && to?.zoned === from.zoned ? to.us - from.us : null;
}

/** The moment in milliseconds since 1970, a naive time being read in the machine's zone. */
export function epochMs(time: Time): number {
  const ms = Math.floor(time.us / 1000);
  if (time.zoned) return ms;
  const at = new Date(ms);
  return new Date(
    at.getUTCFullYear(),
    at.getUTCMonth(),
    at.getUTCDate(),
    at.getUTCHours(),
    at.getUTCMinutes(),
    at.getUTCSeconds(),
    at.getUTCMilliseconds(),
  ).getTime();
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** `2024-08-27 11:58:33`, in the reader's zone. */
export function formatDateTime(time: Time): string {
  const at = new Date(epochMs(time));
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${date} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** `11:58:33.743`, in the reader's zone. */
export function formatClock(time: Time): string {
  const at = new Date(epochMs(time));
  const ms = String(at.getMilliseconds()).padStart(3, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${ms}`;
}

/** What a reader sees on hovering a time: the exact value, and what is known of its zone. */
export function explainTime(time: Time): string {
  if (!time.zoned) return `${time.text} (recorded without a time zone; read as this machine's)`;
  if (time.text.endsWith('Z')) return time.text;
  return `${new Date(epochMs(time)).toISOString()} (recorded as ${time.text})`;
}

const UNITS: readonly (readonly [number, string])[] = [
  [86_400e6, 'd'],
  [3_600e6, 'h'],
  [60e6, 'm'],
  [1e6, 's'],
  [1e3, 'ms'],
  [1, 'µs'],
];

/** `85 µs`, `12.3 ms`, `4.07 s`, `3 m 12 s`, `5 h 2 m`, `2 d 7 h`. */
export function formatDuration(us: number): string {
  if (us < 0) return `−${formatDuration(-us)}`;
  const rounded = us >= 59.95e6 ? Math.round(us / 1e6) * 1e6 : us;
  const index = UNITS.findIndex(([size]) => rounded >= (size < 60e6 ? size * 0.9995 : size));
  const [size, unit] = UNITS[index] ?? [1, 'µs'];
  if (size < 60e6) {
    const value = rounded / size;
    return `${value >= 100 || size === 1 ? Math.round(value) : trim(value.toPrecision(3))} ${unit}`;
  }
  const major = Math.floor(rounded / size);
  const [minorSize, minorUnit] = UNITS[index + 1] ?? [1e6, 's'];
  const minor = Math.floor((rounded - major * size) / minorSize);
  return minor > 0 ? `${major} ${unit} ${minor} ${minorUnit}` : `${major} ${unit}`;
}

/** `0.123`, `12.345`, `37:20.746`, `5:02:20.746`: a place on a run's own clock, which lines up in a column. */
export function formatElapsed(us: number): string {
  if (us < 0) return `−${formatElapsed(-us)}`;
  const ms = Math.floor(us / 1000);
  const seconds = Math.floor(ms / 1000);
  const rest = `.${String(ms % 1000).padStart(3, '0')}`;
  if (seconds < 60) return `${seconds}${rest}`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${two(seconds % 60)}${rest}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}${rest}`;
}

function trim(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** `just now`, `12 s ago`, `3 m ago`, `yesterday`-free and language-free on purpose: it lines up in a column. */
export function formatAgo(ms: number, now: number): string {
  const seconds = Math.floor((now - ms) / 1000);
  if (seconds < -5) return 'in the future';
  if (seconds < 5) return 'just now';
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  if (seconds < 86_400 * 60) return `${Math.floor(seconds / 86_400)} d ago`;
  if (seconds < 86_400 * 730) return `${Math.floor(seconds / (86_400 * 30.44))} mo ago`;
  return `${Math.floor(seconds / (86_400 * 365.25))} y ago`;
}
