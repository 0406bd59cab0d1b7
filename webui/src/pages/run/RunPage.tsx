/* One run: its steps on a time axis, its state machine, and whatever the chosen step left behind. */
import { useCallback, useEffect, useMemo, useState } from 'react';
import { Link, useParams } from 'react-router-dom';
import { nextFailure, runStatus, slowestStep } from '../../model/status';
import { childrenByStep } from '../../model/rows';
import type { Run } from '../../model/types';
import { runsPath } from '../../state/links';
import { usePreference } from '../../state/preferences';
import { useRun } from '../../state/queries';
import { readNumber, useUrlQuery } from '../../state/url';
import { useKeys } from '../../ui/keys';
import { Notice } from '../../ui/Notice';
import { Splitter } from '../../ui/Splitter';
import { NoData, StaleBar } from '../QueryStates';
import { useTitle } from '../useTitle';
import { Graph } from './Graph';
import { Inspector } from './Inspector';
import { RunHeader } from './RunHeader';
import { StepList } from './StepList';
import './run.css';

export default function RunPage() {
  const params = useParams();
  const project = params.project ?? '';
  const app = params.app ?? '';
  const [query] = useUrlQuery();
  const partition = query.get('partition');
  const { data, error, refetch } = useRun(project, app, partition);
  const retry = () => void refetch();
  useTitle(`${app} · ${project} · burr`, data ? runStatus(data) : 'empty');
  if (data === undefined)
    return (
      <NoData
        what="this run"
        error={error}
        retry={retry}
        notFound={
          <Notice title="There is no such run">
            <p>
              Nothing is recorded under <code>{app}</code>
              {partition !== null && (
                <>
                  {' '}
                  in partition <code>{partition}</code>
                </>
              )}
              , or its graph is missing. If it has just been started, it appears here by itself.
            </p>
            <p>
              <Link to={runsPath(project)}>All runs of {project}</Link>
            </p>
          </Notice>
        }
      />
    );
  return (
    <div className="run-page">
      <StaleBar error={error} retry={retry} />
      <Workspace
        key={`${project}/${app}/${partition ?? ''}`}
        project={project}
        app={app}
        partition={partition}
        run={data}
      />
    </div>
  );
}

interface WorkspaceProps {
  readonly project: string;
  readonly app: string;
  readonly partition: string | null;
  readonly run: Run;
}

type Pane = 'steps' | 'graph' | 'inspector';

function Workspace({ project, app, partition, run }: WorkspaceProps) {
  const [query, change] = useUrlQuery();
  const { steps } = run;
  const wanted = readNumber(query.get('step'));
  const last = steps.at(-1);
  const positions = useMemo(() => new Map(steps.map((step, index) => [step.sequenceId, index])), [steps]);
  const found = wanted === null ? undefined : positions.get(wanted);
  const selected = found ?? steps.length - 1;
  const step = steps[selected];
  const childRuns = useMemo(() => childrenByStep(run), [run]);

  const [hovered, setHovered] = useState<string | null>(null);
  const [pane, setPane] = useState<Pane>('steps');
  const [mainShare, setMainShare] = usePreference('run.main', '0.46');
  const [graphShare, setGraphShare] = usePreference('run.graph', '0.42');
  const follow = useFollow(run, wanted, change);
  const { settle } = follow;

  const select = useCallback(
    (sequenceId: number) => {
      settle(sequenceId === last?.sequenceId);
      change({ step: String(sequenceId) });
    },
    [settle, last?.sequenceId, change],
  );
  const pick = useCallback(
    (sequenceId: number) => {
      select(sequenceId);
      setPane('inspector');
    },
    [select],
  );
  const selectAt = (index: number | null) => {
    const target = index === null ? undefined : steps[index];
    if (target) select(target.sequenceId);
  };
  useKeys('Steps', [
    { keys: ['e'], label: 'Next failed step', run: () => selectAt(nextFailure(steps, selected)) },
    { keys: ['s'], label: 'Slowest step', run: () => selectAt(slowestStep(steps)) },
    { keys: ['Home'], label: 'First step', run: () => selectAt(0) },
    { keys: ['End'], label: 'Last step', run: () => selectAt(steps.length - 1) },
  ]);

  const action = query.get('action');
  return (
    <>
      <RunHeader project={project} app={app} partition={partition} run={run} />
      {found === undefined && wanted !== null && steps.length > 0 && (
        <div className="inline-error" role="alert">
          Step #{wanted} is not recorded in this run; the last one is shown.
        </div>
      )}
      <div className="pane-switch" role="group" aria-label="Part of the page">
        {(['steps', 'graph', 'inspector'] as const).map((name) => (
          <button
            key={name}
            type="button"
            className="button"
            aria-pressed={pane === name}
            onClick={() => setPane(name)}
          >
            {{ steps: 'Steps', graph: 'Graph', inspector: step ? `Step #${step.sequenceId}` : 'Step' }[name]}
          </button>
        ))}
      </div>
      <div className="workspace" data-pane={pane} style={{ '--main': mainShare } as React.CSSProperties}>
        <StepList
          project={project}
          run={run}
          selected={selected}
          childRuns={childRuns}
          text={query.get('q') ?? ''}
          action={action}
          follow={follow}
          onSelect={pick}
          onMove={select}
          onHover={setHovered}
          onFilter={change}
        />
        <Splitter
          direction="vertical"
          label="Width of the step list"
          share={Number(mainShare)}
          onChange={(share) => setMainShare(share.toFixed(3))}
        />
        <div className="side" style={{ '--graph': graphShare } as React.CSSProperties}>
          <Graph
            run={run}
            selected={selected}
            hovered={hovered}
            filtered={action}
            onPick={(name) => change({ action: name === action ? null : name })}
          />
          <Splitter
            direction="horizontal"
            label="Height of the graph"
            share={Number(graphShare)}
            onChange={(share) => setGraphShare(share.toFixed(3))}
          />
          <Inspector run={run} selected={selected} project={project} onSelect={selectAt} />
        </div>
      </div>
    </>
  );
}

export interface Follow {
  readonly on: boolean;
  /** Steps that came since the reader left the end. */
  readonly unseen: number;
  readonly resume: () => void;
  readonly leave: () => void;
  /** Says whether the reader is now at the end. */
  readonly settle: (atEnd: boolean) => void;
}

/* The newest step is followed while the reader is at the end: nothing was chosen, or the last step was. */
function useFollow(
  run: Run,
  wanted: number | null,
  change: (parts: Readonly<Record<string, string | null>>) => void,
): Follow {
  const count = run.steps.length;
  const lastId = run.steps.at(-1)?.sequenceId ?? null;
  const [on, setOn] = useState(wanted === null || wanted === lastId);
  const [seen, setSeen] = useState(count);
  if (on && seen !== count) setSeen(count);
  useEffect(() => {
    if (on && wanted !== null && lastId !== null && wanted !== lastId) change({ step: String(lastId) });
  }, [on, wanted, lastId, change]);
  const settle = useCallback((atEnd: boolean) => setOn(atEnd), []);
  return {
    on,
    unseen: Math.max(count - seen, 0),
    resume: () => {
      setOn(true);
      change({ step: null });
    },
    leave: () => {
      setOn(false);
      if (lastId !== null && wanted === null) change({ step: String(lastId) });
    },
    settle,
  };
}
