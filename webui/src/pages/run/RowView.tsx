/* A row of the list, by what its place holds. */
import { formatCount } from '../../base/number';
import type { StepSummary } from '../../model/api';
import type { Axis } from '../../model/axis';
import { intervalOf } from '../../model/axis';
import type { Group, Place } from '../../model/listing';
import type { RunView } from '../../state/runView';
import type { StatusKind } from '../../ui/Status';
import { Bar } from './Bar';
import { useFacts } from './context';
import { DetailRow } from './DetailRow';
import { PlaceholderRow, StepRow } from './StepRow';
import type { TimeMode } from './StepList';
import type { StepRows } from './useStepRows';

interface Props {
  readonly place: Place;
  readonly steps: StepRows;
  readonly axis: Axis;
  readonly originUs: number;
  readonly selected: number | null;
  readonly hits: ReadonlySet<number>;
  readonly view: RunView;
  readonly pins: readonly (string | null)[];
  readonly timeMode: TimeMode;
  readonly nowUs: number | null;
  readonly onPick: (number: number) => void;
  readonly onHover: (action: string | null) => void;
}

export function RowView(props: Props) {
  return (
    <div className="row-place" role="listitem">
      <Content {...props} />
    </div>
  );
}

function Content(props: Props) {
  const { place, steps, axis, view, nowUs } = props;
  const { detail, hue, place: run } = useFacts();
  if (place.kind === 'fold')
    return (
      <FoldRow
        group={place.group}
        open={place.open}
        first={steps.stepAt(place.group.from)}
        last={steps.stepAt(place.group.to - 1)}
        axis={axis}
        onToggle={view.toggleFold}
      />
    );
  const step = steps.stepAt(place.number);
  if (place.kind === 'detail') {
    const shown = steps.details.get(place.number)?.[place.offset];
    const runsUs = step?.status === 'open' ? nowUs : null;
    return shown ? (
      <DetailRow detail={shown} project={run.project} axis={axis} nowUs={runsUs} />
    ) : (
      <PlaceholderRow pins={props.pins.length} />
    );
  }
  if (!step) return <PlaceholderRow pins={props.pins.length} />;
  const children = steps.children.get(step.sequence_id)?.length ?? 0;
  return (
    <StepRow
      step={step}
      status={statusOf(step, detail.step_count - 1, detail.status)}
      current={place.number === props.selected}
      hit={props.hits.has(place.number)}
      folded={place.folded}
      open={step.record_count + children > 0 ? view.open.has(place.number) : null}
      hue={hue(step.action)}
      axis={axis}
      originUs={props.originUs}
      timeMode={props.timeMode}
      nowUs={step.status === 'open' && place.number === detail.step_count - 1 ? nowUs : null}
      pins={props.pins}
      onToggle={view.toggle}
      onSelect={props.onPick}
      onHover={props.onHover}
    />
  );
}

/** An open step runs, is lost or cannot be known where it is the newest; before others, it was left without an end. */
export function statusOf(step: StepSummary, last: number, run: string): StatusKind {
  if (step.status !== 'open') return step.status;
  if (step.number !== last) return 'abandoned';
  return run === 'lost' || run === 'unknown' ? run : 'running';
}

interface FoldProps {
  readonly group: Group;
  readonly open: boolean;
  readonly first: StepSummary | null;
  readonly last: StepSummary | null;
  readonly axis: Axis;
  readonly onToggle: (first: number, open: boolean) => void;
}

function FoldRow({ group, open, first, last, axis, onToggle }: FoldProps) {
  const cycle = group.actions.map((action) => action ?? 'unnamed').join(' → ');
  const from = first && intervalOf(first, null);
  const to = last && intervalOf(last, null);
  return (
    <div className="step-row fold" data-from={group.from}>
      <button
        type="button"
        className="row-toggle"
        aria-expanded={open}
        aria-label={`${open ? 'Close' : 'Open'} ${formatCount(group.times)} rounds of ${cycle}`}
        onClick={() => onToggle(group.from, !open)}
      >
        {open ? '▼' : '▶'}
      </button>
      <button
        type="button"
        className="fold-name cut"
        title={cycle}
        tabIndex={-1}
        onClick={() => onToggle(group.from, !open)}
      >
        <bdi>{cycle}</bdi> <b className="times">×{formatCount(group.times)}</b>
        {first && last && (
          <span className="dim">
            {' '}
            #{first.sequence_id}–{last.sequence_id}
          </span>
        )}
      </button>
      <span className="lane">
        <Bar
          fromUs={from?.from ?? null}
          toUs={to?.to ?? null}
          axis={axis}
          colour="var(--ink-3)"
          open={false}
          className="fold"
        />
      </span>
    </div>
  );
}
