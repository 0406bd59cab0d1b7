const GROUPED = new Intl.NumberFormat('en', { useGrouping: true });

/** `12,345` */
export function formatCount(value: number): string {
  return GROUPED.format(value);
}

/** `1 step`, `2 steps` */
export function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : nouns}`;
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
