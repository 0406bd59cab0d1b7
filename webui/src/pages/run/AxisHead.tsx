/* Above the rows: how many there are, what the columns hold, and the time axis. */
import { useState } from 'react';
import { formatCount, plural } from '../../base/number';
import { formatDuration } from '../../base/time';
import { ticksOf, usOf, type Axis } from '../../model/axis';
import { sparkOf } from '../../model/pins';
import { pathOf, pathText } from '../../model/path';
import type { Listed } from '../../state/listing';
import { findLastWrite, useSampledHistory } from '../../state/history';
import type { RunView } from '../../state/runView';
import { useFacts } from './context';
import type { TimeMode } from './StepList';

interface Props {
  readonly axis: Axis;
  readonly listed: Listed;
  readonly view: RunView;
  readonly selected: number | null;
  readonly timeMode: TimeMode;
  readonly onTimeMode: () => void;
  readonly onJump: (number: number) => void;
}

export function AxisHead({ axis, listed, view, selected, timeMode, onTimeMode, onJump }: Props) {
  const { detail } = useFacts();
  const total = detail.step_count;
  return (
    <div className="steps-head">
      <span
        className="steps-count"
        title={
          detail.superseded_count > 0
            ? `and ${plural(detail.superseded_count, 'earlier attempt')}`
            : undefined
        }
      >
        {listed.kind === 'filtered'
          ? `${listed.partial ? 'over ' : ''}${formatCount(listed.known.size)} of ${plural(total, 'step')}`
          : plural(total - detail.superseded_count, 'step')}
      </span>
      <button type="button" className="num at" title="Elapsed or absolute time (t)" onClick={onTimeMode}>
        {timeMode === 'clock' ? 'clock' : 'after'}
      </button>
      {view.pins.map((pin) => (
        <PinHead key={pin} pointer={pin} selected={selected} onJump={onJump} onClose={view.togglePin} />
      ))}
      <span className="num">took</span>
      <AxisText axis={axis} />
    </div>
  );
}

function AxisText({ axis }: { readonly axis: Axis }) {
  const { detail } = useFacts();
  const total = axis.endUs - axis.startUs;
  const origin = usOf(detail.started) ?? axis.startUs;
  if (axis.compressed) {
    const paused = axis.pauses.reduce((sum, pause) => sum + pause.durationUs, 0);
    return (
      <span className="axis short">
        <span className="cut">
          {formatDuration(total)} with {plural(axis.pauses.length, 'pause')} of {formatDuration(paused)} drawn
          short
        </span>
      </span>
    );
  }
  return (
    <span className="axis">
      <span className="axis-start">{formatDuration(axis.startUs - origin)}</span>
      {ticksOf(axis).map((us) => (
        <span key={us} className="axis-tick" style={{ left: `${axis.at(axis.startUs + us) * 100}%` }}>
          +{formatDuration(us)}
        </span>
      ))}
    </span>
  );
}

interface PinProps {
  readonly pointer: string;
  readonly selected: number | null;
  readonly onJump: (number: number) => void;
  readonly onClose: (pointer: string) => void;
}

function PinHead({ pointer, selected, onJump, onClose }: PinProps) {
  const { place, detail } = useFacts();
  const [looking, setLooking] = useState(false);
  const name = pathText(pathOf(pointer));
  const sampled = useSampledHistory(place, pointer, detail.step_count).data;
  const spark = sampled ? sparkOf(sampled.values, sampled.stepCount) : null;
  const jump = () => {
    if (selected === null || looking) return;
    setLooking(true);
    void findLastWrite(place, pointer, selected, new AbortController().signal)
      .then((moment) => moment && onJump(moment.number))
      .catch(() => null)
      .finally(() => setLooking(false));
  };
  return (
    <span className="pin-head" title={name}>
      <button
        type="button"
        className="pin-name cut"
        aria-label={`Go to the step that last wrote ${name}`}
        title={`${name}: go to the step that last wrote it`}
        onClick={jump}
      >
        <bdi>{name}</bdi>
      </button>
      {spark && (
        <svg
          className="spark"
          viewBox="0 -0.1 1 1.2"
          preserveAspectRatio="none"
          role="img"
          aria-label={`from ${spark.least} to ${spark.most}`}
        >
          <path d={spark.path} />
        </svg>
      )}
      <button
        type="button"
        className="pin-close"
        aria-label={`Unpin ${name}`}
        onClick={() => onClose(pointer)}
      >
        ×
      </button>
    </span>
  );
}
