import type { ReactNode } from 'react';

interface Props {
  readonly title: string;
  readonly children?: ReactNode;
  readonly retry?: () => void;
}

/** A whole place that has nothing else to show: empty, missing or failed. */
export function Notice({ title, children, retry }: Props) {
  return (
    <div className="notice" role="status">
      <h2>{title}</h2>
      {children}
      {retry && (
        <button type="button" className="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}
