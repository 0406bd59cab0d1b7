/* The event stream of the server, read until it ends. */
import { address } from '../base/place';
import { EventParser, type ServerEvent } from '../base/sse';
import { tokenHeaders } from '../base/token';
import { target } from './target';

export type StreamEnd = 'closed' | 'silent' | 'unsupported' | 'unreachable';

export interface StreamHandlers {
  readonly onOpen: () => void;
  readonly onEvent: (event: ServerEvent) => void;
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
    handlers.onOpen();
    const parser = new EventParser();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      stillAlive();
      const { done, value } = await reader.read();
      if (done) return 'closed';
      for (const event of parser.push(value)) handlers.onEvent(event);
    }
  } catch {
    if (!answered && !silence.signal.aborted) return 'unreachable';
    return silence.signal.aborted ? 'silent' : 'closed';
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', cancel);
  }
}
