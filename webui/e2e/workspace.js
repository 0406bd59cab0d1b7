/* The page of a run in a real Chromium, on runs of unusual size and kind (stores.py), served by a real collector.
 *
 *   BURR=… npm run workspace -- [--out DIR]
 *
 * What the page should show is asked from the API, or known from stores.py. With --out, pictures of the page are left there. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { checkAccess } from './axe.js';
import { needBrowser, openBrowser } from './browser.js';
import { endAll, startCollector } from './processes.js';

const { values: options } = parseArgs({ options: { out: { type: 'string' } } });
needBrowser();

const LONG = 'steps_50k/run/50000-steps';
const VALUES = `values/run/kinds-${'n'.repeat(180)}`;
const folder = mkdtempSync(join(tmpdir(), 'burr-workspace-'));
const store = join(folder, 'store');
const complaints = [];
let collector;
let browser;
let page;

before(async () => {
  const stores = fileURLToPath(new URL('stores.py', import.meta.url));
  const kinds = ['steps_50k', 'state_5mb', 'spans_2000', 'graph_150', 'spawned_200', 'values'];
  const made = spawnSync('python3', [stores, store, ...kinds]);
  assert.equal(made.status, 0, String(made.stderr));
  collector = await startCollector(store);
  browser = await openBrowser(complaints);
  page = browser.page;
  page.setDefaultTimeout(15_000);
  await until(async () => (await api(`runs/50000-steps`, 'steps_50k')).step_count === 50_000);
});

after(async () => {
  await browser?.close();
  await endAll();
  rmSync(folder, { recursive: true, force: true });
});

/* Asks again until it holds; the time limit is the test's. */
async function until(holds) {
  for (const end = Date.now() + 30_000; !(await holds().catch(() => false));)
    assert.ok(Date.now() < end, `${holds} in time`);
}

async function api(path, project) {
  const response = await fetch(`${collector.url}api/v1/projects/${project}/${path}`);
  assert.equal(response.status, 200, path);
  return response.json();
}

const steps = (query) => api(`runs/50000-steps/steps?${query}`, 'steps_50k');
const param = (name) => new URL(page.url()).searchParams.get(name);
const waitForParam = (name, value) => page.waitForURL((url) => url.searchParams.get(name) === value);
const row = (id) =>
  page.locator('.step-row', { has: page.locator('.seq', { hasText: new RegExp(`^${id}$`) }) });
const waitForStep = (id) =>
  page.locator('.step-row[aria-current="step"] .seq', { hasText: new RegExp(`^${id}$`) }).waitFor();

async function open(run, query = '') {
  await page.goto(`${collector.url}p/${run}${query}`);
  await page.locator('.step-row:not(.waiting-row)').first().waitFor();
}

test('a long run opens at its end, with a few small answers', async () => {
  const asked = [];
  const note = (response) => asked.push(new URL(response.url()).pathname);
  page.on('response', note);
  await open(LONG);
  await waitForStep(49_999);
  await page.locator('.inspector-title h2', { hasText: 'call_tool' }).waitFor();
  page.off('response', note);
  const pages = asked.filter((path) => path.endsWith('/steps'));
  assert.ok(pages.length <= 3, `${pages.length} pages of steps`);
  assert.equal(asked.filter((path) => path.includes('/api/v0/')).length, 0);
  assert.ok((await page.locator('.step-row').count()) < 100, 'only what is near the screen is drawn');
});

test('any step is reached by its number, and back leads back', async () => {
  await open(LONG);
  await page.keyboard.press('/');
  await page.keyboard.type('#31234');
  await page.keyboard.press('Enter');
  await waitForStep(31_234);
  assert.equal(param('step'), '31234');
  await page.keyboard.press('Home');
  await waitForStep(0);
  await waitForParam('step', '0');
  await page.goBack();
  await waitForStep(31_234);
  await page.goForward();
  await waitForStep(0);
  await page.keyboard.press('End');
  await waitForStep(49_999);
});

test('scrolling asks for what comes, and chooses nothing', async () => {
  await open(LONG, '?step=5');
  await waitForStep(5);
  await page.locator('.steps-scroll').evaluate((element) => (element.scrollTop = 20_000 * 26));
  await row(20_003).waitFor();
  assert.equal(param('step'), '5');
});

test('e goes from failure to failure, s to the slowest', async () => {
  const failed = (await steps('status=failed&limit=2')).steps.map((step) => step.sequence_id);
  await open(LONG, '?step=0');
  await waitForStep(0);
  for (const id of failed) {
    await page.keyboard.press('e');
    await waitForStep(id);
  }
  await page.locator('.trace-headline', { hasText: 'TimeoutError: tool' }).waitFor();
  const { buckets } = await api('runs/50000-steps/overview?buckets=1', 'steps_50k');
  const [slowest] = (await steps(`slower_us=${buckets[0].longest_us}&limit=1`)).steps;
  await page.keyboard.press('s');
  await waitForStep(slowest.sequence_id);
});

