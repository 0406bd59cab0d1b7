/* What a page says and does when something is not well between it and the collector: a proxy that keeps the event stream back, another
 * version of the program, a token that is no more, a store that is being indexed.
 *
 *   BURR=… BURR_BUILD=… npm run outage -- --out DIR [--runs COUNT]
 *
 * Pictures go into DIR. COUNT runs are in the store that is indexed.
 */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseArgs } from 'node:util';
import { checkAccess } from './axe.js';
import { needBrowser, openBrowser } from './browser.js';
import { endAll, start, startCollector, startWriter } from './processes.js';
import { startProxy } from './proxy.js';
import { writeStore } from './store.js';

needBrowser();

const { out, runs } = parseArgs({
  options: { out: { type: 'string' }, runs: { type: 'string', default: '1500' } },
}).values;
if (out) mkdirSync(out, { recursive: true });
const folder = mkdtempSync(join(tmpdir(), 'burr-outage-'));
const PATIENCE_MS = 15_000;
const RUN_COUNT = Number(runs);
/* Keeps the index from being written until its input ends. */
const HOLD = `
import sqlite3, sys
index = sqlite3.connect(sys.argv[1], isolation_level=None)
index.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
`;

let browser;
let page;
const complaints = [];

before(async () => {
  browser = await openBrowser(complaints);
  page = browser.page;
  page.setDefaultTimeout(PATIENCE_MS);
});

after(async () => {
  await browser?.close();
  await endAll();
  rmSync(folder, { recursive: true, force: true });
});

async function shoot(name, of = page) {
  if (!out) return;
  for (const colorScheme of ['light', 'dark']) {
    await of.emulateMedia({ colorScheme });
    await of.screenshot({ path: join(out, `${name}-${colorScheme}.png`) });
  }
  await of.emulateMedia({ colorScheme: 'light' });
}

const waitForCurrent = (step) =>
  page.locator('.step-row[aria-current="step"] .seq', { hasText: new RegExp(`^${step}$`) }).waitFor();

test('behind a proxy that keeps the stream back, what is new is there by questions that wait', async () => {
  const store = join(folder, 'proxied');
  const collector = await startCollector(store);
  const proxy = await startProxy(collector.port, true);
  const writer = startWriter(store, 'orders', 'order-1');
  await writer.record();
  await page.goto(`${proxy.url}p/orders/run/order-1`);
  await page.locator('.liveness.polling').waitFor();
  await shoot('polling');
  const from = proxy.asked.length;
  for (let i = 0; i < 3; i++) {
    await writer.record();
    await waitForCurrent(writer.last());
  }
  const asked = proxy.asked.slice(from);
  assert.ok(asked.some((path) => path.startsWith('/api/v1/changes?')));
  assert.deepEqual(
    asked.filter((path) => path.startsWith('/api/v1/projects?') || path.startsWith('/api/v1/activity')),
    [],
  );

  /* While nothing happens, nothing is asked. */
  const still = () => proxy.asked.filter((path) => !path.startsWith('/api/v1/events')).length;
  await page.waitForLoadState('networkidle', { timeout: 500 }).catch(() => null);
  await page.waitForTimeout(1500);
  const before = still();
  await page.waitForTimeout(2500);
  assert.equal(still(), before);

  proxy.keepsBack = false;
  await page.locator('.liveness.live').waitFor({ timeout: 40_000 });
  await writer.record();
  await waitForCurrent(writer.last());
  await writer.end('SIGTERM');
  await proxy.close();
  await collector.end('SIGTERM');
});

