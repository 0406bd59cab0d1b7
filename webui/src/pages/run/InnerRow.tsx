/* A row below a step: what was recorded in it, a run that it spawned, a step of that run. */
import type { CSSProperties } from 'react';
import { Link } from 'react-router-dom';
import { plural } from '../../base/number';
import { formatDuration } from '../../base/time';
import type { StepSummary } from '../../model/api';
import { intervalOf, type Axis } from '../../model/axis';
import type { Inner } from '../../model/inner';
import type { Trail } from '../../model/trail';
import { runPath } from '../../state/links';
import { Status } from '../../ui/Status';
import { Bar, Tick } from './Bar';
import { useFacts } from './context';
import { DetailRow, indentOf } from './DetailRow';
import { PlaceholderRow, seqWidth, When } from './StepRow';
import type { TimeMode } from './StepList';
import { statusOf } from './stepStatus';
import { runInterval } from './useInner';
import type { StepRows } from './useStepRows';

interface Shared {
  readonly steps: StepRows;
  readonly axis: Axis;
  readonly originUs: number;
  readonly timeMode: TimeMode;
  readonly nowUs: number | null;
  readonly onToggle: (trail: Trail, open: boolean) => void;
}

interface Props extends Shared {
  readonly row: Inner;
  /** The server's time, where the step that it stands below still runs. */
  readonly runsUs: number | null;
}

export function InnerRow({ row, runsUs, ...shared }: Props) {
  switch (row.kind) {
    case 'detail':
      return <DetailRow detail={row.detail} depth={row.depth} axis={shared.axis} nowUs={runsUs} />;
    case 'child':
      return <ChildRow row={row} {...shared} />;
    case 'step':
      return <ChildStep row={row} {...shared} />;
    case 'waiting':
      return <PlaceholderRow pins={0} />;
  }
}

interface ToggleProps {
  readonly trail: Trail;
  readonly open: boolean;
  readonly what: string;
  readonly onToggle: (trail: Trail, open: boolean) => void;
}

function Toggle({ trail, open, what, onToggle }: ToggleProps) {
  return (
    <button
      type="button"
      className="row-toggle"
      aria-expanded={open}
      aria-label={`${open ? 'Close' : 'Open'} ${what}`}
      onClick={() => onToggle(trail, !open)}
    >
      {open ? '▼' : '▶'}
    </button>
  );
}

/* A run that was spawned or forked. */
function ChildRow({
  row,
  steps,
  axis,
  nowUs,
  onToggle,
}: Shared & { readonly row: Extract<Inner, { kind: 'child' }> }) {
  const { place } = useFacts();
  const { child, trail, open } = row;
  const run = steps.opened.childAt(child.appId);
  const interval = runInterval(run, nowUs);
  const tookUs = interval && interval.to - interval.from;
  return (
    <div className="step-row detail child" data-status={run?.status}>
      <span className="detail-name" style={indentOf(row.depth)}>
        <Toggle trail={trail} open={open} what={`the steps of ${child.appId}`} onToggle={onToggle} />
        <span className="kind">{child.how === 'fork' ? 'forked' : 'spawned'}</span>
        {run && <Status kind={run.status} />}
        <Link className="cut" to={runPath(place.project, child.appId)} title={child.appId}>
          <bdi>{child.appId}</bdi>
        </Link>
        {run && <span className="dim nowrap">{plural(run.step_count, 'step')}</span>}
      </span>
      <span className="num took">{tookUs === null ? '' : formatDuration(tookUs)}</span>
      <span className="lane">
        <Bar
          fromUs={interval?.from ?? null}
          toUs={interval?.to ?? null}
          axis={axis}
          colour="var(--ink-3)"
          open={run?.status === 'running'}
          className="fold"
        />
        {child.atUs !== null && <Tick us={child.atUs} axis={axis} />}
      </span>
    </div>
  );
}

/* A step of a spawned run, with a link to it there. */
function ChildStep({ row, steps, ...shared }: Shared & { readonly row: Extract<Inner, { kind: 'step' }> }) {
  const { place, hue } = useFacts();
  const { axis, nowUs, timeMode } = shared;
  const step = steps.inner.stepOf(row);
  const run = steps.opened.runs.get(row.appId);
  if (!step || !run) return <PlaceholderRow pins={0} />;
  const status = statusOf(step, run.step_count - 1, run.status);
  const interval = intervalOf(step, status === 'running' ? nowUs : null);
  const tookUs = step.duration_us ?? (status === 'running' && interval ? interval.to - interval.from : null);
  const name = step.action ?? 'unnamed action';
  return (
    <div className={`step-row detail inner-step${step.superseded ? ' superseded' : ''}`} data-status={status}>
      <span
        className="detail-name"
        style={{ ...indentOf(row.depth), '--seq': seqWidth(run) } as CSSProperties}
      >
        {opensIn(step, run.children) ? (
          <Toggle
            trail={row.trail}
            open={steps.opened.isOpen(row.trail)}
            what={`the details of step ${step.sequence_id} of ${row.appId}`}
            onToggle={shared.onToggle}
          />
        ) : (
          <span className="row-toggle" />
        )}
        <span className="num seq">{step.sequence_id}</span>
        <Status kind={status} />
        <Link className="step-link cut" to={runPath(place.project, row.appId, step.sequence_id)} title={name}>
          <bdi>{name}</bdi>
        </Link>
        <When step={step} originUs={shared.originUs} mode={timeMode} />
      </span>
      <span className="num took">{tookUs === null ? '–' : formatDuration(tookUs)}</span>
      <span className="lane">
        <Bar
          fromUs={interval?.from ?? null}
          toUs={interval?.to ?? null}
          axis={axis}
          colour={hue(step.action)}
          open={step.status === 'open'}
          className={`inner ${status}`}
        />
      </span>
    </div>
  );
}

function opensIn(step: StepSummary, children: readonly { readonly sequence_id?: unknown }[]): boolean {
  return step.record_count > 0 || children.some((child) => child.sequence_id === step.sequence_id);
}
