/* A reader of text/event-stream, fed with pieces of text as they arrive.
 *
 * The browser's EventSource is not used: it hides comments (our heartbeat) and the status of a refused request, and its
 * reconnecting cannot be shown or paced. */

export interface ServerEvent {
  readonly name: string;
  readonly data: string;
  /** The last id that the stream had told; empty: none. */
  readonly id: string;
}

export class EventParser {
  #rest = '';
  #name = '';
  #data: string[] = [];
  #id = '';

  /** Takes the next piece and gives the events that it completed. */
  push(text: string): readonly ServerEvent[] {
    const events: ServerEvent[] = [];
    const buffered = this.#rest + text;
    const lines = buffered.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (this.#data.length > 0)
          events.push({ name: this.#name || 'message', data: this.#data.join('\n'), id: this.#id });
        this.#name = '';
        this.#data = [];
      } else if (!line.startsWith(':')) {
        this.#field(line);
      }
    }
    return events;
  }

  #field(line: string): void {
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#name = value;
    if (field === 'data') this.#data.push(value);
    if (field === 'id') this.#id = value;
  }
}
