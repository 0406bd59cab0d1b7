/* The pages in a real Chromium against a running server.
 *
 *   npm run e2e -- --url http://127.0.0.1:7241 [--out DIR] [--shots] [--pictures DIR]
 *
 * Whatever the pages should show is first asked from the server's API, so any store will do. Prints a node:test report and ends with
 * a non-zero code on failure. Without a Chromium ($BURR_CHROME or /usr/bin/chromium) everything is skipped. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { needBrowser, openBrowser } from './browser.js';

const { values: options } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:7241' },
    out: { type: 'string', default: 'e2e-out' },
    shots: { type: 'boolean', default: false },
    pictures: { type: 'string' },
  },
});
const base = options.url.endsWith('/') ? options.url : `${options.url}/`;
needBrowser();

let browser;
let page;
let projects;
let subject;
const complaints = [];

async function api(path) {
  const response = await fetch(new URL(path, base));
  assert.equal(response.status, 200, `GET ${path}`);
  return response.json();
}

function runApi(project, app, partition) {
  const segment = partition === null ? '__none__' : encodeURIComponent(partition);
  return api(`api/v0/${encodeURIComponent(project)}/${encodeURIComponent(app)}/${segment}/apps`);
}

/* The run worth looking at most: a failure in it, then the number of its steps; of the first runs of each project. */
async function chooseSubject() {
  let best = null;
  for (const project of projects.slice(0, 8)) {
    const listing = await api(`api/v0/${encodeURIComponent(project.id)}/__none__/apps?limit=6&offset=0`);
    for (const summary of listing.applications) {
      if (summary.num_steps < 3 || summary.num_steps > 2000) continue;
      const run = await runApi(project.id, summary.app_id, summary.partition_key).catch((error) => {
        console.log(`passed over: ${error.message}`);
        return null;
      });
      if (run === null) continue;
      const failed = run.steps.findIndex((step) => step.step_end_log?.exception);
      const score = (failed >= 0 ? 10_000 : 0) + run.steps.length;
      if (run.steps.length >= 3 && (best === null || score > best.score))
        best = { project, summary, run, failed, listing, score };
    }
  }
  return best;
}

function runAddress(query = {}) {
  const url = new URL(
    `p/${encodeURIComponent(subject.project.id)}/run/${encodeURIComponent(subject.summary.app_id)}`,
    base,
  );
  if (subject.summary.partition_key !== null)
    url.searchParams.set('partition', subject.summary.partition_key);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url.href;
}

function stepAt(index) {
  return subject.run.steps[index].step_start_log;
}

async function selectedStep() {
  const text = await page.locator('.step-row[aria-current="step"] .seq').textContent();
  return Number(text);
}

async function waitForStep(sequenceId) {
  await page
    .locator('.step-row[aria-current="step"] .seq', { hasText: new RegExp(`^${sequenceId}$`) })
    .waitFor();
}

async function openRun(query) {
  await page.goto(runAddress(query));
  await page.locator('.step-row[aria-current="step"]').waitFor();
}

before(async () => {
  browser = await openBrowser(complaints);
  page = browser.page;
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (/^https?:$/.test(url.protocol) && url.origin !== new URL(base).origin)
      complaints.push(`request to another host: ${url.origin}`);
  });
  projects = await api('api/v0/projects');
  subject = await chooseSubject();
});

after(async () => {
  await browser?.close();
});

test('a run shows its steps, graph and state', async (t) => {
  if (!subject) return t.skip('no run with steps');
  const first = stepAt(0);
  await openRun({ step: String(first.sequence_id), tab: 'state' });
  assert.equal(await page.locator('.run-name h1').textContent(), subject.summary.app_id);
  await page
    .locator('.facts', { hasText: `${subject.run.steps.length.toLocaleString('en')} steps` })
    .waitFor();
  assert.equal(await page.locator('.step-row[aria-current] .step-link').textContent(), first.action);
  await page.locator('.graph .node').first().waitFor();
  const nodes = await page.locator('.graph .node').count();
  assert.ok(nodes >= subject.run.application.actions.length, `${nodes} nodes`);
  assert.ok((await page.locator('.graph .node.current').count()) === 1);

  const state = subject.run.steps[0].step_end_log?.state ?? {};
  const keys = Object.keys(state).filter((key) => !key.startsWith('__'));
  const tree = page.getByRole('group', { name: 'State after' });
  if (keys.length > 0) {
    await tree.waitFor();
    for (const key of keys.slice(0, 10))
      await tree.locator('.json-key').getByText(key, { exact: true }).first().waitFor();
  }
  assert.equal(await page.getByText('__SEQUENCE_ID').count(), 0, 'private keys are hidden');
});

