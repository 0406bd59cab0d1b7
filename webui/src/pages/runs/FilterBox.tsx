/* The field of the runs' filter: offers keys and values while one types, shows where the server found a fault, keeps filters.
 *
 * The list follows what is typed after a short pause, but not the begin of a word that something is offered for. The first change of a visit to the field is a step of the browser's history, the
 * later ones take its place, so that one step back leads to what was there before. */
import { useEffect, useId, useLayoutEffect, useRef, useState, type KeyboardEvent } from 'react';
import { complete, type Choice, type Completion, type KnownValues } from '../../model/completion';
import type { Place } from '../../model/filter';
import { useKeys } from '../../ui/keys';

const PAUSE_MS = 250;

interface Props {
  readonly value: string;
  readonly fault: (Place & { readonly why: string }) | null;
  readonly known: KnownValues;
  /** Somebody is about to type. */
  readonly onVisit: () => void;
  readonly saved: readonly string[];
  readonly onSave: (filter: string) => void;
  readonly onChange: (filter: string, how: 'push' | 'replace') => void;
}

export function FilterBox({ value, fault, known, onVisit, saved, onSave, onChange }: Props) {
  const input = useRef<HTMLInputElement>(null);
  const listId = useId();
  const [draft, setDraft] = useState(value);
  const [applied, setApplied] = useState(value);
  const [caret, setCaret] = useState<number | null>(null);
  const [active, setActive] = useState(-1);
  const isNewVisit = useRef(true);
  /* Where the caret goes once the text that was chosen is in the field: at once, so that the next key is typed there. */
  const caretTo = useRef<number | null>(null);
  useLayoutEffect(() => {
    if (caretTo.current !== null) input.current?.setSelectionRange(caretTo.current, caretTo.current);
    caretTo.current = null;
  }, [draft]);
  useKeys('Here', [{ keys: ['/'], label: 'Filter the runs', run: () => input.current?.select() }]);

  /* The address changed under us: a value was clicked, or somebody went back. */
  if (value !== applied) {
    setApplied(value);
    setDraft(value);
  }
  const apply = (text: string) => {
    if (text === value) return;
    setApplied(text);
    onChange(text, isNewVisit.current ? 'push' : 'replace');
    isNewVisit.current = false;
  };
  const applyLater = useRef(apply);
  useEffect(() => {
    applyLater.current = apply;
  });
  const offer = caret === null ? null : offerAt(draft, caret, known, saved);
  const choices = offer?.choices ?? [];
  const isPausing = offer !== null && !offer.isUnfinished;
  useEffect(() => {
    if (!isPausing) return;
    const timer = setTimeout(() => applyLater.current(draft.trim()), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [draft, caret, isPausing]);

  const choose = (choice: Choice) => {
    if (!offer) return;
    const before = draft.slice(0, offer.from) + choice.text + (choice.goesOn ? '' : ' ');
    const text = before + draft.slice(offer.to).trimStart();
    setDraft(text);
    setActive(-1);
    setCaret(before.length);
    if (!choice.goesOn) apply(text.trim());
    caretTo.current = before.length;
  };
  const onKey = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    const chosen = choices[active];
    if (step !== 0 && caret === null) setCaret(input.current?.selectionStart ?? 0);
    else if (step !== 0 && choices.length > 0)
      setActive((active + step + choices.length + (active < 0 && step < 0 ? 1 : 0)) % choices.length);
    else if (event.key === 'Enter' && chosen) choose(chosen);
    else if (event.key === 'Enter') {
      apply(draft.trim());
      setCaret(null);
      isNewVisit.current = true;
    } else if (event.key === 'Escape' && choices.length > 0) setCaret(null);
    else return;
    event.preventDefault();
  };

  return (
    <div className="filter">
      <div className="field">
        <input
          ref={input}
          type="text"
          role="combobox"
          aria-label="Filter the runs"
          aria-autocomplete="list"
          aria-expanded={choices.length > 0}
          aria-controls={listId}
          aria-activedescendant={active >= 0 ? `${listId}-${active}` : undefined}
          aria-invalid={fault !== null}
          aria-describedby={fault ? `${listId}-fault` : undefined}
          placeholder="Filter: words, status:failed, action:…, steps:>100, after:2h, state.user:ann"
          value={draft}
          spellCheck={false}
          autoComplete="off"
          onFocus={(event) => {
            onVisit();
            setCaret(event.target.selectionStart ?? 0);
          }}
          onChange={(event) => {
            setDraft(event.target.value);
            setCaret(event.target.selectionStart ?? event.target.value.length);
            setActive(-1);
          }}
          onClick={(event) => setCaret(event.currentTarget.selectionStart)}
          onKeyDown={onKey}
          onBlur={() => {
            apply(draft.trim());
            setCaret(null);
            isNewVisit.current = true;
          }}
        />
        {draft === '' ? (
          <kbd aria-hidden="true">/</kbd>
        ) : (
          <>
            <button
              type="button"
              className="star"
              aria-pressed={saved.includes(value)}
              aria-label={saved.includes(value) ? 'Forget this filter' : 'Keep this filter'}
              title={
                saved.includes(value) ? 'Forget this filter' : 'Keep this filter: an empty field offers it'
              }
              onClick={() => onSave(value)}
            >
              {saved.includes(value) ? '★' : '☆'}
            </button>
            <button
              type="button"
              aria-label="Clear the filter"
              onClick={() => {
                setDraft('');
                apply('');
              }}
            >
              ×
            </button>
          </>
        )}
      </div>
      <ul id={listId} role="listbox" aria-label="Offers" className="offers" hidden={choices.length === 0}>
        {choices.map((choice, index) => (
          <li
            key={choice.text}
            id={`${listId}-${index}`}
            role="option"
            aria-selected={index === active}
            onMouseDown={(event) => {
              event.preventDefault();
              choose(choice);
            }}
          >
            <code>{choice.text}</code>
            <span className="dim">{choice.hint}</span>
          </li>
        ))}
      </ul>
      {fault && choices.length === 0 && (
        <p className="fault" id={`${listId}-fault`} role="alert">
          <code>
            {value.slice(0, fault.from)}
            <mark>{value.slice(fault.from, fault.to)}</mark>
            {value.slice(fault.to)}
          </code>
          <span>{fault.why}</span>
        </p>
      )}
    </div>
  );
}

/* An empty field offers what was kept, too. */
function offerAt(draft: string, caret: number, known: KnownValues, saved: readonly string[]): Completion {
  const found = complete(draft, caret, known);
  if (draft !== '') return found;
  const kept = saved.map((text) => ({ text, hint: '★ kept', goesOn: false }));
  return { ...found, choices: [...kept, ...found.choices] };
}
