/* The filter's language as far as a field needs it: its terms, how a value is written, where an error is. What it means is the server's
 * to say; the API's description of listRuns has the whole of it. */

/** A stretch of the text, in UTF-16 units. */
export interface Place {
  readonly from: number;
  readonly to: number;
}

const TERM = /(?:"(?:[^"\\]|\\[^])*"?|[^\s"])+/g;

/** The terms with their places. An open quote reaches to the end. */
export function termsOf(filter: string): readonly (Place & { readonly text: string })[] {
  return [...filter.matchAll(TERM)].map((match) => ({
    from: match.index,
    to: match.index + match[0].length,
    text: match[0],
  }));
}

/** A value as the language writes it: in quotes where it holds what has a meaning there. */
export function quoted(value: string): string {
  return value !== '' && /^[^\s",*:<>=\\-][^\s",*\\]*$/.test(value) && !value.includes('..')
    ? value
    : `"${value.replace(/["\\]/g, '\\$&')}"`;
}

/* Of these a run has one, so a second term would leave nothing. */
const SINGLE = ['status', 'partition', 'app', 'parent'];

/** The filter with the term `key:value` in it; without it, if it was there. */
export function toggleTerm(filter: string, key: string, value: string): string {
  const term = `${key}:${quoted(value)}`;
  const terms = termsOf(filter).map(({ text }) => text);
  if (terms.includes(term)) return terms.filter((text) => text !== term).join(' ');
  const kept = SINGLE.includes(key) ? terms.filter((text) => !text.startsWith(`${key}:`)) : terms;
  return [...kept, term].join(' ');
}

/** Where in the filter the server found a fault, and which; null: its answer was about something else. */
export function faultOf(filter: string, detail: string): (Place & { readonly why: string }) | null {
  const match = /^filter: byte (\d+): ([^]*)$/.exec(detail);
  if (!match)
    return detail.startsWith('filter: ') ? { from: 0, to: filter.length, why: detail.slice(8) } : null;
  const from = unitAt(filter, Number(match[1]));
  const term = termsOf(filter).find((candidate) => candidate.from <= from && from <= candidate.to);
  const to = term && term.to > from ? term.to : Math.min(from + 1, filter.length);
  return { from: to > from ? from : Math.max(to - 1, 0), to, why: match[2] ?? '' };
}

/* The place in UTF-16 units of a byte of the text's UTF-8. */
function unitAt(text: string, byte: number): number {
  let bytes = 0;
  let unit = 0;
  for (const character of text) {
    if (bytes >= byte) break;
    bytes += new TextEncoder().encode(character).length;
    unit += character.length;
  }
  return unit;
}
