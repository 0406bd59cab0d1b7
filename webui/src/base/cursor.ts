/* How far something goes that the server told: all that it had taken in up to a cursor is in it, and nothing that came before may take its
 * place. Kept beside the values, which are what the server said and no more. */

const cursors = new WeakMap<object, number>();

/** The cursor of `value`; 0: none is known. */
export function cursorOf(value: object): number {
  return cursors.get(value) ?? 0;
}

/** Notes that `value` goes as far as `cursor`, and gives it. A server that was started anew may count from less. */
export function upTo<T extends object>(value: T, cursor: number): T {
  cursors.set(value, cursor);
  return value;
}
