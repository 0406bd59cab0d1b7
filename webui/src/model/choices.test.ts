import { expect, test } from 'vitest';
import { readChoices, withChoice, writeChoices } from './choices';

test('what was chosen in a tree is a text, and back', () => {
  const choices = new Map([
    ['o/messages/0', 1],
    ['o/a, b~1c~0', 0],
    ['n/list', 600],
    ['o', 1],
  ]);
  expect(writeChoices(choices)).toBe('o1/messages/0,o0/a~2 b~1c~0,n600/list,o1');
  expect([...readChoices(writeChoices(choices))]).toEqual([...choices]);
});

test('what is none is passed over', () => {
  expect([...readChoices('')]).toEqual([]);
  expect([...readChoices('x,1/a,O1/a,o/a,o1/b')]).toEqual([['o/b', 1]]);
});

test('the text is bounded, and keeps what came last', () => {
  let choices = new Map<string, number>() as ReadonlyMap<string, number>;
  for (let n = 0; n < 500; n++) choices = withChoice(choices, `o/item/${n}`, 1);
  choices = withChoice(choices, 'o/item/499', 0);
  const text = writeChoices(choices);
  expect(text.length).toBeLessThanOrEqual(1000);
  expect([...readChoices(text)].at(-1)).toEqual(['o/item/499', 0]);
});
