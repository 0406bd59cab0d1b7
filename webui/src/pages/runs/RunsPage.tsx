import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useLayoutEffect, useRef } from 'react';
import { Link, useNavigate, useParams } from 'react-router-dom';
import { formatCount, plural } from '../../base/number';
import { elapsedUs, formatDuration } from '../../base/time';
import { filterRuns, runKey } from '../../model/runs';
import type { Pointer, RunSummary } from '../../model/types';
import { pointerPath, projectsPath, runPath } from '../../state/links';
import { useNow, useRuns } from '../../state/queries';
import { useUrlQuery } from '../../state/url';
import { FilterField } from '../../ui/FilterField';
import { Notice } from '../../ui/Notice';
import { TimeText } from '../../ui/TimeText';
import { NoData, StaleBar } from '../QueryStates';
import { useRowKeys } from '../useRowKeys';
import { useTitle } from '../useTitle';

const ROW_PX = 34;
const LOAD_AHEAD_ROWS = 20;

export function RunsPage() {
  const project = useParams().project ?? '';
  useTitle(`${project} · burr`);
  const [query, change] = useUrlQuery();
  const partition = query.get('partition');
  const filter = query.get('q') ?? '';
  const { runs, total, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useRuns(
    project,
    partition,
  );
  const retry = () => void refetch();

  if (runs === null) return <NoData what="the runs" error={error} retry={retry} />;
  const shown = filterRuns(runs, filter);
  const empty = total === 0 && filter === '';
  return (
    <div className="page full">
      <StaleBar error={error} retry={retry} />
      <div className="page-head">
        <h1 className="cut" title={project}>
          <bdi>{project}</bdi>
        </h1>
        <span className="dim nowrap">
          {total !== null && plural(total, 'run')}
          {filter !== '' && `, ${formatCount(shown.length)} shown of ${formatCount(runs.length)} loaded`}
        </span>
        {partition !== null && (
          <button
            type="button"
            className="button partition"
            aria-pressed="true"
            aria-label={`Only partition ${partition}. Show all`}
            onClick={() => change({ partition: null })}
          >
            partition <b className="cut">{partition}</b> ×
          </button>
        )}
        <FilterField
          className="grow"
          label="Filter the loaded runs"
          placeholder="Filter by run or partition"
          shortcut="/"
          value={filter}
          onChange={(value) => change({ q: value })}
        />
      </div>
      {empty ? (
        <Notice title={partition === null ? 'No runs in this project' : 'No runs under this partition key'}>
          <p>
            {partition === null ? (
              <Link to={projectsPath()}>All projects</Link>
            ) : (
              <button type="button" className="button" onClick={() => change({ partition: null })}>
                Show all partitions
              </button>
            )}
          </p>
        </Notice>
      ) : (
        <RunTable
          project={project}
          runs={shown}
          loadMore={hasNextPage && !isFetchingNextPage ? () => void fetchNextPage() : null}
          more={hasNextPage}
          filtered={filter !== ''}
          onPartition={(key) => change({ partition: key }, 'push')}
        />
      )}
    </div>
  );
}

interface TableProps {
  readonly project: string;
  readonly runs: readonly RunSummary[];
  readonly loadMore: (() => void) | null;
  readonly more: boolean;
  readonly filtered: boolean;
  readonly onPartition: (key: string) => void;
}

function RunTable({ project, runs, loadMore, more, filtered, onPartition }: TableProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const now = useNow(10_000);
  const navigate = useNavigate();
  const virtualizer = useVirtualizer({
    count: runs.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
    scrollPaddingStart: ROW_PX,
  });
  const rows = virtualizer.getVirtualItems();
  const lastVisible = rows.at(-1)?.index ?? 0;
  useEffect(() => {
    if (loadMore && !filtered && lastVisible >= runs.length - LOAD_AHEAD_ROWS) loadMore();
  }, [loadMore, filtered, lastVisible, runs.length]);
  useKeptPlace(scroller, runs);
  const active = useRowKeys(
    runs.length,
    (index) => {
      const run = runs[index];
      if (run) navigate(runPath(project, run));
    },
    (index) => virtualizer.scrollToIndex(index),
  );
  return (
    <div className="table runs" role="table" aria-label="Runs" aria-rowcount={runs.length + 1} ref={scroller}>
      <div className="table-head table-row" role="row">
        <span role="columnheader">Run</span>
        <span role="columnheader">Partition</span>
        <span role="columnheader">Origin</span>
        <span role="columnheader">Started</span>
        <span role="columnheader" className="num">
          Last activity
        </span>
        <span role="columnheader" className="num">
          Duration
        </span>
        <span role="columnheader" className="num">
          Steps
        </span>
      </div>
      <div style={{ height: virtualizer.getTotalSize(), position: 'relative' }} role="rowgroup">
        {rows.map((row) => {
          const run = runs[row.index];
          if (!run) return null;
          return (
            <div
              key={runKey(run)}
              className="table-row placed"
              role="row"
              aria-rowindex={row.index + 2}
              data-active={row.index === active || undefined}
              style={{ transform: `translateY(${row.start}px)`, height: ROW_PX }}
            >
              <RunCells project={project} run={run} now={now} onPartition={onPartition} />
            </div>
          );
        })}
      </div>
      {runs.length === 0 && <p className="loading">No loaded run matches the filter.</p>}
      {more &&
        (filtered ? (
          <p className="loading">
            <button
              type="button"
              className="button"
              disabled={loadMore === null}
              onClick={() => loadMore?.()}
            >
              Load more runs to filter
            </button>
          </p>
        ) : (
          <p className="loading">Loading more…</p>
        ))}
    </div>
  );
}

interface CellsProps {
  readonly project: string;
  readonly run: RunSummary;
  readonly now: number;
  readonly onPartition: (key: string) => void;
}

function RunCells({ project, run, now, onPartition }: CellsProps) {
  const durationUs = elapsedUs(run.started, run.lastActivity);
  const { partitionKey } = run;
  return (
    <>
      <span role="cell" className="cell-run">
        <Link className="row-link cut mono" to={runPath(project, run)} title={run.appId}>
          <bdi>{run.appId}</bdi>
        </Link>
      </span>
      <span role="cell" className="cell-partition">
        {partitionKey === null ? (
          <span className="dim">–</span>
        ) : (
          <button
            type="button"
            className="cell-button cut"
            title={`Only partition ${partitionKey}`}
            onClick={() => onPartition(partitionKey)}
          >
            <bdi>{partitionKey}</bdi>
          </button>
        )}
      </span>
      <span role="cell" className="cell-origin">
        {run.forkedFrom && <Origin project={project} word="fork of" pointer={run.forkedFrom} />}
        {run.spawnedBy && <Origin project={project} word="spawned by" pointer={run.spawnedBy} />}
      </span>
      <span role="cell" className="cell-started dim nowrap">
        <TimeText time={run.started} />
      </span>
      <span role="cell" className="cell-activity num">
        <TimeText time={run.lastActivity} now={now} />
      </span>
      <span role="cell" className="cell-duration num">
        {durationUs === null || durationUs < 0 ? '–' : formatDuration(durationUs)}
      </span>
      <span role="cell" className="cell-steps num">
        {formatCount(run.stepCount)}
      </span>
    </>
  );
}

interface OriginProps {
  readonly project: string;
  readonly word: string;
  readonly pointer: Pointer;
}

function Origin({ project, word, pointer }: OriginProps) {
  return (
    <span className="cut origin">
      <span className="dim">{word} </span>
      <Link to={pointerPath(project, pointer)} title={pointer.appId}>
        <bdi>{pointer.appId}</bdi>
        {pointer.sequenceId !== null && ` #${pointer.sequenceId}`}
      </Link>
    </span>
  );
}

/* New runs come in at the top. Who has scrolled down is reading: the row under their eyes stays where it is. */
function useKeptPlace(scroller: React.RefObject<HTMLDivElement | null>, runs: readonly RunSummary[]): void {
  const before = useRef<readonly RunSummary[]>(runs);
  useLayoutEffect(() => {
    const element = scroller.current;
    const old = before.current;
    before.current = runs;
    if (!element || element.scrollTop < ROW_PX || old === runs) return;
    const anchor = old[Math.floor(element.scrollTop / ROW_PX)];
    if (!anchor) return;
    const key = runKey(anchor);
    const was = old.indexOf(anchor);
    const is = runs.findIndex((run) => runKey(run) === key);
    if (is >= 0 && is !== was) element.scrollTop += (is - was) * ROW_PX;
  }, [runs, scroller]);
}
