/* The table of runs: rows drawn as they come into view, children under their parent, more loaded towards the end. What is being read does
 * not move when something comes in above it. */
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useLayoutEffect, useMemo, useRef, useState, type ReactNode, type RefObject } from 'react';
import { useLocation, useNavigate } from 'react-router-dom';
import { plural } from '../../base/number';
import type { RunSummary } from '../../model/api';
import {
  allRuns,
  arrangeRows,
  inOrderOf,
  rootsOf,
  type RunList,
  type RunRow,
  type RunSort,
} from '../../model/runs';
import { runPath } from '../../state/links';
import { useNow } from '../../state/queries';
import { useChildren } from '../../state/runList';
import { SortHeader } from '../../ui/SortHeader';
import { useEvent } from '../useEvent';
import { useRowKeys } from '../useRowKeys';
import { RunCells } from './RunCells';

const ROW_PX = 30;
const HEAD_PX = 30;
const LOAD_AHEAD_ROWS = 30;

interface Props {
  readonly project: string;
  readonly list: RunList;
  readonly sort: RunSort;
  /** It is not what was asked for now. */
  readonly stale: boolean;
  readonly opened: readonly string[];
  readonly onOpen: (appIds: readonly string[]) => void;
  readonly onSort: (sort: RunSort) => void;
  readonly onTerm: (key: string, value: string) => void;
  readonly onEnd: () => void;
  readonly onInView: (first: number, last: number) => void;
  readonly empty: ReactNode;
}

/* Where each entry of the browser's history was scrolled to, for who comes back. */
const places = new Map<string, number>();

export function RunTable(props: Props) {
  const { project, list, opened, onOpen, onInView } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const navigate = useNavigate();
  const now = useNow(1000);
  const [isPointed, setPointed] = useState(false);
  const runs = useHeldOrder(
    useMemo(() => allRuns(list), [list]),
    isPointed,
  );
  const childrenOf = useChildren(project, opened);
  /* Of as many as were loaded: not to be done at each scroll. */
  const openedHash = JSON.stringify(opened);
  const rows = useMemo(() => {
    const open = new Set(JSON.parse(openedHash) as readonly string[]);
    return arrangeRows(runs, (appId) => open.has(appId), childrenOf);
  }, [runs, openedHash, childrenOf]);
  const names = useMemo(() => rows.map((row) => row.path), [rows]);
  const hasTokens = useMemo(() => runs.some((run) => run.input_tokens + run.output_tokens > 0), [runs]);
  const initialOffset = usePlace(scroller);
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    getItemKey: (index) => rows[index]?.path ?? index,
    estimateSize: () => ROW_PX,
    scrollMargin: HEAD_PX,
    scrollPaddingStart: HEAD_PX,
    overscan: 12,
    initialOffset,
  });
  const items = virtualizer.getVirtualItems();
  const [first, last] = [items[0]?.index ?? 0, items.at(-1)?.index ?? 0];
  const isNearEnd = last + LOAD_AHEAD_ROWS >= rows.length;
  const roots = useMemo(() => rootsOf(rows), [rows]);
  const [firstRun, lastRun] = [roots[first] ?? 0, roots[last] ?? 0];
  useEffect(() => onInView(firstRun, lastRun), [onInView, firstRun, lastRun]);
  const onEnd = useEvent(props.onEnd);
  useEffect(() => {
    if (isNearEnd) onEnd();
  }, [isNearEnd, list, onEnd]);
  useKeptPlace(scroller, rows, isPointed);

  const setOpen = (appId: string, isOpen: boolean) => {
    const others = opened.filter((other) => other !== appId);
    onOpen(isOpen ? [...others, appId] : others);
  };
  const onTwist = useEvent((row: RunRow & { readonly kind: 'run' }) => setOpen(row.run.app_id, !row.isOpen));
  const onTerm = useEvent(props.onTerm);
  const active = useRowKeys(names, {
    open: (index) => {
      const row = rows[index];
      if (row?.kind === 'run') navigate(linkOf(project, row));
    },
    reveal: (index) => virtualizer.scrollToIndex(index),
    unfold: (index, open) => {
      const row = rows[index];
      if (row?.kind === 'run' && row.run.child_count > 0) setOpen(row.run.app_id, open);
    },
  });

  return (
    <div
      className="table runs"
      data-stale={props.stale || undefined}
      data-tokens={hasTokens || undefined}
      ref={scroller}
      tabIndex={-1}
      onPointerMove={() => setPointed(true)}
      onPointerLeave={() => setPointed(false)}
    >
      <div role="treegrid" aria-label="Runs" aria-rowcount={rows.length + 1} aria-busy={props.stale}>
        <Head sort={props.sort} onSort={props.onSort} />
        <div style={{ height: virtualizer.getTotalSize(), position: 'relative' }} role="rowgroup">
          {items.map((item) => {
            const row = rows[item.index];
            if (!row) return null;
            return (
              <div
                key={row.path}
                className="table-row placed"
                role="row"
                aria-rowindex={item.index + 2}
                aria-level={row.depth + 1}
                aria-expanded={row.kind === 'run' && row.run.child_count > 0 ? row.isOpen : undefined}
                data-active={item.index === active || undefined}
                style={{ transform: `translateY(${item.start - HEAD_PX}px)`, height: ROW_PX }}
              >
                {row.kind === 'run' ? (
                  <RunCells
                    project={project}
                    row={row}
                    to={linkOf(project, row)}
                    now={now}
                    onTwist={onTwist}
                    onTerm={onTerm}
                  />
                ) : (
                  <StandIn row={row} onTerm={onTerm} />
                )}
              </div>
            );
          })}
        </div>
      </div>
      {rows.length === 0 && list.next === null && props.empty}
      {list.next !== null && (
        <p className="loading" role="status">
          {list.complete
            ? 'Loading more…'
            : `Looking through older runs, ${plural(runs.length, 'run')} found so far…`}
        </p>
      )}
    </div>
  );
}

