/* A recorded value as a tree. What is open is remembered by path, so that stepping through a run keeps the same places open. Lists read as
 * a conversation or a table where they are one; what the server cut can be loaded. */
import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState } from 'react';
import { cut } from '../base/json';
import { formatBytes, formatCount, plural } from '../base/number';
import { Digits, type Exact } from '../base/jsonText';
import { readChoices, withChoice, writeChoices } from '../model/choices';
import {
  asConversation,
  asTable,
  brief,
  cutOf,
  holdsOver,
  isImage,
  isList,
  isMap,
  looksLikeMarkdown,
  sizeOf,
  write,
} from '../model/exact';
import { pathText, pointerOf, type Path } from '../model/path';
import { searchTree, type TreeHits } from '../model/treeSearch';
import { Conversation } from './Conversation';
import { CopyButton } from './CopyButton';
import { Text } from './Text';
import { ValueTable } from './ValueTable';

const ENTRIES_SHOWN = 100;
const TEXT_SHOWN = 400;
const OPEN_BY_DEFAULT = 24;
/* A value of fewer parts needs no search of its own. */
const SEARCH_FROM = 20;

interface Tree {
  readonly get: (name: string) => number | null;
  readonly set: (name: string, value: number) => void;
  readonly hits: TreeHits | null;
  readonly load: ((pointer: string) => void) | null;
  readonly loaded: (pointer: string) => Exact | undefined;
  readonly failed: string | null;
  readonly pin: ((pointer: string) => void) | null;
}

const TreeContext = createContext<Tree | null>(null);

function useTree(): Tree {
  const tree = useContext(TreeContext);
  if (tree === null) throw new Error('outside of a tree');
  return tree;
}

interface Props {
  readonly value: Exact;
  readonly label: string;
  /** Gives all of what was cut at a pointer. */
  readonly onLoad?: (pointer: string) => Promise<Exact>;
  /** Shows a place of the value as a column. */
  readonly onPin?: (pointer: string) => void;
  /** Where a link keeps what is open. It may keep less than there is. */
  readonly places?: { readonly text: string; readonly set: (text: string) => void };
}

export function JsonTree({ value, label, onLoad, onPin, places }: Props) {
  const [choices, choose] = useChoices(places?.text ?? '', places?.set);
  const [search, setSearch] = useState('');
  const [fetched, setFetched] = useState<{ readonly of: Exact; readonly parts: ReadonlyMap<string, Exact> }>({
    of: null,
    parts: new Map(),
  });
  const [failed, setFailed] = useState<string | null>(null);
  const hits = useMemo(() => (search === '' ? null : searchTree(value, search)), [value, search]);
  const tree = useMemo((): Tree => {
    const parts = fetched.of === value ? fetched.parts : null;
    const load = (pointer: string) => {
      setFailed(null);
      onLoad?.(pointer).then(
        (part) =>
          setFetched((old) => ({
            of: value,
            parts: new Map(old.of === value ? old.parts : []).set(pointer, part),
          })),
        (error: unknown) => setFailed(error instanceof Error ? error.message : String(error)),
      );
    };
    return {
      get: (name) => choices.get(name) ?? null,
      set: choose,
      hits,
      load: onLoad ? load : null,
      loaded: (pointer) => parts?.get(pointer),
      failed,
      pin: onPin ?? null,
    };
  }, [choices, choose, hits, fetched, failed, value, onLoad, onPin]);
  const root = unmark(value, tree);
  const marker = cutOf(value);
  return (
    <TreeContext value={tree}>
      <div className="json" aria-label={label} role="group">
        {holdsOver(root, SEARCH_FROM) && (
          <TreeSearch label={label} value={search} hits={hits} onChange={setSearch} />
        )}
        {sizeOf(root) > 0 && asConversation(root) === null ? (
          <>
            <Entries value={root} path={[]} />
            {marker && marker.left > 0 && marker.pointer !== null && (
              <Rest pointer={marker.pointer} bytes={marker.bytes} />
            )}
          </>
        ) : (
          <Node value={value} path={[]} name={null} />
        )}
      </div>
    </TreeContext>
  );
}

/* The text is read when it is another one than was written here: by a link, or back and forward. */
function useChoices(text: string, write: ((text: string) => void) | undefined) {
  const [choices, setChoices] = useState(() => readChoices(text));
  const written = useRef(text);
  useEffect(() => {
    if (text === written.current) return;
    written.current = text;
    setChoices(readChoices(text));
  }, [text]);
  const choose = useCallback(
    (name: string, choice: number) => {
      const next = withChoice(choices, name, choice);
      setChoices(next);
      if (!write) return;
      written.current = writeChoices(next);
      write(written.current);
    },
    [choices, write],
  );
  return [choices, choose] as const;
}

/* What to show of a value: what was loaded in place of what was cut, or the first of it. */
function unmark(value: Exact, tree: Tree): Exact {
  const marker = cutOf(value);
  if (!marker) return value;
  return (marker.pointer === null ? undefined : tree.loaded(marker.pointer)) ?? marker.head;
}

interface SearchProps {
  readonly label: string;
  readonly value: string;
  readonly hits: TreeHits | null;
  readonly onChange: (value: string) => void;
}

function TreeSearch({ label, value, hits, onChange }: SearchProps) {
  return (
    <div className="json-search">
      <input
        type="search"
        aria-label={`Search in ${label.toLowerCase()}`}
        placeholder="Search keys and values"
        value={value}
        spellCheck={false}
        autoComplete="off"
        onChange={(event) => onChange(event.target.value)}
      />
      {hits && (
        <span className="dim" role="status">
          {hits.more ? 'over ' : ''}
          {plural(hits.count, 'hit')}
        </span>
      )}
    </div>
  );
}

