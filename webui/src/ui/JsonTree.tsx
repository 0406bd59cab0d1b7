/* A JSON value as a tree. What is open is remembered by path, so that stepping through a run keeps the same places open.
 * Large arrays, objects and strings are cut, with a way to the rest; lists of {role, content} read as a conversation. */
import { createContext, useCallback, useContext, useMemo, useState } from 'react';
import { brief, cut, isArray, isObject, type Json } from '../base/json';
import { formatCount, plural } from '../base/number';
import { asConversation } from '../model/conversation';
import { pathText, type Path } from '../model/diff';
import { Conversation } from './Conversation';
import { CopyButton } from './CopyButton';

const ENTRIES_SHOWN = 100;
const TEXT_SHOWN = 400;
const OPEN_BY_DEFAULT = 24;

interface Memory {
  readonly get: (name: string) => number | null;
  readonly set: (name: string, value: number) => void;
}

const MemoryContext = createContext<Memory>({ get: () => null, set: () => undefined });

interface Props {
  readonly value: Json;
  readonly label: string;
}

export function JsonTree({ value, label }: Props) {
  const [choices, setChoices] = useState<ReadonlyMap<string, number>>(() => new Map());
  const set = useCallback((name: string, choice: number) => {
    setChoices((old) => new Map(old).set(name, choice));
  }, []);
  const memory = useMemo(() => ({ get: (name: string) => choices.get(name) ?? null, set }), [choices, set]);
  return (
    <MemoryContext value={memory}>
      <div className="json" aria-label={label} role="group">
        {(isArray(value) || isObject(value)) && sizeOf(value) > 0 ? (
          <Entries value={value} path={[]} />
        ) : (
          <Node value={value} path={[]} name={null} />
        )}
      </div>
    </MemoryContext>
  );
}

function sizeOf(value: Json): number {
  if (isArray(value)) return value.length;
  return isObject(value) ? Object.keys(value).length : 0;
}

function Entries({ value, path }: { readonly value: Json; readonly path: Path }) {
  const memory = useContext(MemoryContext);
  const name = `n${pathText(path)}`;
  const shown = memory.get(name) ?? ENTRIES_SHOWN;
  const keys = isObject(value) ? Object.keys(value) : null;
  const size = sizeOf(value);
  const entries: (readonly [string | number, Json])[] = [];
  for (let index = 0; index < Math.min(size, shown); index++) {
    const key = keys?.[index];
    if (key !== undefined && isObject(value)) entries.push([key, value[key] ?? null]);
    else if (isArray(value)) entries.push([index, value[index] ?? null]);
  }
  return (
    <>
      {entries.map(([key, item]) => (
        <Node key={key} value={item} path={[...path, key]} name={key} />
      ))}
      {size > shown && (
        <button
          type="button"
          className="json-more"
          onClick={() => memory.set(name, shown + ENTRIES_SHOWN * 5)}
        >
          Show more ({formatCount(size - shown)} left)
        </button>
      )}
    </>
  );
}

interface NodeProps {
  readonly value: Json;
  readonly path: Path;
  readonly name: string | number | null;
}

function Node({ value, path, name }: NodeProps) {
  const memory = useContext(MemoryContext);
  const at = pathText(path);
  const size = sizeOf(value);
  const branch = size > 0;
  const chosen = memory.get(`o${at}`);
  const open = branch && (chosen === null ? path.length <= 1 && size <= OPEN_BY_DEFAULT : chosen === 1);
  const talk = open ? asConversation(value) : null;
  const asTalk = talk !== null && memory.get(`t${at}`) !== 0;
  const toggle = () => memory.set(`o${at}`, open ? 0 : 1);
  return (
    <div>
      <div className="json-row">
        {branch ? (
          <button
            type="button"
            className="json-toggle"
            aria-expanded={open}
            aria-label={`${open ? 'Close' : 'Open'} ${at || 'value'}`}
            onClick={toggle}
          >
            {open ? '▼' : '▶'}
          </button>
        ) : (
          <span className="json-toggle" />
        )}
        {name !== null && (
          <span
            className={`json-key${typeof name === 'number' ? ' index' : ''}`}
            title={at}
            onClick={branch ? toggle : undefined}
          >
            <bdi>{name}</bdi>
          </span>
        )}
        <Value value={value} open={open} at={at} />
        <span className="json-tools">
          {talk !== null && (
            <button type="button" onClick={() => memory.set(`t${at}`, asTalk ? 0 : 1)}>
              {asTalk ? 'as list' : 'as conversation'}
            </button>
          )}
          <CopyButton
            label="copy"
            text={() => (typeof value === 'string' ? value : JSON.stringify(value, null, 2))}
          />
          {at !== '' && <CopyButton label="path" text={() => at} />}
        </span>
      </div>
      {open && (
        <div className="json-children">
          {asTalk ? <Conversation messages={talk} /> : <Entries value={value} path={path} />}
        </div>
      )}
    </div>
  );
}

function Value({ value, open, at }: { readonly value: Json; readonly open: boolean; readonly at: string }) {
  const memory = useContext(MemoryContext);
  if (typeof value === 'string') {
    const whole = value.length <= TEXT_SHOWN || memory.get(`s${at}`) === 1;
    return (
      <span className="json-value string">
        {whole ? `"${value}"` : `"${cut(value, TEXT_SHOWN)}…`}
        {value.length > TEXT_SHOWN && (
          <button type="button" className="json-more" onClick={() => memory.set(`s${at}`, whole ? 0 : 1)}>
            {whole ? 'Show less' : `Show all ${formatCount(value.length)} characters`}
          </button>
        )}
      </span>
    );
  }
  if (isArray(value) || isObject(value)) {
    const size = sizeOf(value);
    const summary = isArray(value) ? plural(size, 'item') : plural(size, 'key');
    const empty = isArray(value) ? '[]' : '{}';
    return (
      <span className="json-value brief">{size === 0 ? empty : open ? summary : brief(value, 120)}</span>
    );
  }
  return <span className={`json-value ${value === null ? 'null' : typeof value}`}>{String(value)}</span>;
}
