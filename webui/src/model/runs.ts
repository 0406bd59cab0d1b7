/* A list of runs that is loaded by pages and kept current page by page.
 *
 * The server pages by the sort's key, not by position, so a page that is asked for again covers the runs behind its cursor at that moment: what
 * came in meanwhile pushes others over its end. These are kept, where they are known to follow, until their own turn comes. */
import { cursorOf, upTo } from '../base/cursor';
import type { Api, Changed, Runs, RunSummary } from './api';
import { parentOf, projectDelta } from './deltas';

type Params = Api['/api/v1/projects/{project}/runs']['params'];
export type RunSort = NonNullable<Params['sort']>;

export interface RunPage {
  /** What it was asked with; '' for the first. */
  readonly cursor: string;
  readonly runs: readonly RunSummary[];
}

export interface RunList {
  readonly pages: readonly RunPage[];
  /** Of the page after the last; null: there is none. */
  readonly next: string | null;
  /** How many fit; null: the server does not count them. */
  readonly total: number | null;
  /** Whether the server had time to look at all that it was asked for. */
  readonly complete: boolean;
  /** How far the store is indexed, of the newest answer; null: it is. */
  readonly indexing: Runs['indexing'];
}

export const NO_RUNS: RunList = { pages: [], next: '', total: null, complete: true, indexing: null };

const KEYS: Readonly<Record<string, (run: RunSummary) => number | string>> = {
  last: (run) => run.last_activity,
  first: (run) => run.started,
  duration: (run) => run.duration_us,
  steps: (run) => run.step_count,
  failed: (run) => run.failed_count,
  tokens: (run) => run.input_tokens + run.output_tokens,
};

/** Whether `a` certainly comes before `b`; of equal ones only the server knows. */
export function comesBefore(sort: RunSort, a: RunSummary, b: RunSummary): boolean {
  const descending = sort.startsWith('-');
  const key = KEYS[descending ? sort.slice(1) : sort];
  if (!key) return false;
  return descending ? key(a) > key(b) : key(a) < key(b);
}

/** The list with the answer for `cursor` in it: a further page, or one of those that it has, as it is now. */
export function withPage(list: RunList, cursor: string, answer: Runs, sort: RunSort): RunList {
  const at = list.pages.findIndex((page) => page.cursor === cursor);
  const isLast = at < 0 || at === list.pages.length - 1;
  const old = at < 0 ? [] : (list.pages[at]?.runs ?? []);
  const runs = answer.next === null ? answer.runs : [...answer.runs, ...pushedOver(old, answer.runs, sort)];
  const page = upTo({ cursor, runs }, cursorOf(answer));
  return {
    pages: at < 0 ? [...list.pages, page] : list.pages.with(at, page),
    /* The runs that were pushed over the end are already shown, so the old way on is the one that misses nothing. */
    next: isLast && (at < 0 || list.next === null || answer.next === null) ? answer.next : list.next,
    total: cursor === '' ? answer.total : list.total,
    complete: isLast ? answer.complete : list.complete,
    indexing: answer.indexing,
  };
}

function pushedOver(old: readonly RunSummary[], now: readonly RunSummary[], sort: RunSort) {
  const last = now.at(-1);
  if (!last) return [];
  const known = new Set(now.map((run) => run.app_id));
  return old.filter((run) => !known.has(run.app_id) && !comesBefore(sort, run, last));
}

/** What a list is of. */
export interface RunsWanted {
  readonly filter: string;
  readonly sort: RunSort;
  readonly roots: boolean;
}

/** The list with the rows of a change in it, and whether it is as the server would give it now: only the server knows what fits a filter,
 * and whether a run's parent is there. Pages that go as far as the change have it already. */
export function withRows(
  list: RunList,
  change: Changed,
  { filter, sort, roots }: RunsWanted,
): { readonly list: RunList; readonly whole: boolean } {
  const delta = projectDelta(change);
  if (delta === null) return { list, whole: false };
  const old = list.pages.filter((page) => cursorOf(page) < change.cursor);
  const listed = new Set(list.pages.flatMap((page) => page.runs.map((run) => run.app_id)));
  let whole = filter === '';
  let runs = new Map(old.map((page) => [page.cursor, without(page.runs, new Set(delta.gone))]));
  for (const run of delta.runs) {
    const parent = roots ? parentOf(run) : null;
    if (listed.has(run.app_id) || (filter === '' && parent === null))
      runs = withRun(list.pages, runs, run, sort, list.next === null);
    else if (parent !== null && !listed.has(parent)) whole = false;
  }
  const pages = list.pages.map((page) => {
    const now = runs.get(page.cursor);
    const next = now === undefined || now === page.runs ? page : { ...page, runs: now };
    return upTo(next, Math.max(cursorOf(page), change.cursor));
  });
  const total = filter !== '' ? list.total : roots ? delta.project?.root_count : delta.project?.run_count;
  return { list: { ...list, pages, total: total ?? list.total }, whole };
}

type RunsOfPages = ReadonlyMap<string, readonly RunSummary[]>;

