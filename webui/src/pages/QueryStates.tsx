/* How a page looks while its data is loading, missing or stale. */
import type { ReactNode } from 'react';
import { ApiError } from '../api/client';
import { useLiveStatus, useSlow } from '../state/queries';
import { Notice } from '../ui/Notice';

interface Props {
  readonly what: string;
  readonly error: Error | null;
  readonly retry: () => void;
  readonly notFound?: ReactNode;
}

/** Shown instead of a page that has no data yet. Says nothing for the first 150 ms, so that quick answers do not flicker. */
export function NoData({ what, error, retry, notFound }: Props) {
  const slow = useSlow(error === null);
  if (error === null)
    return (
      <div className="loading" aria-busy="true">
        {slow && `Loading ${what}…`}
      </div>
    );
  if (error instanceof ApiError && error.kind === 'not_found' && notFound !== undefined) return notFound;
  const unreachable = error instanceof ApiError && error.kind === 'unreachable';
  return (
    <Notice title={unreachable ? 'The server does not answer' : `Cannot show ${what}`} retry={retry}>
      <p>
        {unreachable
          ? 'burr may have been stopped, or the network is down. The page comes back by itself when it answers.'
          : error.message}
      </p>
    </Notice>
  );
}

/** Above data that could not be refreshed. A lost connection is told in the frame, by which what is being read does not move. */
export function StaleBar({ error, retry }: { readonly error: Error | null; readonly retry: () => void }) {
  const lost = useLiveStatus() === 'lost';
  if (error === null || (lost && error instanceof ApiError && error.kind === 'unreachable')) return null;
  return (
    <div className="inline-error" role="alert">
      <span>Shown as last received: {error.message}</span>
      <button type="button" className="button" onClick={retry}>
        Try again
      </button>
    </div>
  );
}
