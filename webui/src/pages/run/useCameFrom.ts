import type { Step } from '../../model/api';
import { readVia, type Via } from '../../model/via';
import { useStep } from '../../state/run';
import { useFacts } from './context';

export interface Came {
  /** null: the run begins here, or it cannot be known. */
  readonly from: string | null;
  /** What was recorded of the transition; Burr's own tracker records nothing. */
  readonly via: Via | null;
  /** The conditions that the graph has between the two actions. */
  readonly possible: readonly string[];
}

/** How the run came to a step: as it was recorded, or else from the step before and the graph. */
export function useCameFrom(step: Step | null): Came {
  const { place, machine } = useFacts();
  const via = step ? readVia(step.via) : null;
  const recorded = via?.from ?? null;
  const wanted = step && recorded === null && step.number > 0 ? step.number - 1 : null;
  const before = useStep(place, wanted).data;
  const from = recorded ?? (wanted !== null && before?.number === wanted ? before.action : null);
  const possible = machine.transitions
    .filter((transition) => transition.from === from && transition.to === step?.action)
    .map((transition) => transition.condition);
  return { from, via, possible };
}
