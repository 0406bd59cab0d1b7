/* The steps as rows on one time axis. Only what is visible is rendered. */
import { useVirtualizer } from '@tanstack/react-virtual';
import {
  memo,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
  type CSSProperties,
  type UIEvent,
} from 'react';
import { Link, useLocation } from 'react-router-dom';
import { brief } from '../../base/json';
import { formatCount, plural } from '../../base/number';
import { formatDuration } from '../../base/time';
import { buildAxis, type Axis } from '../../model/axis';
import { runClock, type RunClock } from '../../model/clock';
import { buildRows, hasDetail, type Row } from '../../model/rows';
import { isAbandoned, stepDurationUs, stepStatus } from '../../model/status';
import { summariseStream } from '../../model/stream';
import type { Child, Run, Step } from '../../model/types';
import { runPath } from '../../state/links';
import { usePreference } from '../../state/preferences';
import { FilterField } from '../../ui/FilterField';
import { useKeys } from '../../ui/keys';
import { Status, type StatusKind } from '../../ui/Status';
import { actionHues } from './hues';
import type { Follow } from './RunPage';

const ROW_PX = 26;

interface Props {
  readonly project: string;
  readonly run: Run;
  readonly selected: number;
  readonly childRuns: ReadonlyMap<number, readonly Child[]>;
  readonly text: string;
  readonly action: string | null;
  readonly follow: Follow;
  readonly onSelect: (sequenceId: number) => void;
  readonly onMove: (sequenceId: number) => void;
  readonly onHover: (action: string | null) => void;
  readonly onFilter: (parts: Readonly<Record<string, string | null>>) => void;
}

