/* The pages while something happens: a real collector that comes and goes, a real program that records.
 *
 *   BURR=… BURR_BUILD=… npm run live
 *
 * $BURR is the program, $BURR_BUILD the build with tests/e2e_writer. Nothing here waits for a time to pass, only for what should
 * be on the screen; the one clock is the pace of the recording program. Prints how long a step took from record to screen. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setInterval as ticks } from 'node:timers/promises';
import { needBrowser, openBrowser } from './browser.js';
import { endAll, startCollector, startHolding, startWriter } from './processes.js';
import { until } from './runPage.js';

needBrowser();

const folder = mkdtempSync(join(tmpdir(), 'burr-live-'));
const store = join(folder, 'store');
const PATIENCE_MS = 10_000;
const PROMPT_MS = 2000;

let collector;
let browser;
let page;
let writer;
const complaints = [];

before(async () => {
  collector = await startCollector(store);
  browser = await openBrowser(complaints);
  page = browser.page;
  page.setDefaultTimeout(PATIENCE_MS);
  await page.addInitScript(noteArrivals);
});

after(async () => {
  await browser?.close();
  await endAll();
  rmSync(folder, { recursive: true, force: true });
});

/* Runs in the page: when each step's number was first drawn. */
function noteArrivals() {
  window.arrivals = new Map();
  let asked = false;
  const look = () => {
    asked = false;
    for (const cell of document.querySelectorAll('.step-row .seq')) {
      const step = Number(cell.textContent);
      if (!window.arrivals.has(step)) window.arrivals.set(step, Date.now());
    }
  };
  new MutationObserver(() => {
    if (!asked) requestAnimationFrame(look);
    asked = true;
  }).observe(document, { childList: true, subtree: true, characterData: true });
}

async function arrivalOf(step) {
  const arrival = await page.waitForFunction((wanted) => window.arrivals.get(wanted), step, {
    polling: 'raf',
  });
  return arrival.jsonValue();
}

const current = () => page.locator('.step-row[aria-current="step"] .seq').textContent();
const waitForCurrent = (step) =>
  page.locator('.step-row[aria-current="step"] .seq', { hasText: new RegExp(`^${step}$`) }).waitFor();
const waitForCount = (count) => page.locator('.facts', { hasText: `${count} steps` }).waitFor();
const newSteps = () => page.locator('.unseen');
const scrollTop = () => page.locator('.steps-scroll').evaluate((element) => Math.round(element.scrollTop));

async function openRunHead(project, app) {
  await page.goto(`${collector.url}p/${project}/run/${app}`);
  await page.locator('.facts').waitFor();
  await page.locator('.liveness.live').waitFor();
}

async function openRun(project, app, query = '') {
  await page.goto(`${collector.url}p/${project}/run/${app}${query}`);
  await page.locator('.step-row[aria-current="step"]').waitFor();
  await page.locator('.liveness.live').waitFor();
}

/* Chromium itself reports each connection that an absent collector refused or broke off, and each 503 of one that ends. */
function takeRefusals(from) {
  const others = complaints.splice(from, Infinity).filter((text) => !/net::ERR_|status of 503/.test(text));
  assert.deepEqual(others, []);
}

function report(t, what, times) {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (part) => sorted[Math.ceil(part * sorted.length) - 1];
  t.diagnostic(`${what}: median ${at(0.5)} ms, p95 ${at(0.95)} ms, most ${at(1)} ms, ${sorted.length} steps`);
  assert.ok(at(1) < PROMPT_MS, `a step came on screen after ${at(1)} ms`);
}

test('a new project appears by itself, in an empty store and beside another', async () => {
  await page.goto(collector.url);
  await page.getByRole('heading', { name: 'No runs yet' }).waitFor();
  await page.locator('.liveness.live').waitFor();
  writer = startWriter(store, 'orders', 'order-1');
  await writer.record();
  await page.locator('.projects .row-link', { hasText: /^orders$/ }).waitFor();

  const other = startWriter(store, 'invoices', 'invoice-1');
  await other.record();
  await page.locator('.projects .row-link', { hasText: /^invoices$/ }).waitFor();
  await other.end('SIGTERM');
  assert.equal(await page.locator('.projects .row-link').count(), 2);
});

test('a new run appears by itself among the runs', async () => {
  await page.goto(`${collector.url}p/orders`);
  await page.locator('.row-link', { hasText: /^order-1$/ }).waitFor();
  await page.locator('.liveness.live').waitFor();
  const other = startWriter(store, 'orders', 'order-2');
  await other.record();
  await page.locator('.row-link', { hasText: /^order-2$/ }).waitFor();
  await other.end('SIGTERM');
});

