/* Small checks for JSON that came from outside. A failed check names the place, so that a damaged answer can be reported. */
import { isArray, isObject, type Json, type JsonObject } from '../base/json';
import { parseTime, type Time } from '../base/time';

export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

type Decoder<T> = (value: Json | undefined, place: string) => T;

function refuse(place: string, wanted: string): never {
  throw new DecodeError(`${place}: ${wanted} expected`);
}

export const text: Decoder<string> = (value, place) =>
  typeof value === 'string' ? value : refuse(place, 'text');

export const count: Decoder<number> = (value, place) =>
  typeof value === 'number' ? value : refuse(place, 'a number');

export const object: Decoder<JsonObject> = (value, place) =>
  value !== undefined && isObject(value) ? value : refuse(place, 'an object');

export const objectOrEmpty: Decoder<JsonObject> = (value) =>
  value !== undefined && isObject(value) ? value : {};

export const time: Decoder<Time | null> = (value) => (typeof value === 'string' ? parseTime(value) : null);

/** null, also where the field is missing: old records lack some. */
export function optional<T>(decoder: Decoder<T>): Decoder<T | null> {
  return (value, place) => (value === undefined || value === null ? null : decoder(value, place));
}

export function list<T>(decoder: Decoder<T>): Decoder<readonly T[]> {
  return (value, place) => {
    if (value === undefined || !isArray(value)) return refuse(place, 'a list');
    return value.map((item, index) => decoder(item, `${place}[${index}]`));
  };
}

export function listOrEmpty<T>(decoder: Decoder<T>): Decoder<readonly T[]> {
  const whole = list(decoder);
  return (value, place) => (value === undefined || value === null ? [] : whole(value, place));
}
