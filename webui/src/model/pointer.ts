import type { Pointer } from './api';
import type { Pointer as Place } from './types';

/** A step of another run, of a pointer as it was recorded; null where it names no run. */
export function pointerOf(pointer: Pointer | null): Place | null {
  if (pointer === null || typeof pointer.app_id !== 'string') return null;
  const { partition_key: partition, sequence_id: sequence } = pointer;
  return {
    appId: pointer.app_id,
    partitionKey: typeof partition === 'string' ? partition : null,
    sequenceId: typeof sequence === 'number' ? sequence : null,
  };
}
