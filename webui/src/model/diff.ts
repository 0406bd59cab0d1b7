/* What changed from one state to the next, as the smallest paths that differ. */
import { isArray, isObject, type Json, type JsonObject } from '../base/json';

export type Path = readonly (string | number)[];

export type Change =
  | { readonly kind: 'added'; readonly path: Path; readonly after: Json }
  | { readonly kind: 'removed'; readonly path: Path; readonly before: Json }
  | { readonly kind: 'changed'; readonly path: Path; readonly before: Json; readonly after: Json };

export interface Diff {
  readonly changes: readonly Change[];
  /** More changes exist than were asked for. */
  readonly cut: boolean;
}

/** At most `limit` changes from `before` to `after`, in the order of the keys of `after`, removed keys last. */
export function diffStates(before: JsonObject, after: JsonObject, limit = 200): Diff {
  const changes: Change[] = [];
  const full = () => changes.length > limit;

  const compare = (path: Path, a: Json, b: Json): void => {
    if (a === b || full()) return;
    if (isArray(a) && isArray(b)) {
      const common = Math.min(a.length, b.length);
      for (let index = 0; index < common; index++)
        compare([...path, index], a[index] ?? null, b[index] ?? null);
      b.slice(common, common + limit + 1).forEach((item, offset) => {
        changes.push({ kind: 'added', path: [...path, common + offset], after: item });
      });
      a.slice(common, common + limit + 1).forEach((item, offset) => {
        changes.push({ kind: 'removed', path: [...path, common + offset], before: item });
      });
    } else if (isObject(a) && isObject(b)) {
      compareObjects(path, a, b);
    } else {
      changes.push({ kind: 'changed', path, before: a, after: b });
    }
  };

  const compareObjects = (path: Path, a: JsonObject, b: JsonObject): void => {
    for (const key of Object.keys(b)) {
      if (full()) return;
      const old = Object.hasOwn(a, key) ? a[key] : undefined;
      const now = b[key] ?? null;
      if (old === undefined) changes.push({ kind: 'added', path: [...path, key], after: now });
      else compare([...path, key], old, now);
    }
    for (const key of Object.keys(a)) {
      if (!Object.hasOwn(b, key))
        changes.push({ kind: 'removed', path: [...path, key], before: a[key] ?? null });
    }
  };

  compareObjects([], before, after);
  return { changes: changes.slice(0, limit), cut: full() };
}

/** `messages[3].content`, `["odd key"].x` */
export function pathText(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    if (!/^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(part)) return `${text}[${JSON.stringify(part)}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}
