/* What changes, heard once for a browser: by an event stream, opened for a set of topics, and again when that changes or the connection is
 * lost. What happened while it was closed is not missed: the server is told the id of the last event that was heard.
 *
 * A proxy may keep the stream back. Then questions that wait for the next change take over, with the same ids, and every 20 s the
 * stream is tried beside them:
 *
 *     connecting ──hello──▶ live ──ends──▶ lost ──▶ connecting          polling ──fails──▶ lost ──▶ polling
 *         └──────5 s of silence, or no stream to be had──▶ polling ──hello──▶ live
 */
import type { pollChanges, readEvents, StreamEnd } from '../api/stream';
import { backoffMs } from '../base/backoff';
import type { Changed, Changes } from '../model/api';

export type LiveStatus = 'connecting' | 'live' | 'polling' | 'lost';

export type Told =
  | { readonly kind: 'status'; readonly status: LiveStatus; readonly version: string | null }
  | { readonly kind: 'change'; readonly change: Changed }
  /** What was said of these was not heard. */
  | { readonly kind: 'stale'; readonly topics: readonly string[] };

/** The server's two ways to tell. */
export interface Server {
  readonly read: typeof readEvents;
  readonly poll: typeof pollChanges;
}

const SILENCE_MS = 5000;
const RETRY_STREAM_MS = 20_000;
/* Proxies give up on a question after half a minute, or a whole one. */
const POLL_WAIT_MS = 20_000;

export class EventStream {
  #status: LiveStatus = 'connecting';
  #version: string | null = null;
  #toldVersion: string | null = null;
  #topics: readonly string[] = [];
  /** Those whose changes the last connection told. */
  #heard: readonly string[] = [];
  #lastId = '';
  #stream: AbortController | null = null;
  #polls: AbortController | null = null;
  /** There is no stream to be had at the moment. */
  #isKeptBack = false;
  #attempt = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly tell: (told: Told) => void,
    private readonly server: Server,
  ) {}

  /** Listens to these and no others; to none: the connection is closed. */
  setTopics(topics: readonly string[]): void {
    const sorted = topics.toSorted();
    if (sorted.join() === this.#topics.join()) return;
    this.#topics = sorted;
    this.#schedule(() => this.#begin(), 0);
  }

  tellStatus(): void {
    this.tell({ kind: 'status', status: this.#status, version: this.#version });
  }

  /** Of `topics`, those that are listened to at this moment. */
  hears(topics: readonly string[]): readonly string[] {
    const isHearing = this.#status === 'live' || this.#status === 'polling';
    return isHearing ? topics.filter((topic) => this.#heard.includes(topic)) : [];
  }

  #schedule(what: () => void, delayMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      what();
    }, delayMs);
  }

  #begin(): void {
    this.#stream?.abort();
    this.#endPolls();
    if (this.#topics.length === 0) return;
    if (this.#isKeptBack) void this.#poll();
    else void this.#listen();
  }

  async #listen(): Promise<void> {
    const abort = new AbortController();
    this.#stream = abort;
    const topics = this.#topics;
    let greetedMs: number | null = null as number | null;
    const end = await this.server.read(
      topics,
      this.#lastId,
      {
        onHello: ({ version }) => {
          greetedMs = Date.now();
          this.#endPolls();
          this.#isKeptBack = false;
          this.#version = version;
          this.#hear(topics, 'live');
        },
        onChange: (change) => this.tell({ kind: 'change', change }),
        onId: (id) => {
          this.#lastId = id;
        },
      },
      SILENCE_MS,
      abort.signal,
    );
    if (abort.signal.aborted) return;
    this.#ended(end, greetedMs);
  }

  /* One that was silent from its beginning on is kept back by somebody: it would have had a heartbeat. */
  #ended(end: StreamEnd, greetedMs: number | null): void {
    const wasSilent = end === 'silent' && (greetedMs === null || Date.now() - greetedMs < 2 * SILENCE_MS);
    this.#isKeptBack ||= wasSilent || end === 'unsupported';
    if (!this.#isKeptBack) this.#lose();
    else if (this.#polls === null) void this.#poll();
    else this.#tryAgain();
  }

  #tryAgain(): void {
    this.#schedule(() => void this.#listen(), RETRY_STREAM_MS);
  }

  async #poll(): Promise<void> {
    const abort = new AbortController();
    this.#polls = abort;
    const topics = this.#topics;
    this.#tryAgain();
    /* The first is answered at once: by that the page knows that the server is there. */
    for (let waitMs = 0; ; waitMs = POLL_WAIT_MS) {
      const answer = await this.#ask(topics, waitMs, abort);
      if (abort.signal.aborted) return;
      if (answer === null) break;
      this.#version = answer.version;
      this.#hear(topics, 'polling');
      for (const change of answer.changes) this.tell({ kind: 'change', change });
      this.#lastId = String(answer.cursor);
    }
    this.#stream?.abort();
    this.#endPolls();
    this.#lose();
  }

  /* null: there is no answer, whatever the reason. The page says that what it shows may be old, and goes on trying. */
  async #ask(topics: readonly string[], waitMs: number, abort: AbortController): Promise<Changes | null> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), waitMs + SILENCE_MS);
    const cancel = () => late.abort();
    abort.signal.addEventListener('abort', cancel);
    try {
      return await this.server.poll(topics, this.#lastId, waitMs, late.signal);
    } catch {
      return null;
    } finally {
      clearTimeout(timer);
      abort.signal.removeEventListener('abort', cancel);
    }
  }

  #endPolls(): void {
    this.#polls?.abort();
    this.#polls = null;
  }

  #lose(): void {
    this.#set('lost');
    this.#schedule(() => this.#begin(), backoffMs(this.#attempt++, Math.random()));
  }

  /* From here on changes of these topics are told; those of others were missed. */
  #hear(topics: readonly string[], status: LiveStatus): void {
    this.#attempt = 0;
    const known = this.#lastId === '' ? [] : this.#heard;
    this.#heard = topics;
    this.#set(status);
    const stale = topics.filter((topic) => !known.includes(topic));
    if (stale.length > 0) this.tell({ kind: 'stale', topics: stale });
  }

  #set(status: LiveStatus): void {
    if (status === this.#status && this.#version === this.#toldVersion) return;
    this.#status = status;
    this.#toldVersion = this.#version;
    this.tellStatus();
  }
}
