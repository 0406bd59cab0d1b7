/* Loaded on demand: the languages in which actions are written. */
import c from 'highlight.js/lib/languages/c';
import python from 'highlight.js/lib/languages/python';
import { createLowlight } from 'lowlight';
import type { Root } from 'hast';

const lowlight = createLowlight({ c, python });

export function colour(code: string): Root {
  return lowlight.highlight(looksLikePython(code) ? 'python' : 'c', code);
}

function looksLikePython(code: string): boolean {
  return /^\s*(@|def |class |async def |import |from )|:\s*$/m.test(code) && !/[;{]\s*$/m.test(code);
}
