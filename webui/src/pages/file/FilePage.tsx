/* A run's log.jsonl that was dropped on the page: its steps, its graph, what each step left. Read here; no server knows of it. */
import { useMemo } from 'react';
import { formatBytes, plural } from '../../base/number';
import { hueOf, machineOf } from '../../model/graph';
import { usesOf } from '../../model/logFile';
import { openFiles, useOpenedFile, type OpenedFile } from '../../state/openedFile';
import { useChanges } from '../../state/queries';
import { useUrlQuery } from '../../state/url';
import { useKeys } from '../../ui/keys';
import { Notice } from '../../ui/Notice';
import { DamagedLines } from '../DamagedLines';
import { Graph } from '../run/Graph';
import { useTitle } from '../useTitle';
import { FileStepView } from './FileStepView';
import { FileSteps } from './FileSteps';
import '../run/run.css';
import '../run/inspector.css';
import './file.css';

const DAMAGE_SHOWN = 100;

export default function FilePage() {
  const file = useOpenedFile();
  useTitle(file ? `${file.name} · burr` : 'Look into a log file · burr');
  /* So that the frame can say whether the server is there. */
  useChanges('projects', () => Promise.resolve());
  if (file === null)
    return (
      <Notice title="Look into a log file">
        <p>
          Drop a run’s folder, or its <code>log.jsonl</code> with its <code>graph.json</code>, anywhere on
          this page. It is read here and goes nowhere else; a reload forgets it.
        </p>
        <Choose />
      </Notice>
    );
  const { damaged } = file.log;
  if (file.fault !== null)
    return (
      <Notice title={`Cannot show ${file.name || 'what was dropped'}`}>
        <p>{file.fault}</p>
        {damaged.length > 0 && <DamagedLines count={damaged.length} lines={damaged.slice(0, DAMAGE_SHOWN)} />}
        <Choose />
      </Notice>
    );
  return <FileView file={file} />;
}

function Choose() {
  return (
    <label className="choose">
      Choose files{' '}
      <input
        type="file"
        multiple
        accept=".jsonl,.json"
        onChange={(event) => void openFiles([...(event.target.files ?? [])])}
      />
    </label>
  );
}

function FileView({ file }: { readonly file: OpenedFile }) {
  const { steps, damaged } = file.log;
  const [query, change] = useUrlQuery();
  const asked = Number(query.get('step') ?? NaN);
  const failed = useMemo(() => steps.filter((step) => step.status === 'failed'), [steps]);
  const number =
    Number.isInteger(asked) && steps[asked] ? asked : (failed.at(-1)?.number ?? steps.length - 1);
  const step = steps[number];
  const before = steps.slice(0, number).findLast((one) => one.status !== 'open') ?? null;
  const select = (next: number) => {
    if (steps[next]) change({ step: String(next) });
  };
  const nextFailure = () => {
    const next = failed.find((one) => one.number > number) ?? failed[0];
    if (next) select(next.number);
  };
  useKeys('Steps', [
    { keys: ['j', 'ArrowDown'], label: 'Next step', run: () => select(number + 1) },
    { keys: ['k', 'ArrowUp'], label: 'Step before', run: () => select(number - 1) },
    { keys: ['e'], label: 'Next failed step', run: nextFailure },
    { keys: ['Home'], label: 'First step', run: () => select(0) },
    { keys: ['End'], label: 'Last step', run: () => select(steps.length - 1) },
  ]);
  const machine = useMemo(() => machineOf(file.graph), [file.graph]);
  const uses = useMemo(() => usesOf(steps), [steps]);
  const hues = useMemo(
    () => hueOf([...machine.actions.map(({ name }) => name), ...uses.actions.map(({ name }) => name)]),
    [machine, uses],
  );
  const hue = (action: string | null) => `var(--hue-${hues.get(action ?? '') ?? 0})`;
  return (
    <div className="file-page">
      <header className="file-head">
        <h1 className="cut">
          <bdi>{file.name}</bdi>
        </h1>
        <span className="dim">
          {plural(steps.length, 'step')}, {formatBytes(file.bytes)}; read in this page, no server knows of it
        </span>
        {failed.length > 0 && (
          <button type="button" className="button failures" onClick={nextFailure}>
            {failed.length} failed
          </button>
        )}
        {damaged.length > 0 && <DamagedLines count={damaged.length} lines={damaged.slice(0, DAMAGE_SHOWN)} />}
      </header>
      <div className="file-body">
        <FileSteps steps={steps} current={number} hue={hue} onSelect={select} />
        <div className="file-side">
          <Graph
            machine={machine}
            uses={uses}
            hue={hue}
            action={step?.action ?? null}
            cameFrom={steps[number - 1]?.action ?? null}
            hovered={null}
            filtered={null}
            onPick={(action) => {
              const next =
                steps.find((one) => one.number > number && one.action === action) ??
                steps.find((one) => one.action === action);
              if (next) select(next.number);
            }}
          />
          {step && <FileStepView step={step} before={before} />}
        </div>
      </div>
    </div>
  );
}
