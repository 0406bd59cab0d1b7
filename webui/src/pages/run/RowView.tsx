/* A row of the list, by what its place holds. */
import { formatCount, plural } from '../../base/number';
import type { Axis } from '../../model/axis';
import { intervalOfGroup } from '../../model/axis';
import type { Inner } from '../../model/inner';
import type { Group, Place, Range } from '../../model/listing';
import type { RunView } from '../../state/runView';
import { Bar } from './Bar';
import { useFacts } from './context';
import { InnerRow } from './InnerRow';
import { PlaceholderRow, StepRow } from './StepRow';
import { statusOf } from './stepStatus';
import type { TimeMode } from './StepList';
import type { StepRows } from './useStepRows';

interface Props {
  readonly place: Place<Inner>;
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
  switch (place.kind) {
    case 'fold':
      return <FoldRow group={place.group} open={place.open} axis={axis} onToggle={view.toggleFold} />;
    case 'gap':
      return <GapRow range={place.range} />;
    case 'inner':
      return (
        <InnerRow
          row={place.row}
          steps={steps}
          runsUs={steps.stepAt(place.number)?.status === 'open' ? nowUs : null}
          axis={axis}
          originUs={props.originUs}
          timeMode={props.timeMode}
          nowUs={nowUs}
          onToggle={view.toggle}
        />
      );
    case 'step':
    case 'attempt':
      return <OwnStep {...props} number={place.number} />;
  }
}

/* A step of the run itself. */
function OwnStep({ number, ...props }: Props & { readonly number: number }) {
  const { place, steps, view, nowUs } = props;
  const { detail, hue } = useFacts();
  const step = steps.stepAt(number);
  if (!step) return <PlaceholderRow pins={props.pins.length} />;
  const open = step.record_count + steps.opened.childCount(step.sequence_id) > 0;
  const shownEarlier = steps.earlier.has(step.sequence_id);
  return (
    <StepRow
      step={step}
      status={statusOf(step, detail.step_count - 1, detail.status)}
      current={number === props.selected}
      hit={props.hits.has(number)}
      folded={place.kind === 'step' && place.folded}
      earlier={place.kind === 'attempt'}
      attempts={step.superseded || step.attempt === 1 || !steps.foldsAttempts ? null : shownEarlier}
      open={open ? view.open.has(String(number)) : null}
      hue={hue(step.action)}
      axis={props.axis}
      originUs={props.originUs}
      timeMode={props.timeMode}
      nowUs={step.status === 'open' && number === detail.step_count - 1 ? nowUs : null}
      pins={props.pins}
      onToggle={view.toggle}
      onToggleEarlier={view.toggleEarlier}
      onSelect={props.onPick}
      onHover={props.onHover}
    />
  );
}

function GapRow({ range }: { readonly range: Range }) {
  return (
    <div className="step-row gap">
      <span className="gap-name dim">{plural(range.to - range.from, 'step')} to look through</span>
    </div>
  );
}

interface FoldProps {
  readonly group: Group;
  readonly open: boolean;
  readonly axis: Axis;
  readonly onToggle: (fold: Range, open: boolean) => void;
}

function FoldRow({ group, open, axis, onToggle }: FoldProps) {
  const cycle = group.actions.map((action) => action ?? 'unnamed').join(' → ');
  const ran = intervalOfGroup(group);
  return (
    <div className="step-row fold" data-from={group.from}>
      <button
        type="button"
        className="row-toggle"
        aria-expanded={open}
        aria-label={`${open ? 'Close' : 'Open'} ${formatCount(group.times)} rounds of ${cycle}`}
        onClick={() => onToggle(group, !open)}
      >
        {open ? '▼' : '▶'}
      </button>
      <button
        type="button"
        className="fold-name cut"
        title={cycle}
        tabIndex={-1}
        onClick={() => onToggle(group, !open)}
      >
        <bdi>{cycle}</bdi> <b className="times">×{formatCount(group.times)}</b>
        <span className="dim">
          {' '}
          #{group.first_sequence_id}–{group.last_sequence_id}
        </span>
      </button>
      <span className="lane">
        <Bar
          fromUs={ran?.from ?? null}
          toUs={ran?.to ?? null}
          axis={axis}
          colour="var(--ink-3)"
          open={false}
          className="fold"
        />
      </span>
    </div>
  );
}
