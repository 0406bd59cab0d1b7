/* What holds on every page, in a real Chromium: below a prefix, with damaged logs, with Burr's own runs, of a file that is dropped, by key
 * alone, at 200 %, for everybody.
 *
 *   BURR=… BURR_BUILD=… npm run everywhere -- [--out DIR]
 *
 * With --out, pictures of all pages in all sizes and both themes are left there. $BURR_REAL is a folder of runs that Burr has recorded
 * (Burr's demos); without one, what looks at them is skipped. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, request } from 'node:http';
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

const REAL = process.env.BURR_REAL ?? fileURLToPath(new URL('../../../shared/real-burr', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'burr-everywhere-'));
const store = join(folder, 'store');
const complaints = [];
let collector;
let browser;
let page;

const DAMAGED = 'p/demo_counter/run/count-to-10';
const LONG = 'p/demo_counter/run/count-to-100';
const FAILED = 'p/demo_failure/run/order-1001';
const TREE = 'p/demo_parallel';
const LOOP_ROWS = ['{"type":"begin_ent', '[1]'];

before(async () => {
  const made = spawnSync(process.env.BURR, ['demo', '--store', store]);
  assert.equal(made.status, 0, String(made.stderr));
  appendFileSync(
    join(store, 'demo_counter', 'count-to-10', 'log.jsonl'),
    LOOP_ROWS.map((line) => `${line}\n`).join(''),
  );
  if (existsSync(REAL))
    for (const project of projectsOf(REAL)) {
      cpSync(join(REAL, project), join(store, `real-${project}`), { recursive: true });
    }
  collector = await startCollector(store);
  browser = await openBrowser(complaints);
  page = browser.page;
  page.setDefaultTimeout(10_000);
  await until(async () => (await api('status')).index.ready && (await api('status')).index.waiting === 0);
});

after(async () => {
  await browser?.close();
  await endAll();
  rmSync(folder, { recursive: true, force: true });
});

function projectsOf(path) {
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}

/* Asks again until it holds; the time limit is the test's. */
async function until(holds) {
  for (const end = Date.now() + 20_000; !(await holds());) assert.ok(Date.now() < end, `${holds} in time`);
}

async function api(path) {
  const response = await fetch(new URL(`api/v1/${path}`, collector.url));
  assert.equal(response.status, 200, path);
  return response.json();
}

const SOMETHING =
  '.row-link, .step-row[aria-current], .status-group, .file-step, .notice, .first-start, form';

async function open(path, base = collector.url) {
  await page.goto(new URL(path, base).href);
  await page.locator(SOMETHING).first().waitFor();
}

const waitForParam = (name, value) => page.waitForURL((url) => url.searchParams.get(name) === value);
const waitForStep = (id) =>
  page.locator('.step-row[aria-current="step"] .seq', { hasText: new RegExp(`^${id}$`) }).waitFor();

/* Chromium itself reports each answer that is an error, which the test asks for. */
function forgive(from, pattern) {
  complaints.splice(from, Infinity, ...complaints.slice(from).filter((text) => !pattern.test(text)));
}

/* ---- a prefix ---- */