export function StepList(props: Props) {
  const { run, selected, childRuns, text, action, follow, onMove } = props;
  const { steps } = run;
  const [expanded, setExpanded] = useState<ReadonlySet<number>>(() => new Set());
  const [pauses, setPauses] = usePreference('run.pauses', 'short');
  const compressed = pauses === 'short';
  const clock = useMemo(() => runClock(steps), [steps]);
  const axis = useMemo(() => buildAxis(steps, clock, compressed), [steps, clock, compressed]);
  const hues = useMemo(() => actionHues(run), [run]);
  const rows = useMemo(
    () => buildRows(steps, { text, action }, expanded, childRuns),
    [steps, text, action, expanded, childRuns],
  );
  const scroller = useRef<HTMLDivElement>(null);
  /* The virtualizer measures everything again when this function changes: keep it while the rows stay. */
  const getItemKey = useCallback((index: number) => rows[index]?.key ?? index, [rows]);
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    getItemKey,
    overscan: 16,
  });

  const selectedId = steps[selected]?.sequenceId ?? null;
  const rowOfStep = useMemo(
    () => new Map(rows.map((row, at) => [row.kind === 'step' ? row.index : -1, at])),
    [rows],
  );
  const selectedRow = rowOfStep.get(selected) ?? -1;
  const firstReveal = useRef(true);
  const revealed = useRef<number | null>(null);
  useEffect(() => {
    if (follow.on) revealed.current = null;
  }, [follow.on]);
  useEffect(() => {
    if (selectedRow < 0 || revealed.current === selectedId) return;
    revealed.current = selectedId;
    virtualizer.scrollToIndex(selectedRow, { align: firstReveal.current ? 'center' : 'auto' });
    firstReveal.current = false;
  }, [selectedRow, selectedId, virtualizer, follow.on]);
  const onScroll = useFollowByScroll(follow, selectedId);

  const toggle = useCallback((sequenceId: number, open: boolean) => {
    setExpanded((old) => {
      const next = new Set(old);
      if (open) next.add(sequenceId);
      else next.delete(sequenceId);
      return next;
    });
  }, []);
  const stepRows = useMemo(() => rows.flatMap((row) => (row.kind === 'step' ? [row] : [])), [rows]);
  const move = (by: number) => {
    const at = stepRows.findIndex((row) => row.index >= selected);
    const exact = stepRows[at]?.index === selected;
    const target = at < 0 ? stepRows.length - 1 : exact || by < 0 ? at + by : at;
    const row = stepRows[target];
    if (row) onMove(row.step.sequenceId);
  };
  useKeys('Steps', [
    { keys: ['j', 'ArrowDown'], label: 'Next step', run: () => move(1) },
    { keys: ['k', 'ArrowUp'], label: 'Step before', run: () => move(-1) },
    {
      keys: ['l', 'ArrowRight'],
      label: 'Open spans and attributes',
      run: () => selectedId !== null && toggle(selectedId, true),
    },
    {
      keys: ['h', 'ArrowLeft'],
      label: 'Close them',
      run: () => selectedId !== null && toggle(selectedId, false),
    },
    { keys: ['c'], label: 'Pauses short or to scale', run: () => setPauses(compressed ? 'scale' : 'short') },
    {
      keys: ['f'],
      label: 'Follow the newest step',
      run: () => (follow.on ? follow.leave() : follow.resume()),
    },
    ...(action !== null || text !== ''
      ? [{ keys: ['Escape'], label: 'Show all steps', run: () => props.onFilter({ action: null, q: null }) }]
      : []),
  ]);
  return (
    <section
      className="steps"
      aria-label="Steps"
      style={{ '--seq': `${widestId(steps) * 7 + 4}px` } as CSSProperties}
    >
      <div className="steps-tools">
        <FilterField
          className="grow"
          label="Filter steps"
          placeholder="Filter by action, number, error"
          shortcut="/"
          value={text}
          onChange={(q) => props.onFilter({ q })}
        />
        {action !== null && (
          <button
            type="button"
            className="button partition"
            aria-pressed="true"
            aria-label={`Only ${action}. Show all actions`}
            onClick={() => props.onFilter({ action: null })}
          >
            <b className="cut">{action}</b> ×
          </button>
        )}
        {axis.pauses.length > 0 && (
          <button
            type="button"
            className="button"
            aria-pressed={compressed}
            title="Draw pauses over a second short, not to scale (c)"
            onClick={() => setPauses(compressed ? 'scale' : 'short')}
          >
            Short pauses
          </button>
        )}
        <button
          type="button"
          className="button"
          aria-pressed={follow.on}
          title="Keep the newest step in view (f)"
          onClick={() => (follow.on ? follow.leave() : follow.resume())}
        >
          Follow
        </button>
      </div>
      <AxisHead axis={axis} shown={stepRows.length} total={steps.length} compressed={compressed} />
      <div
        className="steps-scroll"
        ref={scroller}
        onScroll={onScroll}
        onMouseLeave={() => props.onHover(null)}
      >
        <div className="steps-body" style={{ height: virtualizer.getTotalSize() }} role="list">
          <div className="pauses" aria-hidden="true">
            <div className="pauses-lane">
              {axis.pauses.slice(0, 200).map((pause) => (
                <span
                  key={pause.from}
                  style={{ left: `${pause.from * 100}%`, width: `${(pause.to - pause.from) * 100}%` }}
                />
              ))}
            </div>
          </div>
          {virtualizer.getVirtualItems().map((item) => {
            const row = rows[item.index];
            if (!row) return null;
            return (
              <div
                key={item.key}
                className="row-place"
                role="listitem"
                style={{ transform: `translateY(${item.start}px)`, height: ROW_PX }}
              >
                {row.kind === 'step' ? (
                  <StepRow
                    step={row.step}
                    current={row.index === selected}
                    abandoned={isAbandoned(steps, row.index)}
                    open={
                      hasDetail(row.step, childRuns.get(row.step.sequenceId) ?? [])
                        ? expanded.has(row.step.sequenceId)
                        : null
                    }
                    hue={hues.get(row.step.action) ?? 'var(--hue-0)'}
                    axis={axis}
                    clock={clock}
                    onToggle={toggle}
                    onSelect={props.onSelect}
                    onHover={props.onHover}
                  />
                ) : (
                  <DetailRow row={row} project={props.project} axis={axis} clock={clock} />
                )}
              </div>
            );
          })}
        </div>
        {steps.length === 0 && (
          <p className="loading">This run has recorded no step yet. The first one appears here by itself.</p>
        )}
        {steps.length > 0 && rows.length === 0 && <p className="loading">No step matches the filter.</p>}
      </div>
      {follow.unseen > 0 && (
        <button type="button" className="unseen" onClick={follow.resume}>
          {plural(follow.unseen, 'new step')} ↓
        </button>
      )}
    </section>
  );
}

