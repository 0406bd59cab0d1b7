/* What one step of the file left: why it failed, what it changed, its values, its lines. */
import { useMemo } from 'react';
import { explainTime, formatDateTime, formatDuration } from '../../base/time';
import type { Exact } from '../../base/jsonText';
import { changesBetween } from '../../model/changes';
import { brief } from '../../model/exact';
import { valuesOf, type FileStep } from '../../model/logFile';
import { pathText } from '../../model/path';
import { CopyButton } from '../../ui/CopyButton';
import { JsonTree } from '../../ui/JsonTree';
import { Status } from '../../ui/Status';
import { Nothing } from '../run/Nothing';
import { Trace } from '../run/Trace';

const CHANGES_SHOWN = 200;

interface Props {
  readonly step: FileStep;
  /** The step whose state it began with. */
  readonly before: FileStep | null;
}

export function FileStepView({ step, before }: Props) {
  const values = useMemo(() => valuesOf(step), [step]);
  const earlier = useMemo(() => (before === null ? null : valuesOf(before).state), [before]);
  return (
    <section className="inspector" aria-label={`Step ${step.sequenceId ?? ''}`}>
      <div className="inspector-head">
        <div className="inspector-title">
          <span className="num seq">#{step.sequenceId ?? '–'}</span>
          <h2 className="cut">
            <bdi>{step.action ?? 'unnamed action'}</bdi>
          </h2>
          <Status kind={step.status === 'open' ? 'abandoned' : step.status} showWord />
          {step.durationUs !== null && <span className="dim">{formatDuration(step.durationUs)}</span>}
          {step.started && (
            <span className="dim nowrap at" title={explainTime(step.started)}>
              {formatDateTime(step.started)}
            </span>
          )}
        </div>
      </div>
      <div className="tab-panel" tabIndex={0} role="group" aria-label="What the step left">
        {values.exception !== null && (
          <section className="trace">
            <Trace text={values.exception} />
          </section>
        )}
        {values.state !== null && earlier !== null && <Changes before={earlier} after={values.state} />}
        <Part title="State after" value={values.state} />
        <Part title="Inputs" value={values.inputs} />
        <Part title="Result" value={values.result} />
        {values.others.length > 0 && <Part title="Spans, attributes and streams" value={values.others} />}
        <section>
          <h3 className="part">
            Lines <CopyButton className="json-more" label="copy" text={() => step.records.join('\n')} />
          </h3>
        </section>
      </div>
    </section>
  );
}

function Part({ title, value }: { readonly title: string; readonly value: Exact }) {
  if (value === null) return null;
  return (
    <section>
      <h3 className="part">{title}</h3>
      <JsonTree value={value} label={title} />
    </section>
  );
}

function Changes({ before, after }: { readonly before: Exact; readonly after: Exact }) {
  const changes = useMemo(() => changesBetween(before, after, CHANGES_SHOWN), [before, after]);
  return (
    <section>
      <h3 className="part">What changed</h3>
      {changes.length === 0 && <Nothing>Nothing: the state is the same.</Nothing>}
      <ul className="changes">
        {changes.map(({ kind, path, before: old, after: now }) => (
          <li key={kind + pathText(path)} className={`change ${kind}`}>
            <span className="sign" role="img" aria-label={kind}>
              {{ added: '+', removed: '−', changed: '~' }[kind]}
            </span>
            <bdi className="path cut">{pathText(path)}</bdi>
            <span className="values">
              {kind !== 'added' && <del>{brief(old, 160)}</del>}
              {kind === 'changed' && <span className="dim"> → </span>}
              {kind !== 'removed' && <ins>{brief(now, 160)}</ins>}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