/* As a reverse proxy shows burr below a path, which it takes off. */
async function startProxy(prefix) {
  const server = createServer((asked, answer) => {
    if (!asked.url.startsWith(`${prefix}/`)) {
      answer.writeHead(404).end();
      return;
    }
    const onward = request(
      {
        port: collector.port,
        method: asked.method,
        path: asked.url.slice(prefix.length),
        headers: { ...asked.headers, host: `localhost:${collector.port}` },
      },
      (response) => {
        answer.writeHead(response.statusCode, response.headers);
        response.pipe(answer);
      },
    );
    onward.on('error', () => answer.destroy());
    answer.on('close', () => onward.destroy());
    asked.pipe(onward);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

test('below a prefix every page, link and key works, live', async () => {
  const prefix = '/user/eve/proxy/7241';
  const proxy = await startProxy(prefix);
  const base = `http://localhost:${proxy.address().port}${prefix}/`;
  const outside = [];
  const note = (asked) =>
    asked.url().startsWith(base) || /^(data|blob):/.test(asked.url()) || outside.push(asked.url());
  page.on('request', note);
  await open('', base);
  await page.locator('.liveness.live').waitFor();
  await page.locator('.row-link', { hasText: /^demo_failure$/ }).click();
  await page.locator('.row-link', { hasText: /^order-1001$/ }).click();
  await page.locator('.trace-headline').waitFor();
  await page.locator('.graph .node').first().waitFor();
  assert.equal(new URL(page.url()).pathname, `${prefix}/p/demo_failure/run/order-1001`);
  await page.reload();
  await page.locator('.trace-headline').waitFor();
  await page.keyboard.press('g');
  await page.keyboard.press('s');
  await page.locator('.status-group').first().waitFor();
  await page.goBack();
  await page.locator('.trace-headline').waitFor();
  page.off('request', note);
  assert.deepEqual(outside, []);
  await page.goto('about:blank');
  proxy.closeAllConnections();
  proxy.close();
});

/* ---- what is not as it should be ---- */

test('damaged lines are shown with their places, and cost nothing else', async () => {
  await open(DAMAGED);
  await page.locator('.facts', { hasText: '11 steps' }).waitFor();
  await page.locator('.damage summary', { hasText: '2 damaged lines' }).click();
  const { lines } = await api('projects/demo_counter/runs/count-to-10/damage');
  assert.deepEqual(
    lines.map(({ head }) => head),
    LOOP_ROWS,
  );
  for (const { line, head, reason } of lines) {
    const shown = page.locator('.damage li', { hasText: `line ${line}` });
    await shown.getByText(head, { exact: true }).waitFor();
    await shown.getByText(reason).waitFor();
  }
  await checkAccess(page, 'damaged lines');
  await open('p/demo_counter?filter=is:damaged');
  await page.locator('.chip.damaged').waitFor();
});

test('what is not there says so, and leads on', async () => {
  const known = complaints.length;
  for (const [path, words] of [
    ['p/demo_counter/run/no-such', 'There is no such run'],
    ['no/such/page', 'There is no such page'],
  ]) {
    await page.goto(new URL(path, collector.url).href);
    await page.getByRole('heading', { name: words }).waitFor();
    await checkAccess(page, path);
    await page.locator('.notice a').first().click();
    await page.locator('.row-link').first().waitFor();
  }
  forgive(known, /404/);
});

test("Burr's own runs are shown as Burr recorded them", async (t) => {
  if (!existsSync(REAL)) return t.skip(`no runs of Burr's own at ${REAL} (BURR_REAL)`);
  let looked = 0;
  for (const project of projectsOf(REAL))
    for (const run of projectsOf(join(REAL, project))) {
      const log = readFileSync(join(REAL, project, run, 'log.jsonl'), 'utf8')
        .trim()
        .split('\n');
      const count = log.filter((line) => JSON.parse(line).type === 'begin_entry').length;
      if (count === 0) continue;
      await open(`p/real-${project}/run/${encodeURIComponent(run)}`);
      await page
        .locator('.facts', { hasText: new RegExp(`(^|\\D)${count.toLocaleString('en')} steps?`) })
        .waitFor();
      await page.locator('.graph .node').first().waitFor();
      looked++;
    }
  assert.ok(looked > 0, 'there are runs with steps');
});

/* ---- a file ---- */

const pathOf = (project, run, name) => join(store, project, run, name);

test('a file that is dropped is shown without a server', async () => {
  await open('p/demo_chat');
  await page.locator('.liveness.live').waitFor();
  const files = ['log.jsonl', 'graph.json'].map((name) => ({
    name,
    text: readFileSync(pathOf('demo_failure', 'order-1001', name), 'utf8'),
  }));
  const asked = [];
  const note = (request_) => /\/api\/.*(steps|runs\/)/.test(request_.url()) && asked.push(request_.url());
  page.on('request', note);
  await page.evaluate((list) => {
    const dataTransfer = new DataTransfer();
    for (const { name, text } of list) dataTransfer.items.add(new File([text], name));
    for (const type of ['dragover', 'drop'])
      document.body.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer }));
  }, files);
  await page.locator('.file-step').first().waitFor();
  assert.match(page.url(), /\/file$/);
  assert.equal(await page.locator('.file-step').count(), 3);
  await page.locator('.trace-headline', { hasText: 'payment provider answered 402' }).waitFor();
  await page.locator('.graph .node.current.failing').waitFor();
  await page.keyboard.press('k');
  await page.locator('.change.added', { hasText: 'reservation' }).waitFor();
  await waitForParam('step', '1');
  await page.keyboard.press('e');
  await waitForParam('step', '2');
  page.off('request', note);
  assert.deepEqual(asked, []);
  await page.goBack();
  await page.getByRole('treegrid', { name: 'Runs' }).waitFor();
});

