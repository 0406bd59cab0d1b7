/* One step as a row. */
import { memo } from 'react';
import { Link, useLocation } from 'react-router-dom';
import { formatCount, plural } from '../../base/number';
import { formatClock, formatDuration, formatElapsed, explainTime, parseTime } from '../../base/time';
import type { Run, StepSummary } from '../../model/api';
import { intervalOf, usOf, type Axis } from '../../model/axis';
import type { Trail } from '../../model/trail';
import { Status, type StatusKind } from '../../ui/Status';
import { Bar } from './Bar';
import type { TimeMode } from './StepList';

interface CellProps {
  readonly step: StepSummary;
  readonly status: StatusKind;
  /** null: there is nothing to open. */
  readonly open: boolean | null;
  readonly originUs: number;
  readonly timeMode: TimeMode;
  /** Whether the earlier attempts are shown; null: there are none to show. */
  readonly attempts: boolean | null;
  readonly onToggle: (trail: Trail, open: boolean) => void;
  readonly onToggleEarlier: (sequenceId: number, open: boolean) => void;
  readonly onSelect: (number: number) => void;
}

interface Props extends CellProps {
  readonly current: boolean;
  readonly hit: boolean;
  readonly folded: boolean;
  /** It is an earlier attempt, below the last. */
  readonly earlier: boolean;
  readonly hue: string;
  readonly axis: Axis;
  /** The server's time for what still runs; null for what does not. */
  readonly nowUs: number | null;
  readonly pins: readonly (string | null)[];
  readonly onHover: (action: string | null) => void;
}

/** Of the column of a run's sequence ids. */
export function seqWidth({ next_sequence_id: next }: Run): string {
  return `${Math.max(String(Math.max(next - 1, 0)).length, 2) * 7 + 4}px`;
}

export function StepRow(props: Props) {
  const { step, current, axis, nowUs } = props;
  const interval = intervalOf(step, nowUs);
  const tookUs = step.duration_us ?? (nowUs !== null && interval ? interval.to - interval.from : null);
  return (
    <div
      className={`step-row${props.hit ? ' hit' : ''}${step.superseded ? ' superseded' : ''}${props.folded ? ' folded' : ''}${props.earlier ? ' earlier' : ''}`}
      data-status={props.status}
      data-number={step.number}
      aria-current={current ? 'step' : undefined}
      onMouseEnter={() => props.onHover(step.action)}
    >
      <Cells
        step={step}
        status={props.status}
        open={props.open}
        attempts={props.attempts}
        originUs={props.originUs}
        timeMode={props.timeMode}
        onToggle={props.onToggle}
        onToggleEarlier={props.onToggleEarlier}
        onSelect={props.onSelect}
      />
      {props.pins.map((pin, index) => (
        <span key={index} className="pin cut mono" title={pin ?? undefined}>
          {pin === null ? '' : <bdi>{pin}</bdi>}
        </span>
      ))}
      <span className="num took">{tookUs === null ? '–' : formatDuration(tookUs)}</span>
      <span className="lane">
        <Bar
          fromUs={interval?.from ?? null}
          toUs={interval?.to ?? null}
          axis={axis}
          colour={props.hue}
          open={step.status === 'open'}
          className={props.status}
        />
      </span>
    </div>
  );
}

/* What the axis does not move: drawn once, while the bars beside it go along with the scrolling. */
const Cells = memo(function Cells(props: CellProps) {
  const { step, status, open, attempts, originUs, timeMode, onToggle, onSelect } = props;
  return (
    <>
      {open === null ? (
        <span />
      ) : (
        <button
          type="button"
          className="row-toggle"
          aria-expanded={open}
          aria-label={`${open ? 'Close' : 'Open'} the details of step ${step.sequence_id}`}
          onClick={() => onToggle(String(step.number), !open)}
        >
          {open ? '▼' : '▶'}
        </button>
      )}
      <span className="num seq">{step.sequence_id}</span>
      <Status kind={status} />
      <span className="name-cell">
        <StepLink step={step} name={step.action ?? 'unnamed action'} onSelect={onSelect} />
        {attempts !== null && (
          <button
            type="button"
            className="attempts"
            aria-expanded={attempts}
            aria-label={plural(step.attempt, 'attempt')}
            title={`${plural(step.attempt, 'attempt')}: ${attempts ? 'hide' : 'show'} the earlier ones (a)`}
            onClick={() => props.onToggleEarlier(step.sequence_id, !attempts)}
          >
            ×{formatCount(step.attempt)}
          </button>
        )}
      </span>
      <When step={step} originUs={originUs} mode={timeMode} />
    </>
  );
});

interface LinkProps {
  readonly step: StepSummary;
  readonly name: string;
  readonly onSelect: (number: number) => void;
}

/* A link, so that a middle click opens the step in a tab of its own. */
function StepLink({ step, name, onSelect }: LinkProps) {
  const { search } = useLocation();
  const query = new URLSearchParams(search);
  query.set('step', String(step.sequence_id));
  if (step.superseded) query.set('attempt', String(step.attempt));
  else query.delete('attempt');
  return (
    <Link
      className="step-link cut"
      to={`?${query.toString()}`}
      title={name}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
        event.preventDefault();
        onSelect(step.number);
      }}
    >
      <bdi>{name}</bdi>
      {step.superseded && <span className="attempt"> attempt {formatCount(step.attempt)}</span>}
    </Link>
  );
}

interface WhenProps {
  readonly step: StepSummary;
  readonly originUs: number;
  readonly mode: TimeMode;
}

export function When({ step, originUs, mode }: WhenProps) {
  const text = step.started ?? step.ended;
  const us = usOf(text);
  const time = parseTime(text);
  if (us === null || time === null) return <span className="num at">–</span>;
  return (
    <span className="num at" title={explainTime(time)}>
      {mode === 'clock' ? formatClock(time) : formatElapsed(us - originUs)}
    </span>
  );
}

/** In place of a step that is not there yet; of the same height. */
export function PlaceholderRow({ pins }: { readonly pins: number }) {
  return (
    <div className="step-row waiting-row" aria-hidden="true">
      <span />
      <span className="num seq">·</span>
      <span />
      <span className="blank" />
      <span />
      {Array.from({ length: pins }, (_, index) => (
        <span key={index} />
      ))}
      <span />
      <span className="lane" />
    </div>
  );
}