function Entries({ value, path }: { readonly value: Exact; readonly path: Path }) {
  const tree = useTree();
  const name = `n${pointerOf(path)}`;
  const shown = tree.get(name) ?? ENTRIES_SHOWN;
  const entries: (readonly [string | number, Exact])[] = [];
  const { hits } = tree;
  let left = 0;
  const put = (key: string | number, item: Exact) => {
    if (hits && !hits.places.has(pointerOf([...path, key]))) return;
    if (entries.length < shown) entries.push([key, item]);
    else left++;
  };
  if (isList(value)) value.forEach((item, index) => put(index, item));
  else if (isMap(value)) for (const [key, item] of value) put(key, item);
  return (
    <>
      {entries.map(([key, item]) => (
        <Node key={key} value={item} path={[...path, key]} name={key} />
      ))}
      {left > 0 && (
        <button type="button" className="json-more" onClick={() => tree.set(name, shown + ENTRIES_SHOWN * 5)}>
          Show more ({formatCount(left)} left)
        </button>
      )}
    </>
  );
}

interface NodeProps {
  readonly value: Exact;
  readonly path: Path;
  readonly name: string | number | null;
}

function Node({ value: stored, path, name }: NodeProps) {
  const tree = useTree();
  const value = unmark(stored, tree);
  const marker = value === stored ? null : cutOf(stored);
  const at = pathText(path);
  const pointer = pointerOf(path);
  const size = sizeOf(value);
  const branch = size > 0;
  const chosen = tree.get(`o${pointer}`);
  const byDefault = path.length <= 1 && size <= OPEN_BY_DEFAULT;
  const open = branch && (tree.hits !== null || (chosen === null ? byDefault : chosen === 1));
  const toggle = () => tree.set(`o${pointer}`, open ? 0 : 1);
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
        <Value value={value} open={open} pointer={pointer} />
        {marker && marker.kind !== 'none' && marker.pointer !== null && (
          <Rest pointer={marker.pointer} bytes={marker.bytes} />
        )}
        <span className="json-tools">
          <CopyButton label="copy" text={() => (typeof value === 'string' ? value : write(value))} />
          {at !== '' && <CopyButton label="path" text={() => at} />}
          {at !== '' && tree.pin && (
            <button type="button" title="Show as a column of the steps" onClick={() => tree.pin?.(pointer)}>
              pin
            </button>
          )}
        </span>
      </div>
      {open && <Children value={value} path={path} />}
    </div>
  );
}

function Rest({ pointer, bytes }: { readonly pointer: string; readonly bytes: number }) {
  const tree = useTree();
  if (tree.loaded(pointer) !== undefined || !tree.load) return null;
  return (
    <button type="button" className="json-more" onClick={() => tree.load?.(pointer)}>
      {tree.failed === null ? `Load all ${formatBytes(bytes)}` : `Load again: ${tree.failed}`}
    </button>
  );
}

/* A list is shown as what it is, unless the reader wants it as a list or searches in it. */
function Children({ value, path }: { readonly value: Exact; readonly path: Path }) {
  const tree = useTree();
  const choice = `v${pointerOf(path)}`;
  const talk = useMemo(() => asConversation(value), [value]);
  const table = useMemo(() => (talk ? null : asTable(value)), [value, talk]);
  const plain = tree.get(choice) === 1 || tree.hits !== null;
  const word = talk ? 'as conversation' : 'as table';
  return (
    <div className="json-children">
      {!plain && talk && <Conversation messages={talk} />}
      {!plain && table && <ValueTable table={table} />}
      {(plain || (!talk && !table)) && <Entries value={value} path={path} />}
      {(talk ?? table) !== null && tree.hits === null && (
        <button type="button" className="json-more" onClick={() => tree.set(choice, plain ? 0 : 1)}>
          {plain ? word : 'as list'}
        </button>
      )}
    </div>
  );
}

interface ValueProps {
  readonly value: Exact;
  readonly open: boolean;
  readonly pointer: string;
}

function Value({ value, open, pointer }: ValueProps) {
  const tree = useTree();
  if (typeof value === 'string') {
    if (isImage(value) || (value.length > TEXT_SHOWN && looksLikeMarkdown(value)))
      return <Text text={value} />;
    const whole = value.length <= TEXT_SHOWN || tree.get(`s${pointer}`) === 1;
    return (
      <span className="json-value string">
        {whole ? `"${value}"` : `"${cut(value, TEXT_SHOWN)}…`}
        {value.length > TEXT_SHOWN && (
          <button type="button" className="json-more" onClick={() => tree.set(`s${pointer}`, whole ? 0 : 1)}>
            {whole ? 'Show less' : `Show all ${formatCount(value.length)} characters`}
          </button>
        )}
      </span>
    );
  }
  if (isList(value) || isMap(value)) {
    const size = sizeOf(value);
    const summary = isList(value) ? plural(size, 'item') : plural(size, 'key');
    const empty = isList(value) ? '[]' : '{}';
    return (
      <span className="json-value brief">{size === 0 ? empty : open ? summary : brief(value, 120)}</span>
    );
  }
  const kind = value === null ? 'null' : value instanceof Digits ? 'number' : typeof value;
  return <span className={`json-value ${kind}`}>{value instanceof Digits ? value.text : String(value)}</span>;
}