test('a file is chosen, too; damage and nonsense are told', async () => {
  await open('file');
  const field = page.locator('input[type=file]');
  await field.setInputFiles(pathOf('demo_counter', 'count-to-10', 'log.jsonl'));
  await page.locator('.damage summary', { hasText: '2 damaged lines' }).click();
  await page.locator('.damage li', { hasText: 'line 24' }).waitFor();
  await page.keyboard.press('Home');
  await page.locator('.inspector h2', { hasText: 'count' }).waitFor();
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await checkAccess(page, `file, ${colorScheme}`);
  }
  await page.reload();
  await field.setInputFiles({ name: 'notes.jsonl', mimeType: 'text/plain', buffer: Buffer.from('hello\n') });
  await page.getByRole('heading', { name: 'Cannot show notes.jsonl' }).waitFor();
});

/* ---- habits ---- */

test('middle click and Ctrl click open a tab, where the link leads', async () => {
  await open('');
  for (const how of [{ button: 'middle' }, { modifiers: ['ControlOrMeta'] }]) {
    const opened = page.context().waitForEvent('page');
    await page.locator('.row-link', { hasText: /^demo_counter$/ }).click(how);
    const tab = await opened;
    await tab.waitForURL(/\/p\/demo_counter$/);
    await tab.close();
  }
  assert.equal(new URL(page.url()).pathname, '/');
  await open(LONG);
  const opened = page.context().waitForEvent('page');
  await page.locator('.step-row[aria-current] .step-link').click({ button: 'middle' });
  const tab = await opened;
  await tab.waitForURL(/step=\d+/);
  await tab.close();
});

test("the browser's own keys are left alone", async () => {
  await open(LONG);
  await page.evaluate(() => {
    window.taken = [];
    addEventListener('keydown', (event) => event.defaultPrevented && window.taken.push(event.key));
  });
  for (const key of ['Control+f', 'Control+c', 'Control+l', 'F5', 'Alt+ArrowLeft', 'Tab'])
    await page.evaluate((name) => {
      const [last, ...held] = name.split('+').reverse();
      document.body.dispatchEvent(
        new KeyboardEvent('keydown', {
          key: last,
          bubbles: true,
          cancelable: true,
          ctrlKey: held.includes('Control'),
          altKey: held.includes('Alt'),
        }),
      );
    }, key);
  assert.deepEqual(await page.evaluate(() => window.taken), []);
});

test('text can be selected and copied, and the copy buttons copy', async () => {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await open(FAILED);
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
  const headline = page.locator('.trace-headline bdi');
  const text = await headline.textContent();
  await headline.selectText();
  await page.keyboard.press('Control+c');
  await until(async () => (await clipboard()) === text);
  await page.locator('.run-name').getByRole('button', { name: 'copy' }).click();
  await until(async () => (await clipboard()) === 'order-1001');
  await page.keyboard.press('7');
  const recipe = page.locator('.recipe').first();
  await recipe.getByRole('button', { name: 'copy' }).click();
  await until(async () => (await clipboard()) === (await recipe.locator('pre').textContent()));
  await page.evaluate(() => getSelection().removeAllRanges());
});

test('what is open in a state is in the address, and stays while one walks', async () => {
  await open('p/demo_chat/run/chat-3-sums?step=8&tab=state');
  const tree = page.getByRole('group', { name: 'State after' });
  await tree.getByRole('button', { name: 'Close chat', exact: true }).click();
  await waitForParam('in-state', 'o0/chat');
  await page.keyboard.press('k');
  await waitForStep(7);
  await tree.getByRole('button', { name: 'Open chat', exact: true }).waitFor();
  await page.reload();
  await tree.getByRole('button', { name: 'Open chat', exact: true }).click();
  await waitForParam('in-state', 'o1/chat');
  await tree.locator('.talk-message').first().waitFor();
});