test('j and k move through the steps and the address follows', async (t) => {
  if (!subject) return t.skip('no run with steps');
  await openRun({ step: String(stepAt(0).sequence_id) });
  await page.keyboard.press('j');
  await waitForStep(stepAt(1).sequence_id);
  await page.keyboard.press('ArrowDown');
  await waitForStep(stepAt(2).sequence_id);
  await page.keyboard.press('k');
  await waitForStep(stepAt(1).sequence_id);
  await page.waitForURL((url) => url.searchParams.get('step') === String(stepAt(1).sequence_id));
});

test('a reload restores step and tab', async (t) => {
  if (!subject) return t.skip('no run with steps');
  await openRun({ step: String(stepAt(1).sequence_id), tab: 'raw' });
  await page.reload();
  await waitForStep(stepAt(1).sequence_id);
  assert.equal(await page.getByRole('tab', { name: 'Raw' }).getAttribute('aria-selected'), 'true');
});

test('e goes to the failed step and shows why', async (t) => {
  if (!subject || subject.failed < 0) return t.skip('no failed step in the store');
  await openRun({ step: String(stepAt(0).sequence_id) });
  await page.keyboard.press('e');
  if (subject.failed > 0) await waitForStep(stepAt(subject.failed).sequence_id);
  const text = subject.run.steps[await indexOfSelected()].step_end_log.exception;
  const lines = text.trim().split('\n');
  await page.locator('.trace-headline').waitFor();
  const headline = (await page.locator('.trace-headline bdi').textContent()) ?? '';
  assert.ok(
    lines.some((line) => line.trim() === headline),
    `headline "${headline}" is a line of the exception`,
  );
  assert.ok((await page.locator('.graph .node.failing').count()) > 0, 'the failed action is marked');
});

async function indexOfSelected() {
  const id = await selectedStep();
  return subject.run.steps.findIndex((step) => step.step_start_log.sequence_id === id);
}

test('typing in a field fires no shortcut', async (t) => {
  if (!subject) return t.skip('no run with steps');
  await openRun({ step: String(stepAt(1).sequence_id) });
  await page.keyboard.press('/');
  await page.keyboard.type('jk?e');
  assert.equal(await page.getByLabel('Search in the run').inputValue(), 'jk?e');
  assert.equal(new URL(page.url()).searchParams.get('step'), String(stepAt(1).sequence_id));
  assert.equal(await page.locator('dialog[open]').count(), 0);
});

test('? shows the keys, Escape closes them, g p goes to the projects', async (t) => {
  if (!subject) return t.skip('no run with steps');
  await openRun({});
  await page.keyboard.press('?');
  const dialog = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
  await dialog.waitFor();
  await dialog.getByText('Next failed step').waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  await page.keyboard.press('g');
  await page.keyboard.press('p');
  await page.getByRole('heading', { name: 'Projects' }).waitFor();
  await page.goBack();
  await page.locator('.step-row[aria-current="step"]').waitFor();
});

test('a node of the graph filters the steps', async (t) => {
  if (!subject) return t.skip('no run with steps');
  await openRun({});
  const { action } = stepAt(0);
  await page.locator('.graph .node').first().waitFor();
  await page
    .locator('.graph .node', { has: page.locator('title', { hasText: new RegExp(`^${escape(action)}, `) }) })
    .press('Enter');
  await page.waitForURL((url) => url.searchParams.get('action') === action);
  const expected = subject.run.steps.filter((step) => step.step_start_log.action === action).length;
  if (expected < subject.run.steps.length)
    await page.locator('.steps-head', { hasText: `${expected.toLocaleString('en')} of` }).waitFor();
});

function escape(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

test('the page says whether it is current', async () => {
  await page.goto(base);
  await page.locator(hasStream ? '.liveness.live' : '.liveness.polling').waitFor();
});

test('nothing overflows sideways, down to a phone', async (t) => {
  if (!subject) return t.skip('no run with steps');
  const addresses = [base, new URL(`p/${encodeURIComponent(subject.project.id)}`, base).href, runAddress()];
  for (const width of [1440, 1024, 390]) {
    await page.setViewportSize({ width, height: 800 });
    for (const address of addresses) {
      await page.goto(address);
      await page.locator('.row-link, .step-row').first().waitFor();
      const wide = await page.evaluate(() => {
        const main = document.querySelector('main');
        return Math.max(document.documentElement.scrollWidth, main?.scrollWidth ?? 0) - window.innerWidth;
      });
      assert.ok(wide <= 0, `${address} at ${width}: ${wide} px too wide`);
    }
  }
  await page.setViewportSize({ width: 1440, height: 900 });
});

test('an unknown run says so', async (t) => {
  if (!subject) return t.skip('no run with steps');
  const known = complaints.length;
  await page.goto(new URL(`p/${encodeURIComponent(subject.project.id)}/run/there-is-no-such-run`, base).href);
  await page.getByRole('heading', { name: 'There is no such run' }).waitFor();
  await page.goto(base); /* so that it asks no more for what is not there */
  /* Chromium itself reports the 404 that this test asks for. */
  complaints.splice(known, Infinity, ...complaints.slice(known).filter((text) => !text.includes('404')));
});

test('the theme switch goes through system, light and dark', async () => {
  await page.goto(base);
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme ?? 'system');
  assert.equal(await theme(), 'system');
  await page.locator('.theme-switch').click();
  assert.equal(await theme(), 'light');
  await page.locator('.theme-switch').click();
  assert.equal(await theme(), 'dark');
  await page.reload();
  await page.locator('.theme-switch').waitFor();
  assert.equal(await theme(), 'dark');
  await page.locator('.theme-switch').click();
});

