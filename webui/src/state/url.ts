/* Parts of a view that a link restores, kept in the query of the address. */
import { useCallback } from 'react';
import { useSearchParams } from 'react-router-dom';

export type Query = Readonly<Record<string, string | readonly string[] | null>>;

/** Reads the query; the setter changes the named parts (null removes one, a list comes several times) and leaves the others. */
export function useUrlQuery() {
  const [params, setParams] = useSearchParams();
  const change = useCallback(
    (parts: Query, how: 'push' | 'replace' = 'replace') => {
      /* What the router gives is of the last drawing: of two changes before the next one, the second would undo the first. */
      const next = new URLSearchParams(location.search);
      for (const [name, value] of Object.entries(parts)) {
        next.delete(name);
        for (const one of [value ?? []].flat()) if (one !== '') next.append(name, one);
      }
      setParams(next, { replace: how === 'replace' });
    },
    [setParams],
  );
  return [params, change] as const;
}

export function readNumber(text: string | null): number | null {
  return text !== null && /^-?\d+$/.test(text) ? Number(text) : null;
}
