/* What changes, as the server tells it: by an event stream, read until it ends, or by questions that wait for an answer. */
import { address } from '../base/place';
import { EventParser, type ServerEvent } from '../base/sse';
import { tokenHeaders } from '../base/token';
import type { Changed, Changes, Hello } from '../model/api';
import { checker, get } from './client';
import { target } from './target';

export type StreamEnd = 'closed' | 'silent' | 'unsupported' | 'unreachable';

export interface StreamHandlers {
  /** The stream lives. It begins with this. */
  readonly onHello: (hello: Hello) => void;
  readonly onChange: (change: Changed) => void;
  /** All up to this id was told. */
  readonly onId: (id: string) => void;
}

/** Reads the event stream until it ends, and tells why it did. `silenceMs` without a byte, heartbeats included, is an end. With the id
 * of the last event that was heard, the server tells what has changed since. */
export async function readEvents(
  topics: readonly string[],
  lastId: string,
  handlers: StreamHandlers,
  silenceMs: number,
  signal: AbortSignal,
): Promise<StreamEnd> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), silenceMs);
  const stillAlive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), silenceMs);
  };
  const cancel = () => silence.abort();
  signal.addEventListener('abort', cancel);
  let answered = false;
  const parser = new EventParser();
  const take = (event: ServerEvent) => {
    if (event.name === 'hello') handlers.onHello(read(event, 'Hello') as Hello);
    if (event.name === 'change') handlers.onChange(read(event, 'Changed') as Changed);
    if (event.id !== '') handlers.onId(event.id);
  };
  try {
    const question = target('/api/v1/events', {
      topics: topics.join(','),
      last_event_id: lastId || undefined,
    });
    const response = await fetch(address(question), {
      headers: { accept: 'text/event-stream', ...tokenHeaders() },
      cache: 'no-store',
      signal: silence.signal,
    });
    const type = response.headers.get('content-type') ?? '';
    if (!response.ok || !type.startsWith('text/event-stream') || response.body === null) {
      await response.body?.cancel();
      return response.status === 503 || response.status === 502 ? 'unreachable' : 'unsupported';
    }
    answered = true;
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      stillAlive();
      const { done, value } = await reader.read();
      if (done) return 'closed';
      for (const event of parser.push(value)) take(event);
    }
  } catch (error) {
    if (error instanceof Unreadable) return 'unsupported';
    if (!answered && !silence.signal.aborted) return 'unreachable';
    return silence.signal.aborted ? 'silent' : 'closed';
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', cancel);
  }
}

/* Of another version of the server, which then says so: what it tells is asked for in its own words. */
class Unreadable extends Error {}

function read({ data, name }: ServerEvent, schema: string): unknown {
  try {
    const { value, problem } = checker.read(data, schema);
    if (problem === null) return value;
    throw new Unreadable(`${name}${problem}`);
  } catch (error) {
    throw error instanceof Unreadable ? error : new Unreadable(name, { cause: error });
  }
}

/** What changed after the cursor `after`, as soon as something does, or when `waitMs` are over; '': where to begin, at once. Rejects as
 * `get` does. */
export function pollChanges(
  topics: readonly string[],
  after: string,
  waitMs: number,
  signal: AbortSignal,
): Promise<Changes> {
  const begin = { topics: topics.join(','), wait_ms: waitMs };
  return get('/api/v1/changes', after === '' ? begin : { ...begin, after: Number(after) }, signal);
}
