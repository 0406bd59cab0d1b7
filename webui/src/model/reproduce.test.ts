import { expect, test } from 'vitest';
import { recipesFor, shellWord } from './reproduce';

function action(name: string, code: string) {
  return { name, code, reads: [], writes: ['done'], inputs: [], optionalInputs: ['by'] };
}

const machine = {
  entrypoint: 'count',
  actions: [action('count', 'BURR_ACTION(count, "", "done", "by?")\n{\n\treturn BURR_OK;\n}')],
  transitions: [
    { from: 'count', to: 'count', condition: 'not done' },
    { from: 'count', to: 'count', condition: 'is_late' },
    { from: 'count', to: 'count', condition: 'default' },
  ],
};

const subject = {
  store: null,
  ended: true,
  machine,
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
  expect(recipes.some(({ title }) => title.includes('run again'))).toBe(true);
});

const titles = (more: Partial<Parameters<typeof recipesFor>[0]>) =>
  recipesFor({ ...subject, ...more }).map(({ title }) => title);

test('a step that has ended makes a test case, one that has not makes none', () => {
  const [inC, inPython] = recipesFor(subject).filter(({ title }) => title.includes('test case'));
  expect(inC?.code).toMatch(
    /^burr test-case create demo [^]* --sequence-id 3 [^]*--template c >test_count\.c$/,
  );
  expect(inPython?.code).toMatch(/--target-file-name test_count\.json >test_count\.py$/);
  expect(titles({ ended: false }).some((title) => title.includes('test case'))).toBe(false);
});

test('a program of the recorded actions goes on from the step', () => {
  const program = recipesFor(subject).find(({ title }) => title.startsWith('Fork and run'))?.code ?? '';
  expect(program).toContain('BURR_ACTION(count, "", "done", "by?")\n{');
  expect(program).toContain('burr_with_transition(b, "count", "count", "not done");\n');
  expect(program).toContain('"is_late"); /* a function?');
  expect(program).toContain('burr_with_transition(b, "count", "count", NULL);');
  expect(program).toContain('from.fork_from_sequence_id = 3;');
  expect(program).toContain('"{}" /* inputs: by */');
});

test('there is none where an action is not of C, and its own language comes first', () => {
  const python = { ...machine, actions: [action('count', 'def count(state):\n    return state')] };
  expect(titles({ machine: python })).not.toContainEqual(expect.stringMatching(/^Fork and run/));
  const languages = recipesFor({ ...subject, machine: python }).map(({ language }) => language);
  expect(languages.indexOf('python')).toBeLessThan(languages.indexOf('c'));
});

test('a shell is told of a store that is not the usual one', () => {
  const [look] = recipesFor({ ...subject, store: '/tmp/my store' });
  const load = recipesFor({ ...subject, store: '/tmp/my store' }).find(
    ({ language }) => language === 'python',
  );
  expect(load?.code).toContain('project="demo", storage_dir="/tmp/my store")');
  expect(look?.code).toMatch(/^export BURR_STORE='\/tmp\/my store'\nburr state demo/);
});