test('a step is on the screen soon after it was recorded', async (t) => {
  await openRun('orders', 'order-1');
  const paced = [];
  const pace = ticks(200);
  while (paced.length < 20) {
    await pace.next();
    const { step, at } = await writer.record();
    paced.push((await arrivalOf(step)) - at);
  }
  await pace.return();
  report(t, 'record to screen, five steps a second', paced);

  const chained = [];
  while (chained.length < 20) {
    const { step, at } = await writer.record();
    chained.push((await arrivalOf(step)) - at);
  }
  report(t, 'record to screen, each step as soon as the one before is seen', chained);
  await waitForCurrent(writer.last());
});

test('at the end the newest step is followed, with or without one in the address', async () => {
  for (const named of [false, true]) {
    await openRun('orders', 'order-1', named ? `?step=${writer.last()}` : '');
    await writer.recordMany(5);
    await waitForCurrent(writer.last());
    await page.locator('.step-row[aria-current="step"] .step-link').click({ trial: true });
    assert.equal(await newSteps().count(), 0);
  }
});

test('new steps do not move what is being read, and are counted', async () => {
  const known = writer.last() + 1;
  await openRun('orders', 'order-1', '?step=12');
  const top = await scrollTop();
  const inspector = await page.locator('.inspector').getAttribute('aria-label');
  await writer.recordMany(30);
  await newSteps().filter({ hasText: '30 new steps' }).waitFor();
  await waitForCount(known + 30);
  assert.equal(await current(), '12');
  assert.equal(await scrollTop(), top);
  assert.equal(await page.locator('.inspector').getAttribute('aria-label'), inspector);
  assert.equal(new URL(page.url()).searchParams.get('step'), '12');

  await newSteps().click();
  await waitForCurrent(writer.last());
  await writer.record();
  await waitForCurrent(writer.last());
  assert.equal(await newSteps().count(), 0);
});

/* Holds back the answers to questions that fit, once the server has given them; gives how many there were, and what lets them go. */
async function holdAnswers(pattern) {
  let release;
  const released = new Promise((resolve) => {
    release = resolve;
  });
  const held = { count: 0, release };
  await page.route(pattern, async (route) => {
    const response = await route.fetch();
    held.count += 1;
    await released;
    await route.fulfill({ response });
  });
  return held;
}

test('an answer that was on its way does not take the place of what was told since', async () => {
  const steps = await holdAnswers(/order-1\/steps\?.*from=0/);
  await openRunHead('orders', 'order-1');
  const asked = writer.last();
  await writer.recordMany(3);
  await waitForCount(writer.last() + 1);
  assert.equal(steps.count, 1);
  steps.release();
  await page.locator('.step-row .seq', { hasText: new RegExp(`^${asked}$`) }).waitFor();
  await waitForCurrent(writer.last());
  /* Once more if the stream began after the question: what it did not tell may be missing. */
  assert.ok(steps.count <= 2, `${steps.count} questions`);
  await page.unroute(/order-1\/steps\?.*from=0/);

  /* What the header says, each time that it changes. */
  await page.evaluate(() => {
    const facts = document.querySelector('.facts');
    window.counts = [];
    const note = () => window.counts.push(Number(/(\d+) steps/.exec(facts.textContent)[1]));
    new MutationObserver(note).observe(facts, { childList: true, subtree: true, characterData: true });
  });
  const details = await holdAnswers(/runs\/order-1$/);
  await writer.record();
  await page.waitForRequest(/runs\/order-1$/);
  await writer.recordMany(3);
  await waitForCount(writer.last() + 1);
  const answered = page.waitForResponse(/runs\/order-1$/);
  details.release();
  await answered;
  await writer.record();
  await waitForCount(writer.last() + 1);
  const counts = await page.evaluate(() => window.counts);
  assert.deepEqual(
    counts,
    counts.toSorted((a, b) => a - b),
  );
  await page.unroute(/runs\/order-1$/);
});

test('what is searched for is found, however long it takes, and as it comes', async () => {
  /* The server's look of 200 ms, which found nothing. */
  const nothing = { now: new Date().toISOString(), complete: false, next: 0, hits: [] };
  await page.route(/\/search\?/, (route) => route.fulfill({ json: nothing }), { times: 1 });
  await openRun('orders', 'order-1', '?find=work');
  const hits = page.locator('.hits .nowrap', { hasText: /\d/ });
  const count = async () => Number(/\d+$/.exec(await hits.textContent())[0]);
  const before = await count();
  await writer.recordMany(3);
  await until(async () => (await count()) === before + 3);
});