function linkOf(project: string, row: RunRow & { readonly kind: 'run' }): string {
  return runPath(project, row.run.app_id);
}

interface StandInProps {
  readonly row: Exclude<RunRow, { readonly kind: 'run' }>;
  readonly onTerm: Props['onTerm'];
}

function StandIn({ row, onTerm }: StandInProps) {
  return (
    <span role="gridcell" className="stand-in dim" style={{ paddingInlineStart: `${row.depth * 18}px` }}>
      {row.kind === 'loading' && 'Loading its children…'}
      {row.kind === 'failed' && 'Its children could not be loaded.'}
      {row.kind === 'more' && (
        <button type="button" className="cell-button" onClick={() => onTerm('parent', row.parent)}>
          There are more: show all of its children
        </button>
      )}
    </span>
  );
}

const COLUMNS: readonly (readonly [word: string, className: string, sort: string | null])[] = [
  ['Status', 'cell-status', null],
  ['Run', 'cell-run', null],
  ['Partition', 'cell-partition', null],
  ['Last step', 'cell-last', null],
  ['Started', 'cell-started', 'first'],
  ['Last activity', 'cell-activity num', 'last'],
  ['Duration', 'cell-duration num', 'duration'],
  ['Steps', 'cell-steps num', 'steps'],
  ['Failed', 'cell-failed num', 'failed'],
  ['Tokens', 'cell-tokens num', 'tokens'],
];

function Head({ sort, onSort }: Pick<Props, 'sort' | 'onSort'>) {
  return (
    <div className="table-head table-row" role="row" aria-rowindex={1}>
      {COLUMNS.map(([word, className, column]) =>
        column === null ? (
          <span key={word} role="columnheader" className={className}>
            {word}
          </span>
        ) : (
          <SortHeader
            key={word}
            className={className}
            direction={sort === column ? 'ascending' : sort === `-${column}` ? 'descending' : null}
            onSort={() => onSort((sort === `-${column}` ? column : `-${column}`) as RunSort)}
          >
            {word}
          </SortHeader>
        ),
      )}
    </div>
  );
}

/* Gives where this entry of the history was scrolled to, and remembers it when the table goes. */
function usePlace(scroller: RefObject<HTMLDivElement | null>): number {
  const { key } = useLocation();
  const current = useRef(key);
  useEffect(() => {
    current.current = key;
  });
  useEffect(() => {
    const element = scroller.current;
    const remember = () => {
      if (element) places.set(current.current, element.scrollTop);
    };
    element?.addEventListener('scroll', remember, { passive: true });
    return () => element?.removeEventListener('scroll', remember);
  }, [scroller]);
  return places.get(key) ?? 0;
}

/* While a pointer is over them, runs keep their order: a row must not go away from under it. */
function useHeldOrder(runs: readonly RunSummary[], isHeld: boolean): readonly RunSummary[] {
  const drawn = useRef(runs);
  const shown = useMemo(() => (isHeld ? inOrderOf(drawn.current, runs) : runs), [isHeld, runs]);
  useEffect(() => {
    drawn.current = shown;
  });
  return shown;
}

/* Who has scrolled down is reading, or points at a row: the one under their eyes stays where it is. */
function useKeptPlace(
  scroller: RefObject<HTMLDivElement | null>,
  rows: readonly RunRow[],
  isPointed: boolean,
): void {
  const before = useRef(rows);
  useLayoutEffect(() => {
    const element = scroller.current;
    const old = before.current;
    before.current = rows;
    if (!element || (!isPointed && element.scrollTop < ROW_PX)) return;
    const was = Math.floor(element.scrollTop / ROW_PX);
    const anchor = old[was];
    if (!anchor || rows[was]?.path === anchor.path) return;
    const is = rows.findIndex((row) => row.path === anchor.path);
    if (is >= 0) element.scrollTop += (is - was) * ROW_PX;
  }, [rows, scroller, isPointed]);
}
