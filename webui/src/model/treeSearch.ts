/* Where in a value a text stands, in keys or plain values: the places on the way to it, so that a tree can show these alone. */
import { Digits, type Exact } from '../base/jsonText';
import { isList, isMap } from './exact';
import { pointerOf, type Path } from './path';

const HITS_MOST = 500;

export interface TreeHits {
  /** Pointers of what was found and of all that it lies in. */
  readonly places: ReadonlySet<string>;
  readonly count: number;
  /** There are more than were looked for. */
  readonly more: boolean;
}

export function searchTree(value: Exact, text: string): TreeHits {
  const wanted = text.toLowerCase();
  const places = new Set<string>();
  let count = 0;
  const holds = (part: string) => part.toLowerCase().includes(wanted);
  const visit = (node: Exact, path: Path, key: string | null): boolean => {
    if (count >= HITS_MOST) return false;
    let found = key !== null && holds(key);
    if (found) count++;
    if (isList(node))
      node.forEach((item, index) => {
        if (visit(item, [...path, index], null)) found = true;
      });
    else if (isMap(node))
      for (const [name, item] of node) {
        if (visit(item, [...path, name], name)) found = true;
      }
    else if (holds(node instanceof Digits ? node.text : String(node))) {
      if (!found) count++;
      found = true;
    }
    if (found) places.add(pointerOf(path));
    return found;
  };
  visit(value, [], null);
  return { places, count, more: count >= HITS_MOST };
}
