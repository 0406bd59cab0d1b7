import { useState } from 'react';
import { clamp } from '../base/number';
import { useKeys } from '../ui/keys';

interface Options {
  readonly open: (index: number) => void;
  readonly reveal?: (index: number) => void;
  /** For a list that is a tree: shows or hides what is below the row. */
  readonly unfold?: (index: number, open: boolean) => void;
}

/** j, k and the arrows move through the rows of a list page, Enter opens one. The active row is known by its name and stays active
 * wherever it moves; gives its index. */
export function useRowKeys(names: readonly string[], { open, reveal, unfold }: Options): number | null {
  const [active, setActive] = useState<string | null>(null);
  const at = active === null ? -1 : names.indexOf(active);
  const go = (to: number) => {
    const index = clamp(to, 0, names.length - 1);
    setActive(names[index] ?? null);
    /* Enter is for the row now, not for what was clicked before. */
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    reveal?.(index);
  };
  useKeys('Here', [
    { keys: ['j', 'ArrowDown'], label: 'Next row', run: () => go(at + 1) },
    { keys: ['k', 'ArrowUp'], label: 'Row before', run: () => go(at < 0 ? names.length - 1 : at - 1) },
    { keys: ['Home'], label: 'First row', run: () => go(0) },
    { keys: ['Enter'], label: 'Open the row', run: () => at >= 0 && open(at) },
    ...(unfold
      ? [
          { keys: ['l', 'ArrowRight'], label: 'Show its children', run: () => at >= 0 && unfold(at, true) },
          { keys: ['h', 'ArrowLeft'], label: 'Hide its children', run: () => at >= 0 && unfold(at, false) },
        ]
      : []),
  ]);
  return at < 0 ? null : at;
}
