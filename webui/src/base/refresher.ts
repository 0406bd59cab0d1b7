/* Turns any number of "something changed" into as few refetches as keep the page current: one runs at a time, the next begins
 * `gapMs` after the previous one ended, and a change seen meanwhile is never lost. */

export class Refresher {
  #running = false;
  #wanted = false;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #stopped = false;

  constructor(
    private readonly refetch: () => Promise<unknown>,
    private readonly gapMs = 100,
  ) {}

  request(): void {
    if (this.#stopped) return;
    if (this.#running || this.#timer !== null) {
      this.#wanted = true;
      return;
    }
    void this.#run();
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    this.#running = true;
    this.#wanted = false;
    try {
      await this.refetch();
    } catch {
      /* the query itself shows its error */
    }
    this.#running = false;
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (this.#wanted) void this.#run();
    }, this.gapMs);
  }
}
