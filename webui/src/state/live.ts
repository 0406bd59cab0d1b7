/* What keeps this page current: who listens to which topic, and whether what is shown can be trusted. A page that nobody sees listens to
 * nothing, but for the first ten seconds. */
import { pollChanges, readEvents } from '../api/stream';
import { BASENAME } from '../base/place';
import type { Changed } from '../model/api';
import type { LiveStatus, Told } from './eventStream';
import { leadAlone, lockQueue, openChannel, SharedStream } from './sharedStream';

const HIDDEN_GRACE_MS = 10_000;

/** How a topic changed; null: all of it may have. */
type Listener = (change: Changed | null) => void;
type Watcher = () => void;

export class Live {
  #status: LiveStatus = 'connecting';
  #version: string | null = null;
  #outdated = false;
  #isSeen = document.visibilityState !== 'hidden';
  readonly #topics = new Map<string, Set<Listener>>();
  readonly #watchers = new Set<Watcher>();
  readonly #stream: SharedStream;
  #pending = false;
  #hide: ReturnType<typeof setTimeout> | null = null;

  constructor() {
    /* The number is raised when what tabs tell one another changes: one of before an update may be open yet. */
    const name = `burr.live 2 ${BASENAME}`;
    const channel = openChannel(name);
    const queue = channel ? lockQueue(name) : leadAlone;
    this.#stream = new SharedStream((told) => this.#take(told), channel, queue, {
      read: readEvents,
      poll: pollChanges,
    });
    document.addEventListener('visibilitychange', () => {
      if (this.#hide !== null) clearTimeout(this.#hide);
      this.#hide = null;
      if (document.visibilityState === 'hidden')
        this.#hide = setTimeout(() => this.#see(false), HIDDEN_GRACE_MS);
      else this.#see(true);
    });
    window.addEventListener('pagehide', () => this.#see(false));
    window.addEventListener('pageshow', () => this.#see(document.visibilityState !== 'hidden'));
  }

  /** Calls `listener` whenever the topic has changed, or may have. */
  readonly listen = (topic: string, listener: Listener): (() => void) => {
    const listeners = this.#topics.get(topic) ?? new Set();
    listeners.add(listener);
    this.#topics.set(topic, listeners);
    if (listeners.size === 1) this.#renewSoon();
    return () => {
      listeners.delete(listener);
      if (listeners.size > 0) return;
      this.#topics.delete(topic);
      this.#renewSoon();
    };
  };

  readonly watchStatus = (watcher: Watcher): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  readonly status = (): LiveStatus => this.#status;

  /** Whether the server was replaced by another version since this page was loaded. */
  readonly outdated = (): boolean => this.#outdated;

  #see(isSeen: boolean): void {
    if (isSeen === this.#isSeen) return;
    this.#isSeen = isSeen;
    this.#renew();
  }

  /* A page that gives way to another lets go of one topic and takes up the next: one change of the stream. */
  #renewSoon(): void {
    if (this.#pending) return;
    this.#pending = true;
    queueMicrotask(() => {
      this.#pending = false;
      this.#renew();
    });
  }

  #renew(): void {
    this.#stream.want(this.#isSeen ? [...this.#topics.keys()] : []);
  }

  #take(told: Told): void {
    if (told.kind === 'change') this.#tell(told.change.topic, told.change);
    else if (told.kind === 'stale') for (const topic of told.topics) this.#tell(topic, null);
    else this.#setStatus(told.status, told.version);
  }

  #tell(topic: string, change: Changed | null): void {
    for (const listener of this.#topics.get(topic) ?? []) listener(change);
  }

  #setStatus(status: LiveStatus, version: string | null): void {
    this.#status = status;
    if (version !== null && this.#version !== null && version !== this.#version) this.#outdated = true;
    this.#version = version ?? this.#version;
    for (const watcher of this.#watchers) watcher();
  }
}

/** The name of a topic: its pieces percent-encoded, joined by slashes. */
export function topicOf(...pieces: readonly string[]): string {
  return pieces.map(encodeURIComponent).join('/');
}
