/** Milliseconds to wait before attempt number `attempt` (from 0): 250, 500, 1000, … at most 5 s, spread by `random` in [0, 1). */
export function backoffMs(attempt: number, random: number): number {
  const full = Math.min(250 * 2 ** Math.min(attempt, 10), 5000);
  return Math.round(full * (0.75 + random * 0.5));
}