function without(runs: readonly RunSummary[], ids: ReadonlySet<string>): readonly RunSummary[] {
  return runs.some((run) => ids.has(run.app_id)) ? runs.filter((run) => !ids.has(run.app_id)) : runs;
}

/* Where it stood, if what is sorted by is the same; else before the first that comes behind it, unless that is on a page that knows better. */
function withRun(
  pages: readonly RunPage[],
  runs: RunsOfPages,
  run: RunSummary,
  sort: RunSort,
  isAll: boolean,
): Map<string, readonly RunSummary[]> {
  const next = new Map<string, readonly RunSummary[]>();
  for (const [cursor, there] of runs) {
    const at = there.findIndex((one) => one.app_id === run.app_id);
    const before = there[at];
    if (before && !comesBefore(sort, run, before) && !comesBefore(sort, before, run))
      return new Map(runs).set(cursor, there.with(at, run));
    next.set(cursor, at < 0 ? there : there.toSpliced(at, 1));
  }
  for (const [index, { cursor, runs: shown }] of pages.entries()) {
    const there = next.get(cursor) ?? shown;
    const at = there.findIndex((one) => comesBefore(sort, run, one));
    const isLast = index === pages.length - 1;
    if (at < 0 && !(isLast && isAll)) continue;
    if (next.has(cursor)) next.set(cursor, there.toSpliced(at < 0 ? there.length : at, 0, run));
    break;
  }
  return next;
}

/** All runs of all pages, each once: one that has moved up is on two of them. */
export function allRuns(list: RunList): readonly RunSummary[] {
  const seen = new Map<string, RunSummary>();
  for (const run of list.pages.flatMap((page) => page.runs))
    if (!seen.has(run.app_id)) seen.set(run.app_id, run);
  return [...seen.values()];
}

/** The runs as they are now, in the order of before; new ones stand before the run that they come before. */
export function inOrderOf(before: readonly RunSummary[], now: readonly RunSummary[]): readonly RunSummary[] {
  const places = new Map(before.map((run, index) => [run.app_id, index]));
  const placed = now.map((run, index) => ({ run, index, place: places.get(run.app_id) ?? null }));
  /* A new run stands where the known one behind it does. */
  let behind = Infinity;
  const keyed = placed.toReversed().map((one) => {
    behind = one.place ?? behind;
    return { ...one, place: behind, isNew: one.place === null };
  });
  const sorted = keyed.sort(
    (a, b) => a.place - b.place || Number(b.isNew) - Number(a.isNew) || a.index - b.index,
  );
  return sorted.map(({ run }) => run);
}

/** The cursors of the pages that hold the runs from `first` to `last`, counted over all pages; an empty one may hold some by now. */
export function cursorsOf(list: RunList, first: number, last: number): readonly string[] {
  const cursors: string[] = [];
  let start = 0;
  for (const { cursor, runs } of list.pages) {
    if (start <= last && start + Math.max(runs.length, 1) > first) cursors.push(cursor);
    start += runs.length;
  }
  return cursors;
}

/** Microseconds that a run took; of one that runs, until now by the server's clock. */
export function durationOf(run: RunSummary, nowMs: number): number {
  return run.status === 'running'
    ? Math.max(nowMs * 1000 - Date.parse(run.started) * 1000, 0)
    : run.duration_us;
}

/** A row of the table: a run, or what stands for children that are not there (yet). */
export type RunRow =
  | {
      readonly kind: 'run';
      readonly path: string;
      readonly depth: number;
      readonly run: RunSummary;
      readonly isOpen: boolean;
    }
  | {
      readonly kind: 'loading' | 'failed' | 'more';
      readonly path: string;
      readonly depth: number;
      readonly parent: string;
    };

export type ChildrenOf = (appId: string) => Runs | 'loading' | 'failed';

/** The runs with their children under them, as far as these are opened. A run that is its own ancestor is not opened again. */
export function arrangeRows(
  runs: readonly RunSummary[],
  isOpen: (appId: string) => boolean,
  childrenOf: ChildrenOf,
): readonly RunRow[] {
  const rows: RunRow[] = [];
  const add = (run: RunSummary, depth: number, above: readonly string[]) => {
    const path = [...above, run.app_id];
    const opened = run.child_count > 0 && isOpen(run.app_id) && !above.includes(run.app_id);
    rows.push({ kind: 'run', path: JSON.stringify(path), depth, run, isOpen: opened });
    if (!opened) return;
    const children = childrenOf(run.app_id);
    const stand = (kind: 'loading' | 'failed' | 'more') =>
      rows.push({ kind, path: JSON.stringify([...path, '', kind]), depth: depth + 1, parent: run.app_id });
    if (typeof children === 'string') {
      stand(children);
      return;
    }
    for (const child of children.runs) add(child, depth + 1, path);
    if (children.next !== null) stand('more');
  };
  for (const run of runs) add(run, 0, []);
  return rows;
}

/** Of each row, which of the list's runs it is or stands under, counted from 0. */
export function rootsOf(rows: readonly RunRow[]): readonly number[] {
  let root = -1;
  return rows.map((row) => (row.depth === 0 ? ++root : root));
}
