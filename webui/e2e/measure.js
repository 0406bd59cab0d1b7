/* What the page of a run costs, in a real Chromium on runs of unusual size; prints a table.
 *
 *   BURR=… [BURR_STORE_DIR=DIR] node e2e/measure.js [KIND … live]
 *
 * $BURR is the program. The store is made by stores.py, in a temporary folder or, to be kept for the next time, in $BURR_STORE_DIR.
 * First paint is when the first row of steps is drawn, from the begin of the navigation, with an empty browser cache. Frames are those of
 * 3 s of steady scrolling; late ones took longer than two at 60 Hz. Hover is from the pointer's event to the frame after it. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { needBrowser, openBrowser } from './browser.js';

needBrowser();

const RUNS = {
  steps_50k: '50000-steps',
  steps_1m: '1000000-steps',
  state_5mb: '5-mb',
  spans_2000: '2000-spans?open=0',
  graph_150: '150-actions',
  spawned_200: 'parent?open=0,1,2,3',
};
const SCROLL_MS = 3000;
const LATE_MS = 34;
const HOVERS = 40;
const LIVE_S = 8;

const stores = fileURLToPath(new URL('stores.py', import.meta.url));
const wanted =
  process.argv.length > 2 ? process.argv.slice(2).filter((kind) => kind !== 'live') : Object.keys(RUNS);
const kept = process.env.BURR_STORE_DIR;
const folder = mkdtempSync(join(tmpdir(), 'burr-measure-'));
const store = kept ?? join(folder, 'store');
const missing = wanted.filter((kind) => !existsSync(join(store, kind)));
if (missing.length > 0) {
  const made = spawnSync('python3', [stores, store, ...missing]);
  if (made.status !== 0) throw new Error(String(made.stderr));
}

const collector = spawn(
  process.env.BURR ?? 'burr',
  ['serve', '--store', store, '--port', '0', '--no-open', '--no-demo'],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
let base;
for await (const line of createInterface({ input: collector.stdout })) {
  const port = /http:\/\/localhost:(\d+)/.exec(line)?.[1];
  if (!port) continue;
  base = `http://127.0.0.1:${port}/`;
  break;
}
for (;;) {
  const status = await (await fetch(`${base}api/v1/status`)).json();
  if (status.index.ready && status.index.waiting === 0) break;
  await new Promise((resolve) => setTimeout(resolve, 100));
}

const percentile = (values, share) =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) * share)];

/* In the page: the frame in which the first row was drawn. */
function notePaint() {
  const look = () => {
    if (document.querySelector('.step-row:not(.waiting-row)')) window.firstPaint = performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

async function scroll(page) {
  return page.evaluate(
    async ({ forMs, lateMs }) => {
      const list = document.querySelector('.steps-scroll');
      const from = list.scrollTop > 0 ? -1 : 1;
      const gaps = [];
      let blank = 0;
      let last = performance.now();
      const end = last + forMs;
      while (last < end) {
        list.scrollTop += from * 90;
        const now = await new Promise((resolve) => requestAnimationFrame(resolve));
        gaps.push(now - last);
        if (!document.querySelector('.step-row:not(.waiting-row)')) blank++;
        last = now;
      }
      return { gaps, late: gaps.filter((gap) => gap > lateMs).length, blank };
    },
    { forMs: SCROLL_MS, lateMs: LATE_MS },
  );
}

async function hover(page) {
  const rows = await page.locator('.step-row').evaluateAll((all) =>
    all
      .map((row) => row.getBoundingClientRect())
      .filter((box) => box.top > 220 && box.bottom < 800)
      .map((box) => [box.left + 120, box.top + 13]),
  );
  if (rows.length === 0) return [];
  await page.evaluate(() => {
    window.hovers = [];
    addEventListener(
      'pointermove',
      (event) => requestAnimationFrame(() => window.hovers.push(performance.now() - event.timeStamp)),
      { passive: true },
    );
  });
  for (let index = 0; index < HOVERS; index++) await page.mouse.move(...rows[index % rows.length]);
  return page.evaluate(() => window.hovers);
}

async function measure(kind) {
  const complaints = [];
  const { page, close } = await openBrowser(complaints);
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Performance.enable');
  let bytes = 0;
  session.on('Network.loadingFinished', (event) => (bytes += event.encodedDataLength));
  await page.addInitScript(notePaint);
  await page.goto(`${base}p/${kind}/run/${RUNS[kind]}`);
  await page.waitForFunction(() => window.firstPaint !== undefined);
  const paint = await page.evaluate(() => window.firstPaint);
  await page.waitForLoadState('networkidle', { timeout: 5000 }).catch(() => undefined);
  const loaded = bytes;
  const hovers = await hover(page);
  const frames = await scroll(page);
  const { metrics } = await session.send('Performance.getMetrics');
  const heap = metrics.find((metric) => metric.name === 'JSHeapUsedSize').value;
  await close();
  return {
    run: kind,
    'first paint ms': Math.round(paint),
    'loaded KB': Math.round(loaded / 1000),
    'hover p50 ms': hovers.length > 0 ? +percentile(hovers, 0.5).toFixed(1) : null,
    'frame p50 ms': +percentile(frames.gaps, 0.5).toFixed(1),
    'frame p99 ms': +percentile(frames.gaps, 0.99).toFixed(1),
    'late frames': `${frames.late} of ${frames.gaps.length}`,
    'blank frames': frames.blank,
    'heap MB': Math.round(heap / 1e6),
    complaints: complaints.length,
  };
}

/* A run that grows by 20 records a millisecond, followed: how far the screen is behind, and whether the page still answers. */
async function measureLive() {
  const { page, close } = await openBrowser([]);
  const writer = spawn('python3', [stores, store, 'live', String(LIVE_S)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: writer.stdout })[Symbol.asyncIterator]();
  await lines.next();
  await page.goto(`${base}p/live/run/live`);
  await page.locator('.step-row[aria-current="step"]').waitFor();
  await page.evaluate(() => {
    window.gaps = [];
    let last = performance.now();
    const next = (now) => {
      window.gaps.push(now - last);
      last = now;
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  });
  const behind = [];
  for (let line = await lines.next(); !line.done; line = await lines.next()) {
    const [count, at] = line.value.split(' ').map(Number);
    const seen = await page.waitForFunction(
      (wanted) =>
        Number(document.querySelector('.step-row[aria-current] .seq')?.textContent) >= wanted - 1 &&
        Date.now(),
      count,
      { polling: 'raf', timeout: 30_000 },
    );
    behind.push((await seen.jsonValue()) - at);
  }
  const gaps = await page.evaluate(() => window.gaps);
  await close();
  return {
    'record to screen p50 ms': percentile(behind, 0.5),
    'most ms': Math.max(...behind),
    'frame p50 ms': +percentile(gaps, 0.5).toFixed(1),
    'frame p99 ms': +percentile(gaps, 0.99).toFixed(1),
  };
}

try {
  const table = [];
  for (const kind of wanted) table.push(await measure(kind));
  console.table(table);
  if (process.argv.length <= 2 || process.argv.includes('live')) console.table([await measureLive()]);
} finally {
  collector.kill('SIGTERM');
  rmSync(folder, { recursive: true, force: true });
}
