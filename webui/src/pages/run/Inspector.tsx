/* Everything one step left behind. */
import { useMemo, type KeyboardEvent, type ReactNode } from 'react';
import { brief, type Json, type JsonObject } from '../../base/json';
import { formatCount, plural } from '../../base/number';
import { formatClock, formatDuration, explainTime } from '../../base/time';
import { runClock } from '../../model/clock';
import { diffStates, pathText, type Change } from '../../model/diff';
import { cameBy } from '../../model/graph';
import { isAbandoned, previousEnded, stepDurationUs, stepStatus } from '../../model/status';
import { readTraceback } from '../../model/traceback';
import type { Run, Step } from '../../model/types';
import { useUrlQuery } from '../../state/url';
import { Code } from '../../ui/Code';
import { CopyButton } from '../../ui/CopyButton';
import { JsonTree } from '../../ui/JsonTree';
import { useKeys } from '../../ui/keys';
import { Status } from '../../ui/Status';

const TABS = ['state', 'result', 'inputs', 'error', 'attributes', 'code', 'raw'] as const;
type Tab = (typeof TABS)[number];

const WORDS: Readonly<Record<Tab, string>> = {
  state: 'State',
  result: 'Result',
  inputs: 'Inputs',
  error: 'Error',
  attributes: 'Attributes',
  code: 'Code',
  raw: 'Raw',
};

interface Props {
  readonly project: string;
  readonly run: Run;
  readonly selected: number;
  readonly onSelect: (index: number) => void;
}

export function Inspector({ run, selected, onSelect }: Props) {
  const [query, change] = useUrlQuery();
  const step = run.steps[selected];
  const asked = TABS.find((tab) => tab === query.get('tab')) ?? null;
  const tab = asked ?? (step && stepStatus(step) === 'failed' ? 'error' : 'state');
  const show = (next: Tab) => change({ tab: next });
  useKeys('Step', [
    ...TABS.map((name, index) => ({
      keys: [String(index + 1)],
      label: WORDS[name],
      run: () => show(name),
    })),
  ]);
  if (!step)
    return (
      <section className="inspector" aria-label="Step">
        <p className="loading">No step yet.</p>
      </section>
    );
  const onTabKey = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const next = by === undefined ? undefined : TABS[(TABS.indexOf(tab) + by + TABS.length) % TABS.length];
    if (next === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    show(next);
    document.getElementById(`tab-${next}`)?.focus();
  };
  const counts = tabCounts(step);
  return (
    <section className="inspector" aria-label={`Step ${step.sequenceId}`}>
      <Heading run={run} step={step} selected={selected} onSelect={onSelect} />
      <div className="tabs" role="tablist" aria-label="What the step left" onKeyDown={onTabKey}>
        {TABS.map((name) => (
          <button
            key={name}
            id={`tab-${name}`}
            type="button"
            role="tab"
            aria-selected={name === tab}
            aria-controls="tab-panel"
            tabIndex={name === tab ? 0 : -1}
            className={`tab ${counts[name] === 0 ? 'nothing' : ''} ${name === 'error' && counts.error ? 'alert' : ''}`}
            onClick={() => show(name)}
          >
            {WORDS[name]}
            {name === 'attributes' && counts.attributes !== null && counts.attributes > 0 && (
              <span className="tab-count">{formatCount(counts.attributes)}</span>
            )}
          </button>
        ))}
      </div>
      <div className="tab-panel" id="tab-panel" role="tabpanel" aria-labelledby={`tab-${tab}`} tabIndex={0}>
        <Panel tab={tab} run={run} step={step} selected={selected} />
      </div>
    </section>
  );
}

/* null: a tab that is never empty. */
function tabCounts(step: Step): Readonly<Record<Tab, number | null>> {
  const { result = null, exception = null } = step.end ?? {};
  return {
    state: null,
    result: result === null || (typeof result === 'object' && Object.keys(result).length === 0) ? 0 : null,
    inputs: Object.keys(step.inputs).length === 0 ? 0 : null,
    error: exception === null ? 0 : 1,
    attributes: step.attributes.length,
    code: null,
    raw: null,
  };
}

interface HeadingProps {
  readonly run: Run;
  readonly step: Step;
  readonly selected: number;
  readonly onSelect: (index: number) => void;
}

