/* Everything one step left behind. What is shown of the step before stays until the next one is there, so that walking does not blink. */
import { useCallback, type KeyboardEvent, type ReactNode } from 'react';
import { formatCount } from '../../base/number';
import type { Step } from '../../model/api';
import { read, sizeOf, valueAt } from '../../model/exact';
import { fetchState, fetchWholeStep, useStep, type RunPlace } from '../../state/run';
import { readExact, type Exact } from '../../base/jsonText';
import type { RunView } from '../../state/runView';
import type { Selection } from '../../state/selection';
import { usePlaces } from '../../state/places';
import { useUrlQuery } from '../../state/url';
import { JsonTree } from '../../ui/JsonTree';
import { useKeys } from '../../ui/keys';
import { AttributesTab } from './AttributesTab';
import { CodeTab } from './CodeTab';
import { useFacts } from './context';
import { ErrorTab } from './ErrorTab';
import { InspectorHead } from './InspectorHead';
import { Nothing } from './Nothing';
import { RawTab } from './RawTab';
import { ReproduceTab } from './ReproduceTab';
import { StateTab } from './StateTab';
import { statusOf } from './stepStatus';
import { useRead } from './useRead';

const TABS = ['state', 'result', 'inputs', 'error', 'attributes', 'code', 'reproduce', 'raw'] as const;
type Tab = (typeof TABS)[number];

const WORDS: Readonly<Record<Tab, string>> = {
  state: 'State',
  result: 'Result',
  inputs: 'Inputs',
  error: 'Error',
  attributes: 'Attributes',
  code: 'Code',
  reproduce: 'Reproduce',
  raw: 'Raw',
};

interface Props {
  readonly view: RunView;
  readonly selection: Selection;
}

export function Inspector({ view, selection }: Props) {
  const { place, detail } = useFacts();
  const [query, change] = useUrlQuery();
  const { data: step, error, isPlaceholderData } = useStep(place, selection.number);
  const asked = TABS.find((tab) => tab === query.get('tab')) ?? null;
  const tab = asked ?? (step?.status === 'failed' ? 'error' : 'state');
  const show = (next: Tab) => change({ tab: next });
  useKeys(
    'Step',
    TABS.map((name, index) => ({ keys: [String(index + 1)], label: WORDS[name], run: () => show(name) })),
  );
  if (!step)
    return (
      <section className="inspector" aria-label="Step">
        <p className="loading" role={error ? 'alert' : undefined}>
          {error ? error.message : detail.step_count === 0 && 'No step yet.'}
        </p>
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
  return (
    <section
      className={`inspector${isPlaceholderData ? ' older' : ''}`}
      aria-label={`Step ${step.sequence_id}`}
      aria-busy={isPlaceholderData}
    >
      <InspectorHead
        step={step}
        status={statusOf(step, detail.step_count - 1, detail.status)}
        selection={selection}
      />
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
            className={`tab ${hasNothing(name, step) ? 'nothing' : ''} ${name === 'error' && step.status === 'failed' ? 'alert' : ''}`}
            onClick={() => show(name)}
          >
            {WORDS[name]}
            {name === 'attributes' && step.record_count > 0 && (
              <span className="tab-count">{formatCount(step.record_count)}</span>
            )}
          </button>
        ))}
      </div>
      <div
        className="tab-panel"
        id="tab-panel"
        role="tabpanel"
        aria-labelledby={`tab-${tab}`}
        tabIndex={0}
        key={tab}
      >
        <Panel tab={tab} step={step} view={view} />
      </div>
    </section>
  );
}

function hasNothing(tab: Tab, step: Step): boolean {
  if (tab === 'result') return isEmpty(read(step.result));
  if (tab === 'inputs') return isEmpty(read(step.inputs));
  if (tab === 'error') return step.status !== 'failed';
  return tab === 'attributes' && step.record_count === 0;
}

function isEmpty(value: Exact): boolean {
  return value === null || (typeof value === 'object' && sizeOf(value) === 0);
}

/* What was cut of a value of the step: of the state the part that is asked for, of others the whole step, as their parts have no address. */
function useLoader(run: RunPlace, number: number) {
  return useCallback(
    async (pointer: string): Promise<Exact> => {
      const { signal } = new AbortController();
      const state = /^\/state(\/.*)?$/s.exec(pointer);
      if (state) return readExact(await fetchState(run, number, state[1] ?? '', null, signal));
      const whole = await fetchWholeStep(run, number, signal);
      const [, field = '', rest = ''] = /^\/(\w+)(.*)$/s.exec(pointer) ?? [];
      const value =
        field === 'inputs' ? whole.inputs : field === 'exception' ? whole.exception : whole.result;
      return valueAt(read(value), rest) ?? null;
    },
    [run, number],
  );
}

interface PanelProps {
  readonly tab: Tab;
  readonly step: Step;
  readonly view: RunView;
}

function Panel({ tab, step, view }: PanelProps): ReactNode {
  const { place } = useFacts();
  const load = useLoader(place, step.number);
  const result = useRead(step.result);
  const inputs = useRead(step.inputs);
  const places = usePlaces(tab);
  switch (tab) {
    case 'state':
      return <StateTab step={step} view={view} onLoad={load} />;
    case 'result':
      return isEmpty(result) ? (
        <Nothing>
          {step.status === 'open'
            ? 'The step has not ended: there is no result yet.'
            : 'The step gave no result.'}
        </Nothing>
      ) : (
        <JsonTree value={result} label="Result" onLoad={load} places={places} />
      );
    case 'inputs':
      return isEmpty(inputs) ? (
        <Nothing>The action took no inputs.</Nothing>
      ) : (
        <JsonTree value={inputs} label="Inputs" onLoad={load} places={places} />
      );
    case 'error':
      return <ErrorTab step={step} onLoad={load} />;
    case 'attributes':
      return <AttributesTab step={step} />;
    case 'code':
      return <CodeTab action={step.action} />;
    case 'reproduce':
      return <ReproduceTab step={step} />;
    case 'raw':
      return <RawTab step={step} onLoad={load} />;
  }
}
