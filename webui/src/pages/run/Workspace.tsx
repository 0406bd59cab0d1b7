/* The parts of the page and what they share: the chosen step, what is shown of the run, the keys. */
import { memo, useCallback, useState, useSyncExternalStore, type CSSProperties } from 'react';
import { plural } from '../../base/number';
import { serverNow } from '../../base/serverClock';
import { Signal } from '../../base/signal';
import { isFiltered } from '../../model/stepFilter';
import { useListed } from '../../state/listing';
import { usePreference } from '../../state/preferences';
import { useNow } from '../../state/queries';
import { findStep, useOverview, useStep } from '../../state/run';
import { useRunView, type RunView } from '../../state/runView';
import { useSelection, type Selection } from '../../state/selection';
import { useKeys } from '../../ui/keys';
import { Splitter } from '../../ui/Splitter';
import { useFacts } from './context';
import { Graph } from './Graph';
import { Inspector } from './Inspector';
import { RunHeader } from './RunHeader';
import { Scrubber } from './Scrubber';
import { StepList } from './StepList';
import { StepTools } from './StepTools';
import { useCameFrom } from './useCameFrom';
import { useFind } from './useFind';

type Pane = 'steps' | 'graph' | 'inspector';

const NO_HITS: ReadonlySet<number> = new Set();

export function Workspace() {
  const { place, detail } = useFacts();
  const count = detail.step_count;
  const view = useRunView();
  const selection = useSelection(place, count);
  const listed = useListed(place, {
    count,
    supersededCount: detail.superseded_count,
    filter: view.filter,
    folded: view.folded,
    openFolds: view.openFolds,
  });
  const overview = useOverview(place, detail);
  const find = useFind(selection);
  const nowUs = useRunningNow(detail.status === 'running');
  const [hovered] = useState(() => new Signal<string | null>(null));
  const [pane, setPane] = useState<Pane>('steps');
  const [mainShare, setMainShare] = usePreference('run.main', '0.5');
  const [graphShare, setGraphShare] = usePreference('run.graph', '0.36');
  const [pauses, setPauses] = usePreference('run.pauses', 'short');
  const [timeMode, setTimeMode] = usePreference('run.time', 'elapsed');
  const compressed = pauses === 'short';
  const toggleTime = () => setTimeMode(timeMode === 'clock' ? 'elapsed' : 'clock');
  const toggleFollow = () => (selection.following ? selection.leave() : selection.follow());

  const { select } = selection;
  const pick = useCallback(
    (number: number) => {
      select(number, 'push');
      setPane('inspector');
    },
    [select],
  );
  useRunKeys(view, selection, {
    pauses: () => setPauses(compressed ? 'scale' : 'short'),
    time: toggleTime,
    follow: toggleFollow,
  });

  return (
    <>
      <RunHeader project={place.project} run={detail} nowUs={nowUs} />
      {selection.missing !== null && count > 0 && (
        <div className="inline-error" role="alert">
          Step #{selection.missing} is not recorded in this run; the last one is shown.
        </div>
      )}
      <PaneSwitch pane={pane} onChange={setPane} />
      <div className="workspace" data-pane={pane} style={{ '--main': mainShare } as CSSProperties}>
        <section className="steps" aria-label="Steps">
          <StepTools
            view={view}
            find={find}
            compressed={compressed}
            pausable={count > 1}
            following={selection.following}
            onCompress={() => setPauses(compressed ? 'scale' : 'short')}
            onFollow={toggleFollow}
          />
          <StepList
            listed={listed}
            view={view}
            selection={selection}
            overview={overview}
            hits={find.text === '' ? NO_HITS : find.numbers}
            compressed={compressed}
            timeMode={timeMode === 'clock' ? 'clock' : 'elapsed'}
            nowUs={nowUs}
            onPick={pick}
            onHover={hovered.set}
            onTimeMode={toggleTime}
          />
          <Scrubber listed={listed} selection={selection} />
        </section>
        <Splitter
          direction="vertical"
          label="Width of the step list"
          share={Number(mainShare)}
          onChange={(share) => setMainShare(share.toFixed(3))}
        />
        <div className="side" style={{ '--graph': graphShare } as CSSProperties}>
          <StepGraph view={view} number={selection.number} hovered={hovered} />
          <Splitter
            direction="horizontal"
            label="Height of the graph"
            share={Number(graphShare)}
            onChange={(share) => setGraphShare(share.toFixed(3))}
          />
          <Inspector view={view} selection={selection} />
        </div>
      </div>
    </>
  );
}

