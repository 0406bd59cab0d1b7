/* Through the steps by dragging, or by arrow keys when it has the focus. */
import type { Selection } from '../../state/selection';
import { useFacts } from './context';

export function Scrubber({ selection }: { readonly selection: Selection }) {
  const { detail } = useFacts();
  const last = detail.step_count - 1;
  if (last < 1) return null;
  return (
    <input
      className="scrubber"
      type="range"
      min={0}
      max={last}
      step={1}
      value={selection.number ?? last}
      aria-label="Step"
      aria-valuetext={`step ${(selection.number ?? last) + 1} of ${detail.step_count}`}
      title="Drag through the steps"
      onChange={(event) => selection.select(Number(event.target.value), 'replace')}
    />
  );
}