/* ---- keys ---- */

/* What ? lists, and what each key does: walks from a page, key by key. A key that is in none of them fails the test. */
const isAt = (pattern) => () => page.waitForURL((url) => pattern.test(url.pathname));
const focused = (selector) => () =>
  page.waitForFunction((wanted) => document.activeElement?.matches(wanted), selector);
const has = (name, value) => () => waitForParam(name, value);
const active = (index) => async () => {
  const row = page.locator('[role="row"]:not(:has([role="columnheader"]))').nth(index);
  await until(async () => (await row.getAttribute('data-active')) !== null);
};
const step = (id) => () => waitForStep(id);
const shown = (selector, hasText) => () => page.locator(selector, { hasText }).first().waitFor();
const gone = (selector) => () => page.locator(selector).first().waitFor({ state: 'detached' });
const tab = (name) => shown('[role="tab"][aria-selected="true"]', name);
const counted = (text) => shown('.page-head', text);
const button = (name, isPressed) => shown(`button[aria-pressed="${isPressed}"]`, name);
/* The first Escape closes what a field offers, the next one leaves it. */
const left = async () => {
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => document.activeElement === document.body);
};
const ROWS = [
  ['j', active(0)],
  ['ArrowDown', active(1)],
  ['k', active(0)],
  ['j', active(1)],
  ['ArrowUp', active(0)],
  ['Home', active(0)],
  ['/', focused('input')],
  ['Escape', left],
];
const WALKS = [
  ['', [...ROWS, ['Enter', isAt(/^\/p\/[^/]+$/)], ['g p', isAt(/^\/$/)], ['g s', isAt(/^\/status$/)]]],
  ['status', [['g f', isAt(/^\/file$/)]]],
  ['file', [['?', () => page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor()]]],
  [
    TREE,
    [
      ['r', counted('5 runs')],
      ...ROWS,
      ['r', counted('1 root run')],
      ['Home', active(0)],
      ['l', has('open', 'research-tea')],
      ['h', has('open', null)],
      ['ArrowRight', has('open', 'research-tea')],
      ['ArrowLeft', has('open', null)],
      ['Enter', isAt(/\/run\/research-tea$/)],
      ['g r', isAt(/^\/p\/[^/]+$/)],
    ],
  ],
  [
    `${LONG}?step=50`,
    [
      ['j', step(51)],
      ['ArrowDown', step(52)],
      ['k', step(51)],
      ['ArrowUp', step(50)],
      ['Home', step(0)],
      ['End', step(100)],
      ['f', button('Follow', false)],
      ['f', button('Follow', true)],
      ['Home', step(0)],
      ['s', () => page.waitForURL((url) => url.searchParams.has('step'))],
      ['c', button('Short pauses', false)],
      ['t', shown('.steps-head', 'clock')],
      ...['State', 'Result', 'Inputs', 'Error', 'Attributes', 'Code', 'Reproduce', 'Raw'].map(
        (name, index) => [String(index + 1), tab(name)],
      ),
      ['0', shown('.graph .node')],
      ['/', focused('input')],
      ['Escape', left],
      ['x', shown('.step-row.fold')],
      ['x', gone('.step-row.fold')],
    ],
  ],
  [
    `${FAILED}?step=0`,
    [
      ['e', step(2)],
      ['l', shown('.step-row.detail')],
      ['h', gone('.step-row.detail')],
      ['ArrowRight', shown('.step-row.detail')],
      ['ArrowLeft', gone('.step-row.detail')],
      /* Without a search there is no hit to go to, and nothing happens. */
      ['n', step(2)],
      ['N', step(2)],
      /* Nor was anything run again; nested.js opens what was. */
      ['a', step(2)],
    ],
  ],
];

async function listedKeys() {
  await page.keyboard.press('?');
  const dialog = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
  await dialog.waitFor();
  const keys = await dialog
    .locator('li > span:last-child > span')
    .evaluateAll((all) =>
      all.map((one) => [...one.querySelectorAll('kbd')].map((kbd) => kbd.textContent).join(' ')),
    );
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  /* However fast one key follows the other. */
  for (const key of ['?', '?', '?', 'Escape', '?', '?']) await page.keyboard.press(key);
  await page.waitForFunction(() => document.querySelector('dialog') === null);
  return keys;
}

