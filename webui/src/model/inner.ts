/* What is open below a step: its spans, attributes and stream, the runs that it spawned, their steps, what is open below these, and so
 * on. A run of a million steps is a sequence like any other: nothing is made of its rows before they are looked at. */
import type { ChildDetail, Detail } from './details';
import { makeListing, type Below } from './listing';
import { concat, sequenceOf, type Sequence } from './sequence';
import { below, type Trail } from './trail';

export type Inner =
  | {
      readonly kind: 'detail';
      readonly key: string;
      readonly detail: Exclude<Detail, ChildDetail>;
      readonly depth: number;
    }
  | {
      readonly kind: 'child';
      readonly trail: Trail;
      readonly child: ChildDetail;
      readonly open: boolean;
      readonly depth: number;
    }
  /** A step of a run that is open. */
  | {
      readonly kind: 'step';
      readonly trail: Trail;
      readonly appId: string;
      readonly number: number;
      readonly depth: number;
    }
  /** What is open and not there yet. */
  | { readonly kind: 'waiting'; readonly key: string };

export interface InnerSources {
  /** What is open, without what is not reached. */
  readonly open: ReadonlySet<Trail>;
  /** Of an open step; how many rows to keep free where they are not there yet. */
  readonly details: (step: Trail) => readonly Detail[] | number;
  /** Steps of an open run; null: not known yet. */
  readonly stepCount: (appId: string) => number | null;
  /** Which steps are open in a run that is. */
  readonly openSteps: (run: Trail) => readonly number[];
}

export function innerOf(step: Trail, sources: InnerSources, depth = 0): Sequence<Inner> {
  const details = sources.details(step);
  if (typeof details === 'number')
    return { length: details, at: (index) => ({ kind: 'waiting', key: `${step}/${index}` }) };
  const parts: Sequence<Inner>[] = [];
  let rows: Inner[] = [];
  details.forEach((detail, index) => {
    const at = depth + detail.depth;
    if (detail.kind !== 'child') {
      rows.push({ kind: 'detail', key: `${step}/${index}`, detail, depth: at });
      return;
    }
    const trail = below(step, detail.appId);
    const open = sources.open.has(trail);
    rows.push({ kind: 'child', trail, child: detail, open, depth: at });
    if (!open) return;
    parts.push(sequenceOf(rows), stepsOf(trail, detail.appId, sources, at + 1));
    rows = [];
  });
  return concat([...parts, sequenceOf(rows)]);
}

function stepsOf(run: Trail, appId: string, sources: InnerSources, depth: number): Sequence<Inner> {
  const count = sources.stepCount(appId);
  if (count === null) return sequenceOf([{ kind: 'waiting', key: run }]);
  const opened: Below<Inner> = {
    inner: new Map(
      sources.openSteps(run).map((number) => [number, innerOf(below(run, number), sources, depth)]),
    ),
    attempts: new Map(),
  };
  const listing = makeListing([{ kind: 'steps', first: 0, count }], opened);
  return {
    length: listing.length,
    at: (index) => {
      const place = listing.at(index);
      if (place?.kind === 'inner') return place.row;
      if (place?.kind !== 'step') return null;
      return { kind: 'step', trail: below(run, place.number), appId, number: place.number, depth };
    },
  };
}