function Heading({ run, step, selected, onSelect }: HeadingProps) {
  const durationUs = stepDurationUs(step);
  const status = stepStatus(step);
  const abandoned = isAbandoned(run.steps, selected);
  const came = cameBy(run, selected);
  return (
    <div className="inspector-head">
      <div className="inspector-title">
        <span className="num seq">#{step.sequenceId}</span>
        <h2 className="cut" title={step.action}>
          <bdi>{step.action}</bdi>
        </h2>
        <Status kind={abandoned ? 'abandoned' : status} showWord />
        {durationUs !== null && <span className="dim nowrap">{formatDuration(durationUs)}</span>}
        {step.start && (
          <span className="dim nowrap at" title={explainTime(step.start)}>
            {formatClock(step.start)}
          </span>
        )}
        <span className="stepper">
          <button
            type="button"
            className="button"
            aria-label="Step before"
            title="Step before (k)"
            disabled={selected === 0}
            onClick={() => onSelect(selected - 1)}
          >
            ↑
          </button>
          <button
            type="button"
            className="button"
            aria-label="Next step"
            title="Next step (j)"
            disabled={selected >= run.steps.length - 1}
            onClick={() => onSelect(selected + 1)}
          >
            ↓
          </button>
        </span>
      </div>
      <p className="why cut">
        {came === null ? (
          run.forkedFrom ? (
            'first step of a fork'
          ) : (
            'first recorded step'
          )
        ) : (
          <>
            from <b>{came.from.action}</b>{' '}
            {came.condition === null ? (
              'without a recorded transition'
            ) : came.condition === 'default' ? (
              'by default'
            ) : (
              <>
                because <code>{came.condition}</code>
              </>
            )}
          </>
        )}
      </p>
    </div>
  );
}

interface PanelProps {
  readonly tab: Tab;
  readonly run: Run;
  readonly step: Step;
  readonly selected: number;
}

function Panel({ tab, run, step, selected }: PanelProps): ReactNode {
  switch (tab) {
    case 'state':
      return <StateTab run={run} step={step} selected={selected} />;
    case 'result':
      return <ValueTab value={step.end?.result ?? null} open={step.end === null} what="result" />;
    case 'inputs':
      return Object.keys(step.inputs).length > 0 ? (
        <JsonTree value={step.inputs} label="Inputs" />
      ) : (
        <Nothing>The action took no inputs.</Nothing>
      );
    case 'error':
      return <ErrorTab text={step.end?.exception ?? null} open={step.end === null} />;
    case 'attributes':
      return <AttributesTab run={run} step={step} />;
    case 'code':
      return <CodeTab run={run} name={step.action} />;
    case 'raw':
      return <RawTab raw={step.raw} />;
  }
}

function Nothing({ children }: { readonly children: ReactNode }) {
  return <p className="nothing-here">{children}</p>;
}

function StateTab({ run, step, selected }: Omit<PanelProps, 'tab'>) {
  const before = previousEnded(run.steps, selected);
  const after = step.end?.state ?? null;
  if (after === null)
    return (
      <>
        <Nothing>
          {isAbandoned(run.steps, selected)
            ? 'The step never ended, so it left no state.'
            : 'The step has not ended: its state comes when it does.'}
        </Nothing>
        {before?.end && (
          <section>
            <h3 className="part">State before, as #{before.sequenceId} left it</h3>
            <JsonTree value={before.end.state} label="State before" />
          </section>
        )}
      </>
    );
  return (
    <>
      <section>
        {before?.end ? (
          <Changes before={before.end.state} after={after} than={before.sequenceId} />
        ) : (
          <Nothing>
            {run.forkedFrom
              ? 'First step of a fork: what it started from is in the run it was forked from.'
              : 'First recorded step: there is no earlier state to compare with.'}
          </Nothing>
        )}
      </section>
      <section>
        <h3 className="part">
          State after{' '}
          <CopyButton className="json-more" label="copy" text={() => JSON.stringify(after, null, 2)} />
        </h3>
        {Object.keys(after).length > 0 ? (
          <JsonTree value={after} label="State after" />
        ) : (
          <Nothing>The state is empty.</Nothing>
        )}
      </section>
    </>
  );
}

interface ChangesProps {
  readonly before: JsonObject;
  readonly after: JsonObject;
  readonly than: number;
}

function Changes({ before, after, than }: ChangesProps) {
  const diff = useMemo(() => diffStates(before, after), [before, after]);
  if (diff.changes.length === 0) return <Nothing>The state is the same as after #{than}.</Nothing>;
  return (
    <>
      <h3 className="part">
        Changed since #{than}
        <span className="dim">
          {' '}
          {diff.cut
            ? `first ${formatCount(diff.changes.length)} places`
            : plural(diff.changes.length, 'place')}
        </span>
      </h3>
      <ul className="changes">
        {diff.changes.map((change) => (
          <ChangeRow key={pathText(change.path)} change={change} />
        ))}
      </ul>
    </>
  );
}