test('a step that ended while it was asked for is not left open', async () => {
  const holding = await startHolding(store, 'orders', 'order-held', 2);
  const step = await holdAnswers(/order-held\/steps\/2$/);
  await openRunHead('orders', 'order-held');
  await until(async () => step.count > 0);
  holding.child.stdin.write('\n');
  await page.locator('.step-row[data-number="2"][data-status="ok"]').waitFor();
  step.release();
  await page.locator('.inspector-head .status', { hasText: 'ok' }).waitFor();
  await page.unroute(/order-held\/steps\/2$/);
  await holding.end('SIGTERM');
});

test('scrolling up is reading too, and the way back down is following', async () => {
  await openRun('orders', 'order-1');
  const last = writer.last();
  await waitForCurrent(last);
  const top = (await scrollTop()) - 600;
  await page.locator('.steps-scroll').hover();
  await page.mouse.wheel(0, -600);
  await page.locator('button[aria-pressed="false"]', { hasText: 'Follow' }).waitFor();
  await page.waitForFunction(
    (wanted) => Math.round(document.querySelector('.steps-scroll').scrollTop) === wanted,
    top,
  );
  await writer.recordMany(3);
  await newSteps().filter({ hasText: '3 new steps' }).waitFor();
  assert.equal(await scrollTop(), top);
  assert.equal(new URL(page.url()).searchParams.get('step'), String(last));

  await page.mouse.wheel(0, 10_000);
  await waitForCurrent(writer.last());
  await writer.record();
  await waitForCurrent(writer.last());
});

test('a stopped collector is shown, and nothing is missed when it is back', async () => {
  await openRun('orders', 'order-1');
  const known = complaints.length;
  await writer.record();
  await waitForCurrent(writer.last());
  await collector.end('SIGTERM');
  await page.locator('.liveness.lost', { hasText: 'disconnected' }).waitFor();
  await writer.recordMany(25);
  assert.equal(await current(), String(writer.last() - 25));
  await page.getByRole('alert').waitFor({ state: 'detached' });

  const { port } = collector;
  collector = await startCollector(store, port);
  assert.equal(collector.port, port);
  await page.locator('.liveness.live').waitFor();
  await waitForCount(writer.last() + 1);
  await waitForCurrent(writer.last());
  await writer.record();
  await waitForCurrent(writer.last());
  assert.equal(await page.getByRole('alert').count(), 0);
  takeRefusals(known);
});

test('a page opened in an outage comes by itself', async () => {
  await openRun('orders', 'order-1');
  const known = complaints.length;
  await collector.end('SIGTERM');
  await page.getByRole('navigation', { name: 'Place' }).getByRole('link', { name: 'orders' }).click();
  await page.getByRole('heading', { name: 'The server does not answer' }).waitFor();
  await page.locator('.liveness.lost').waitFor();
  collector = await startCollector(store, collector.port);
  await page.locator('.row-link', { hasText: /^order-1$/ }).waitFor();
  takeRefusals(known);
});

test('a killed program leaves a run that can be read', async () => {
  await openRun('orders', 'order-1');
  await writer.end('SIGKILL');
  await page.reload();
  await waitForCurrent(writer.last());
  await waitForCount(writer.last() + 1);
  await page.keyboard.press('Home');
  await waitForCurrent(0);
  const state = page.getByRole('group', { name: 'State after' });
  await state.locator('.json-key').getByText('app', { exact: true }).waitFor();
  assert.match((await state.textContent()) ?? '', /order-1/);
});

test('a run whose program is killed becomes lost by itself', async () => {
  const holding = await startHolding(store, 'orders', 'order-3', 4);
  const list = await page.context().newPage();
  await list.goto(`${collector.url}p/orders`);
  const row = list.locator('.runs .table-row', { hasText: 'order-3' });
  await row.getByText('running', { exact: true }).waitFor();
  await page.goto(`${collector.url}p/orders/run/order-3`);
  const icon = () => page.locator('link[rel="icon"]').getAttribute('href');
  await page.waitForFunction(() => document.title.startsWith('running · order-3'));
  const running = await icon();
  await page.locator('.liveness.live').waitFor();

  await holding.end('SIGKILL');
  await page.waitForFunction(() => document.title.startsWith('lost · order-3'));
  await page.locator('.run-header').getByText('lost', { exact: true }).waitFor();
  assert.notEqual(await icon(), running);
  assert.match(await icon(), /lost/);
  await row.getByText('lost', { exact: true }).waitFor();
  await list.goto(collector.url);
  await list.locator('.projects .status-count[href*="lost"]', { hasText: '1' }).waitFor();
  await list.close();
});

test('nothing was complained about', () => {
  assert.deepEqual(complaints, []);
});
