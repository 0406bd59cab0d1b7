/* The state around a step: what changed, after, before. */
import { useState } from 'react';
import { formatCount, plural } from '../../base/number';
import type { Exact } from '../../base/jsonText';
import type { Change, Difference, Step } from '../../model/api';
import { brief, isMap, read } from '../../model/exact';
import { pathOf, pathText } from '../../model/path';
import { usePlaces } from '../../state/places';
import { useDifference, useStateAfter } from '../../state/run';
import type { RunView } from '../../state/runView';
import { useUrlQuery } from '../../state/url';
import { CopyButton } from '../../ui/CopyButton';
import { JsonTree } from '../../ui/JsonTree';
import { useFacts } from './context';
import { Nothing } from './Nothing';
import { useReadState } from './useRead';

interface Props {
  readonly step: Step;
  readonly view: RunView;
  readonly onLoad: (pointer: string) => Promise<Exact>;
}

export function StateTab({ step, view, onLoad }: Props) {
  const { place, detail } = useFacts();
  const [query] = useUrlQuery();
  const places = usePlaces('state');
  const against = /^\d+$/.test(query.get('against') ?? '') ? Number(query.get('against')) : null;
  const ended = step.status !== 'open';
  const { data: difference } = useDifference(place, ended ? step.number : null, against);
  const current = difference?.to === step.number ? difference : null;
  const after = useReadState(step.state);
  if (!ended)
    return (
      <>
        <Nothing>
          {step.number < detail.step_count - 1 || detail.status === 'lost'
            ? 'The step never ended, so it left no state.'
            : 'The step has not ended: its state comes when it does.'}
        </Nothing>
        {step.number > 0 && <Before number={step.number - 1} />}
      </>
    );
  return (
    <>
      <section>
        <Against against={against} step={step} view={view} />
        {current && <Changes difference={current} view={view} />}
      </section>
      <section>
        <h3 className="part">
          State after <CopyButton className="json-more" label="copy" text={() => step.state} />
        </h3>
        {isMap(after) && after.size === 0 ? (
          <Nothing>The state is empty.</Nothing>
        ) : (
          <JsonTree
            value={after}
            label="State after"
            onLoad={onLoad}
            onPin={view.togglePin}
            places={places}
          />
        )}
      </section>
      {current && <BeforeSection difference={current} />}
    </>
  );
}

interface AgainstProps {
  readonly against: number | null;
  readonly step: Step;
  readonly view: RunView;
}

/* Which state is compared with: of the step before, or of any chosen. */
function Against({ against, step, view }: AgainstProps) {
  const [asking, setAsking] = useState(against !== null);
  if (!asking)
    return (
      <h3 className="part">
        What changed{' '}
        <button type="button" className="json-more" onClick={() => setAsking(true)}>
          against another step
        </button>
      </h3>
    );
  return (
    <h3 className="part">
      What is different from after step{' '}
      <input
        className="against"
        type="number"
        min={0}
        aria-label="Number of the step to compare with"
        autoFocus
        defaultValue={against ?? Math.max(step.number - 1, 0)}
        onKeyDown={(event) => {
          if (event.key === 'Enter') view.change({ against: event.currentTarget.value });
        }}
        onBlur={(event) => view.change({ against: event.target.value })}
      />{' '}
      <button
        type="button"
        className="json-more"
        onClick={() => {
          setAsking(false);
          view.change({ against: null });
        }}
      >
        the step before
      </button>
    </h3>
  );
}

function Changes({ difference, view }: { readonly difference: Difference; readonly view: RunView }) {
  const { detail } = useFacts();
  const total = difference.added + difference.changed + difference.removed;
  if (!difference.before_known)
    return (
      <Nothing>
        {detail.parent
          ? 'First step of a fork: what it started from is in the run it was forked from.'
          : 'There is no earlier state to compare with.'}
      </Nothing>
    );
  if (total === 0) return <Nothing>Nothing: the state is the same.</Nothing>;
  return (
    <>
      <ul className="changes">
        {difference.changes.map((change) => (
          <ChangeRow key={`${change.kind}${change.path}`} change={change} view={view} />
        ))}
      </ul>
      {!difference.complete && (
        <p className="dim">
          The first {formatCount(difference.changes.length)} of {plural(total, 'place')}.
        </p>
      )}
    </>
  );
}

const SIGNS: Readonly<Record<Change['kind'], string>> = { added: '+', removed: '−', changed: '~' };

function ChangeRow({ change, view }: { readonly change: Change; readonly view: RunView }) {
  const path = pathText(pathOf(change.path));
  const before = read(change.before);
  const after = read(change.after);
  const pinned = view.pins.includes(change.path);
  return (
    <li className={`change ${change.kind}`}>
      <span className="sign" role="img" aria-label={change.kind}>
        {SIGNS[change.kind]}
      </span>
      <button
        type="button"
        className="path cut"
        title={`${path}: ${pinned ? 'hide its column' : 'show as a column of the steps'}`}
        aria-pressed={pinned}
        onClick={() => view.togglePin(change.path)}
      >
        <bdi>{path === '' ? 'the whole state' : path}</bdi>
      </button>
      <span className="values">
        {change.kind !== 'added' && <del title={brief(before, 2000)}>{brief(before, 160)}</del>}
        {change.kind === 'changed' && <span className="dim"> → </span>}
        {change.kind !== 'removed' && <ins title={brief(after, 2000)}>{brief(after, 160)}</ins>}
      </span>
    </li>
  );
}

function BeforeSection({ difference }: { readonly difference: Difference }) {
  const { detail } = useFacts();
  const [open, setOpen] = useState(false);
  if (!difference.before_known) return null;
  const initial = detail.metadata?.initial_state;
  return (
    <section>
      <h3 className="part">
        <button type="button" className="part-toggle" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? '▼' : '▶'} State before
        </button>
      </h3>
      {open &&
        (difference.from !== null ? (
          <Before number={difference.from} />
        ) : (
          <JsonTree value={read(JSON.stringify(initial ?? null) as Step['state'])} label="State before" />
        ))}
    </section>
  );
}

function Before({ number }: { readonly number: number }) {
  const { place } = useFacts();
  const { data, error } = useStateAfter(place, number);
  const places = usePlaces('before');
  const state = useReadState(data);
  if (error) return <Nothing>There is no state before it.</Nothing>;
  return data === undefined ? null : <JsonTree value={state} label="State before" places={places} />;
}
