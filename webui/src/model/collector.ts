/* What the collector says of itself, looked at over time. */
import type { Status } from './api';

/** Records a second between two answers of one collector; null where they cannot tell. */
export function recordRate(
  before: { readonly status: Status; readonly atMs: number } | null,
  now: { readonly status: Status; readonly atMs: number },
): number | null {
  if (before === null || before.status.started !== now.status.started) return null;
  const seconds = (now.atMs - before.atMs) / 1000;
  return seconds > 0 ? (now.status.records - before.status.records) / seconds : null;
}

/** What its owner should look after, in a sentence each. */
export function troublesOf(status: Status): readonly string[] {
  const told: string[] = [];
  const say = (when: boolean, text: string) => {
    if (when) told.push(text);
  };
  say(
    status.dropped > 0,
    'Applications had to drop records: they were faster than the disk for longer than they may wait.',
  );
  say(status.lost > 0, 'Records are lost: the file that held them was gone.');
  say(status.never > 0, 'Records can never be stored: they are too large, or name what a path may not be.');
  say(status.invalid > 0, 'Records held values that were no JSON.');
  say(!status.appending, 'Another process has the right to write to this store, so nothing is stored here.');
  say(status.later_apps.length > 0, 'Nothing can be stored of some runs at the moment; it is tried again.');
  say(status.index.trouble !== '', `Nothing is indexed at the moment: ${status.index.trouble}.`);
  say(status.index.failed > 0, 'The logs of some runs could not be read.');
  say(status.http.refused > 0, 'Requests were refused for want of room.');
  return told;
}
