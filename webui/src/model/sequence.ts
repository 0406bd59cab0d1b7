/* Rows that are known by how many there are, and made when they are looked at. */

export interface Sequence<R> {
  readonly length: number;
  readonly at: (index: number) => R | null;
}

export function sequenceOf<R>(rows: readonly R[]): Sequence<R> {
  return { length: rows.length, at: (index) => rows[index] ?? null };
}

/** One after another. */
export function concat<R>(parts: readonly Sequence<R>[]): Sequence<R> {
  const [only] = parts;
  if (only && parts.length === 1) return only;
  const ends: number[] = [];
  for (const part of parts) ends.push((ends.at(-1) ?? 0) + part.length);
  return {
    length: ends.at(-1) ?? 0,
    at: (index) => {
      const which = upperBound(ends, index);
      return parts[which]?.at(index - (ends[which - 1] ?? 0)) ?? null;
    },
  };
}

/** Where the first of the rising numbers that is larger than `wanted` stands. */
export function upperBound(rising: readonly number[], wanted: number): number {
  let low = 0;
  let high = rising.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rising[middle] ?? Infinity) <= wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
