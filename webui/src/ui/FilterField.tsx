/* A search field that says which key focuses it and how to empty it. */
import { useRef } from 'react';
import { useKeys } from './keys';

interface Props {
  readonly label: string;
  readonly placeholder: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** The key that focuses it; none by default. */
  readonly shortcut?: string;
  readonly className?: string;
}

export function FilterField({ label, placeholder, value, onChange, shortcut, className = '' }: Props) {
  const input = useRef<HTMLInputElement>(null);
  useKeys(
    'Here',
    shortcut === undefined ? [] : [{ keys: [shortcut], label: label, run: () => input.current?.select() }],
  );
  return (
    <div className={`field ${className}`}>
      <input
        ref={input}
        type="search"
        aria-label={label}
        placeholder={placeholder}
        value={value}
        spellCheck={false}
        autoComplete="off"
        onChange={(event) => onChange(event.target.value)}
      />
      {value === '' ? (
        shortcut !== undefined && <kbd aria-hidden="true">{shortcut}</kbd>
      ) : (
        <button type="button" aria-label="Clear" onClick={() => onChange('')}>
          ×
        </button>
      )}
    </div>
  );
}
