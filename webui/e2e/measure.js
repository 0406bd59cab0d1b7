/* What the pages cost, in a real Chromium on stores of unusual size; prints a table, the brief's goals in its head.
 *
 *   BURR=… BURR_BUILD=… [BURR_STORE_DIR=DIR] npm run measure -- [--json] [KIND … paced flood peer]
 *
 * The store is made by stores.py and store.js, in a temporary folder or, to be kept for the next time, in $BURR_STORE_DIR.
 * First paint is when the first row is drawn, from the begin of the navigation, with an empty browser cache: the median of three visits.
 * Frames are those of 3 s of steady scrolling; late ones took longer than two at 60 Hz. Hover is from the pointer's event to the frame
 * after it. `paced` and `flood` are from record to screen; `peer` is Burr's own UI on the run of 50,000 steps, by the Python of
 * $BENCH_BURR_PYTHON, between our visits. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setInterval as ticks, setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { needBrowser, openBrowser } from './browser.js';
import { endAll, start, startCollector, startWriter } from './processes.js';
import { writeStore } from './store.js';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean' }, long: { type: 'boolean' }, help: { type: 'boolean' } },
});
if (options.help) {
  console.log('ui [--json] [KIND …]: what the web UI costs in a browser, beside the goals and Burr’s own UI');
  process.exit(0);
}
needBrowser();

const STEPS = { row: '.step-row:not(.waiting-row)', scroller: '.steps-scroll' };
const RUNS = { row: '.runs .row-link', scroller: '.runs' };
const PAGES = {
  steps_50k: ['50,000 steps', 'p/steps_50k/run/50000-steps', STEPS],
  steps_1m: ['1,000,000 steps', 'p/steps_1m/run/1000000-steps', STEPS],
  state_5mb: ['states of 5 MB', 'p/state_5mb/run/5-mb', STEPS],
  spans_2000: ['2,000 spans in a step', 'p/spans_2000/run/2000-spans?open=0', STEPS],
  spawned_200: ['200 spawned runs', 'p/spawned_200/run/parent?open=0,1,2,3', STEPS],
  graph_150: ['150 actions', 'p/graph_150/run/150-actions', STEPS],
  values: [
    'long names, emoji, RTL, deep JSON',
    `p/values/run/kinds-${'n'.repeat(180)}?step=2&tab=state`,
    STEPS,
  ],
  many: ['project of 100,000 runs', 'p/many', RUNS],
};
const MANY = 100_000;
const VISITS = 3;
const SCROLL_MS = 3000;
const LATE_MS = 34;
const HOVERS = 60;
const FLOOD_S = 8;
const PACED = 100;
const PACE_MS = 100;
const PEER_MOST_MS = 120_000;

const isWanted = (name) => positionals.length === 0 || positionals.includes(name);
const wanted = Object.keys(PAGES).filter(isWanted);
const stores = fileURLToPath(new URL('stores.py', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'burr-measure-'));
const store = process.env.BURR_STORE_DIR ?? join(folder, 'store');
const result = { bench: 'ui', pages: [], figures: [], left_out: [] };

function makeStore() {
  const missing = wanted.filter((kind) => !existsSync(join(store, kind)));
  const kinds = missing.filter((kind) => kind !== 'many');
  if (isWanted('peer') && !existsSync(join(store, 'steps_50k')) && !kinds.includes('steps_50k'))
    kinds.push('steps_50k');
  if (kinds.length > 0) {
    const made = spawnSync('python3', [stores, store, ...kinds]);
    if (made.status !== 0) throw new Error(String(made.stderr));
  }
  if (missing.includes('many')) writeStore(store, MANY);
}

const percentile = (values, share) => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length === 0 ? NaN : sorted[Math.min(Math.ceil(share * sorted.length), sorted.length) - 1];
};
const median = (values) => percentile(values, 0.5);

/* In the page: the frame in which the first row was drawn. */
function notePaint(row) {
  const look = () => {
    if (document.querySelector(row)) window.firstPaint = performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

/* One visit with an empty cache: what `use` gives of the page, and how long its first row took. */
async function visit(url, row, use = async () => ({})) {
  const { page, close } = await openBrowser([]);
  try {
    const session = await page.context().newCDPSession(page);
    await session.send('Network.enable');
    await session.send('Performance.enable');
    let bytes = 0;
    session.on('Network.loadingFinished', (event) => (bytes += event.encodedDataLength));
    await page.addInitScript(notePaint, row);
    await page.goto(url);
    const paint = await (
      await page.waitForFunction(() => window.firstPaint, null, { polling: 'raf', timeout: PEER_MOST_MS })
    ).jsonValue();
    return { paint, ...(await use(page, session, () => bytes)) };
  } finally {
    await close();
  }
}

async function scroll(page, scroller, row) {
  return page.evaluate(
    async ([list, rows, forMs]) => {
      const element = document.querySelector(list);
      const by = element.scrollTop > 0 ? -90 : 90;
      const gaps = [];
      let blank = 0;
      let last = performance.now();
      for (const end = last + forMs; last < end;) {
        element.scrollTop += by;
        const now = await new Promise((resolve) => requestAnimationFrame(resolve));
        gaps.push(now - last);
        if (!document.querySelector(rows)) blank++;
        last = now;
      }
      return { gaps, blank };
    },
    [scroller, row, SCROLL_MS],
  );
}

async function hover(page, row) {
  const places = await page.locator(row).evaluateAll((all) =>
    all
      .map((one) => one.getBoundingClientRect())
      .filter((box) => box.top > 220 && box.bottom < 800)
      .map((box) => [box.left + Math.min(120, box.width / 2), box.top + box.height / 2]),
  );
  if (places.length === 0) return [];
  await page.evaluate(() => {
    window.hovers = [];
    addEventListener(
      'pointermove',
      (event) => requestAnimationFrame(() => window.hovers.push(performance.now() - event.timeStamp)),
      { passive: true },
    );
  });
  for (let index = 0; index < HOVERS; index++) await page.mouse.move(...places[index % places.length]);
  return page.evaluate(() => window.hovers);
}

async function measure(kind, base) {
  const [what, path, { row, scroller }] = PAGES[kind];
  const whole = await visit(base + path, row, async (page, session, bytes) => {
    if (kind === 'graph_150') await page.locator('.graph .node').first().waitFor();
    const graphMs = await page.evaluate(() => performance.now());
    await page.waitForLoadState('networkidle', { timeout: 5000 }).catch(() => undefined);
    const loaded = bytes();
    const hovers = await hover(page, row);
    const frames = await scroll(page, scroller, row);
    const { metrics } = await session.send('Performance.getMetrics');
    const heap = metrics.find((metric) => metric.name === 'JSHeapUsedSize').value;
    return { graphMs, loaded, hovers, frames, heap };
  });
  const paints = [whole.paint];
  while (paints.length < VISITS) paints.push((await visit(base + path, row)).paint);
  const { gaps, blank } = whole.frames;
  if (kind === 'graph_150')
    result.figures.push([
      'graph of 150 actions drawn',
      Math.round(whole.graphMs),
      'ms',
      '< 1000 after the rows',
    ]);
  return {
    what,
    'first paint ms': Math.round(median(paints)),
    'loaded KB': Math.round(whole.loaded / 1000),
    'hover p50 ms': +percentile(whole.hovers, 0.5).toFixed(1),
    'hover p99 ms': +percentile(whole.hovers, 0.99).toFixed(1),
    'frame p50 ms': +percentile(gaps, 0.5).toFixed(1),
    'frame p99 ms': +percentile(gaps, 0.99).toFixed(1),
    'late frames %': +((100 * gaps.filter((gap) => gap > LATE_MS).length) / gaps.length).toFixed(1),
    'blank frames': blank,
    'heap MB': Math.round(whole.heap / 1e6),
  };
}

/* What the first page needs before it can be drawn, as it is sent. */
function initialBytes() {
  const dist = join(process.env.BURR_BUILD, 'webui', 'dist');
  const html = readFileSync(join(dist, 'index.html'), 'utf8');
  const names = [...html.matchAll(/(?:src|href)="\.\/(assets\/[^"]+\.js)"/g)].map(([, name]) => name);
  return names.reduce((sum, name) => sum + gzipSync(readFileSync(join(dist, name))).length, 0);
}

/* Runs in the page: when each step's number was first drawn. */
function noteArrivals() {
  window.arrivals = new Map();
  const look = () => {
    for (const cell of document.querySelectorAll('.step-row .seq')) {
      const step = Number(cell.textContent);
      if (!window.arrivals.has(step)) window.arrivals.set(step, Date.now());
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

/* A program that records ten steps a second by libburr, its run followed. */
async function measurePaced(base) {
  const writer = startWriter(store, 'paced', 'paced');
  await writer.recordMany(3);
  const { page, close } = await openBrowser([]);
  await page.addInitScript(noteArrivals);
  await page.goto(`${base}p/paced/run/paced`);
  await page.locator('.liveness.live').waitFor();
  const recorded = [];
  const pace = ticks(PACE_MS);
  while (recorded.length < PACED) {
    await pace.next();
    recorded.push(await writer.record());
  }
  await pace.return();
  await page.waitForFunction((last) => window.arrivals.has(last), writer.last(), { polling: 'raf' });
  const arrivals = new Map(await page.evaluate(() => [...window.arrivals]));
  const took = recorded
    .filter(({ step }) => arrivals.has(step))
    .map(({ step, at }) => arrivals.get(step) - at);
  await close();
  await writer.end('SIGTERM');
  for (const [share, goal] of [
    [0.5, ''],
    [0.95, ''],
    [0.99, '≤ 100'],
  ])
    result.figures.push([
      `record to screen, 10 steps a second, p${share * 100}`,
      percentile(took, share),
      'ms',
      goal,
    ]);
}

/* A run that grows by 20 records a millisecond, followed: how far the screen is behind, and whether the page still answers. */
async function measureFlood(base) {
  const { page, close } = await openBrowser([]);
  const { lines } = start('python3', [stores, store, 'live', String(FLOOD_S)]);
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
      (least) =>
        Number(document.querySelector('.step-row[aria-current] .seq')?.textContent) >= least - 1 &&
        Date.now(),
      count,
      { polling: 'raf', timeout: 30_000 },
    );
    behind.push((await seen.jsonValue()) - at);
  }
  const gaps = await page.evaluate(() => window.gaps);
  await close();
  result.figures.push(
    ['record to screen, 20 records a millisecond, p50', median(behind), 'ms', ''],
    ['the same, most', Math.max(...behind), 'ms', ''],
    ['frames meanwhile, p99', +percentile(gaps, 0.99).toFixed(1), 'ms', ''],
  );
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/* Burr's own server on the store, from the moment it answers; or why not. */
async function startPeer() {
  const python = process.env.BENCH_BURR_PYTHON ?? '';
  if (!existsSync(python))
    return 'BENCH_BURR_PYTHON names no Python that has burr[start] (./dev bench makes one)';
  const port = await freePort();
  process.env.burr_path = store;
  const args = [
    '-m',
    'uvicorn',
    'burr.tracking.server.run:app',
    '--host',
    '127.0.0.1',
    '--port',
    String(port),
  ];
  start(python, args).child.stdout.resume();
  delete process.env.burr_path;
  const url = `http://127.0.0.1:${port}/`;
  for (const end = Date.now() + 60_000; Date.now() < end; await pause(200)) {
    const answer = await fetch(url).catch(() => null);
    if (answer?.ok) return { url };
    if (answer) return `its server answers ${answer.status} for its own UI`;
  }
  return 'its server did not start within a minute';
}

/* Visits of both in turn. */
async function measurePeer(base) {
  const peer = await startPeer();
  if (typeof peer === 'string') {
    result.left_out.push(`Burr's own UI: ${peer}`);
    return;
  }
  const ours = [];
  const theirs = [];
  while (theirs.length < VISITS) {
    ours.push((await visit(`${base}${PAGES.steps_50k[1]}`, STEPS.row)).paint);
    theirs.push((await visit(`${peer.url}project/steps_50k/null/50000-steps`, 'tbody tr')).paint);
  }
  const ratio = median(theirs) / median(ours);
  result.figures.push(
    ['first paint of 50,000 steps, ours', Math.round(median(ours)), 'ms', '< 1000'],
    ["the same, Burr's own UI", Math.round(median(theirs)), 'ms', `${ratio.toFixed(1)} × ours`],
  );
}

function print() {
  if (options.json) {
    console.log(JSON.stringify(result));
    return;
  }
  console.log(
    'Web UI in Chromium. Goals: first paint < 1000 ms, hover < 16 ms, no late frame (over 34 ms) in 3 s of scrolling',
  );
  if (result.pages.length > 0) table([Object.keys(result.pages[0]), ...result.pages.map(Object.values)]);
  console.log('');
  table([['figure', 'value', '', 'goal, or ratio'], ...result.figures]);
  for (const text of result.left_out) console.log(`left out: ${text}`);
}

function table(rows) {
  const texts = rows.map((row) => row.map((cell) => (Number.isNaN(cell) ? '-' : String(cell))));
  const widths = texts[0].map((_, column) => Math.max(...texts.map((row) => row[column].length)));
  for (const row of texts)
    console.log(
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])))
        .join('  '),
    );
}

try {
  makeStore();
  const { url } = await startCollector(store);
  for (;;) {
    const { index } = await (await fetch(`${url}api/v1/status`)).json();
    if (index.ready && index.waiting === 0) break;
    await pause(100);
  }
  for (const kind of wanted) result.pages.push(await measure(kind, url));
  result.figures.push([
    'JavaScript before the first page, gzipped',
    Math.round(initialBytes() / 1000),
    'KB',
    '< 300',
  ]);
  if (isWanted('paced')) await measurePaced(url);
  if (isWanted('flood')) await measureFlood(url);
  if (isWanted('peer')) await measurePeer(url);
  print();
} finally {
  await endAll();
  rmSync(folder, { recursive: true, force: true });
}
