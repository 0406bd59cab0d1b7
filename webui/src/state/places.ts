import { useCallback } from 'react';
import { useUrlQuery } from './url';

/** What is open in a tree of values, in the address: each tree of a page has a name. */
export function usePlaces(tree: string) {
  const [query, change] = useUrlQuery();
  const name = `in-${tree}`;
  const set = useCallback((text: string) => change({ [name]: text === '' ? null : text }), [change, name]);
  return { text: query.get(name) ?? '', set };
}
