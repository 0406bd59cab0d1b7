/* The head of a column by which a table can be sorted. */
import type { ReactNode } from 'react';

interface Props {
  readonly direction: 'ascending' | 'descending' | null;
  readonly onSort: () => void;
  readonly className?: string | undefined;
  readonly title?: string | undefined;
  readonly children: ReactNode;
}

export function SortHeader({ direction, onSort, className, title, children }: Props) {
  return (
    <span role="columnheader" aria-sort={direction ?? 'none'} className={className}>
      <button type="button" title={title} onClick={onSort}>
        {children}
        <span aria-hidden="true" className="sort-sign">
          {direction === 'ascending' ? ' ↑' : direction === 'descending' ? ' ↓' : ''}
        </span>
      </button>
    </span>
  );
}
