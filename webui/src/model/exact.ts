/* What the pages do with values that an application recorded: read them in short, write them again, see what they are.
 *
 * A value too long for an answer comes with markers in it, objects whose first key is "$cut"; `cutOf` reads one. */
import { cut } from '../base/json';
import { Digits, readExact, type Exact } from '../base/jsonText';
import type { Value } from './api';

export type ExactMap = ReadonlyMap<string, Exact>;

export function isList(value: Exact): value is readonly Exact[] {
  return Array.isArray(value);
}

export function isMap(value: Exact | undefined): value is ExactMap {
  return value instanceof Map;
}

/** A recorded value as a tree; null where there is none, or none that is JSON. */
export function read(value: Value | null | undefined): Exact {
  if (value === null || value === undefined) return null;
  try {
    return readExact(value);
  } catch {
    return null;
  }
}

export interface Cut {
  /** none: nothing was left out, `head` is the value itself. */
  readonly kind: 'string' | 'number' | 'array' | 'object' | 'none';
  /** Of all of it, as JSON. */
  readonly bytes: number;
  /** JSON pointer to all of it. */
  readonly pointer: string | null;
  readonly head: Exact;
  /** Elements or members that `head` does not have. */
  readonly left: number;
}

const KINDS = ['string', 'number', 'array', 'object', 'none'] as const;

export function cutOf(value: Exact): Cut | null {
  if (!isMap(value) || value.keys().next().value !== '$cut') return null;
  const kind = KINDS.find((one) => one === value.get('$cut'));
  if (kind === undefined) return null;
  const number = (key: string) => {
    const found = value.get(key);
    return typeof found === 'number' ? found : 0;
  };
  const pointer = value.get('pointer');
  return {
    kind,
    bytes: number('bytes'),
    pointer: typeof pointer === 'string' ? pointer : null,
    head: value.get('head') ?? null,
    left: number('count') - number('shown'),
  };
}

export function sizeOf(value: Exact): number {
  if (isList(value)) return value.length;
  return isMap(value) ? value.size : 0;
}

/** Whether there are more than `limit` values in a value, at any depth. */
export function holdsOver(value: Exact, limit: number): boolean {
  let left = limit;
  const visit = (one: Exact): void => {
    if (left < 0) return;
    const items = isList(one) ? one : isMap(one) ? one.values() : [];
    for (const item of items) {
      if (--left < 0) return;
      visit(item);
    }
  };
  visit(value);
  return left < 0;
}

/** One line of text for a value, cut at `limit` characters; never writes out more than it shows. */
export function brief(value: Exact, limit = 80): string {
  const text = briefly(value, limit);
  return text.length > limit ? `${cut(text, limit - 1)}…` : text;
}

function briefly(value: Exact, room: number): string {
  if (typeof value === 'string') return JSON.stringify(cut(value, Math.max(room, 1)));
  if (isList(value)) return `[${parts(value, room, briefly)}]`;
  const marker = cutOf(value);
  if (marker) return marker.kind === 'none' ? briefly(marker.head, room) : `${briefly(marker.head, room)}…`;
  if (isMap(value)) return `{${parts(value, room, ([key, item], left) => `${key}: ${briefly(item, left)}`)}}`;
  return value instanceof Digits ? value.text : String(value);
}

function parts<T>(items: Iterable<T>, room: number, render: (item: T, left: number) => string): string {
  let text = '';
  for (const item of items) {
    if (text !== '') text += ', ';
    if (text.length >= room) return `${text}…`;
    text += render(item, room - text.length);
  }
  return text;
}

/** JSON again, indented. Markers stand as what they hold. */
export function write(value: Exact, indent = ''): string {
  const marker = cutOf(value);
  if (marker) return write(marker.head, indent);
  const deeper = `${indent}  `;
  if (isList(value)) {
    if (value.length === 0) return '[]';
    return `[\n${value.map((item) => deeper + write(item, deeper)).join(',\n')}\n${indent}]`;
  }
  if (isMap(value)) {
    if (value.size === 0) return '{}';
    const members = [...value].map(
      ([key, item]) => `${deeper}${JSON.stringify(key)}: ${write(item, deeper)}`,
    );
    return `{\n${members.join(',\n')}\n${indent}}`;
  }
  return value instanceof Digits ? value.text : JSON.stringify(value);
}

/** The value at a JSON pointer; undefined: there is none. */
export function valueAt(value: Exact, pointer: string): Exact | undefined {
  let place: Exact | undefined = value;
  for (const raw of pointer.split('/').slice(1)) {
    const part = raw.replaceAll('~1', '/').replaceAll('~0', '~');
    if (isMap(place)) place = place.get(part);
    else if (place !== undefined && isList(place))
      place = /^\d+$/.test(part) ? place[Number(part)] : undefined;
    else return undefined;
  }
  return place;
}

export interface Message {
  readonly role: string;
  readonly content: Exact;
}

/** Lists of {role, content}: what chat models speak, worth showing as a conversation. */
export function asConversation(value: Exact): readonly Message[] | null {
  if (!isList(value) || value.length === 0) return null;
  const messages: Message[] = [];
  for (const item of value) {
    const role = isMap(item) ? item.get('role') : undefined;
    if (!isMap(item) || typeof role !== 'string' || !item.has('content')) return null;
    messages.push({ role, content: item.get('content') ?? null });
  }
  return messages;
}

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly ExactMap[];
}

const COLUMNS_MOST = 16;

/** Lists of objects that have mostly the same few keys, with plain values: worth showing as a table. */
export function asTable(value: Exact): Table | null {
  if (!isList(value) || value.length < 2) return null;
  const columns = new Set<string>();
  const rows: ExactMap[] = [];
  let cells = 0;
  for (const item of value) {
    if (!isMap(item) || item.size === 0 || cutOf(item)) return null;
    for (const [key, cell] of item) {
      if (isList(cell) || isMap(cell)) return null;
      columns.add(key);
    }
    if (columns.size > COLUMNS_MOST) return null;
    cells += item.size;
    rows.push(item);
  }
  return columns.size > 1 && cells >= 0.6 * columns.size * rows.length
    ? { columns: [...columns], rows }
    : null;
}

/** Images are shown where they are in the value itself: nothing is ever fetched. */
export function isImage(text: string): boolean {
  return /^data:image\/(png|jpe?g|gif|webp);base64,[A-Za-z0-9+/=\s]+$/.test(text);
}

/** Whether a text has the marks of Markdown, several lines of it. */
export function looksLikeMarkdown(text: string): boolean {
  if (!text.includes('\n')) return false;
  const marks = [
    /^#{1,6} \S/m,
    /^\s*[-*+] \S/m,
    /^\s*\d+[.)] \S/m,
    /^```/m,
    /\*\*\S[^*\n]*\*\*/,
    /^\|.+\|$/m,
    /^> \S/m,
  ];
  return marks.filter((mark) => mark.test(text)).length >= (/^(#{1,6} |```)/m.test(text) ? 1 : 2);
}
