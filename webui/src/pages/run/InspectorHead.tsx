/* Which step it is, and why it ran. */
import type { ReactNode } from 'react';
import { formatDuration, formatClock, explainTime, parseTime } from '../../base/time';
import type { Step } from '../../model/api';
import type { Reason, Rejected } from '../../model/via';
import type { Selection } from '../../state/selection';
import { Status, type StatusKind } from '../../ui/Status';
import { useFacts } from './context';
import { useCameFrom } from './useCameFrom';

interface Props {
  readonly step: Step;
  readonly status: StatusKind;
  readonly selection: Selection;
}

export function InspectorHead({ step, status, selection }: Props) {
  const { detail, hue } = useFacts();
  const started = parseTime(step.started);
  const name = step.action ?? 'unnamed action';
  const at = selection.number ?? step.number;
  return (
    <div className="inspector-head">
      <div className="inspector-title">
        <span className="num seq">#{step.sequence_id}</span>
        <i className="swatch" style={{ background: hue(step.action) }} />
        <h2 className="cut" title={name}>
          <bdi>{name}</bdi>
        </h2>
        <Status kind={status} showWord />
        {step.duration_us !== null && <span className="dim nowrap">{formatDuration(step.duration_us)}</span>}
        {started && (
          <span className="dim nowrap at" title={explainTime(started)}>
            {formatClock(started)}
          </span>
        )}
        {(step.superseded || step.attempt > 1) && (
          <span className="chip" title={step.superseded ? 'A later attempt replaced this one' : undefined}>
            attempt {step.attempt}
            {step.superseded && ', replaced'}
          </span>
        )}
        <span className="stepper">
          <button
            type="button"
            className="button"
            aria-label="Step before"
            title="Step before (k)"
            disabled={at === 0}
            onClick={() => selection.select(at - 1, 'replace')}
          >
            ↑
          </button>
          <button
            type="button"
            className="button"
            aria-label="Next step"
            title="Next step (j)"
            disabled={at >= detail.step_count - 1}
            onClick={() => selection.select(at + 1, 'replace')}
          >
            ↓
          </button>
        </span>
      </div>
      <p className="why">
        <Why step={step} />
      </p>
    </div>
  );
}

function Why({ step }: { readonly step: Step }): ReactNode {
  const { detail } = useFacts();
  const { from, via, possible } = useCameFrom(step);
  if (from === null) {
    if (step.number > 0) return null;
    return detail.parent
      ? 'first step of a fork'
      : detail.spawning_parent
        ? 'first step, spawned'
        : 'first step';
  }
  if (via?.from == null)
    return (
      <>
        from <b title={from}>{from}</b> <Possible conditions={possible} />
      </>
    );
  return (
    <>
      from <b title={from}>{from}</b> <Because reason={via} />
      {via.rejected.length > 0 && (
        <span className="rejected">
          {' '}
          · not taken:{' '}
          {via.rejected.map((rejected, index) => (
            <RejectedText key={index} rejected={rejected} first={index === 0} />
          ))}
        </span>
      )}
    </>
  );
}

/* Burr's own tracker does not record the transition; the graph has those that it can have been. */
function Possible({ conditions }: { readonly conditions: readonly string[] }) {
  if (conditions.length === 0) return 'by no transition of the graph';
  return (
    <span title="By the graph: which transition was taken was not recorded">
      {conditions.length === 1 ? 'by' : 'by one of'}{' '}
      {conditions.map((condition, index) => (
        <span key={index}>
          {index > 0 && ', '}
          {condition === 'default' ? 'default' : <code>{condition}</code>}
        </span>
      ))}
    </span>
  );
}

function Because({ reason }: { readonly reason: Reason }) {
  if (reason.condition === null) return 'by default';
  return (
    <>
      because <code>{reason.condition}</code>
      <Values reason={reason} />
    </>
  );
}

function Values({ reason }: { readonly reason: Reason }) {
  if (reason.filled !== null) return <span className="dim"> ({reason.filled})</span>;
  if (reason.values.length === 0) return null;
  return (
    <span className="dim"> ({reason.values.map(([name, value]) => `${name} = ${value}`).join(', ')})</span>
  );
}

function RejectedText({ rejected, first }: { readonly rejected: Rejected; readonly first: boolean }) {
  return (
    <>
      {!first && ', '}
      <b title={rejected.to}>{rejected.to}</b>
      {rejected.condition !== null && (
        <>
          {' '}
          <code>{rejected.condition}</code>
          <Values reason={rejected} />
        </>
      )}
    </>
  );
}
