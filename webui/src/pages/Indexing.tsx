/* A store that is being indexed: at the first start on it, and when its index was lost. */
import { formatCount } from '../base/number';
import type { Indexing } from '../model/api';
import { Notice } from '../ui/Notice';

/** In the place of a list that has nothing to show yet. */
export function IndexingNotice({ indexing }: { readonly indexing: Indexing }) {
  return (
    <Notice title={wordsOf(indexing)}>
      <Progress indexing={indexing} />
      <p>
        burr reads what is in the store{indexing.total > 0 && `, ${formatCount(indexing.total)} runs`}. They
        appear here by themselves; what is recorded meanwhile goes first.
      </p>
    </Notice>
  );
}

/** Beside the title of a list in which something may be missing. */
export function IndexingNote({ indexing }: { readonly indexing: Indexing | null }) {
  if (indexing === null) return null;
  return (
    <span className="indexing dim nowrap" role="status" title="Not all runs of the store are here yet.">
      <Progress indexing={indexing} />
      {wordsOf(indexing)}
    </span>
  );
}

function Progress({ indexing }: { readonly indexing: Indexing }) {
  const { done, total } = indexing;
  const isKnown = total > 0;
  return <progress aria-label="Indexed" max={1} {...(isKnown ? { value: done / total } : {})} />;
}

function wordsOf({ done, total }: Indexing): string {
  return total === 0 ? 'Indexing…' : `Indexing, ${Math.floor((done / total) * 100)} %`;
}
