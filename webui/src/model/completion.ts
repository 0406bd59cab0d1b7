/* What the filter field offers while somebody types: keys, then values of the key, in the place of what stands before the caret. */
import { quoted, termsOf, type Place } from './filter';

export interface Choice {
  /** What is put in the place of what was typed. */
  readonly text: string;
  readonly hint: string;
  /** A value follows: the field stays open after it. */
  readonly goesOn: boolean;
}

export interface Completion extends Place {
  readonly choices: readonly Choice[];
  /** What stands there is hardly meant as it is: the begin of a key, or of a name. */
  readonly isUnfinished: boolean;
}

/** Values that are known for a key, the best first. */
export type KnownValues = Readonly<Record<string, readonly string[]>>;

const KEYS: readonly (readonly [key: string, hint: string])[] = [
  ['status:', 'running, lost, unknown, failed, ok, waiting'],
  ['action:', 'took that action'],
  ['partition:', 'of this partition key'],
  ['error:', 'the last error contains it'],
  ['after:', 'active since: 2h, 7d, 2026-11-25'],
  ['before:', 'last active before'],
  ['steps:', 'number of steps: >100, 10..20'],
  ['duration:', 'took: >1.5s, 100ms..2s'],
  ['tokens:', 'tokens used: >1000'],
  ['state.', 'a value of the state: state.user.name:ann'],
  ['input.', 'a value of an input'],
  ['attr.', 'a value of an attribute'],
  ['app:', 'of this id, * stands for any text'],
  ['parent:', 'forked from or spawned by'],
  ['is:', 'root, forked, spawned, damaged'],
];

const VALUES: KnownValues = {
  status: ['failed', 'lost', 'running', 'waiting', 'ok', 'unknown'],
  is: ['root', 'forked', 'spawned', 'damaged'],
  after: ['1h', '24h', '7d'],
  before: ['1h', '24h', '7d'],
  steps: ['>10', '>100', '>1000'],
  duration: ['>1s', '>10s', '>1m'],
  tokens: ['>1000', '>10000'],
};

/* Of these any value may be meant, whatever is offered. */
const AMOUNTS = ['after', 'before', 'steps', 'duration', 'tokens'];

const AT_MOST = 8;

export function complete(filter: string, caret: number, known: KnownValues): Completion {
  const term = termsOf(filter).find(({ from, to }) => from < caret && caret <= to);
  const start = term?.from ?? caret;
  const typed = filter.slice(start, caret).replace(/^-/, '');
  const from = caret - typed.length;
  const to = term?.to ?? caret;
  const colon = typed.indexOf(':');
  if (colon < 0) {
    const choices = keysLike(typed, known);
    return { from, to, choices, isUnfinished: typed !== '' && choices.length > 0 };
  }
  const key = typed.slice(0, colon);
  const comma = typed.includes('"') ? colon : Math.max(typed.lastIndexOf(','), colon);
  const written = typed.slice(comma + 1);
  const choices = valuesLike(key, written, known);
  return { from: from + comma + 1, to, choices, isUnfinished: choices.length > 0 && !AMOUNTS.includes(key) };
}

function keysLike(typed: string, known: KnownValues): readonly Choice[] {
  const dot = typed.indexOf('.');
  const named = dot < 0 ? undefined : known[typed.slice(0, dot + 1)];
  if (named)
    return like(named, typed.slice(dot + 1)).map((name) => ({
      text: `${typed.slice(0, dot + 1)}${quoted(name)}:`,
      hint: '',
      goesOn: true,
    }));
  return KEYS.filter(([key]) => key.startsWith(typed.toLowerCase()) && key !== typed).map(([key, hint]) => ({
    text: key,
    hint,
    goesOn: true,
  }));
}

function valuesLike(key: string, written: string, known: KnownValues): readonly Choice[] {
  const fixed = VALUES[key];
  const wanted = written.replace(/^"|"$/g, '');
  if (fixed?.includes(wanted)) return [];
  const values = like(fixed ?? known[key] ?? [], wanted);
  return values.map((value) => ({ text: fixed ? value : quoted(value), hint: '', goesOn: false }));
}

/* Those that begin with it go before those that hold it elsewhere. */
function like(values: readonly string[], typed: string): readonly string[] {
  const wanted = typed.toLowerCase();
  const places = values.map((value) => ({ value, at: value.toLowerCase().indexOf(wanted) }));
  const found = places.filter(({ value, at }) => at >= 0 && value !== typed);
  return [...found.filter(({ at }) => at === 0), ...found.filter(({ at }) => at > 0)]
    .slice(0, AT_MOST)
    .map(({ value }) => value);
}
