/* The server's clock, for ages and for durations that still run: a reader's own may be off.
 *
 * Each answer tells a time, at best the present one. It may have come out of the browser's cache, and it took a while to get here, so
 * all of them are too early, never too late: the one that is furthest ahead of our clock is the best. */

let aheadMs: number | null = null;

/** Takes note of a time that the server told just now: an answer's `now`, or its Date header. */
export function noteServerTime(text: string | null): void {
  const told = text === null ? NaN : Date.parse(text);
  if (!Number.isNaN(told)) aheadMs = Math.max(aheadMs ?? -Infinity, told - Date.now());
}

/** Milliseconds since 1970 by the server's clock; by ours until an answer has come. */
export function serverNow(): number {
  return Date.now() + (aheadMs ?? 0);
}
