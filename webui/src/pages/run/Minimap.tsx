/* The whole run over time: how much happened when, what failed, and which part the rows show. Drag to zoom, click to go there. */
import { useMemo, useRef, useState, type PointerEvent } from 'react';
import { clamp } from '../../base/number';
import { formatDuration } from '../../base/time';
import type { Overview } from '../../model/api';
import { buildAxis, intervalsOf, usOf, type Axis, type Interval } from '../../model/axis';
import { useFacts } from './context';
import { WHOLE_AXIS_STEPS } from './useStepRows';

interface Props {
  readonly overview: Overview | null;
  readonly compressed: boolean;
  readonly zoom: Interval | null;
  /** The axis of the rows. */
  readonly shown: Axis;
  readonly selectedUs: number | null;
  readonly onZoom: (zoom: Interval | null) => void;
  readonly onJump: (number: number) => void;
}

const DRAG_SHARE = 0.006;

export function Minimap(props: Props) {
  const { overview, compressed, zoom, shown, selectedUs } = props;
  const { detail } = useFacts();
  const originUs = usOf(detail.started) ?? 0;
  const axis = useMemo(
    () => buildAxis(overview ? intervalsOf(overview) : [], compressed),
    [overview, compressed],
  );
  const picture = useMemo(() => (overview ? draw(overview, axis) : null), [overview, axis]);
  const [drag, setDrag] = useState<{ readonly from: number; readonly to: number } | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const shareOf = (event: PointerEvent) => {
    const bounds = box.current?.getBoundingClientRect();
    return bounds ? clamp((event.clientX - bounds.left) / bounds.width, 0, 1) : 0;
  };
  const end = () => {
    if (drag === null) return;
    setDrag(null);
    const from = axis.us(Math.min(drag.from, drag.to));
    const to = axis.us(Math.max(drag.from, drag.to));
    const first = overview ? firstNumberAt(overview, from) : null;
    if (Math.abs(drag.to - drag.from) < DRAG_SHARE) {
      if (first !== null) props.onJump(first);
      return;
    }
    props.onZoom({ from: from - originUs, to: to - originUs });
    if (first !== null) props.onJump(first);
  };
  const band = drag ?? { from: axis.at(shown.startUs), to: axis.at(shown.endUs) };
  const left = Math.min(band.from, band.to);
  const width = Math.abs(band.to - band.from);
  return (
    <div className="minimap-row">
      <div
        ref={box}
        className="minimap"
        role="img"
        aria-label={`The run over time: ${detail.step_count} steps, ${detail.failed_count} failed. Drag to zoom`}
        title="Drag to zoom, click to go there"
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          setDrag({ from: shareOf(event), to: shareOf(event) });
        }}
        onPointerMove={(event) => {
          const to = shareOf(event);
          if (drag !== null) setDrag({ from: drag.from, to });
        }}
        onPointerUp={end}
        onPointerCancel={() => setDrag(null)}
      >
        {picture && (
          <svg viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
            <path className="steps-path" d={picture.steps} />
            <path className="failed-path" d={picture.failed} />
          </svg>
        )}
        {(zoom !== null || drag !== null || detail.step_count > WHOLE_AXIS_STEPS) && (
          <i className="band" style={{ left: `${left * 100}%`, width: `max(${width * 100}%, 2px)` }} />
        )}
        {selectedUs !== null && <i className="cursor" style={{ left: `${axis.at(selectedUs) * 100}%` }} />}
      </div>
      {zoom !== null && (
        <button
          type="button"
          className="button zoom-out"
          title="Show all (Esc)"
          onClick={() => props.onZoom(null)}
        >
          {formatDuration(zoom.to - zoom.from)} ×
        </button>
      )}
    </div>
  );
}

/* Bars from the ground; their height grows with the logarithm, so that one step is still seen beside thousands. */
function draw(overview: Overview, axis: Axis): { readonly steps: string; readonly failed: string } {
  const most = Math.max(...overview.buckets.map((bucket) => bucket.step_count), 1);
  let steps = '';
  let failed = '';
  for (const bucket of overview.buckets) {
    const from = usOf(bucket.from);
    if (bucket.step_count === 0 || from === null) continue;
    const x = axis.at(from);
    const width = Math.max(axis.at(from + overview.bucket_us + bucket.longest_us) - x, 0.0015);
    const height = 0.2 + (0.7 * Math.log1p(bucket.step_count)) / Math.log1p(most);
    steps += `M${x.toFixed(4)} 1V${(1 - height).toFixed(3)}h${width.toFixed(4)}V1z`;
    if (bucket.failed_count > 0) failed += `M${x.toFixed(4)} 1V0.74h${Math.max(width, 0.003).toFixed(4)}V1z`;
  }
  return { steps, failed };
}

/** The first step that began at or after a moment, as far as the overview tells. */
function firstNumberAt(overview: Overview, us: number): number | null {
  let last: number | null = null;
  for (const bucket of overview.buckets) {
    if (bucket.first_number === null) continue;
    last = bucket.first_number;
    if ((usOf(bucket.from) ?? 0) + overview.bucket_us > us) return last;
  }
  return last;
}
