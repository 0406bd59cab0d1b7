/* JSON kept as text, for what an application recorded: JSON.parse would round its large numbers, turn 1.0 into 1 and move keys that look like
 * numbers to the front. `readExact` gives a tree that keeps all of this; `endOfValue` finds where a value ends without reading it. */

declare const mark: unique symbol;

/** The text of one JSON value, byte for byte as it was recorded. */
export type JsonText = string & { readonly [mark]: true };

/** A number whose digits a double would change. */
export class Digits {
  constructor(readonly text: string) {}
}

/** A JSON value without loss: objects are maps, in the order of their keys. */
export type Exact = null | boolean | number | string | Digits | readonly Exact[] | ReadonlyMap<string, Exact>;

const BLANK = /[ \t\n\r]*/y;
const SCALAR = /-?[0-9][0-9.eE+-]*|true|false|null/y;
const BRACKET_OR_QUOTE = /["{}[\]]/g;

function fail(text: string, at: number): never {
  throw new SyntaxError(at >= text.length ? 'JSON ends too early' : `no JSON at ${at}`);
}

function matchEnd(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}

/** The place of the next character that is no blank. */
export function skipBlank(text: string, at: number): number {
  return text.charCodeAt(at) > 0x20 ? at : matchEnd(BLANK, text, at);
}

/** The place behind the string that begins at `at`. */
export function endOfString(text: string, at: number): number {
  for (let quote = text.indexOf('"', at + 1); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let before = quote - 1;
    while (text[before] === '\\') before--;
    if ((quote - before) % 2 === 1) return quote + 1;
  }
  return fail(text, text.length);
}

/** The place behind the value that begins at `at`. Brackets are counted, not matched. */
export function endOfValue(text: string, at: number): number {
  const first = text[at];
  if (first === '"') return endOfString(text, at);
  if (first !== '{' && first !== '[') {
    const end = matchEnd(SCALAR, text, at);
    return end > at ? end : fail(text, at);
  }
  let depth = 0;
  for (let place = at; ;) {
    BRACKET_OR_QUOTE.lastIndex = place;
    const found = BRACKET_OR_QUOTE.exec(text);
    if (found === null) return fail(text, text.length);
    place = found.index + 1;
    if (found[0] === '"') place = endOfString(text, found.index);
    else if (found[0] === '{' || found[0] === '[') depth++;
    else if (--depth === 0) return place;
  }
}

/** The text of the string between the quotes at `at` and before `end`. */
export function stringAt(text: string, at: number, end: number): string {
  const inner = text.slice(at + 1, end - 1);
  return inner.includes('\\') ? (JSON.parse(text.slice(at, end)) as string) : inner;
}

/** Walks the members of the object, or the elements of the array (their key is ""), that begins at `at`: `each` is told where a value
 * begins and gives where it ends. Gives the place behind the whole. */
export function walk(text: string, at: number, each: (key: string, at: number) => number): number {
  const isObject = text[at] === '{';
  const close = isObject ? '}' : ']';
  let place = skipBlank(text, at + 1);
  if (text[place] === close) return place + 1;
  for (;;) {
    let key = '';
    if (isObject) {
      if (text[place] !== '"') return fail(text, place);
      const end = endOfString(text, place);
      key = stringAt(text, place, end);
      place = skipBlank(text, end);
      if (text[place] !== ':') return fail(text, place);
      place = skipBlank(text, place + 1);
    }
    place = skipBlank(text, each(key, place));
    if (text[place] === close) return place + 1;
    if (text[place] !== ',') return fail(text, place);
    place = skipBlank(text, place + 1);
  }
}

function exactNumber(text: string): number | Digits {
  const value = Number(text);
  return String(value) === text ? value : new Digits(text);
}

function readAt(text: string, at: number): { readonly value: Exact; readonly end: number } {
  const first = text[at];
  if (first === '{') {
    const members = new Map<string, Exact>();
    const end = walk(text, at, (key, place) => {
      const member = readAt(text, place);
      members.set(key, member.value);
      return member.end;
    });
    return { value: members, end };
  }
  if (first === '[') {
    const elements: Exact[] = [];
    const end = walk(text, at, (_key, place) => {
      const element = readAt(text, place);
      elements.push(element.value);
      return element.end;
    });
    return { value: elements, end };
  }
  const end = endOfValue(text, at);
  if (first === '"') return { value: stringAt(text, at, end), end };
  const word = text.slice(at, end);
  if (word === 'null') return { value: null, end };
  if (word === 'true' || word === 'false') return { value: word === 'true', end };
  return { value: exactNumber(word), end };
}

/** Reads a value with all of its digits and the order of its keys. */
export function readExact(text: JsonText): Exact {
  const { value, end } = readAt(text, skipBlank(text, 0));
  const rest = skipBlank(text, end);
  return rest === text.length ? value : fail(text, rest);
}