const SIGNS: Readonly<Record<Change['kind'], string>> = { added: '+', removed: '−', changed: '~' };

function ChangeRow({ change }: { readonly change: Change }) {
  const path = pathText(change.path);
  return (
    <li className={`change ${change.kind}`}>
      <span className="sign" aria-label={change.kind}>
        {SIGNS[change.kind]}
      </span>
      <span className="path cut" title={path}>
        <bdi>{path}</bdi>
      </span>
      <span className="values">
        {change.kind !== 'added' && <del title={brief(change.before, 2000)}>{brief(change.before, 160)}</del>}
        {change.kind === 'changed' && <span className="dim"> → </span>}
        {change.kind !== 'removed' && <ins title={brief(change.after, 2000)}>{brief(change.after, 160)}</ins>}
      </span>
    </li>
  );
}

interface ValueProps {
  readonly value: Json;
  readonly open: boolean;
  readonly what: string;
}

function ValueTab({ value, open, what }: ValueProps) {
  if (open) return <Nothing>The step has not ended: there is no {what} yet.</Nothing>;
  if (value === null || (typeof value === 'object' && Object.keys(value).length === 0))
    return <Nothing>The step gave no {what}.</Nothing>;
  return <JsonTree value={value} label={what} />;
}

function ErrorTab({ text, open }: { readonly text: string | null; readonly open: boolean }) {
  if (text === null)
    return (
      <Nothing>
        {open ? 'The step has not ended; it has not failed so far.' : 'The step did not fail.'}
      </Nothing>
    );
  const trace = readTraceback(text);
  return (
    <div className="trace">
      <p className="trace-headline">
        <bdi>{trace.headline}</bdi>
        <CopyButton className="json-more" label="copy all" text={() => text} />
      </p>
      {trace.lines.length > 1 && (
        <pre dir="ltr">
          {trace.lines.map((line, index) =>
            line.kind === 'frame' ? (
              <div key={index} className="frame">
                <span className="dim">{line.file}</span>:{line.line} <b>{line.where}</b>
              </div>
            ) : (
              <div key={index} className="trace-text">
                {line.text || ' '}
              </div>
            ),
          )}
        </pre>
      )}
    </div>
  );
}

function AttributesTab({ run, step }: { readonly run: Run; readonly step: Step }) {
  const clock = useMemo(() => runClock(run.steps), [run]);
  if (step.attributes.length === 0) return <Nothing>No attributes were logged in this step.</Nothing>;
  const spans = new Map(step.spans.map((span) => [span.id, span.name ?? span.id]));
  return (
    <ul className="attributes">
      {step.attributes.map((attribute, index) => (
        <li key={index}>
          <div className="attribute-head">
            <b className="mono cut" title={attribute.key}>
              {attribute.key}
            </b>
            {attribute.spanId !== null && (
              <span className="dim cut">in {spans.get(attribute.spanId) ?? attribute.spanId}</span>
            )}
            {Object.entries(attribute.tags).map(([tag, value]) => (
              <span key={tag} className="chip">
                {tag}={typeof value === 'string' ? value : brief(value, 40)}
              </span>
            ))}
            {attribute.at && step.start && (
              <span className="dim at" title={explainTime(attribute.at)}>
                after {formatDuration(clock.place(attribute.at) - clock.place(step.start))}
              </span>
            )}
          </div>
          <JsonTree value={attribute.value} label={attribute.key} />
        </li>
      ))}
    </ul>
  );
}

function CodeTab({ run, name }: { readonly run: Run; readonly name: string }) {
  const action = run.machine.actions.find((candidate) => candidate.name === name);
  if (!action) return <Nothing>This action is missing from the recorded graph.</Nothing>;
  const facts: readonly (readonly [string, readonly string[]])[] = [
    ['reads', action.reads],
    ['writes', action.writes],
    ['inputs', action.inputs],
    ['optional inputs', action.optionalInputs],
  ];
  return (
    <>
      <dl className="signature">
        {facts
          .filter(([, names]) => names.length > 0)
          .map(([word, names]) => (
            <div key={word}>
              <dt>{word}</dt>
              <dd className="mono">{names.join(', ')}</dd>
            </div>
          ))}
      </dl>
      {action.code.trim() === '' ? <Nothing>No code was recorded.</Nothing> : <Code text={action.code} />}
    </>
  );
}

function RawTab({ raw }: { readonly raw: JsonObject }) {
  return (
    <>
      <p className="raw-tools">
        <CopyButton className="button" label="Copy as JSON" text={() => JSON.stringify(raw, null, 2)} />
      </p>
      <JsonTree value={raw} label="Records of the step" />
    </>
  );
}