/* The server's time, again each second, while something runs. */
function useRunningNow(running: boolean): number | null {
  useNow(running ? 1000 : 3_600_000);
  return running ? serverNow() * 1000 : null;
}

interface PaneProps {
  readonly pane: Pane;
  readonly onChange: (pane: Pane) => void;
}

/* A phone has room for one part at a time. */
function PaneSwitch({ pane, onChange }: PaneProps) {
  const { detail } = useFacts();
  const words = { steps: plural(detail.step_count, 'step'), graph: 'Graph', inspector: 'Step' };
  return (
    <div className="pane-switch" role="group" aria-label="Part of the page">
      {(['steps', 'graph', 'inspector'] as const).map((name) => (
        <button
          key={name}
          type="button"
          className="button"
          aria-pressed={pane === name}
          onClick={() => onChange(name)}
        >
          {words[name]}
        </button>
      ))}
    </div>
  );
}

interface GraphProps {
  readonly view: RunView;
  readonly number: number | null;
  readonly hovered: Signal<string | null>;
}

const StepGraph = memo(function StepGraph({ view, number, hovered: signal }: GraphProps) {
  const { place, machine, detail, hue } = useFacts();
  const hovered = useSyncExternalStore(signal.watch, signal.get);
  const step = useStep(place, number).data;
  const { from } = useCameFrom(step ?? null);
  const { filter, change } = view;
  const pick = useCallback(
    (name: string) => change({ action: name === filter.action ? null : name }, 'push'),
    [change, filter.action],
  );
  return (
    <Graph
      machine={machine}
      uses={detail}
      hue={hue}
      action={step?.action ?? null}
      cameFrom={from}
      hovered={hovered}
      filtered={filter.action}
      onPick={pick}
    />
  );
});

interface Toggles {
  readonly pauses: () => void;
  readonly time: () => void;
  readonly follow: () => void;
}

function useRunKeys(view: RunView, { number, select, follow }: Selection, toggles: Toggles) {
  const { place, detail } = useFacts();
  const overview = useOverview(place, detail);
  const last = detail.step_count - 1;
  const goTo = (look: (signal: AbortSignal) => Promise<{ readonly number: number } | null>) => {
    void look(new AbortController().signal)
      .then((step) => step && select(step.number, 'push'))
      .catch(() => null); /* the page tells by itself that the server does not answer */
  };
  const nextFailure = () =>
    goTo(
      async (signal) =>
        (await findStep(place, { status: 'failed' }, (number ?? -1) + 1, signal)) ??
        (await findStep(place, { status: 'failed' }, 0, signal)),
    );
  const slowest = () => {
    const most = Math.max(0, ...(overview?.buckets ?? []).map((bucket) => bucket.longest_us));
    const bucket = overview?.buckets.find((one) => one.step_count > 0 && one.longest_us === most);
    if (bucket) goTo((signal) => findStep(place, { slower_us: most }, bucket.first_number ?? 0, signal));
  };
  useKeys('Steps', [
    { keys: ['e'], label: 'Next failed step', run: nextFailure },
    { keys: ['s'], label: 'Slowest step', run: slowest },
    { keys: ['Home'], label: 'First step', run: () => last >= 0 && select(0, 'push') },
    { keys: ['End'], label: 'Newest step, and follow', run: () => follow('push') },
    { keys: ['c'], label: 'Pauses short or to scale', run: toggles.pauses },
    { keys: ['t'], label: 'Elapsed or absolute time', run: toggles.time },
    {
      keys: ['x'],
      label: 'Fold cycles that repeat',
      run: () => view.change({ fold: view.folded ? null : '1', folds: null }, 'push'),
    },
    { keys: ['f'], label: 'Follow the newest step', run: toggles.follow },
    ...(isFiltered(view.filter)
      ? [{ keys: ['Escape'], label: 'Show all steps', run: view.clearFilter }]
      : view.zoom !== null
        ? [{ keys: ['Escape'], label: 'Leave the zoom', run: () => view.setZoom(null) }]
        : []),
  ]);
}
