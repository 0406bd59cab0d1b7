/* The pages while programs record, at three paces and at 20 records a millisecond, which is 10 steps: what is read stands still, the pages can
 * be used, and memory does not grow.
 *
 *   BURR=… BURR_BUILD=… npm run load
 *
 * Prints record to screen: from the moment that the program had recorded a step to the frame that shows it, or a later one. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pass } from 'node:timers/promises';
import { needBrowser, openBrowser } from './browser.js';
import { endAll, startCollector, startPace } from './processes.js';

needBrowser();

const folder = mkdtempSync(join(tmpdir(), 'burr-load-'));
const store = join(folder, 'store');
const PATIENCE_MS = 10_000;
const LOAD = 10_000; /* steps a second: each is two records */
const MEASURE_MS = 5000;

let collector;
let browser;
let page;
let devtools;
const complaints = [];

before(async () => {
  collector = await startCollector(store);
  browser = await openBrowser(complaints);
  page = browser.page;
  page.setDefaultTimeout(PATIENCE_MS);
  await page.addInitScript(notePage);
  devtools = await page.context().newCDPSession(page);
});

after(async () => {
  await browser?.close();
  await endAll();
  rmSync(folder, { recursive: true, force: true });
});

/* Runs in the page: the newest step that each frame shows, and when each frame began. */
function notePage() {
  window.seen = [];
  window.frames = [];
  const look = (now) => {
    window.frames.push(now);
    const last = [...document.querySelectorAll('.step-row .seq')].at(-1);
    const step = last ? Number(last.textContent) : -1;
    if (step > (window.seen.at(-1)?.[0] ?? -1)) window.seen.push([step, Date.now()]);
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

const at = (sorted, part) => sorted[Math.max(Math.ceil(part * sorted.length) - 1, 0)] ?? NaN;

async function openPage(path, live = true) {
  await page.goto(`${collector.url}${path}`);
  if (live) await page.locator('.liveness.live').waitFor();
}

/* Frames of the last `ms`, and how many of them took longer than two at 60 Hz. */
async function framesOf(ms) {
  await page.evaluate(() => void (window.frames.length = 0));
  await pass(ms);
  const gaps = await page.evaluate(() => window.frames.slice(1).map((time, i) => time - window.frames[i]));
  const sorted = gaps.toSorted((a, b) => a - b);
  const late = gaps.filter((gap) => gap > 34).length;
  return `${gaps.length} frames, ${((late / gaps.length) * 100).toFixed(1)} % late, the longest ${at(sorted, 1).toFixed(0)} ms`;
}

async function heapBytes() {
  await devtools.send('HeapProfiler.collectGarbage');
  return (await devtools.send('Runtime.getHeapUsage')).usedSize;
}

async function measure(t, what, rate) {
  const name = `paced-${rate}`;
  const writer = startPace(store, 'paces', name, { runs: 1, rate });
  await page.goto(`${collector.url}p/paces/run/${name}-0`);
  await page.locator('.step-row[aria-current="step"]').waitFor();
  await page.locator('.liveness.live').waitFor();
  await pass(1000); /* the program's start is not what is measured */
  const from = writer.recorded.at(-1)[0];
  await pass(MEASURE_MS);
  await writer.stop();
  const last = writer.recorded.at(-1)[0];
  await page.waitForFunction((step) => window.seen.at(-1)[0] >= step, last);
  const seen = await page.evaluate(() => window.seen);
  const times = writer.recorded
    .filter(([step]) => step > from)
    .map(([step, time]) => seen.find(([shown]) => shown >= step)[1] - time)
    .sort((a, b) => a - b);
  t.diagnostic(
    `record to screen, ${what}: median ${at(times, 0.5)} ms, p99 ${at(times, 0.99)} ms, most ${at(times, 1)} ms, ${times.length} times`,
  );
}

test('a step is on the screen soon after it was recorded, at each pace', async (t) => {
  await measure(t, 'a step each 200 ms', 5);
  await measure(t, 'a step each 20 ms', 50);
  await measure(t, '20 records a millisecond', LOAD);
});

test('an old step that is read stands still, and the page can be used', async (t) => {
  const writer = startPace(store, 'loads', 'read', { runs: 1, rate: LOAD });
  await page.goto(`${collector.url}p/loads/run/read-0`);
  await page.locator('.step-row').first().waitFor();
  await openPage('p/loads/run/read-0?step=12');
  await page.locator('.step-row[aria-current="step"] .seq', { hasText: /^12$/ }).waitFor();
  const top = await page.locator('.steps-scroll').evaluate((element) => element.scrollTop);
  const shown = () => page.locator('.step-row .seq').allTextContents();
  const before = await shown();
  const unseen = page.locator('.unseen');
  await unseen.waitFor();
  const first = await unseen.textContent();
  t.diagnostic(`an old step is read: ${await framesOf(2000)}`);
  assert.notEqual(await unseen.textContent(), first);
  assert.deepEqual(await shown(), before);
  assert.equal(await page.locator('.steps-scroll').evaluate((element) => element.scrollTop), top);
  assert.equal(await page.locator('.step-row[aria-current="step"] .seq').textContent(), '12');

  await page.keyboard.press('j');
  await page.locator('.step-row[aria-current="step"] .seq', { hasText: /^13$/ }).waitFor();
  await page.locator('.inspector[aria-label*="13"]').waitFor();
  await writer.stop();
});

test('following is drawn without pause, and takes no more memory as it goes on', async (t) => {
  const writer = startPace(store, 'loads', 'followed', { runs: 1, rate: LOAD });
  await page.goto(`${collector.url}p/loads/run/followed-0`);
  await page.locator('.liveness.live').waitFor();
  await pass(3000);
  const before = await heapBytes();
  t.diagnostic(`the end is followed: ${await framesOf(6000)}`);
  const after = await heapBytes();
  t.diagnostic(`heap: ${(before / 2 ** 20).toFixed(1)} MB, 6 s later ${(after / 2 ** 20).toFixed(1)} MB`);
  assert.ok(after < before + 40 * 2 ** 20, 'the heap grows with what was recorded');
  await writer.stop();
});

test('lists are live, and the row under the pointer stays there', async (t) => {
  const writer = startPace(store, 'many', 'run', { runs: 60, rate: LOAD });
  await openPage('');
  await page.locator('.projects .row-link', { hasText: /^many$/ }).waitFor();
  t.diagnostic(`projects: ${await framesOf(1500)}`);
  await page.locator('.projects .row-link', { hasText: /^many$/ }).click();
  await page.getByRole('status').filter({ hasText: '60 root runs' }).waitFor();

  const row = page.locator('.runs .table-row.placed').nth(5);
  await row.hover();
  const link = row.locator('.row-link');
  const name = await link.textContent();
  const steps = await row.locator('.cell-steps').textContent();
  t.diagnostic(`runs: ${await framesOf(2000)}`);
  assert.equal(await link.textContent(), name);
  assert.notEqual(await row.locator('.cell-steps').textContent(), steps);
  await link.click();
  await page.waitForURL(new RegExp(`/run/${name}$`));
  await page.locator('.step-row[aria-current="step"]').waitFor();
  await writer.stop();
});

test('nothing was complained about', () => {
  assert.deepEqual(complaints, []);
});