test('filters are asked of the server and kept in the address', async () => {
  await open(LONG, '?status=failed');
  const { steps: failed } = await steps('status=failed&limit=1000');
  await page.locator('.steps-head', { hasText: `${failed.length} of 50,000 steps` }).waitFor();
  await page.getByLabel('Slower than').fill('3ms');
  await page.getByLabel('Slower than').press('Enter');
  await waitForParam('slower', '3ms');
  const slow = (await steps('status=failed&slower_us=3000&limit=1000')).steps;
  await page.locator('.steps-head', { hasText: `${slow.length} of 50,000 steps` }).waitFor();
  await page.getByLabel('Slower than').blur();
  await page.keyboard.press('j');
  await page.keyboard.press('Escape');
  await page.locator('.steps-count', { hasText: /^50,000 steps$/ }).waitFor();
  assert.equal(param('status'), null);
});

test('cycles fold, and open again', async () => {
  await open(LONG, '?step=3000');
  await page.keyboard.press('x');
  const fold = page.locator('.step-row.fold').first();
  await fold.waitFor();
  assert.match((await fold.textContent()) ?? '', /judge → plan → call_tool ×\d/);
  await page.keyboard.press('Home');
  await row(0).waitFor();
  await page.locator('.step-row.fold').first().locator('.row-toggle').click();
  await row(4).waitFor();
  assert.match(param('folds'), /^[0-4]$/);
  await page.reload();
  await row(4).waitFor();
});

test('a text is found by the server, n and N move on', async () => {
  await open(LONG, '?step=0');
  await waitForStep(0);
  const { hits } = await api('runs/50000-steps/search?q=TimeoutError&limit=3', 'steps_50k');
  const ids = [...new Set(hits.map((hit) => hit.sequence_id))];
  await page.keyboard.press('/');
  await page.keyboard.type('TimeoutError');
  await page.locator('.hits .stepper').waitFor();
  await page.keyboard.press('Enter');
  await waitForStep(ids[0]);
  await page.keyboard.press('n');
  await waitForStep(ids[1]);
  await page.keyboard.press('N');
  await waitForStep(ids[0]);
  await page.locator('.hit-text mark', { hasText: 'TimeoutError' }).waitFor();
});

test('a value of the state is a column, with a picture and its last writer', async () => {
  await open(LONG, '?step=900');
  await page.locator('.change .path', { hasText: /^score$/ }).click();
  await waitForParam('pin', '%2Fscore');
  const state = await api('runs/50000-steps/steps/900/state?pointer=/score', 'steps_50k');
  await row(900)
    .locator('.pin', { hasText: String(state) })
    .waitFor();
  await page.locator('.pin-head .spark').waitFor();
  await page.reload();
  await row(900)
    .locator('.pin', { hasText: String(state) })
    .waitFor();
  await page.getByRole('button', { name: 'Go to the step that last wrote score' }).click();
  await page.getByRole('button', { name: 'Unpin score' }).click();
  await waitForParam('pin', null);
});

test('dragging over the minimap zooms, Escape leaves', async () => {
  await open(LONG);
  const box = await page.locator('.minimap').boundingBox();
  await page.mouse.move(box.x + box.width * 0.4, box.y + 10);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.5, box.y + 10, { steps: 4 });
  await page.mouse.up();
  await page.waitForURL((url) => /^\d/.test(url.searchParams.get('zoom') ?? ''));
  await page.locator('.zoom-out').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('.zoom-out').waitFor({ state: 'detached' });
});

test('2,000 spans of a step open below it', async () => {
  await open('spans_2000/run/2000-spans', '?step=0');
  await page.keyboard.press('l');
  await page.locator('.step-row.detail').first().waitFor();
  const height = () => page.locator('.steps-body').evaluate((element) => element.offsetHeight / 26);
  await until(async () => (await height()) === 3 + 2000 + 50);
  assert.equal(param('open'), '0');
  await page.keyboard.press('h');
  await until(async () => (await height()) === 3);
});

test('spawned runs hang below the step that spawned them', async () => {
  await open('spawned_200/run/parent', '?step=1&open=1');
  await page.locator('.step-row.detail a', { hasText: 'child-001' }).waitFor();
  await page.locator('.step-row.detail a', { hasText: 'child-001' }).click();
  await page.locator('.facts .parent a', { hasText: 'parent #1' }).waitFor();
});

