/* Checks an answer against the schema that the API's description has for it. The schemas are the generated ones; each is made into a
 * function when it is first needed, which looks at a page of 1,000 steps in about a millisecond. */
import { endOfValue, skipBlank, stringAt, walk } from '../base/jsonText';

/** The part of JSON Schema that the description uses. `raw` is a value of an application: its text is kept, see base/jsonText.ts. */
export interface Schema {
  readonly $ref?: string;
  readonly raw?: boolean;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

type Fields = Readonly<Record<string, unknown>>;
/** Gives what is wrong, beginning with its place, or null. */
type Check = (value: unknown) => string | null;

const KINDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  null: (value) => value === null,
  boolean: (value) => typeof value === 'boolean',
  integer: (value) => Number.isInteger(value),
  number: (value) => typeof value === 'number',
  string: (value) => typeof value === 'string',
  array: (value) => Array.isArray(value),
  object: isFields,
};

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export class Checker {
  readonly #schemas: Readonly<Record<string, Schema>>;
  readonly #checks = new Map<Schema, Check>();
  readonly #rawInside = new Map<Schema, boolean>();

  constructor(schemas: Readonly<Record<string, Schema>>) {
    this.#schemas = schemas;
  }

  /** Reads the text of an answer, and gives it or what is wrong with it. Throws SyntaxError where it is no JSON. */
  read(text: string, name: string): { readonly value: unknown; readonly problem: string | null } {
    const schema: Schema = { $ref: name };
    const start = skipBlank(text, 0);
    const value = this.#holdsRaw(schema)
      ? this.#parse(text, start, schema).value
      : (JSON.parse(text) as unknown);
    return { value, problem: this.#checkOf(schema)(value) };
  }

  #target(schema: Schema): Schema {
    if (schema.$ref === undefined) return schema;
    const target = this.#schemas[schema.$ref];
    if (target === undefined) throw new Error(`there is no schema ${schema.$ref}`);
    return target;
  }

  #holdsRaw(schema: Schema): boolean {
    const target = this.#target(schema);
    const known = this.#rawInside.get(target);
    if (known !== undefined) return known;
    const { raw = false, items, properties = {} } = target;
    const parts = [...Object.values(properties), ...(items ? [items] : [])];
    const holds = raw || parts.some((part) => this.#holdsRaw(part));
    this.#rawInside.set(target, holds);
    return holds;
  }

  /* Goes by the schema down to the values whose text is kept; lists and objects that hold none of them are JSON.parse's. */
  #parse(text: string, at: number, schema: Schema): { readonly value: unknown; readonly end: number } {
    const target = this.#target(schema);
    if (target.raw) {
      const end = endOfValue(text, at);
      return { value: text.slice(at, end), end };
    }
    const first = text[at];
    if (!this.#holdsRaw(target) || (first !== '{' && first !== '[')) return plainValue(text, at);
    if (first === '[') {
      const elements: unknown[] = [];
      const end = walk(text, at, (_key, place) => {
        const element = this.#parse(text, place, target.items ?? ANY);
        elements.push(element.value);
        return element.end;
      });
      return { value: elements, end };
    }
    const members: Record<string, unknown> = {};
    const end = walk(text, at, (key, place) => {
      const member = this.#parse(text, place, target.properties?.[key] ?? ANY);
      if (key !== '__proto__') members[key] = member.value;
      return member.end;
    });
    return { value: members, end };
  }

  #checkOf(schema: Schema): Check {
    const target = this.#target(schema);
    const known = this.#checks.get(target);
    if (known) return known;
    const check = this.#compile(target);
    this.#checks.set(target, check);
    return check;
  }

  #compile(schema: Schema): Check {
    if (schema.raw) return () => null;
    if (schema.anyOf) return anyOf(schema.anyOf.map((part) => this.#checkOf(part)));
    if ('const' in schema) return (value) => (value === schema.const ? null : ': not what it must be');
    const allowed = schema.enum;
    if (allowed) return (value) => (allowed.includes(value) ? null : ': none of the known words');
    if (schema.type === undefined) return () => null;
    const kinds = [schema.type].flat();
    const isKind = kinds.map((kind) => KINDS[kind] ?? (() => true));
    const wrong = `: not ${kinds.join(' or ')}`;
    const fields = this.#fields(schema);
    const items = schema.items && this.#checkOf(schema.items);
    return (value) => {
      if (!isKind.some((is) => is(value))) return wrong;
      if (items && Array.isArray(value)) return each(value, items);
      return fields && isFields(value) ? fields(value) : null;
    };
  }

  #fields({ properties = {}, required = [] }: Schema): ((value: Fields) => string | null) | null {
    const parts = Object.entries(properties).map(([name, part]) => ({
      name,
      needed: required.includes(name),
      check: this.#checkOf(part),
    }));
    if (parts.length === 0) return null;
    return (value) => {
      for (const { name, needed, check } of parts) {
        const field = value[name];
        if (field === undefined && !needed) continue;
        const problem = field === undefined ? ': missing' : check(field);
        if (problem !== null) return `.${name}${problem}`;
      }
      return null;
    };
  }
}

const ANY: Schema = {};

/* Most of them are short: a call of JSON.parse would cost more than the value. */
function plainValue(text: string, at: number): { readonly value: unknown; readonly end: number } {
  const end = endOfValue(text, at);
  if (text[at] === '"') return { value: stringAt(text, at, end), end };
  if (text.startsWith('null', at)) return { value: null, end };
  return { value: JSON.parse(text.slice(at, end)) as unknown, end };
}

function anyOf(checks: readonly Check[]): Check {
  return (value) => {
    let problem: string | null = null;
    for (const check of checks) {
      const found = check(value);
      if (found === null) return null;
      problem ??= found;
    }
    return problem;
  };
}

function each(values: readonly unknown[], check: Check): string | null {
  for (const [index, value] of values.entries()) {
    const problem = check(value);
    if (problem !== null) return `[${index}]${problem}`;
  }
  return null;
}
