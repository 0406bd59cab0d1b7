/* Through the steps by dragging, or by arrow keys when it has the focus. Earlier attempts are passed over. */
import { useMemo } from 'react';
import { makeListing } from '../../model/listing';
import type { Listed } from '../../state/listing';
import type { Selection } from '../../state/selection';
import { useFacts } from './context';

interface Props {
  readonly listed: Listed;
  readonly selection: Selection;
}

export function Scrubber({ listed, selection }: Props) {
  const { detail } = useFacts();
  const { kind, segments } = listed;
  /* What is filtered or folded is not known whole: then it goes through all that there is. */
  const steps = useMemo(() => (kind === 'all' ? makeListing(segments, NOTHING) : null), [kind, segments]);
  const count = steps?.length ?? detail.step_count;
  if (count < 2) return null;
  const number = selection.number ?? detail.step_count - 1;
  const own = steps ? steps.rowOf(number) : number;
  const at = own >= 0 ? own : (steps?.rowOf(steps.next(number, 1) ?? -1) ?? 0);
  const select = (wanted: number) => {
    const place = steps ? steps.at(wanted) : { kind: 'step' as const, number: wanted };
    if (place?.kind === 'step') selection.select(place.number, 'replace');
  };
  return (
    <input
      className="scrubber"
      type="range"
      min={0}
      max={count - 1}
      step={1}
      value={at}
      aria-label="Step"
      aria-valuetext={`step ${at + 1} of ${count}`}
      title="Drag through the steps"
      onChange={(event) => select(Number(event.target.value))}
    />
  );
}

const NOTHING = { inner: new Map<number, never>(), attempts: new Map<number, readonly number[]>() };
