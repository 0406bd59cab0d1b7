/* Any JSON value, as JSON.parse gives it. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json;
}

/** An object without any field. */
export type NoFields = Readonly<Record<string, never>>;

export function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

export function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One line of text for a value, cut at `limit` characters; never serialises more than it shows of an array or object. */
export function brief(value: Json, limit = 80): string {
  const text = briefly(value, limit);
  return text.length > limit ? `${cut(text, limit - 1)}…` : text;
}

/** The first `length` UTF-16 units of a text, without splitting a surrogate pair. */
export function cut(text: string, length: number): string {
  const end = text.charCodeAt(length - 1);
  return text.slice(0, end >= 0xd800 && end <= 0xdbff ? length - 1 : length);
}

function briefly(value: Json, room: number): string {
  if (typeof value === 'string') return JSON.stringify(cut(value, Math.max(room, 1)));
  if (isArray(value)) return `[${parts(value, room, (item, left) => briefly(item, left))}]`;
  if (isObject(value))
    return `{${parts(Object.keys(value), room, (key, left) => `${key}: ${briefly(value[key] ?? null, left)}`)}}`;
  return String(value);
}

function parts<T>(items: readonly T[], room: number, render: (item: T, left: number) => string): string {
  let text = '';
  for (const item of items) {
    if (text !== '') text += ', ';
    if (text.length >= room) return `${text}…`;
    text += render(item, room - text.length);
  }
  return text;
}
