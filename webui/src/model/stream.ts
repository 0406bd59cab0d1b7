/* What a streamed result did: how long until its first item, how many, how fast. */
import { elapsedUs } from '../base/time';
import type { StreamEvent } from './types';

export interface StreamSummary {
  readonly firstItemUs: number | null;
  readonly totalUs: number | null;
  readonly itemCount: number | null;
  readonly itemsPerSecond: number | null;
}

export function summariseStream(events: readonly StreamEvent[]): StreamSummary {
  const find = (kind: StreamEvent['kind']) => events.find((event) => event.kind === kind) ?? null;
  const begin = find('begin')?.at ?? null;
  const end = find('end');
  const firstItemUs = elapsedUs(begin, find('first_item')?.at ?? null);
  const totalUs = elapsedUs(begin, end?.at ?? null);
  const itemCount = end?.itemCount ?? null;
  const itemsPerSecond =
    itemCount !== null && totalUs !== null && totalUs > 0 ? (itemCount * 1e6) / totalUs : null;
  return { firstItemUs, totalUs, itemCount, itemsPerSecond };
}
