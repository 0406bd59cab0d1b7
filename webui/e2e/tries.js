/* What a new user tries on the sample projects, with the clicks and keys it takes, in a real Chromium.
 *
 *   BURR=… BURR_BUILD=… npm run tries
 *
 * Each begins on the page of all projects and ends where the answer can be read. A click counts one, a key counts one, a pair like `g p`
 * two; nothing is typed but what a person would type. Prints the counts, and fails where a way gets longer than it was. The last runs what the
 * page gives to be pasted, in a shell with burr's library, and looks for the forked run. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { needBrowser, openBrowser } from './browser.js';
import { endAll, startCollector, startWriter } from './processes.js';

needBrowser();

const folder = mkdtempSync(join(tmpdir(), 'burr-tries-'));
const store = join(folder, 'store');
const complaints = [];
let collector;
let browser;
let page;
let clicks;
let keys;

before(async () => {
  const made = spawnSync(process.env.BURR, ['demo', '--store', store]);
  assert.equal(made.status, 0, String(made.stderr));
  collector = await startCollector(store);
  browser = await openBrowser(complaints);
  page = browser.page;
  page.setDefaultTimeout(10_000);
});

after(async () => {
  await browser?.close();
  await endAll();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  clicks = 0;
  keys = 0;
  await page.goto(collector.url);
  await page.locator('.row-link').first().waitFor();
});

async function click(locator) {
  clicks++;
  await locator.click();
}

async function press(key) {
  keys += key.split(' ').length;
  for (const one of key.split(' ')) await page.keyboard.press(one);
}

const link = (name) => page.locator('.row-link', { hasText: new RegExp(`^${name}$`) });
const step = (id) =>
  page.locator('.step-row', { has: page.locator('.seq', { hasText: new RegExp(`^${id}$`) }) });
const waitForStep = (id) =>
  page.locator('.step-row[aria-current="step"] .seq', { hasText: new RegExp(`^${id}$`) }).waitFor();

function tell(t, { atMost }) {
  t.diagnostic(`${clicks} clicks, ${keys} keys`);
  assert.ok(clicks + keys <= atMost, `${clicks} clicks and ${keys} keys, where ${atMost} were enough`);
}

test('find the failing step of the sample run and its cause', async (t) => {
  await click(page.getByRole('link', { name: 'failed 1' }));
  await click(link('order-1001'));
  await waitForStep(2);
  await page
    .locator('.trace-headline', { hasText: 'payment provider answered 402: card 4000… declined' })
    .waitFor();
  tell(t, { atMost: 2 });
});

test('see why a transition was taken', async (t) => {
  await click(link('demo_fork'));
  await click(link('trip-to-prague'));
  await waitForStep(4);
  const why = page.locator('.why');
  await why.getByText('choose_hotel').waitFor();
  assert.match((await why.textContent()) ?? '', /not taken: book\s+cost <= budget \(.*\d+.*\)/);
  await page.locator('.edge.came').waitFor();
  tell(t, { atMost: 2 });
});

test('find when a value of the state changed, and by which step', async (t) => {
  await click(link('demo_failure'));
  await click(link('order-1002'));
  await page.locator('.step-row[aria-current]').waitFor();
  /* The step that paid: its value is pinned from the tree, its last writer is a jump. */
  const row = page.getByRole('group', { name: 'State after' }).locator('.json-row', { hasText: /^paid/ });
  await row.hover();
  await click(row.getByTitle('Show as a column of the steps'));
  await click(page.getByRole('button', { name: 'Go to the step that last wrote paid' }));
  await waitForStep(3);
  await page.locator('.change', { hasText: 'paid' }).waitFor();
  tell(t, { atMost: 4 });
});

test('follow a live run while reading an old step', async (t) => {
  const writer = startWriter(store, 'shop', 'live-order');
  await writer.recordMany(40);
  await click(link('shop'));
  await click(link('live-order'));
  await waitForStep(writer.last());
  await page.locator('.liveness.live').waitFor();
  await press('Home');
  await waitForStep(0);
  const read = await page.locator('.inspector').getAttribute('aria-label');
  await writer.recordMany(25);
  await page.locator('.unseen', { hasText: '25 new steps' }).waitFor();
  assert.equal(await page.locator('.inspector').getAttribute('aria-label'), read);
  await click(page.locator('.unseen'));
  await waitForStep(writer.last());
  await writer.record();
  await waitForStep(writer.last());
  await writer.end('SIGTERM');
  tell(t, { atMost: 4 });
});

/* In a shell with what the README tells to set once. */
function paste(text) {
  const build = dirname(dirname(process.env.BURR));
  const PATH = `${join(build, 'bin')}:${process.env.PATH}`;
  const env = { ...process.env, PATH, PKG_CONFIG_PATH: join(build, 'lib', 'pkgconfig') };
  const ran = spawnSync('sh', ['-c', text], { cwd: folder, env, encoding: 'utf8', timeout: 60_000 });
  assert.equal(ran.status, 0, ran.stderr);
  return ran;
}

test('fork from a step and run it', async (t) => {
  if (spawnSync('pkg-config', ['--version']).status !== 0) return t.skip('pkg-config is not installed');
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await click(link('demo_counter'));
  await click(link('count-to-10'));
  await click(step(4).locator('.step-link'));
  await waitForStep(4);
  await press('7');
  const recipe = page.locator('.recipe', { hasText: 'Fork and run' });
  await click(recipe.getByRole('button', { name: 'copy' }));
  const text = await page.evaluate(() => navigator.clipboard.readText());
  const ran = paste(text);
  const [state, address] = ran.stdout.trim().split('\n');
  assert.equal(JSON.parse(state).count, 10);
  await page.goto(new URL(new URL(address).pathname, collector.url).href);
  await page.locator('.facts .parent', { hasText: 'count-to-10' }).waitFor();
  await page.locator('.step-row[aria-current]').waitFor();
  assert.equal(await page.locator('.step-row .seq').first().textContent(), '5');
  tell(t, { atMost: 5 });
});

test('make a test case of a step', async (t) => {
  await click(link('demo_counter'));
  await click(link('count-to-10'));
  await page.locator('.step-row[aria-current]').waitFor();
  await press('Home');
  await press('7');
  for (const [what, file] of [
    ['for libburr', 'test_count.c'],
    ['for pytest', 'test_count.py'],
  ]) {
    const recipe = page.locator('.recipe', { hasText: `Make a test case of this step, ${what}` });
    paste((await recipe.locator('pre').textContent()) ?? '');
    assert.match(readFileSync(join(folder, file), 'utf8'), /test_count|expected_state/);
  }
  const cases = JSON.parse(readFileSync(join(folder, 'test_count.json'), 'utf8'));
  assert.deepEqual(cases[0].expected_state, { count: 1, limit: 10 });
  tell(t, { atMost: 4 });
});

test('nothing was complained about', () => assert.deepEqual(complaints, []));
