import { memo } from 'react';
import { Link } from 'react-router-dom';
import { plural } from '../../base/number';
import { epochMs, formatDuration } from '../../base/time';
import { failureCount, lastSeen, runDurationUs, runStatus } from '../../model/status';
import type { Child, Pointer, Run } from '../../model/types';
import { pointerPath, runPath, runsPath } from '../../state/links';
import { useNow } from '../../state/queries';
import { CopyButton } from '../../ui/CopyButton';
import { Status } from '../../ui/Status';
import { TimeText } from '../../ui/TimeText';

/* An open step without a record for this long may belong to a process that is gone; version 0 does not tell. */
const SILENT_MS = 60_000;

interface Props {
  readonly project: string;
  readonly app: string;
  readonly partition: string | null;
  readonly run: Run;
}

export const RunHeader = memo(function RunHeader({ project, app, partition, run }: Props) {
  const status = runStatus(run);
  const seen = lastSeen(run);
  const failures = failureCount(run);
  const durationUs = runDurationUs(run);
  const now = useNow(5000);
  const silent = status === 'running' && seen !== null && now - epochMs(seen) > SILENT_MS;
  return (
    <header className="run-header">
      <div className="run-name">
        <h1 className="cut" title={app}>
          <bdi>{app}</bdi>
        </h1>
        <CopyButton className="button plain" label="copy" text={() => app} />
        {partition !== null && (
          <Link
            className="chip partition-chip cut"
            title={`Runs of partition ${partition}`}
            to={`${runsPath(project)}?partition=${encodeURIComponent(partition)}`}
          >
            <bdi>{partition}</bdi>
          </Link>
        )}
      </div>
      <ul className="facts">
        <li>
          <Status kind={status} showWord doubtful={silent} />
          {status === 'running' && seen && (
            <span className="dim">
              {' '}
              last seen <TimeText time={seen} now={Math.max(now, epochMs(seen))} />
            </span>
          )}
        </li>
        <li>{plural(run.steps.length, 'step')}</li>
        {failures > 0 && (
          <li className="failures" title="Press e for the next one">
            {failures} failed
          </li>
        )}
        {durationUs !== null && (
          <li title="From the first record to the last">{formatDuration(durationUs)}</li>
        )}
        {run.steps[0]?.start && (
          <li>
            <span className="dim">started </span>
            <TimeText time={run.steps[0].start} />
          </li>
        )}
        {run.forkedFrom && <Parent project={project} word="fork of" pointer={run.forkedFrom} />}
        {run.spawnedBy && <Parent project={project} word="spawned by" pointer={run.spawnedBy} />}
        {run.children.length > 0 && <Children project={project} runs={run.children} />}
      </ul>
    </header>
  );
});

interface ParentProps {
  readonly project: string;
  readonly word: string;
  readonly pointer: Pointer;
}

function Parent({ project, word, pointer }: ParentProps) {
  return (
    <li className="parent cut">
      <span className="dim">{word} </span>
      <Link to={pointerPath(project, pointer)} title={pointer.appId}>
        <bdi>{pointer.appId}</bdi>
        {pointer.sequenceId !== null && ` #${pointer.sequenceId}`}
      </Link>
    </li>
  );
}

function Children({ project, runs }: { readonly project: string; readonly runs: readonly Child[] }) {
  return (
    <li>
      <details className="children">
        <summary>{plural(runs.length, 'child run')}</summary>
        <ul>
          {runs.map((child) => (
            <li
              key={`${child.kind}/${child.run.partitionKey ?? ''}/${child.run.appId}/${child.sequenceId ?? ''}`}
            >
              <span className="dim">
                {child.kind === 'fork' ? 'forked' : 'spawned'}
                {child.sequenceId !== null && ` at #${child.sequenceId}`}{' '}
              </span>
              <Link to={runPath(project, child.run)}>
                <bdi>{child.run.appId}</bdi>
              </Link>
            </li>
          ))}
        </ul>
      </details>
    </li>
  );
}
