import { useRef, type UIEvent } from 'react';
import type { Selection } from '../../state/selection';
import { ROW_PX } from './useRows';

/** Who scrolls up is reading there: the newest step is left alone until the way back down. The page itself only scrolls up where the
 * list became shorter, and then lands at its end. */
export function useFollowByScroll({ following, number, leave, follow }: Selection) {
  const top = useRef(0);
  const leftAt = useRef<number | null>(null);
  return (event: UIEvent<HTMLElement>) => {
    const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
    const below = scrollHeight - clientHeight - scrollTop;
    const up = scrollTop < top.current;
    top.current = scrollTop;
    if (following && up && below > ROW_PX) {
      leftAt.current = number;
      leave();
    } else if (!following && !up && below < 2 && number !== null && leftAt.current === number) {
      leftAt.current = null;
      follow();
    }
  };
}
