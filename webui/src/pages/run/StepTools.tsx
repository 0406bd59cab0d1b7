/* Above the list: search in the run, what is shown of it, and how. */
import { useRef, useState } from 'react';
import { formatCount } from '../../base/number';
import { isFiltered, readDuration } from '../../model/stepFilter';
import type { RunView } from '../../state/runView';
import { useKeys } from '../../ui/keys';
import { useFacts } from './context';
import type { FindInRun } from './useFind';

interface Props {
  readonly view: RunView;
  readonly find: FindInRun;
  readonly compressed: boolean;
  readonly pausable: boolean;
  readonly following: boolean;
  readonly onCompress: () => void;
  readonly onFollow: () => void;
}

export function StepTools(props: Props) {
  const { view, find } = props;
  const [filtering, setFiltering] = useState(isFiltered(view.filter));
  return (
    <div className="steps-tools">
      <div className="tools-row">
        <SearchField find={find} />
        <button
          type="button"
          className="button"
          aria-pressed={filtering || isFiltered(view.filter)}
          aria-expanded={filtering}
          onClick={() => setFiltering(!filtering)}
        >
          Filter
        </button>
        <button
          type="button"
          className="button"
          aria-pressed={view.folded}
          title="Fold cycles of actions that repeat (x)"
          disabled={isFiltered(view.filter)}
          onClick={() => view.change({ fold: view.folded ? null : '1', folds: null }, 'push')}
        >
          Fold
        </button>
        {props.pausable && (
          <button
            type="button"
            className="button"
            aria-pressed={props.compressed}
            title="Draw pauses over a second short, not to scale (c)"
            onClick={props.onCompress}
          >
            Short pauses
          </button>
        )}
        <button
          type="button"
          className="button"
          aria-pressed={props.following}
          title="Keep the newest step in view (f)"
          onClick={props.onFollow}
        >
          Follow
        </button>
      </div>
      {(filtering || isFiltered(view.filter)) && <FilterRow view={view} />}
      <Hits find={find} />
    </div>
  );
}

function SearchField({ find }: { readonly find: FindInRun }) {
  const input = useRef<HTMLInputElement>(null);
  useKeys('Steps', [{ keys: ['/'], label: 'Search in the run', run: () => input.current?.select() }]);
  return (
    <div className="field grow">
      <input
        ref={input}
        type="search"
        aria-label="Search in the run, or go to a step by # and its number"
        placeholder="Search the run, or #123"
        value={find.text}
        maxLength={200}
        spellCheck={false}
        autoComplete="off"
        onChange={(event) => find.setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter') return;
          event.preventDefault();
          if (find.enter(event.shiftKey)) event.currentTarget.blur();
        }}
      />
      {find.text === '' ? (
        <kbd aria-hidden="true">/</kbd>
      ) : (
        <button type="button" aria-label="Clear" onClick={() => find.setText('')}>
          ×
        </button>
      )}
    </div>
  );
}

function Hits({ find }: { readonly find: FindInRun }) {
  if (find.text === '' || find.text.startsWith('#')) return null;
  const { hit, at, count, more, searching, error } = find;
  return (
    <div className="hits" role="status">
      <span className="nowrap">
        {error
          ? error.message
          : count === 0
            ? searching
              ? 'Searching…'
              : 'Not found'
            : `${at === null ? '' : `${formatCount(at + 1)} of `}${more ? 'over ' : ''}${formatCount(count)}`}
      </span>
      {hit && (
        <span className="hit-text cut">
          <b>#{hit.sequence_id}</b>{' '}
          <span className="dim">
            {hit.field}
            {hit.key !== null && ` ${hit.key}`}
          </span>{' '}
          <bdi className="mono">
            {hit.context.before.slice(-30)}
            <mark>{hit.context.hit}</mark>
            {hit.context.after}
          </bdi>
        </span>
      )}
      {count > 0 && (
        <span className="stepper">
          <button
            type="button"
            className="button"
            aria-label="Hit before"
            title="Hit before (N)"
            onClick={() => find.move(-1)}
          >
            ↑
          </button>
          <button
            type="button"
            className="button"
            aria-label="Next hit"
            title="Next hit (n)"
            onClick={() => find.move(1)}
          >
            ↓
          </button>
        </span>
      )}
    </div>
  );
}

function FilterRow({ view }: { readonly view: RunView }) {
  const { detail } = useFacts();
  const { filter } = view;
  const choose = (name: string, value: string) =>
    view.change({ [name]: value === '' ? null : value }, 'push');
  return (
    <div className="filter-row">
      <select
        aria-label="Action"
        value={filter.action ?? ''}
        onChange={(event) => choose('action', event.target.value)}
      >
        <option value="">any action</option>
        {detail.actions.map((use) => (
          <option key={use.name} value={use.name}>
            {use.name} ({formatCount(use.count)})
          </option>
        ))}
      </select>
      <select
        aria-label="Status"
        value={filter.status ?? ''}
        onChange={(event) => choose('status', event.target.value)}
      >
        <option value="">any status</option>
        <option value="ok">ok</option>
        <option value="failed">failed</option>
        <option value="open">not ended</option>
      </select>
      <Typed
        key={`slower${view.filter.slowerUs ?? ''}`}
        label="Slower than"
        placeholder="slower than 1s"
        value={filter.slowerUs === null ? '' : `${filter.slowerUs / 1000}ms`}
        valid={(text) => readDuration(text) !== null}
        onEnter={(text) => choose('slower', text)}
      />
      <Typed
        key={`changed${filter.changed ?? ''}`}
        label="Changed key of the state"
        placeholder="changed key"
        value={filter.changed ?? ''}
        valid={() => true}
        onEnter={(text) => choose('changed', text)}
      />
      <label className="check" title="Hide attempts that a later one replaced">
        <input
          type="checkbox"
          checked={filter.lastAttempts}
          onChange={(event) => choose('attempts', event.target.checked ? 'last' : '')}
        />{' '}
        last attempts
      </label>
      {isFiltered(filter) && (
        <button
          type="button"
          className="button plain"
          onClick={view.clearFilter}
          title="Show all steps (Esc)"
        >
          Clear
        </button>
      )}
    </div>
  );
}

interface TypedProps {
  readonly label: string;
  readonly placeholder: string;
  readonly value: string;
  readonly valid: (text: string) => boolean;
  readonly onEnter: (text: string) => void;
}

/* Takes effect when it is finished, by Enter or by leaving it. */
function Typed({ label, placeholder, value, valid, onEnter }: TypedProps) {
  const [text, setText] = useState(value);
  const wrong = text !== '' && !valid(text);
  const enter = () => {
    if (!wrong && text !== value) onEnter(text.trim());
  };
  return (
    <input
      type="text"
      aria-label={label}
      aria-invalid={wrong}
      placeholder={placeholder}
      value={text}
      spellCheck={false}
      autoComplete="off"
      onChange={(event) => setText(event.target.value)}
      onBlur={enter}
      onKeyDown={(event) => {
        if (event.key === 'Enter') enter();
      }}
    />
  );
}