test('another version of the program is told, and a reload takes it', async () => {
  const store = join(folder, 'versions');
  const first = await startCollector(store);
  await page.goto(first.url);
  await page.locator('.liveness.live').waitFor();
  await first.end('SIGTERM');
  await page.locator('.liveness.lost').waitFor();
  await shoot('disconnected');

  /* The same program, but for what it says of itself. */
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const program = join(folder, 'burr-next');
  const next = version.replace(/\d+$/, (number) => String((Number(number) + 1) % 10));
  writeFileSync(
    program,
    readFileSync(process.env.BURR).toString('latin1').replaceAll(`\0${version}\0`, `\0${next}\0`),
    'latin1',
  );
  chmodSync(program, 0o700);
  const second = await startCollector(store, first.port, { program });
  const reload = page.getByRole('button', { name: 'Another version runs now: reload' });
  await reload.waitFor();
  await shoot('version');
  await checkAccess(page, 'another version');
  await reload.click();
  await reload.waitFor({ state: 'detached' });
  await page.locator('.liveness.live').waitFor();
  await second.end('SIGTERM');
});

test('a token that is no more is asked for anew, and the page comes back', async () => {
  const store = join(folder, 'token');
  const file = join(folder, 'token-file');
  const start = (token, port) => {
    writeFileSync(file, token, { mode: 0o600 });
    return startCollector(store, port, { options: ['--token-file', file] });
  };
  const [old, fresh] = ['0123456789abcdef0123', 'fedcba9876543210fedc'];
  const first = await start(old, 0);
  const writer = startWriter(store, 'orders', 'order-1');
  await writer.record();
  await page.goto(`${first.url}#token=${old}`);
  await page.locator('.projects .row-link', { hasText: /^orders$/ }).click();
  await page.locator('.row-link', { hasText: /^order-1$/ }).click();
  await waitForCurrent(0);
  await page.locator('.liveness.live').waitFor();

  await first.end('SIGTERM');
  await page.locator('.liveness.lost').waitFor();
  const second = await start(fresh, first.port);
  const field = page.locator('input#token');
  await field.fill(fresh);
  await field.press('Enter');
  await waitForCurrent(0);
  assert.equal(new URL(page.url()).pathname, '/p/orders/run/order-1');
  await page.locator('.liveness.live').waitFor();
  await writer.record();
  await waitForCurrent(1);
  await writer.end('SIGTERM');
  await second.end('SIGTERM');
});

test('a store that is being indexed says how far it is, and fills by itself', async () => {
  const store = join(folder, 'large');
  await (await startCollector(store)).end('SIGTERM');
  const catalog = readdirSync(store).find((name) => name.startsWith('.burr-catalog'));
  writeStore(store, RUN_COUNT);
  const holder = start('python3', ['-c', HOLD, join(store, catalog)]);
  await holder.lines.next();
  const list = await page.context().newPage();
  list.setDefaultTimeout(PATIENCE_MS);
  const collector = await startCollector(store);
  const told = /^Indexing(…|, \d+ %)$/;
  await Promise.all([page.goto(collector.url), list.goto(`${collector.url}p/many`)]);
  await Promise.all([page.getByText(told).first().waitFor(), list.getByText(told).first().waitFor()]);
  assert.equal(await page.getByRole('heading', { name: 'No runs yet' }).count(), 0);
  if (await page.locator('.indexing').count()) await checkAccess(page, 'indexing');
  await shoot('indexing', page);
  await shoot('indexing-runs', list);
  holder.child.stdin.end();

  const count = (number) => number.toLocaleString('en');
  const patient = { timeout: 40_000 };
  await list
    .getByRole('status')
    .filter({ hasText: `${count(RUN_COUNT - 4)} root runs` })
    .waitFor(patient);
  await page
    .locator('.projects .table-row', { hasText: 'many' })
    .getByText(count(RUN_COUNT), { exact: true })
    .waitFor(patient);
  for (const one of [page, list]) await one.locator('.indexing').waitFor({ state: 'detached' });
  await list.close();
  await collector.end('SIGTERM');
});

test('nothing was complained about', () => {
  const others = complaints.filter((text) => !/net::ERR_|status of (401|503)/.test(text));
  assert.deepEqual(others, []);
});
