import { memo, useState } from 'react';
import { Link } from 'react-router-dom';
import { formatCount, plural } from '../../base/number';
import { formatDuration, parseTime } from '../../base/time';
import type { Pointer, Run } from '../../model/api';
import { usOf } from '../../model/axis';
import { childrenBySequenceId } from '../../model/details';
import { pointerOf } from '../../model/pointer';
import { partitionPath, pointerPath, runPath } from '../../state/links';
import { useDamage } from '../../state/run';
import { CopyButton } from '../../ui/CopyButton';
import { Status } from '../../ui/Status';
import { TimeText } from '../../ui/TimeText';
import { DamagedLines } from '../DamagedLines';

interface Props {
  readonly project: string;
  readonly run: Run;
  /** The server's time while the run runs; null when it does not. */
  readonly nowUs: number | null;
}

const ZONES: Readonly<Record<Run['time_zone'], string | null>> = {
  exact: null,
  none: null,
  inferred: 'Some times were recorded without a zone; it was read off the others',
  assumed: "Times were recorded without a zone; the server's is assumed",
};

export const RunHeader = memo(function RunHeader({ project, run, nowUs }: Props) {
  const started = usOf(run.started);
  const durationUs = nowUs !== null && started !== null ? nowUs - started : run.duration_us;
  const tokens = run.input_tokens + run.output_tokens;
  const zone = ZONES[run.time_zone];
  const doubtful = run.status === 'unknown' || run.status === 'lost';
  return (
    <header className="run-header">
      <div className="run-name">
        <h1 className="cut" title={run.app_id}>
          <bdi>{run.app_id}</bdi>
        </h1>
        <CopyButton className="button plain" label="copy" text={() => run.app_id} />
        {run.partition_key !== null && (
          <Link
            className="chip partition-chip cut"
            title={`Runs of partition ${run.partition_key}`}
            to={partitionPath(project, run.partition_key)}
          >
            <bdi>{run.partition_key}</bdi>
          </Link>
        )}
      </div>
      <ul className="facts">
        <li>
          <Status kind={run.step_count === 0 ? 'empty' : run.status} showWord />
          {doubtful && (
            <span className="dim">
              {' '}
              last seen <TimeText time={parseTime(run.last_activity)} />
            </span>
          )}
        </li>
        <li>{plural(run.step_count, 'step')}</li>
        {run.failed_count > 0 && (
          <li className="failures" title="Press e for the next one">
            {formatCount(run.failed_count)} failed
          </li>
        )}
        {run.damaged_count > 0 && (
          <li>
            <Damage project={project} run={run} />
          </li>
        )}
        <li title="From the first record to the last">{formatDuration(durationUs)}</li>
        {tokens > 0 && (
          <li title={`${formatCount(run.input_tokens)} in, ${formatCount(run.output_tokens)} out`}>
            {formatCount(tokens)} tokens
          </li>
        )}
        <li title={zone ?? undefined}>
          <span className="dim">started </span>
          <TimeText time={parseTime(run.started)} />
          {zone !== null && <span className="dim">, zone {run.time_zone}</span>}
        </li>
        <Parent project={project} word="fork of" pointer={run.parent} />
        <Parent project={project} word="spawned by" pointer={run.spawning_parent} />
        <Children project={project} run={run} />
      </ul>
    </header>
  );
});

function Damage({ project, run }: { readonly project: string; readonly run: Run }) {
  const [asked, setAsked] = useState(false);
  const { data, error } = useDamage({ project, app_id: run.app_id }, asked);
  return (
    <DamagedLines count={run.damaged_count} lines={data?.lines ?? []} onOpen={() => setAsked(true)}>
      {error && <p role="alert">{error.message}</p>}
      {data?.complete === false && (
        <p className="dim">
          The first of them; <code>burr verify</code> lists all.
        </p>
      )}
    </DamagedLines>
  );
}

interface ParentProps {
  readonly project: string;
  readonly word: string;
  readonly pointer: Pointer | null;
}

function Parent({ project, word, pointer }: ParentProps) {
  const place = pointerOf(pointer);
  if (place === null) return null;
  return (
    <li className="parent cut">
      <span className="dim">{word} </span>
      <Link to={pointerPath(project, place)} title={place.appId}>
        <bdi>{place.appId}</bdi>
        {place.sequenceId !== null && ` #${place.sequenceId}`}
      </Link>
    </li>
  );
}

function Children({ project, run }: { readonly project: string; readonly run: Run }) {
  const children = [...childrenBySequenceId(run.children)].flatMap(([at, list]) =>
    list.map((child) => ({ ...child, at })),
  );
  if (children.length === 0) return null;
  return (
    <li>
      <details className="children">
        <summary>{plural(children.length, 'child run')}</summary>
        <ul>
          {children.map((child, index) => (
            <li key={index}>
              <span className="dim">
                {child.how === 'fork' ? 'forked' : 'spawned'} at #{child.at}{' '}
              </span>
              <Link to={runPath(project, child.appId)}>
                <bdi>{child.appId}</bdi>
              </Link>
            </li>
          ))}
        </ul>
      </details>
    </li>
  );
}