test('a state of 5 MB is cut, and the rest comes when it is asked for', async () => {
  await open('state_5mb/run/5-mb', '?step=2&tab=state');
  await page.locator('.change', { hasText: 'items[6].score' }).waitFor();
  const more = page.getByRole('button', { name: /^Load all/ }).first();
  await more.waitFor();
  await more.click();
  await page.getByRole('button', { name: 'Open items', exact: true }).click();
  await page.getByRole('group', { name: 'State after' }).getByText('5,200 items').waitFor();
});

test('values are shown as what they are', async () => {
  await open(VALUES, '?step=2&tab=state');
  const tree = page.getByRole('group', { name: 'State after' });
  await tree.locator('.talk-message').first().waitFor();
  await tree.locator('.talk .markdown table').first().waitFor();
  await tree.locator('.talk img').waitFor();
  await tree.getByRole('button', { name: 'Open table' }).click();
  await tree.locator('.value-table td', { hasText: /^City 3$/ }).waitFor();
  await tree.locator('.json-value', { hasText: '12345678901234567890' }).waitFor();
  await tree.getByRole('searchbox').fill('level_59');
  await tree.locator('.json-key', { hasText: 'level_59' }).waitFor();
});

test('the first line says why, with the values that decided', async () => {
  await open(VALUES, '?step=1');
  const why = page.locator('.why');
  await why.getByText('receive').waitFor();
  assert.match(
    (await why.textContent()) ?? '',
    /because len\(messages\) < limit \(.*10\).*not taken: answer done \(false\)/,
  );
  await page.locator('.edge.came').waitFor();
});

test('earlier attempts are told, hidden by choice, and have a link of their own', async () => {
  await open(VALUES, '?step=5&attempt=1');
  await page.locator('.inspector-title .chip', { hasText: 'attempt 1, replaced' }).waitFor();
  await page.getByRole('button', { name: 'Filter' }).click();
  await page.getByLabel('last attempts').check();
  await page.locator('.steps-head', { hasText: '8 of 10 steps' }).waitFor();
});

test('what is to be pasted names the run', async () => {
  await open(VALUES, '?step=3&tab=reproduce');
  await page.locator('.recipe', { hasText: '--sequence-id 3' }).first().waitFor();
  await page.locator('.recipe', { hasText: 'from.fork_from_sequence_id = 3;' }).waitFor();
});

test('a graph of 150 actions is laid out, and filters', async () => {
  await open('graph_150/run/150-actions');
  await page.locator('.graph .node').first().waitFor({ timeout: 60_000 });
  assert.equal(await page.locator('.graph .node').count(), 150);
  await page.locator('.graph .node.current').press('Enter');
  await waitForParam('action', 'action_149');
  await page.locator('.steps-head', { hasText: '1 of 150 steps' }).waitFor();
});

for (const colorScheme of ['light', 'dark'])
  test(`everybody can use it, ${colorScheme}`, async () => {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await open(VALUES, '?step=2&open=1&pin=%252Fturn&tab=state');
    await page.locator('.graph .node').first().waitFor();
    await page.locator('.talk-message').first().waitFor();
    await checkAccess(page, colorScheme);
    await page.getByRole('button', { name: 'Filter' }).click();
    for (const tab of ['Error', 'Code', 'Reproduce', 'Raw']) {
      await page.getByRole('tab', { name: tab }).click();
      await checkAccess(page, `${tab}, ${colorScheme}`);
    }
  });

test('nothing overflows sideways, down to a phone', async () => {
  for (const width of [1440, 1024, 720, 390]) {
    await page.setViewportSize({ width, height: 800 });
    await open(VALUES, '?step=2&open=1');
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(wide <= 0, `${wide} px too wide at ${width}`);
  }
  await page.setViewportSize({ width: 1440, height: 900 });
});

test('nothing was complained about', () => {
  assert.deepEqual(complaints, []);
});

if (options.out)
  test('pictures', async () => {
    mkdirSync(options.out, { recursive: true });
    const views = {
      long: [LONG, '?step=31000&pin=%252Fscore'],
      folded: [LONG, '?fold=1&step=1'],
      values: [VALUES, '?step=2&open=1&tab=state'],
      graph: ['graph_150/run/150-actions', '?step=70'],
    };
    for (const colorScheme of ['light', 'dark'])
      for (const [width, height] of [
        [1440, 900],
        [1024, 768],
        [390, 844],
      ]) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        await page.setViewportSize({ width, height });
        for (const [name, [run, query]] of Object.entries(views)) {
          await open(run, query);
          if (width > 760) await page.locator('.graph .node').first().waitFor({ timeout: 60_000 });
          await page.waitForLoadState('networkidle', { timeout: 3000 }).catch(() => undefined);
          await page.screenshot({ path: join(options.out, `run-${name}-${colorScheme}-${width}.png`) });
        }
      }
  });