/* Who scrolls up is reading there: the newest step is left alone until the way back down. The page itself only scrolls up where
 * the list became shorter, and then lands at its end. */
function useFollowByScroll(follow: Follow, selectedId: number | null) {
  const top = useRef(0);
  const leftAt = useRef<number | null>(null);
  return (event: UIEvent<HTMLElement>) => {
    const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
    const below = scrollHeight - clientHeight - scrollTop;
    const up = scrollTop < top.current;
    top.current = scrollTop;
    if (follow.on && up && below > ROW_PX) {
      leftAt.current = selectedId;
      follow.leave();
    } else if (!follow.on && !up && below < 2 && leftAt.current === selectedId && selectedId !== null) {
      leftAt.current = null;
      follow.resume();
    }
  };
}

/* Digits of the longest sequence id; they rise, so it is the last. */
function widestId(steps: readonly Step[]): number {
  return Math.max(String(steps.at(-1)?.sequenceId ?? 0).length, 2);
}

interface HeadProps {
  readonly axis: Axis;
  readonly shown: number;
  readonly total: number;
  readonly compressed: boolean;
}

function AxisHead({ axis, shown, total, compressed }: HeadProps) {
  const whole = axis.endUs - axis.startUs;
  const paused = axis.pauses.reduce((sum, pause) => sum + pause.durationUs, 0);
  return (
    <div className="steps-head">
      <span className="count">
        {shown === total ? plural(total, 'step') : `${formatCount(shown)} of ${plural(total, 'step')}`}
      </span>
      <span className="num">took</span>
      <span className="axis">
        {axis.pauses.length > 0 && compressed ? (
          <>
            <span>0</span>
            <span className="cut">
              {plural(axis.pauses.length, 'pause')}, {formatDuration(paused)}, drawn short
            </span>
            <span>{formatDuration(whole)}</span>
          </>
        ) : (
          [0, 0.5, 1].map((part) => <span key={part}>{part === 0 ? '0' : formatDuration(whole * part)}</span>)
        )}
      </span>
    </div>
  );
}

interface RowProps {
  readonly step: Step;
  readonly current: boolean;
  readonly abandoned: boolean;
  /** null: there is nothing to open. */
  readonly open: boolean | null;
  readonly hue: string;
  readonly axis: Axis;
  readonly clock: RunClock;
  readonly onToggle: (sequenceId: number, open: boolean) => void;
  readonly onSelect: (sequenceId: number) => void;
  readonly onHover: (action: string | null) => void;
}

const StepRow = memo(function StepRow(props: RowProps) {
  const { step, current, open, hue, axis, clock } = props;
  const status = stepStatus(step);
  const kind: StatusKind = props.abandoned ? 'abandoned' : status;
  const durationUs = stepDurationUs(step);
  const { search } = useLocation();
  const query = new URLSearchParams(search);
  query.set('step', String(step.sequenceId));
  return (
    <div
      className="step-row"
      data-status={kind}
      aria-current={current ? 'step' : undefined}
      onMouseEnter={() => props.onHover(step.action)}
    >
      {open === null ? (
        <span />
      ) : (
        <button
          type="button"
          className="row-toggle"
          aria-expanded={open}
          aria-label={`${open ? 'Close' : 'Open'} the details of step ${step.sequenceId}`}
          onClick={() => props.onToggle(step.sequenceId, !open)}
        >
          {open ? '▼' : '▶'}
        </button>
      )}
      <span className="num seq">{step.sequenceId}</span>
      <Status kind={kind} />
      <Link
        className="step-link cut"
        to={`?${query.toString()}`}
        title={step.action}
        onClick={(event) => {
          if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
          event.preventDefault();
          props.onSelect(step.sequenceId);
        }}
      >
        <bdi>{step.action}</bdi>
      </Link>
      <span className="num took">
        {durationUs !== null ? formatDuration(durationUs) : kind === 'running' ? '…' : '–'}
      </span>
      <span className="lane">
        <Bar
          from={step.start && clock.place(step.start)}
          to={step.end?.at ? clock.place(step.end.at) : null}
          axis={axis}
          colour={hue}
          open={step.end === null}
          className={kind}
        />
      </span>
    </div>
  );
});

