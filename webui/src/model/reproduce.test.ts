import { expect, test } from 'vitest';
import { recipesFor, shellWord } from './reproduce';

const subject = {
  project: 'demo',
  appId: 'it\'s "odd"\n?',
  partitionKey: null,
  sequenceId: 3,
  failedLast: true,
  action: 'count',
};

test.each([
  ['plain-1.a', 'plain-1.a'],
  ['a b', "'a b'"],
  ["it's", `'it'\\''s'`],
  ['-x', "'-x'"],
  ['$(rm)', "'$(rm)'"],
])('a shell reads %j as one word', (text, word) => {
  expect(shellWord(text)).toBe(word);
});

test('names are escaped in each language', () => {
  const recipes = recipesFor(subject);
  const find = (language: string) =>
    recipes.filter((recipe) => recipe.language === language).map(({ code }) => code);
  expect(find('shell')[0]).toContain(`burr state demo 'it'\\''s "odd"\n?' --sequence-id 3`);
  expect(find('c')[0]).toContain(`from.fork_from_app_id = "it's \\"odd\\"\\012\\?";`);
  expect(find('c')[1]).toContain(
    'burr_with_identifiers(b, "it\'s \\"odd\\"\\012\\?", NULL, BURR_NO_SEQUENCE_ID);',
  );
  expect(find('python')[0]).toContain('client.load(None, app_id="it\'s \\"odd\\"\\n?", sequence_id=3)');
  expect(recipes[2]?.title).toContain('run again');
});
