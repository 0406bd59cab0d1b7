/* One run as a row of the table. A click on a value filters by it; anywhere else it opens the run. */
import { memo } from 'react';
import { Link } from 'react-router-dom';
import { formatCount, plural } from '../../base/number';
import { formatDuration, parseTime } from '../../base/time';
import { pointerOf } from '../../model/pointer';
import { durationOf, type RunRow } from '../../model/runs';
import { pointerPath } from '../../state/links';
import { Status } from '../../ui/Status';
import { TimeText } from '../../ui/TimeText';

interface Props {
  readonly project: string;
  readonly row: RunRow & { readonly kind: 'run' };
  readonly to: string;
  readonly now: number;
  readonly onTwist: (row: RunRow & { readonly kind: 'run' }) => void;
  readonly onTerm: (key: string, value: string) => void;
}

export const RunCells = memo(function RunCells({ project, row, to, now, onTwist, onTerm }: Props) {
  const { run, depth, isOpen } = row;
  const tokens = run.input_tokens + run.output_tokens;
  return (
    <>
      <span role="gridcell" className="cell-status">
        <button type="button" className="cell-button" onClick={() => onTerm('status', run.status)}>
          <Status kind={run.status} showWord />
        </button>
      </span>
      <span role="gridcell" className="cell-run" style={{ paddingInlineStart: `${depth * 18}px` }}>
        {run.child_count > 0 ? (
          <button
            type="button"
            className="twist"
            aria-expanded={isOpen}
            aria-label={`${plural(run.child_count, 'child', 'children')} of ${run.app_id}`}
            title={plural(run.child_count, 'child', 'children')}
            onClick={() => onTwist(row)}
          >
            {isOpen ? '▾' : '▸'}
          </button>
        ) : (
          <span className="twist" />
        )}
        <Link className="row-link cut mono" to={to} title={run.app_id}>
          <bdi>{run.app_id}</bdi>
        </Link>
        {!isOpen && run.child_count > 0 && <span className="dim count">{formatCount(run.child_count)}</span>}
        <Origin project={project} row={row} />
        {run.damaged_count > 0 && (
          <span
            className="chip damaged"
            title={`${plural(run.damaged_count, 'line')} of the log could not be read`}
          >
            damaged
          </span>
        )}
      </span>
      <span role="gridcell" className="cell-partition">
        <Value of={run.partition_key} term="partition" onTerm={onTerm} />
      </span>
      <span role="gridcell" className="cell-last">
        {run.status === 'failed' && run.last_error !== null ? (
          <span className="cut error" title={run.last_error}>
            <bdi>{run.last_error.trim()}</bdi>
          </span>
        ) : (
          <Value of={run.last_action} term="action" onTerm={onTerm} />
        )}
      </span>
      <span role="gridcell" className="cell-started dim nowrap">
        <TimeText time={parseTime(run.started)} />
      </span>
      <span role="gridcell" className="cell-activity num">
        <TimeText time={parseTime(run.last_activity)} now={now} />
      </span>
      <span role="gridcell" className="cell-duration num">
        {formatDuration(durationOf(run, now))}
      </span>
      <span role="gridcell" className="cell-steps num">
        {formatCount(run.step_count)}
      </span>
      <span role="gridcell" className={`cell-failed num ${run.failed_count > 0 ? 'error' : 'dim'}`}>
        {run.failed_count > 0 ? formatCount(run.failed_count) : '–'}
      </span>
      <span
        role="gridcell"
        className={`cell-tokens num ${tokens === 0 ? 'dim' : ''}`}
        title={`${formatCount(run.input_tokens)} in, ${formatCount(run.output_tokens)} out`}
      >
        {tokens === 0 ? '–' : formatCount(tokens)}
      </span>
    </>
  );
});

interface ValueProps {
  readonly of: string | null;
  readonly term: string;
  readonly onTerm: Props['onTerm'];
}

function Value({ of, term, onTerm }: ValueProps) {
  if (of === null) return <span className="dim">–</span>;
  return (
    <button
      type="button"
      className="cell-button cut"
      title={`Filter by ${term} ${of}`}
      onClick={() => onTerm(term, of)}
    >
      <bdi>{of}</bdi>
    </button>
  );
}

/* Where a run came from: under its parent a word, elsewhere a way there. */
function Origin({ project, row }: Pick<Props, 'project' | 'row'>) {
  const { parent, spawning_parent: spawner } = row.run;
  const pointer = pointerOf(spawner ?? parent);
  if (pointer === null) return null;
  const word = spawner === null ? 'fork' : 'spawned';
  const place = pointer.sequenceId === null ? '' : ` #${pointer.sequenceId}`;
  if (row.depth > 0)
    return (
      <span className="dim origin">
        {word}
        {place && ` at${place}`}
      </span>
    );
  return (
    <span className="dim origin cut">
      {word === 'fork' ? 'fork of ' : 'spawned by '}
      <Link to={pointerPath(project, pointer)} title={pointer.appId}>
        <bdi>{pointer.appId}</bdi>
        {place}
      </Link>
    </span>
  );
}