const NAMED = { '↓': 'ArrowDown', '↑': 'ArrowUp', '←': 'ArrowLeft', '→': 'ArrowRight', Esc: 'Escape' };

test('every key that ? lists does what it says', async () => {
  const tried = new Set(WALKS.flatMap(([, walk]) => walk.map(([key]) => key)));
  for (const [path, walk] of WALKS) {
    await open(path);
    for (const key of await listedKeys())
      assert.ok(tried.has(NAMED[key] ?? key), `"${key}" of /${path} is tried`);
    for (const [key, check] of walk) {
      /* A pair comes within a second, however busy the machine is. */
      await Promise.all(key.split(' ').map((part) => page.keyboard.press(part)));
      await check().catch((error) => assert.fail(`"${key}" of /${path}: ${error.message}`));
    }
  }
  await page.evaluate(() => localStorage.clear());
});

/* ---- for everybody ---- */

const EVERY_PAGE = {
  projects: '',
  runs: 'p/demo_counter',
  tree: `${TREE}?open=research-tea`,
  run: 'p/demo_chat/run/chat-3-sums?step=8&open=8',
  failed: FAILED,
  reproduce: 'p/demo_fork/run/trip-to-prague?step=1&tab=reproduce',
  damaged: DAMAGED,
  status: 'status',
  file: 'file',
  missing: 'no/such/page',
};

async function ready(name) {
  await page.locator('.liveness.live').or(page.locator('.notice')).first().waitFor();
  if (name === 'damaged') {
    await page.locator('.damage summary').click();
    await page.locator('.damage li').first().waitFor();
  }
  if (name === 'file') {
    await page
      .locator('input[type=file]')
      .setInputFiles(['log.jsonl', 'graph.json'].map((file) => pathOf('demo_failure', 'order-1001', file)));
    await page.locator('.file-step').first().waitFor();
  }
  if (await page.locator('.graph').isVisible()) await page.locator('.graph .node.current').waitFor();
}

test('everybody can use every page, in both themes', async () => {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    for (const [name, path] of Object.entries(EVERY_PAGE)) {
      await open(path);
      await ready(name);
      await checkAccess(page, `${name}, ${colorScheme}`);
    }
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    await checkAccess(page, `the keys, ${colorScheme}`);
  }
});

test('everybody can enter the token, in both themes', async () => {
  const known = complaints.length;
  const token = '0123456789abcdef0123';
  const file = join(folder, 'token');
  writeFileSync(file, token, { mode: 0o600 });
  const other = await startCollector(join(folder, 'other'), 0, { options: ['--token-file', file] });
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.goto(other.url);
    await page.locator('input').waitFor();
    await checkAccess(page, `token, ${colorScheme}`);
  }
  await page.locator('input').fill(token);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'No runs yet' }).waitFor();
  await page.goto('about:blank');
  await other.end('SIGTERM');
  forgive(known, /401/);
});

/* 1024 px at 200 % are 512. */
test('every page fits at 200 % and on a phone', async () => {
  for (const width of [512, 390]) {
    await page.setViewportSize({ width, height: 700 });
    for (const [name, path] of Object.entries(EVERY_PAGE)) {
      await open(path);
      await ready(name);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(wide <= 0, `${name} at ${width}: ${wide} px too wide`);
    }
  }
  await page.setViewportSize({ width: 1440, height: 900 });
});

test('nothing was complained about', () => assert.deepEqual(complaints, []));

if (options.out)
  test('pictures', async () => {
    mkdirSync(options.out, { recursive: true });
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      for (const [width, height] of [
        [1440, 900],
        [1024, 768],
        [390, 844],
      ]) {
        await page.setViewportSize({ width, height });
        for (const [name, path] of Object.entries(EVERY_PAGE)) {
          await open(path);
          await ready(name);
          await page.screenshot({ path: join(options.out, `every-${name}-${colorScheme}-${width}.png`) });
        }
      }
    }
  });
