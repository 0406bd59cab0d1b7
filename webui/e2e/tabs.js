/* Ten tabs of one browser, all live: they share one event stream, and each is right.
 *
 *   BURR=… BURR_BUILD=… npm run tabs
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { needBrowser, openBrowser } from './browser.js';
import { endAll, startCollector, startWriter } from './processes.js';

needBrowser();

const folder = mkdtempSync(join(tmpdir(), 'burr-tabs-'));
const store = join(folder, 'store');
const PATIENCE_MS = 15_000;

let collector;
let browser;
let context;
const writers = [];
const tabs = [];
const complaints = [];

before(async () => {
  collector = await startCollector(store);
  for (let i = 0; i < 4; i++) {
    writers.push(startWriter(store, 'shop', `order-${i}`));
    await writers[i].record();
  }
  browser = await openBrowser(complaints);
  context = browser.page.context();
  context.setDefaultTimeout(PATIENCE_MS);
});

after(async () => {
  await browser?.close();
  await endAll();
  rmSync(folder, { recursive: true, force: true });
});

const PAGES = [
  '',
  'p/shop',
  'p/shop?sort=-steps',
  'p/shop?filter=steps:%3E2',
  'p/shop/run/order-0',
  'p/shop/run/order-1',
  'p/shop/run/order-2',
  'p/shop/run/order-3?step=0',
  'p/shop/run/order-0?fold=1',
  'status',
];

const listeners = async () => (await (await fetch(`${collector.url}api/v1/status`)).json()).http.listeners;

async function waitForListeners(count) {
  for (const end = Date.now() + PATIENCE_MS; (await listeners()) !== count;)
    assert.ok(Date.now() < end, `not ${count} streams, but ${await listeners()}`);
}

const waitForSteps = (tab, count) => tab.locator('.facts', { hasText: `${count} steps` }).waitFor();

/* As a tab behind another is: no browser without a window has one. */
function setHidden(tab, isHidden) {
  return tab.evaluate((hidden) => {
    Object.defineProperty(document, 'visibilityState', {
      configurable: true,
      get: () => (hidden ? 'hidden' : 'visible'),
    });
    document.dispatchEvent(new Event('visibilitychange'));
  }, isHidden);
}

/* What each of the tabs that are open should say by now. */
async function checkAll() {
  const [one, two, three] = writers.map((writer) => writer.last() + 1);
  const runs = (tab, app) => tab.locator('.runs .table-row', { hasText: new RegExp(`${app}(?!\\d)`) });
  const checks = {
    '': (tab) =>
      tab.locator('.projects .table-row', { hasText: 'shop' }).getByText('4', { exact: true }).waitFor(),
    'p/shop': (tab) =>
      runs(tab, 'order-1')
        .locator('.cell-steps', { hasText: `${two}` })
        .waitFor(),
    'p/shop?sort=-steps': (tab) =>
      tab
        .locator('.runs .table-row.placed')
        .first()
        .locator('.cell-steps', { hasText: `${one}` })
        .waitFor(),
    'p/shop?filter=steps:%3E2': (tab) =>
      runs(tab, 'order-2')
        .locator('.cell-steps', { hasText: `${three}` })
        .waitFor(),
    'p/shop/run/order-0': (tab) => waitForSteps(tab, one),
    'p/shop/run/order-1': (tab) => waitForSteps(tab, two),
    'p/shop/run/order-2': (tab) => waitForSteps(tab, three),
    'p/shop/run/order-3?step=0': (tab) =>
      tab.locator('.step-row[aria-current="step"] .seq', { hasText: /^0$/ }).waitFor(),
    'p/shop/run/order-0?fold=1': (tab) => waitForSteps(tab, one),
    status: (tab) => tab.getByRole('heading', { name: 'Status' }).waitFor(),
  };
  for (const { path, tab } of tabs) {
    if (tab.isClosed()) continue;
    await checks[path](tab);
    await tab.locator('.liveness.live').waitFor();
  }
}

async function recordAll() {
  await writers[0].recordMany(9);
  await writers[1].recordMany(4);
  await writers[2].recordMany(6);
}

test('ten tabs share one stream, and all of them are right', async () => {
  for (const path of PAGES) {
    const tab = path === '' ? browser.page : await context.newPage();
    tab.on('pageerror', (error) => complaints.push(`${path}: ${error.message}`));
    await tab.goto(`${collector.url}${path}`);
    await tab.locator('.liveness.live').waitFor();
    tabs.push({ path, tab });
  }
  await waitForListeners(1);
  await recordAll();
  await checkAll();
  await waitForListeners(1);
});

test('the next leads when the tab that held the stream is closed', async () => {
  await tabs[0].tab.close();
  await recordAll();
  await checkAll();
  await tabs[1].tab.close({ runBeforeUnload: false });
  await recordAll();
  await checkAll();
  await waitForListeners(1);
});

test('hidden tabs listen to nothing, and are right again when they are seen', async () => {
  const open = tabs.filter(({ tab }) => !tab.isClosed());
  for (const { tab } of open) await setHidden(tab, true);
  await waitForListeners(0);
  await recordAll();
  for (const { tab } of open) await setHidden(tab, false);
  await checkAll();
  await waitForListeners(1);
});

test('a collector that is back is heard by all', async () => {
  await collector.end('SIGTERM');
  for (const { tab } of tabs) if (!tab.isClosed()) await tab.locator('.liveness.lost').waitFor();
  await recordAll();
  collector = await startCollector(store, collector.port);
  await checkAll();
  await waitForListeners(1);
  const others = complaints.filter((text) => !/net::ERR_|status of 503/.test(text));
  assert.deepEqual(others, []);
});
