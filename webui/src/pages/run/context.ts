/* What every part of the page knows of the run. */
import { createContext, useContext } from 'react';
import type { Run } from '../../model/api';
import type { Machine } from '../../model/graph';
import type { RunPlace } from '../../state/run';

export interface RunFacts {
  readonly place: RunPlace;
  readonly detail: Run;
  readonly machine: Machine;
  /** The colour of an action. */
  readonly hue: (action: string | null) => string;
}

export const RunContext = createContext<RunFacts | null>(null);

export function useFacts(): RunFacts {
  const facts = useContext(RunContext);
  if (facts === null) throw new Error('outside of a run');
  return facts;
}
