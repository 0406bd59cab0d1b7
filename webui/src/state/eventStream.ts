/* The one event stream of a browser: opened for a set of topics, and again when that changes or the connection is lost.
 *
 * What happened while it was closed is not missed: the server is told the id of the last event that was heard. Where there is no stream
 * to be had, as behind a proxy that keeps it back, every topic counts as changed every two seconds. */
import type { readEvents } from '../api/stream';
import { backoffMs } from '../base/backoff';
import { isObject, type Json, type JsonObject } from '../base/json';
import type { ServerEvent } from '../base/sse';

export type LiveStatus = 'connecting' | 'live' | 'polling' | 'lost';

export type Told =
  | { readonly kind: 'status'; readonly status: LiveStatus; readonly version: string | null }
  /** A topic changed; `data` is what the event said of it, and may say how. */
  | { readonly kind: 'change'; readonly topic: string; readonly data: JsonObject }
  /** What was said of these was not heard. */
  | { readonly kind: 'stale'; readonly topics: readonly string[] };

export type ReadEvents = typeof readEvents;

const SILENCE_MS = 5000;
const POLL_MS = 2000;
const RETRY_STREAM_MS = 30_000;

export class EventStream {
  #status: LiveStatus = 'connecting';
  #version: string | null = null;
  #topics: readonly string[] = [];
  /** Those whose changes the last connection told. */
  #heard: readonly string[] = [];
  #lastId = '';
  #abort: AbortController | null = null;
  #attempt = 0;
  #restart: ReturnType<typeof setTimeout> | null = null;
  #poll: ReturnType<typeof setInterval> | null = null;

  constructor(
    private readonly tell: (told: Told) => void,
    private readonly read: ReadEvents,
  ) {}

  /** Listens to these and no others; to none: the stream is closed. */
  setTopics(topics: readonly string[]): void {
    const sorted = topics.toSorted();
    if (sorted.join() === this.#topics.join()) return;
    this.#topics = sorted;
    this.#schedule(0);
  }

  tellStatus(): void {
    this.tell({ kind: 'status', status: this.#status, version: this.#version });
  }

  /** Of `topics`, those that are listened to at this moment. */
  hears(topics: readonly string[]): readonly string[] {
    return this.#status === 'live' ? topics.filter((topic) => this.#heard.includes(topic)) : [];
  }

  #schedule(delayMs: number): void {
    if (this.#restart !== null) clearTimeout(this.#restart);
    this.#restart = setTimeout(() => {
      this.#restart = null;
      this.#abort?.abort();
      this.#abort = null;
      if (this.#topics.length > 0) void this.#run();
      else this.#endPolling();
    }, delayMs);
  }

  async #run(): Promise<void> {
    const abort = new AbortController();
    this.#abort = abort;
    const topics = this.#topics;
    let greeted = false as boolean;
    const handlers = {
      onOpen: () => undefined,
      onEvent: (event: ServerEvent) => {
        if (!greeted) this.#opened(topics);
        greeted = true;
        this.#take(event);
      },
    };
    const end = await this.read(topics, this.#lastId, handlers, SILENCE_MS, abort.signal);
    if (abort.signal.aborted) return;
    if (end === 'unsupported' || (end === 'silent' && !greeted)) {
      this.#startPolling();
      this.#schedule(RETRY_STREAM_MS);
      return;
    }
    this.#endPolling();
    this.#set('lost');
    this.#schedule(backoffMs(this.#attempt++, Math.random()));
  }

  #opened(topics: readonly string[]): void {
    this.#endPolling();
    this.#attempt = 0;
    const known = this.#lastId === '' ? [] : this.#heard;
    this.#heard = topics;
    this.#set('live');
    const stale = topics.filter((topic) => !known.includes(topic));
    if (stale.length > 0) this.tell({ kind: 'stale', topics: stale });
  }

  #take(event: ServerEvent): void {
    if (event.id !== '') this.#lastId = event.id;
    const data = readData(event.data);
    if (event.name === 'hello' && typeof data?.version === 'string') {
      this.#version = data.version;
      this.tellStatus();
    }
    if (event.name === 'change' && typeof data?.topic === 'string')
      this.tell({ kind: 'change', topic: data.topic, data });
  }

  #startPolling(): void {
    this.#heard = [];
    this.#set('polling');
    this.#poll ??= setInterval(() => this.tell({ kind: 'stale', topics: this.#topics }), POLL_MS);
  }

  #endPolling(): void {
    if (this.#poll !== null) clearInterval(this.#poll);
    this.#poll = null;
  }

  #set(status: LiveStatus): void {
    if (status === this.#status) return;
    this.#status = status;
    this.tellStatus();
  }
}

function readData(text: string): JsonObject | null {
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}
