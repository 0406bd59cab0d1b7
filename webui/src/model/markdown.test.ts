import { expect, test } from 'vitest';
import { readInline, readMarkdown } from './markdown';

const plain = (text: string) => [{ kind: 'text', text }];

test('blocks', () => {
  const text = [
    '# One #',
    'two',
    'lines',
    '',
    '- a',
    '  - b',
    '  more',
    '1. x',
    '> said',
    '> more',
    '```py',
    '# code',
    '```',
    '| h | i |',
    '|---|:-:|',
    '| 1 | 2 |',
    '---',
  ].join('\n');
  expect(readMarkdown(text)).toEqual([
    { kind: 'heading', level: 1, text: plain('One') },
    { kind: 'paragraph', text: plain('two\nlines') },
    {
      kind: 'list',
      ordered: false,
      items: [
        { depth: 0, text: plain('a') },
        { depth: 1, text: plain('b\nmore') },
        { depth: 0, text: plain('x') },
      ],
    },
    { kind: 'quote', text: plain('said\nmore') },
    { kind: 'code', language: 'py', text: '# code' },
    { kind: 'table', head: [plain('h'), plain('i')], rows: [[plain('1'), plain('2')]] },
    { kind: 'rule' },
  ]);
});

test('runs of text', () => {
  expect(readInline('a **b** `c*d*` *e* [f](javascript:x) g')).toEqual([
    { kind: 'text', text: 'a ' },
    { kind: 'strong', text: 'b' },
    { kind: 'text', text: ' ' },
    { kind: 'code', text: 'c*d*' },
    { kind: 'text', text: ' ' },
    { kind: 'em', text: 'e' },
    { kind: 'text', text: ' ' },
    { kind: 'link', text: 'f', url: 'javascript:x' },
    { kind: 'text', text: ' g' },
  ]);
});

test.each(['```\nnever closed', '**', '[a](', '| a |\n|--', '', '>'])('%j has an end', (text) => {
  expect(() => readMarkdown(text)).not.toThrow();
});

test('a hostile text takes no long time', () => {
  const started = performance.now();
  readMarkdown(`${'*a'.repeat(20_000)}\n${'['.repeat(20_000)}\n${'`'.repeat(20_000)}`);
  expect(performance.now() - started).toBeLessThan(5000);
});
