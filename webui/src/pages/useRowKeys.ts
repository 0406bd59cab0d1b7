import { useState } from 'react';
import { clamp } from '../base/number';
import { useKeys, type KeyBinding } from '../ui/keys';

interface Options {
  readonly open: (index: number) => void;
  readonly reveal?: (index: number) => void;
  /** Keys of the page for the row that is active. */
  readonly more?: (index: number) => readonly KeyBinding[];
}

/** j, k and the arrows move through the rows of a list page, Enter opens one. The active row is known by its name and stays active
 * wherever it moves; gives its index. */
export function useRowKeys(names: readonly string[], { open, reveal, more }: Options): number | null {
  const [active, setActive] = useState<string | null>(null);
  const at = active === null ? -1 : names.indexOf(active);
  const go = (to: number) => {
    const index = clamp(to, 0, names.length - 1);
    setActive(names[index] ?? null);
    reveal?.(index);
  };
  useKeys('Here', [
    { keys: ['j', 'ArrowDown'], label: 'Next row', run: () => go(at + 1) },
    { keys: ['k', 'ArrowUp'], label: 'Row before', run: () => go(at < 0 ? names.length - 1 : at - 1) },
    { keys: ['Home'], label: 'First row', run: () => go(0) },
    ...(at < 0
      ? []
      : [{ keys: ['Enter'], label: 'Open the row', run: () => open(at) }, ...(more?.(at) ?? [])]),
  ]);
  return at < 0 ? null : at;
}
