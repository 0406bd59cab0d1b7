/* What keeps pages current: one event stream a page for all topics that are being looked at.
 *
 * Without the endpoint (an older or another server) every topic counts as changed every two seconds. A lost stream is shown, tried
 * again with growing pauses. Every opening is followed by a refetch, because what happened before it was not heard. A page nobody
 * sees holds no connection: a browser allows six to one server. */
import { readEvents } from '../api/stream';
import { backoffMs } from '../base/backoff';
import { isObject, type Json, type JsonObject } from '../base/json';
import type { ServerEvent } from '../base/sse';

export type LiveStatus = 'connecting' | 'live' | 'polling' | 'lost';

const SILENCE_MS = 7000;
const POLL_MS = 2000;
const RETRY_STREAM_MS = 30_000;
const HIDDEN_GRACE_MS = 10_000;

/** What the server told of a topic: that it changed, and perhaps how. */
export interface Change {
  readonly topic: string;
  /** Whatever else the event held; a listener that understands it need not ask. Absent: all may have changed. */
  readonly data: JsonObject | null;
}

type Listener = (change: Change) => void;
type Watcher = () => void;

export class Live {
  #status: LiveStatus = 'connecting';
  #version: string | null = null;
  #outdated = false;
  readonly #topics = new Map<string, Set<Listener>>();
  readonly #watchers = new Set<Watcher>();
  #abort: AbortController | null = null;
  #attempt = 0;
  #restart: ReturnType<typeof setTimeout> | null = null;
  #poll: ReturnType<typeof setInterval> | null = null;
  #hide: ReturnType<typeof setTimeout> | null = null;

  constructor() {
    document.addEventListener('visibilitychange', () => {
      if (this.#hide !== null) clearTimeout(this.#hide);
      this.#hide = null;
      if (document.visibilityState === 'hidden') this.#hide = setTimeout(() => this.#stop(), HIDDEN_GRACE_MS);
      else if (this.#abort === null) this.#begin();
    });
  }

  /** Calls `listener` whenever the topic may have changed. */
  readonly listen = (topic: string, listener: Listener): (() => void) => {
    const listeners = this.#topics.get(topic) ?? new Set();
    const isNew = listeners.size === 0;
    listeners.add(listener);
    this.#topics.set(topic, listeners);
    if (isNew) this.#schedule(0);
    return () => {
      listeners.delete(listener);
      if (listeners.size > 0) return;
      this.#topics.delete(topic);
      this.#schedule(0);
    };
  };

  readonly watchStatus = (watcher: Watcher): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  readonly status = (): LiveStatus => this.#status;

  /** Whether the server was replaced by another version since this page was loaded. */
  readonly outdated = (): boolean => this.#outdated;

  #schedule(delayMs: number): void {
    if (this.#restart !== null) clearTimeout(this.#restart);
    this.#restart = setTimeout(() => {
      this.#restart = null;
      this.#stop();
      if (this.#topics.size > 0 && document.visibilityState !== 'hidden') this.#begin();
    }, delayMs);
  }

  #begin(): void {
    if (this.#topics.size === 0) return;
    const abort = new AbortController();
    this.#abort = abort;
    const handlers = {
      onOpen: () => {
        this.#endPolling();
        this.#attempt = 0;
        this.#set('live');
        this.#changedAll();
      },
      onEvent: (event: ServerEvent) => this.#take(event),
    };
    void readEvents([...this.#topics.keys()], handlers, SILENCE_MS, abort.signal).then((end) => {
      if (abort.signal.aborted) return;
      if (end === 'unsupported') {
        this.#startPolling();
        this.#schedule(RETRY_STREAM_MS);
        return;
      }
      this.#endPolling();
      this.#set('lost');
      this.#schedule(backoffMs(this.#attempt++, Math.random()));
    });
  }

  #stop(): void {
    this.#abort?.abort();
    this.#abort = null;
    if (this.#topics.size === 0 || document.visibilityState === 'hidden') this.#endPolling();
  }

  #startPolling(): void {
    this.#set('polling');
    this.#poll ??= setInterval(() => this.#changedAll(), POLL_MS);
  }

  #endPolling(): void {
    if (this.#poll !== null) clearInterval(this.#poll);
    this.#poll = null;
  }

  #take(event: ServerEvent): void {
    const data = readData(event.data);
    if (data === null) return;
    const { version, topic } = data;
    if (event.name === 'hello' && typeof version === 'string') {
      if (this.#version !== null && this.#version !== version) this.#outdated = true;
      this.#version = version;
      for (const watcher of this.#watchers) watcher();
    }
    if (event.name === 'change' && typeof topic === 'string') this.#tell({ topic, data });
  }

  #tell(change: Change): void {
    for (const listener of this.#topics.get(change.topic) ?? []) listener(change);
  }

  #changedAll(): void {
    for (const topic of this.#topics.keys()) this.#tell({ topic, data: null });
  }

  #set(status: LiveStatus): void {
    if (status === this.#status) return;
    this.#status = status;
    for (const watcher of this.#watchers) watcher();
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

/** The name of a topic: its pieces percent-encoded, joined by slashes. */
export function topicOf(...pieces: readonly string[]): string {
  return pieces.map(encodeURIComponent).join('/');
}
