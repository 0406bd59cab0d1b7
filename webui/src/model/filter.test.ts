import { describe, expect, test } from 'vitest';
import { complete, type KnownValues } from './completion';
import { faultOf, quoted, termsOf, toggleTerm } from './filter';

test('terms are parted by spaces outside of quotes', () => {
  const texts = termsOf('a  status:ok,"b c"  -"x \\" y" "open q').map(({ text }) => text);
  expect(texts).toEqual(['a', 'status:ok,"b c"', '-"x \\" y"', '"open q']);
});

test.each([
  ['plain', 'plain'],
  ['user_1', 'user_1'],
  ['two words', '"two words"'],
  ['say "hi"', '"say \\"hi\\""'],
  ['a,b', '"a,b"'],
  ['te*t', '"te*t"'],
  ['-5', '"-5"'],
  ['', '""'],
  ['1..2', '"1..2"'],
])('%s is written as %s', (value, text) => expect(quoted(value)).toBe(text));

describe('toggleTerm', () => {
  test('adds, and takes away again', () => {
    const added = toggleTerm('chat', 'action', 'my act');
    expect(added).toBe('chat action:"my act"');
    expect(toggleTerm(added, 'action', 'my act')).toBe('chat');
  });

  test('a run has one status, so a new one takes the place of the old', () => {
    expect(toggleTerm('status:ok x', 'status', 'failed')).toBe('x status:failed');
  });
});

describe('faultOf', () => {
  test('bytes become places of the text', () => {
    expect(faultOf('é status:bad', 'filter: byte 10: expected running, not "bad"')).toEqual({
      from: 9,
      to: 12,
      why: 'expected running, not "bad"',
    });
  });

  test('an end is a place, too', () => {
    expect(faultOf('status:', 'filter: byte 7: expected a value')).toMatchObject({ from: 6, to: 7 });
    expect(faultOf('x ', 'filter: byte 2: more expected')).toMatchObject({ from: 1, to: 2 });
  });

  test('other faults are not about the filter', () => {
    expect(faultOf('x', 'sort: "z" is none of last')).toBeNull();
    expect(faultOf('abc', 'filter: over 4096 bytes')).toEqual({ from: 0, to: 3, why: 'over 4096 bytes' });
  });
});

describe('complete', () => {
  const known: KnownValues = {
    action: ['prompt', 'decide', 'respond to it'],
    'attr.': ['model', 'cost usd'],
  };
  const choices = (filter: string, caret = filter.length) =>
    complete(filter, caret, known).choices.map(({ text }) => text);

  test('nothing typed: the keys', () => expect(choices('')).toContain('status:'));
  test('the begin of a key', () =>
    expect(choices('x st')).toEqual(['status:', 'steps:', 'state.'].sort(byKeyOrder)));
  test('behind a minus', () => {
    expect(complete('-st', 3, known)).toMatchObject({ from: 1, to: 3 });
  });
  test.each([
    ['par', true],
    ['status:fa', true],
    ['action:dec', true],
    ['action:decide', false],
    ['steps:>1', false],
    ['hello', false],
    ['', false],
  ])('%s is unfinished: %s', (text, expected) => {
    expect(complete(text, text.length, known).isUnfinished).toBe(expected);
  });
  test('fixed values', () => expect(choices('status:f')).toEqual(['failed']));
  test('one that is written needs no choice', () => expect(choices('status:failed')).toEqual([]));
  test('the next of several', () => {
    expect(complete('status:ok,fa', 12, known)).toMatchObject({
      from: 10,
      to: 12,
      choices: [{ text: 'failed' }],
    });
  });
  test('known values, those that begin so first', () => {
    expect(choices('action:d')).toEqual(['decide', '"respond to it"']);
    expect(choices('action:"resp')).toEqual(['"respond to it"']);
  });
  test('names behind a dot', () => expect(choices('attr.c')).toEqual(['attr."cost usd":']));
  test('in the middle of the text', () => {
    expect(complete('status:fa after:2h', 9, known)).toMatchObject({ from: 7, to: 9 });
  });
});

function byKeyOrder(a: string, b: string): number {
  const order = ['status:', 'steps:', 'state.'];
  return order.indexOf(a) - order.indexOf(b);
}
