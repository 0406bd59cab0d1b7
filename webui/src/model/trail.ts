/* Where something is open in the step list, as the address holds it: `12` is a step, `12/other` the run that it spawned, `12/other/3` a
 * step of that run, and so on to any depth. Runs are percent-encoded, so a trail has no comma and no other slash. */

export type Trail = string;

const TRAIL = /^\d+(?:\/[^/,]+\/\d+)*(?:\/[^/,]+)?$/;

export function isTrail(text: string): boolean {
  return TRAIL.test(text);
}

export function below(trail: Trail, part: string | number): Trail {
  return `${trail}/${typeof part === 'number' ? part : encodeURIComponent(part)}`;
}

/** Of a step of the list itself: null. */
export function parentOf(trail: Trail): Trail | null {
  const slash = trail.lastIndexOf('/');
  return slash < 0 ? null : trail.slice(0, slash);
}

/** The run that a trail leads to, or that the step at its end is of; null: the one that the list is of. */
export function runAt(trail: Trail): string | null {
  const parts = trail.split('/');
  const run = parts[parts.length % 2 === 0 ? parts.length - 1 : parts.length - 2];
  if (run === undefined) return null;
  try {
    return decodeURIComponent(run);
  } catch {
    return run;
  }
}

/** The step at the end of a trail; null: it ends at a run. */
export function stepAt(trail: Trail): number | null {
  const parts = trail.split('/');
  return parts.length % 2 === 0 ? null : Number(parts.at(-1));
}

/** Those below which nothing is closed. */
export function reachable(open: ReadonlySet<Trail>): readonly Trail[] {
  const reaches = (trail: Trail | null): boolean =>
    trail === null || (open.has(trail) && reaches(parentOf(trail)));
  return [...open].filter(reaches);
}

/** One more, as the last, or one less with all below it. */
export function withTrail(open: ReadonlySet<Trail>, trail: Trail, there: boolean): ReadonlySet<Trail> {
  const next = new Set(open);
  next.delete(trail);
  if (there) return next.add(trail);
  return new Set([...next].filter((one) => !one.startsWith(`${trail}/`)));
}
