/* Parts of a view that a link restores, kept in the query of the address. */
import { useCallback, useMemo } from 'react';
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

const PLACES_MOST = 40;

/** Places of a value that the reader has opened, or closed (then with ! in front), one a part `name` of the address. */
export function useUrlPlaces(name: string) {
  const [query, change] = useUrlQuery();
  const text = JSON.stringify(query.getAll(name));
  return useMemo(() => {
    const places = JSON.parse(text) as readonly string[];
    return {
      get: (pointer: string) =>
        places.includes(pointer) ? true : places.includes(`!${pointer}`) ? false : null,
      set: (pointer: string, open: boolean) => {
        const others = places.filter((place) => place !== pointer && place !== `!${pointer}`);
        change({ [name]: [...others, open ? pointer : `!${pointer}`].slice(-PLACES_MOST) });
      },
    };
  }, [text, name, change]);
}
