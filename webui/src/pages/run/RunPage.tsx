/* One run: its steps on a time axis, its state machine, and whatever the chosen step left behind. */
import { useMemo } from 'react';
import { Link, useParams } from 'react-router-dom';
import { machineOf, hueOf } from '../../model/graph';
import type { Run } from '../../model/api';
import { runsPath } from '../../state/links';
import { useRunDetail, type RunPlace } from '../../state/run';
import { Notice } from '../../ui/Notice';
import { NoData, StaleBar } from '../QueryStates';
import { useTitle } from '../useTitle';
import { RunContext, type RunFacts } from './context';
import { Workspace } from './Workspace';
import './run.css';
import './inspector.css';

export default function RunPage() {
  const params = useParams();
  const project = params.project ?? '';
  const app_id = params.app ?? '';
  const place = useMemo((): RunPlace => ({ project, app_id }), [project, app_id]);
  const { data, error, refetch } = useRunDetail(place);
  const retry = () => void refetch();
  const words = data ? `${data.status === 'unknown' ? 'running?' : data.status} · ` : '';
  useTitle(`${words}${app_id} · ${project} · burr`, data?.status ?? null);
  const facts = useFactsOf(place, data);
  if (facts === null)
    return (
      <NoData
        what="this run"
        error={error}
        retry={retry}
        notFound={
          <Notice title="There is no such run">
            <p>
              Nothing is recorded under <code>{app_id}</code>. If it has just been started, it appears here by
              itself.
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
      <RunContext value={facts}>
        <Workspace key={`${project}/${app_id}`} />
      </RunContext>
    </div>
  );
}

function useFactsOf(place: RunPlace, detail: Run | undefined): RunFacts | null {
  const graph = detail?.graph ?? null;
  /* The graph never changes, but comes anew with each answer. */
  const graphText = JSON.stringify(graph);
  const machine = useMemo(() => machineOf(JSON.parse(graphText) as Run['graph']), [graphText]);
  const used = detail?.actions.map((use) => use.name).join('\n') ?? '';
  const hues = useMemo(
    () => hueOf([...machine.actions.map((action) => action.name), ...used.split('\n')]),
    [machine, used],
  );
  return useMemo(
    () =>
      detail === undefined
        ? null
        : { place, detail, machine, hue: (action) => `var(--hue-${hues.get(action ?? '') ?? 0})` },
    [place, detail, machine, hues],
  );
}
