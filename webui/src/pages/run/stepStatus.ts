import type { StepSummary } from '../../model/api';
import type { StatusKind } from '../../ui/Status';

/** An open step runs, is lost or cannot be known where it is the newest; before others, it was left without an end. */
export function statusOf(step: StepSummary, last: number, run: string): StatusKind {
  if (step.status !== 'open') return step.status;
  if (step.number !== last) return 'abandoned';
  return run === 'lost' || run === 'unknown' ? run : 'running';
}
