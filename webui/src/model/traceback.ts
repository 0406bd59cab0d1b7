/* An exception's text, taken apart where it is a Python traceback; any other text stays whole. */

export type TraceLine =
  | { readonly kind: 'frame'; readonly file: string; readonly line: string; readonly where: string }
  | { readonly kind: 'text'; readonly text: string };

export interface Trace {
  /** The line that names the error. */
  readonly headline: string;
  readonly lines: readonly TraceLine[];
}

const FRAME = /^\s*File "(.*)", line (\d+)(?:, in (.*))?$/;

export function readTraceback(text: string): Trace {
  const all = text.replace(/\s+$/, '').split('\n');
  const isPython = all.some((line) => line.startsWith('Traceback (most recent call last)'));
  const last = isPython ? all.findLastIndex((line) => /^[\w.]+(:|$)/.test(line)) : 0;
  return {
    headline: (all[Math.max(last, 0)] ?? '').trim(),
    lines: all.map((line) => {
      const match = FRAME.exec(line);
      if (match === null) return { kind: 'text', text: line };
      const [, file = '', number = '', where = ''] = match;
      return { kind: 'frame', file, line: number, where };
    }),
  };
}
