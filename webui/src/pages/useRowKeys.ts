import { useState } from 'react';
import { clamp } from '../base/number';
import { useKeys } from '../ui/keys';

/** j, k and the arrows move through the rows of a list page, Enter opens one. */
export function useRowKeys(count: number, open: (index: number) => void, reveal?: (index: number) => void) {
  const [active, setActive] = useState<number | null>(null);
  const move = (by: number) => {
    if (count === 0) return;
    const next = active === null ? (by > 0 ? 0 : count - 1) : clamp(active + by, 0, count - 1);
    setActive(next);
    reveal?.(next);
  };
  useKeys('Here', [
    { keys: ['j', 'ArrowDown'], label: 'Next row', run: () => move(1) },
    { keys: ['k', 'ArrowUp'], label: 'Row before', run: () => move(-1) },
    ...(active !== null && active < count
      ? [{ keys: ['Enter'], label: 'Open the row', run: () => open(active) }]
      : []),
  ]);
  return active;
}
