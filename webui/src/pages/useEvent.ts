import { useCallback, useLayoutEffect, useRef } from 'react';

/** One function for as long as the caller is shown, which calls the newest `handler`: what is given to rows that are drawn again only when
 * their own data changed. */
export function useEvent<Args extends readonly unknown[], Result>(
  handler: (...args: Args) => Result,
): (...args: Args) => Result {
  const newest = useRef(handler);
  useLayoutEffect(() => {
    newest.current = handler;
  });
  return useCallback((...args: Args) => newest.current(...args), []);
}
