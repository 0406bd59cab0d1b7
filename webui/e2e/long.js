/* A run of 700,000 steps in a real Chromium, which is taller than a browser scrolls: its ends, filtered and folded too, and all between.
 *
 *   BURR=… npm run long */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { needBrowser } from './browser.js';
import { startRunPage, until } from './runPage.js';

needBrowser();

const RUN = 'steps_700k/run/700000-steps';
const LAST = 699_999;
let at;
let page;
let asked = [];

before(async () => {
  at = await startRunPage(['steps_700k']);
  ({ page } = at);
  page.on('request', (request) => asked.push(new URL(request.url())));
});
after(() => at?.end());

const list = () => page.locator('.steps-scroll');
const askedFor = (name, param) =>
  asked.filter(({ pathname, searchParams }) => pathname.endsWith(`/${name}`) && searchParams.has(param));

/* Sequence ids of the rows on the screen. */
const seen = () =>
  list().evaluate((scroller) => {
    const { top, bottom } = scroller.getBoundingClientRect();
    return [...scroller.querySelectorAll('.step-row[data-number]')]
      .filter((row) => row.getBoundingClientRect().top >= top && row.getBoundingClientRect().bottom <= bottom)
      .map((row) => Number(row.querySelector('.seq').textContent));
  });
/* The step at the top of the screen and where it is drawn. */
const topRow = () =>
  list().evaluate((scroller) => {
    const { top } = scroller.getBoundingClientRect();
    const rows = [...scroller.querySelectorAll('.step-row[data-number]')];
    const first = rows.find((row) => row.getBoundingClientRect().top >= top);
    return [first.dataset.number, Math.round(first.getBoundingClientRect().top)];
  });
const wheel = async (pixels) => {
  await list().hover();
  await page.mouse.wheel(0, pixels);
};

test('both ends are reached, and the rows between', async () => {
  await at.open(RUN);
  await at.waitForStep(LAST);
  assert.equal((await seen()).at(-1), LAST);
  await page.keyboard.press('Home');
  await at.waitForStep(0);
  assert.equal((await seen())[0], 0);
  await list().evaluate((scroller) => (scroller.scrollTop = scroller.scrollHeight / 2));
  await until(async () => Math.abs((await seen())[0] - LAST / 2) < 1000);
});

test('the wheel moves by pixels of the list, and nothing jumps when it rests', async () => {
  await at.open(RUN, '?step=350000');
  await at.waitForStep(350_000);
  const before = await seen();
  await wheel(260);
  await until(async () => (await seen())[0] === before[0] + 10);
  const rested = await topRow();
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 400)));
  assert.deepEqual(await topRow(), rested);
  for (let turn = 0; turn < 10; turn++) await wheel(-2600);
  await until(async () => (await seen())[0] === before[0] + 10 - 1000);
});

test('keys move by one row anywhere', async () => {
  await at.open(RUN, '?step=500000');
  await at.waitForStep(500_000);
  for (let n = 1; n <= 30; n++) await page.keyboard.press('j');
  await at.waitForStep(500_030);
  assert.ok((await seen()).includes(500_030));
});

test('a filter shows the newest steps first, and reads no more than it shows', async () => {
  asked = [];
  await at.open(RUN, '?action=judge');
  await until(async () => (await seen()).at(-1) === 699_998);
  const first = askedFor('steps', 'action').length;
  assert.ok(first <= 6, `${first} questions`);
  await page.keyboard.press('Home');
  await until(async () => (await seen())[0] === 2);
  await page.keyboard.press('End');
  await until(async () => (await seen()).at(-1) === 699_998);
  const all = askedFor('steps', 'action').length;
  assert.ok(all <= 12, `${all} questions`);
});

test('what is read above moves nothing on the screen', async () => {
  await at.open(RUN, '?action=judge');
  await until(async () => (await seen()).at(-1) === 699_998);
  const height = () => list().evaluate((scroller) => scroller.scrollHeight);
  const before = await height();
  await list().evaluate((scroller) => (scroller.scrollTop = 40 * 26));
  const top = await topRow();
  await until(async () => (await height()) > before);
  assert.deepEqual(await topRow(), top);
});

test('a link into the middle of a filtered list reads around it', async () => {
  await at.open(RUN, '?step=350000&action=judge');
  await until(async () => (await seen()).includes(350_000) || (await seen()).includes(350_003));
  const ids = await seen();
  assert.ok(ids.some((id) => id < 350_000) && ids.some((id) => id > 350_000), String(ids));
});

test('folded cycles begin at the newest end, too', async () => {
  asked = [];
  await at.open(RUN, '?fold=1');
  await page.locator('.step-row.fold', { hasText: `–${LAST}` }).waitFor();
  assert.ok(askedFor('folded', 'order').length <= 6);
  await page.keyboard.press('Home');
  await until(async () => (await seen())[0] === 0);
});

test('a small picture shows a value over the whole run', async () => {
  asked = [];
  await at.open(RUN, '?pin=%252Fscore');
  const spark = page.locator('.pin-head .spark');
  await spark.waitFor();
  const [, least, most] = /from (\S+) to (\S+)/.exec(await spark.getAttribute('aria-label'));
  assert.ok(Number(least) < -9.9 && Number(most) > 9.9);
  const path = await spark.locator('path').getAttribute('d');
  const xs = [...path.matchAll(/H([\d.]+)/g)].map((match) => Number(match[1]));
  assert.ok(xs.length > 300 && xs.some((x) => x > 0.4 && x < 0.6), `${xs.length} moves`);
  assert.equal(askedFor('history', 'samples').length, 1);
});

test('nothing was complained about', () => assert.deepEqual(at.complaints, []));
