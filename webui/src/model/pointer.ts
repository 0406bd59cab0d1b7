import type { Pointer } from './api';

export interface RunPointer {
  readonly appId: string;
  readonly sequenceId: number | null;
}

/** A step of another run, of a pointer as it was recorded; null where it names no run. */
export function pointerOf(pointer: Pointer | null): RunPointer | null {
  if (pointer === null || typeof pointer.app_id !== 'string') return null;
  const { sequence_id: sequence } = pointer;
  return { appId: pointer.app_id, sequenceId: typeof sequence === 'number' ? sequence : null };
}
