import { useSlow } from '../../state/queries';
import type { Listed } from '../../state/listing';

interface Props {
  readonly listed: Listed;
  readonly count: number;
  readonly shown: number;
  readonly onClear: () => void;
}

/** What an empty list of steps says, and what stands below one that is not read to its end. */
export function Empty({ listed, count, shown, onClear }: Props) {
  const slow = useSlow(listed.loading);
  if (listed.error)
    return (
      <p className="loading" role="alert">
        {listed.error.message}
      </p>
    );
  if (count === 0)
    return (
      <p className="loading">This run has recorded no step yet. The first one appears here by itself.</p>
    );
  if (listed.loading) return slow && shown === 0 ? <p className="loading">Looking…</p> : null;
  if (shown > 0 || listed.kind !== 'filtered') return null;
  return (
    <p className="loading">
      No step matches the filter.{' '}
      <button type="button" className="button" onClick={onClear}>
        Show all
      </button>
    </p>
  );
}
