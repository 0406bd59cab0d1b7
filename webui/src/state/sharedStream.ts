/* One event stream for all tabs of a browser: it allows six connections to a server, and ten tabs must not use them up.
 *
 * The tabs that are looked at queue for a lock. Whose turn it is leads: it holds the stream, for the topics that all of them want, and passes on
 * what it hears. When it goes, is hidden or dies, the next one leads and calls the roll. Where a browser has no locks (an address that is not
 * secure, a frame that may not store) every tab leads for itself. */
import { EventStream, type Server, type Told } from './eventStream';

type Message =
  | { readonly kind: 'want'; readonly from: string; readonly topics: readonly string[] }
  | { readonly kind: 'roll' }
  | Told;

/** What passes messages between tabs: a BroadcastChannel. */
export interface Channel {
  postMessage(message: Message): void;
  onmessage: ((event: { readonly data: Message }) => void) | null;
}

/** Waits for the lead, calls `onLead` when it has it, and gives it back when the function that it gave is called. */
export type Queue = (onLead: () => void) => () => void;

const CALL_MS = 20_000;
const FORGET_MS = 65_000;

export class SharedStream {
  readonly #id = Math.random().toString(36).slice(2);
  readonly #stream: EventStream;
  /** Of the leader: what the others want, and when they said so. */
  readonly #wants = new Map<string, { readonly topics: readonly string[]; readonly at: number }>();
  #topics: readonly string[] = [];
  #leave: (() => void) | null = null;
  #leads = false;
  #call: ReturnType<typeof setInterval> | null = null;

  constructor(
    private readonly tell: (told: Told) => void,
    private readonly channel: Channel | null,
    private readonly queue: Queue,
    server: Server,
  ) {
    this.#stream = new EventStream((told) => {
      this.tell(told);
      this.channel?.postMessage(told);
    }, server);
    if (channel) channel.onmessage = ({ data }) => this.#receive(data);
  }

  /** Wants to hear of these and no others. With none, another tab may lead. */
  want(topics: readonly string[]): void {
    this.#topics = topics;
    if (topics.length === 0) this.#stop();
    else if (this.#leave === null) this.#join();
    if (this.#leads) this.#renew();
    else this.#say();
  }

  #join(): void {
    this.#leave = this.queue(() => {
      this.#leads = true;
      this.channel?.postMessage({ kind: 'roll' });
      this.#renew();
    });
    this.#call = setInterval(() => (this.#leads ? this.#renew() : this.#say()), CALL_MS);
  }

  #stop(): void {
    if (this.#call !== null) clearInterval(this.#call);
    this.#call = null;
    this.#wants.clear();
    if (this.#leads) this.#stream.setTopics([]);
    this.#leads = false;
    this.#leave?.();
    this.#leave = null;
  }

  #say(): void {
    this.channel?.postMessage({ kind: 'want', from: this.#id, topics: this.#topics });
  }

  /* Tabs that died do not say so; they are forgotten when they were silent for long. */
  #renew(): void {
    const now = Date.now();
    for (const [tab, { at }] of this.#wants) if (now - at > FORGET_MS) this.#wants.delete(tab);
    const others = [...this.#wants.values()].flatMap(({ topics }) => topics);
    this.#stream.setTopics([...new Set([...this.#topics, ...others])]);
  }

  #receive(message: Message): void {
    if (message.kind === 'roll') {
      if (!this.#leads && this.#topics.length > 0) this.#say();
    } else if (message.kind === 'want') {
      if (this.#leads) this.#admit(message.from, message.topics);
    } else if (!this.#leads && this.#topics.length > 0) {
      this.tell(message);
    }
  }

  /* Who comes is told how things are, and to ask for what the stream has already; the rest follows when it is opened anew. */
  #admit(tab: string, topics: readonly string[]): void {
    const before = this.#wants.get(tab)?.topics ?? [];
    if (topics.length === 0) this.#wants.delete(tab);
    else this.#wants.set(tab, { topics, at: Date.now() });
    const added = topics.filter((topic) => !before.includes(topic));
    if (added.length > 0) {
      this.#stream.tellStatus();
      const heard = this.#stream.hears(added);
      if (heard.length > 0) this.channel?.postMessage({ kind: 'stale', topics: heard });
    }
    this.#renew();
  }
}

/** A queue of this browser's tabs, by Web Locks; without them the lead is always free. */
export function lockQueue(name: string): Queue {
  const locks = (navigator as { readonly locks?: LockManager }).locks;
  if (locks === undefined) return leadAlone;
  return (onLead) => {
    const abort = new AbortController();
    let release: () => void = () => abort.abort();
    const hold = () =>
      new Promise<void>((resolve) => {
        release = resolve;
        onLead();
      });
    locks.request(name, { signal: abort.signal }, hold).catch(() => {
      /* Given up before its turn; or the browser forbids locks here. */
      if (!abort.signal.aborted) onLead();
    });
    return () => release();
  };
}

export const leadAlone: Queue = (onLead) => {
  let waits = true;
  queueMicrotask(() => waits && onLead());
  return () => {
    waits = false;
  };
};

/** The channel between this browser's tabs; null where it has none. */
export function openChannel(name: string): Channel | null {
  try {
    return new BroadcastChannel(name) as Channel;
  } catch {
    return null;
  }
}