interface BarProps {
  readonly from: number | null;
  readonly to: number | null;
  readonly axis: Axis;
  readonly colour: string;
  readonly open: boolean;
  readonly className: string;
}

function Bar({ from, to, axis, colour, open, className }: BarProps) {
  const start = from ?? to;
  if (start === null) return null;
  const left = axis.at(start);
  const right = axis.at(to ?? start);
  return (
    <span
      className={`bar ${className}${open ? ' open' : ''}`}
      style={{
        left: `min(${(left * 100).toFixed(3)}%, calc(100% - 3px))`,
        width: `${(Math.max(right - left, 0) * 100).toFixed(3)}%`,
        background: colour,
      }}
    />
  );
}

interface DetailProps {
  readonly row: Exclude<Row, { readonly kind: 'step' }>;
  readonly project: string;
  readonly axis: Axis;
  readonly clock: RunClock;
}

function DetailRow({ row, project, axis, clock }: DetailProps) {
  const indent = { paddingInlineStart: `${row.depth * 14}px` };
  const place = (
    time: { readonly us: number; readonly zoned: boolean; readonly text: string } | null | undefined,
  ) => (time ? clock.place(time) : null);
  if (row.kind === 'span') {
    const { span } = row;
    const took = span.start && span.end?.zoned === span.start.zoned ? span.end.us - span.start.us : null;
    return (
      <div className="step-row detail">
        <span className="detail-name cut" style={indent} title={`${span.name ?? 'span'} (${span.id})`}>
          <span className="kind">span</span>{' '}
          {span.name ?? <span className="dim">{span.id}, never begun</span>}
        </span>
        <span className="num took">{took !== null ? formatDuration(took) : span.end ? '–' : 'open'}</span>
        <span className="lane">
          <Bar
            from={place(span.start)}
            to={place(span.end)}
            axis={axis}
            colour="var(--ink-3)"
            open={span.end === null}
            className="span"
          />
        </span>
      </div>
    );
  }
  if (row.kind === 'attribute') {
    const { attribute } = row;
    const at = place(attribute.at);
    return (
      <div className="step-row detail">
        <span
          className="detail-name wide cut"
          style={indent}
          title={`${attribute.key} = ${brief(attribute.value, 300)}`}
        >
          <span className="kind">attr</span> {attribute.key}{' '}
          <span className="mono dim">{brief(attribute.value, 60)}</span>
        </span>
        <span className="lane">
          {at !== null && <i className="tick" style={{ left: `${axis.at(at) * 100}%` }} />}
        </span>
      </div>
    );
  }
  if (row.kind === 'stream') {
    const stream = summariseStream(row.events);
    const times = row.events.flatMap((event) => (event.at ? [clock.place(event.at)] : []));
    const facts = [
      stream.firstItemUs !== null && `first after ${formatDuration(stream.firstItemUs)}`,
      stream.itemCount !== null && plural(stream.itemCount, 'item'),
      stream.itemsPerSecond !== null && `${stream.itemsPerSecond.toPrecision(3)}/s`,
    ].filter((fact) => fact !== false);
    return (
      <div className="step-row detail">
        <span className="detail-name cut" style={indent} title={facts.join(', ')}>
          <span className="kind">stream</span> <span className="dim">{facts.join(', ') || 'begun'}</span>
        </span>
        <span className="num took">{stream.totalUs !== null ? formatDuration(stream.totalUs) : 'open'}</span>
        <span className="lane">
          <Bar
            from={times[0] ?? null}
            to={times.at(-1) ?? null}
            axis={axis}
            colour="var(--accent)"
            open={stream.totalUs === null}
            className="span"
          />
          {times.map((at, index) => (
            <i key={index} className="tick" style={{ left: `${axis.at(at) * 100}%` }} />
          ))}
        </span>
      </div>
    );
  }
  return (
    <div className="step-row detail">
      <span className="detail-name wide cut" style={indent}>
        <span className="kind">{row.child.kind}</span>{' '}
        <Link to={runPath(project, row.child.run)}>
          <bdi>{row.child.run.appId}</bdi>
        </Link>
      </span>
      <span className="lane" />
    </div>
  );
}