test('nothing was complained about, and no other host was asked', () => {
  assert.deepEqual(
    complaints.filter((text) => !isMissingStream(text)),
    [],
  );
});

/* Where the server has no event stream the page polls instead; Chromium still reports the refused request. */
function isMissingStream(text) {
  return text.startsWith('console: Failed to load resource') && !hasStream;
}

let hasStream = true;
before(async () => {
  const abort = new AbortController();
  const response = await fetch(new URL('api/v1/events?topics=projects', base), { signal: abort.signal });
  hasStream = response.ok && (response.headers.get('content-type') ?? '').startsWith('text/event-stream');
  abort.abort();
});

if (options.shots)
  test('screenshots', async () => {
    mkdirSync(options.out, { recursive: true });
    const sizes = [
      [1440, 900],
      [1024, 768],
      [390, 844],
    ];
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      for (const [width, height] of sizes) {
        await page.setViewportSize({ width, height });
        const shot = (name) =>
          page.screenshot({ path: join(options.out, `${name}-${colorScheme}-${width}x${height}.png`) });
        await page.goto(base);
        await page.locator('.page').waitFor();
        await shot('projects');
        if (!subject) continue;
        await page.goto(new URL(`p/${encodeURIComponent(subject.project.id)}`, base).href);
        await page.locator('.row-link').first().waitFor();
        await shot('runs');
        await openRun({});
        if (width > 760) await page.locator('.graph .node').first().waitFor();
        await shot('run');
        await openRun({
          step: String(stepAt(Math.min(2, subject.run.steps.length - 1)).sequence_id),
          tab: 'state',
        });
        if (width > 760) await page.locator('.graph .node').first().waitFor();
        else await page.locator('.pane-switch .button').last().click();
        await shot('step');
      }
    }
  });

/* What the READMEs show: the turn of the sample chat that comes to nothing, and the way of somebody whose order failed. */
if (options.pictures) {
  const here = fileURLToPath(new URL('../../', import.meta.url));
  const shoot = async (name) => {
    await page.mouse.move(0, 0);
    /* Samples name their sources by the folder they were built in, which is nobody's business. */
    await page.evaluate((folder) => {
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      while (walker.nextNode()) walker.currentNode.data = walker.currentNode.data.replaceAll(folder, '');
    }, here);
    await page.screenshot({ path: join(options.pictures, `${name}.png`) });
  };
  const visit = async (path) => {
    await page.goto(new URL(path, base).href);
    await page.locator('.liveness.live').waitFor();
    await page.locator('.row-link, .step-row[aria-current]').first().waitFor();
    if (/\/run\//.test(path)) await page.locator('.graph .node.current').waitFor();
  };

  test('picture of a run', async () => {
    mkdirSync(options.pictures, { recursive: true });
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
    await page.setViewportSize({ width: 1440, height: 840 });
    await visit('p/demo_chat/run/chat-3-sums?step=8&tab=state');
    await waitForStep(8);
    await page.locator('.facts', { hasText: '17 steps' }).waitFor();
    for (const step of [4, 8])
      await page.getByRole('button', { name: `Open the details of step ${step}`, exact: true }).click();
    await page.getByRole('button', { name: 'Close the details of step 8' }).blur();
    await shoot('run');
  });

  test('pictures of the tour', async () => {
    await page.setViewportSize({ width: 1200, height: 560 });
    await visit('');
    await shoot('projects');
    await visit('p/demo_failure/run/order-1001');
    await page.locator('.trace-headline').waitFor();
    await shoot('failure');
    await visit('p/demo_counter/run/count-to-10?step=4&tab=reproduce');
    await page.locator('.recipe', { hasText: 'Fork and run' }).waitFor();
    await page.locator('.tab-panel').evaluate((panel) => {
      panel.scrollTop = panel.querySelectorAll('.recipe')[1].offsetTop - panel.offsetTop;
    });
    await shoot('reproduce');
  });

  test('pictures of the decisions', async () => {
    await page.setViewportSize({ width: 1200, height: 560 });
    await visit('p/demo_parallel?open=research-tea');
    await page.keyboard.press('/');
    await page.keyboard.type('status:');
    await page.getByRole('option').first().waitFor();
    await shoot('runs');
    await visit('p/demo_fork/run/trip-to-prague?step=4&pin=%252Fcost');
    await page.locator('.pin-head').first().waitFor();
    await shoot('why');
  });
}
