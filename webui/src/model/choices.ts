/* What a reader opened, closed or asked for more of in a tree, as a short text: `o1/a/b` is open, `o0/a` closed, `n600/list` shows 600
 * entries. By the names that JsonTree gives: a letter and a JSON pointer. */

/* Addresses are pasted into places that take no long ones: of more, what was chosen last stays. */
const MOST_CHARACTERS = 1000;

export type Choices = ReadonlyMap<string, number>;

export function readChoices(text: string): Choices {
  const choices = new Map<string, number>();
  for (const part of text.split(',')) {
    const match = /^([a-z])(\d{1,9})((?:\/.*)?)$/s.exec(part);
    if (match) choices.set(`${match[1] ?? ''}${(match[3] ?? '').replaceAll('~2', ',')}`, Number(match[2]));
  }
  return choices;
}

export function writeChoices(choices: Choices): string {
  const parts: string[] = [];
  let left = MOST_CHARACTERS;
  for (const [name, choice] of [...choices].reverse()) {
    /* A pointer has ~0 and ~1 alone. */
    const part = `${name.slice(0, 1)}${choice}${name.slice(1).replaceAll(',', '~2')}`;
    left -= part.length + 1;
    if (left < 0) break;
    parts.push(part);
  }
  return parts.reverse().join(',');
}

/** One more, as the last. */
export function withChoice(choices: Choices, name: string, choice: number): Choices {
  const next = new Map(choices);
  next.delete(name);
  return next.set(name, choice);
}
