import type { ReactNode } from 'react';

/** In place of what a step did not leave. */
export function Nothing({ children }: { readonly children: ReactNode }) {
  return <p className="nothing-here">{children}</p>;
}
