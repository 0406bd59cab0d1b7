/* Markdown as blocks and runs of text, the part of it that models write. It makes no HTML, and links stay text: nothing recorded can
 * bring the page to fetch or run something. */

export type Inline =
  | { readonly kind: 'text' | 'code' | 'strong' | 'em'; readonly text: string }
  | { readonly kind: 'link'; readonly text: string; readonly url: string };

export type Block =
  | { readonly kind: 'heading'; readonly level: number; readonly text: readonly Inline[] }
  | { readonly kind: 'paragraph' | 'quote'; readonly text: readonly Inline[] }
  | { readonly kind: 'code'; readonly text: string; readonly language: string }
  | { readonly kind: 'list'; readonly ordered: boolean; readonly items: readonly ListItem[] }
  | {
      readonly kind: 'table';
      readonly head: readonly (readonly Inline[])[];
      readonly rows: readonly (readonly (readonly Inline[])[])[];
    }
  | { readonly kind: 'rule' };

export interface ListItem {
  readonly depth: number;
  readonly text: readonly Inline[];
}

const FENCE = /^\s*(```+|~~~+)\s*(\S*)/;
const ITEM = /^(\s*)([-*+]|\d+[.)])\s+(.*)$/;
const TABLE_RULE = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)+\|?\s*$/;

export function readMarkdown(text: string): readonly Block[] {
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  const blocks: Block[] = [];
  let paragraph: string[] = [];
  const close = () => {
    if (paragraph.length > 0) blocks.push({ kind: 'paragraph', text: readInline(paragraph.join('\n')) });
    paragraph = [];
  };
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    const fence = FENCE.exec(line);
    const heading = /^(#{1,6})\s+(.*?)\s*#*$/.exec(line);
    if (fence) {
      close();
      const [, mark = '```', language = ''] = fence;
      const end = lines.findIndex((other, index) => index > at && other.trim().startsWith(mark));
      blocks.push({
        kind: 'code',
        language,
        text: lines.slice(at + 1, end < 0 ? undefined : end).join('\n'),
      });
      at = end < 0 ? lines.length : end;
    } else if (heading) {
      close();
      blocks.push({ kind: 'heading', level: heading[1]?.length ?? 1, text: readInline(heading[2] ?? '') });
    } else if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) {
      close();
      blocks.push({ kind: 'rule' });
    } else if (ITEM.test(line)) {
      close();
      at = readList(lines, at, blocks);
    } else if (line.startsWith('>')) {
      close();
      let end = at;
      while (lines[end]?.startsWith('>')) end++;
      const quoted = lines.slice(at, end).map((other) => other.replace(/^>\s?/, ''));
      blocks.push({ kind: 'quote', text: readInline(quoted.join('\n')) });
      at = end - 1;
    } else if (line.includes('|') && TABLE_RULE.test(lines[at + 1] ?? '')) {
      close();
      let end = at + 2;
      while (lines[end]?.includes('|')) end++;
      blocks.push({ kind: 'table', head: cells(line), rows: lines.slice(at + 2, end).map(cells) });
      at = end - 1;
    } else if (line.trim() === '') close();
    else paragraph.push(line);
  }
  close();
  return blocks;
}

function readList(lines: readonly string[], from: number, blocks: Block[]): number {
  const ordered = /^\s*\d/.test(lines[from] ?? '');
  const items: { depth: number; text: string }[] = [];
  let at = from;
  for (; at < lines.length; at++) {
    const line = lines[at] ?? '';
    const match = ITEM.exec(line);
    const last = items.at(-1);
    if (match) items.push({ depth: Math.min((match[1]?.length ?? 0) >> 1, 6), text: match[3] ?? '' });
    else if (last && /^\s+\S/.test(line)) last.text += `\n${line.trim()}`;
    else break;
  }
  blocks.push({
    kind: 'list',
    ordered,
    items: items.map(({ depth, text }) => ({ depth, text: readInline(text) })),
  });
  return at - 1;
}

function cells(line: string): readonly (readonly Inline[])[] {
  return line
    .trim()
    .replace(/^\||\|$/g, '')
    .split('|')
    .map((cell) => readInline(cell.trim()));
}

const INLINE =
  /(`+)(.+?)\1|\*\*(\S(?:.*?\S)?)\*\*|__(\S(?:.*?\S)?)__|\*(\S(?:[^*]*?\S)?)\*|\[([^\]\n]*)\]\(([^)\s]+)[^)]*\)/gs;

export function readInline(text: string): readonly Inline[] {
  const runs: Inline[] = [];
  let from = 0;
  for (const match of text.matchAll(INLINE)) {
    const [whole, , code, strong, strong2, em, label, url] = match;
    if (match.index > from) runs.push({ kind: 'text', text: text.slice(from, match.index) });
    if (code !== undefined) runs.push({ kind: 'code', text: code });
    else if (url !== undefined) runs.push({ kind: 'link', text: label ?? '', url });
    else if (em !== undefined) runs.push({ kind: 'em', text: em });
    else runs.push({ kind: 'strong', text: strong ?? strong2 ?? '' });
    from = match.index + whole.length;
  }
  if (from < text.length) runs.push({ kind: 'text', text: text.slice(from) });
  return runs;
}
