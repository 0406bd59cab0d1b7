import type { Overview } from './api';

/** One that goes on where another ended, as one. null: the run has grown in between, and its buckets are others. */
export function addOverviews(first: Overview, rest: Overview): Overview | null {
  const same =
    first.bucket_us === rest.bucket_us &&
    first.buckets.length === rest.buckets.length &&
    first.buckets[0]?.from === rest.buckets[0]?.from;
  if (!same) return null;
  const buckets = first.buckets.map((a, index) => {
    const b = rest.buckets[index] ?? a;
    return {
      from: a.from,
      first_number: a.first_number ?? b.first_number,
      step_count: a.step_count + b.step_count,
      failed_count: a.failed_count + b.failed_count,
      open_count: a.open_count + b.open_count,
      busy_us: a.busy_us + b.busy_us,
      longest_us: Math.max(a.longest_us, b.longest_us),
    };
  });
  return { ...rest, buckets };
}
