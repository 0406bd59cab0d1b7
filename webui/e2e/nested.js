/* What is below a step in the list of a run, in a real Chromium: earlier attempts, spawned runs to any depth, and that links restore it.
 *
 *   BURR=… npm run nested -- [--out DIR]
 *
 * With --out, pictures are left there. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseArgs } from 'node:util';
import { checkAccess } from './axe.js';
import { needBrowser } from './browser.js';
import { startRunPage, until } from './runPage.js';

const { values: options } = parseArgs({ options: { out: { type: 'string' } } });
needBrowser();

const TAKEN_BACK = 'taken_back/run/600-by-3';
const TOP = 'nested/run/top';
let at;
let page;

before(async () => {
  at = await startRunPage(['taken_back', 'nested', 'spawned_200', 'values']);
  ({ page } = at);
});
after(() => at?.end());

const earlier = () => page.locator('.step-row.earlier');
const child = (name) => page.locator('.step-row.child', { hasText: name });
const innerSteps = () => page.locator('.step-row.inner-step');
const spans = () => page.locator('.step-row.detail', { hasText: 'span' });

test('earlier attempts fold below the last', async () => {
  await at.open(TAKEN_BACK);
  await at.waitForStep(599);
  await page.locator('.steps-count', { hasText: /^600 steps$/ }).waitFor();
  assert.equal(await at.row(599).count(), 1);
  assert.equal(await page.locator('.superseded').count(), 0);
  await at.row(599).locator('.attempts', { hasText: '×3' }).click();
  await earlier().nth(1).waitFor();
  assert.deepEqual(await earlier().locator('.attempt').allTextContents(), [' attempt 2', ' attempt 1']);
  await at.waitForParam('earlier', '599');
  await page.reload();
  await earlier().nth(1).waitFor();
  await at.row(599).first().locator('.attempts').click();
  await earlier().first().waitFor({ state: 'detached' });
});

test('keys open them, walk through them, and close them', async () => {
  await at.open(TAKEN_BACK, '?step=300');
  await at.waitForStep(300);
  await page.keyboard.press('a');
  await earlier().nth(1).waitFor();
  await page.keyboard.press('j');
  await at.waitForParam('attempt', '2');
  await page.locator('.inspector-title .chip', { hasText: 'attempt 2, replaced' }).waitFor();
  await page.keyboard.press('j');
  await at.waitForParam('attempt', '1');
  await page.keyboard.press('j');
  await at.waitForStep(301);
  await page.keyboard.press('k');
  await at.waitForParam('attempt', '1');
  await page.keyboard.press('a');
  await earlier().first().waitFor({ state: 'detached' });
  await at.waitForStep(300);
  await at.waitForParam('attempt', null);
  await page.keyboard.press('k');
  await at.waitForStep(299);
});

test('a link to an earlier attempt shows it below the last', async () => {
  await at.open(TAKEN_BACK, '?step=200&attempt=1');
  await page.locator('.step-row.earlier[aria-current="step"]').waitFor();
  assert.equal(await earlier().count(), 2);
  assert.equal(await at.row(200).count(), 3);
});

test('an earlier attempt has its own spans', async () => {
  await at.open('taken_back/run/each-again', '?step=30&attempt=1');
  await page.locator('.step-row.earlier[aria-current="step"]').waitFor();
  await page.keyboard.press('l');
  await spans().first().waitFor();
  const rows = await page.locator('.step-row').evaluateAll((all) => all.map((row) => row.className));
  const first = rows.findIndex((name) => name.includes('earlier'));
  assert.match(rows[first + 1], /detail/);
});

/* Another attempt at the steps [from, to) of a run whose page is open. */
function tryAgain(run, from, to) {
  const records = Array.from({ length: to - from }, (_, index) => from + index).flatMap((n) => {
    const step = { action: ['ask', 'work', 'check'][n % 3], sequence_id: n };
    const state = { n, attempt: 'again', __SEQUENCE_ID: n, __PRIOR_STEP: step.action };
    return [
      { type: 'begin_entry', start_time: `2026-01-02T00:00:${n % 60}.000000Z`, inputs: {}, ...step },
      {
        ...{ type: 'end_entry', end_time: `2026-01-02T00:00:${n % 60}.000500Z`, result: null },
        ...{ exception: null, state, ...step },
      },
    ];
  });
  const lines = records.map((record) => `${JSON.stringify(record)}\n`).join('');
  appendFileSync(join(at.store, run.replace('/run/', '/'), 'log.jsonl'), lines);
}

test('a step that is read is not taken away by its next attempt', async () => {
  const run = 'taken_back/run/each-again';
  await at.open(run, '?step=50');
  await at.waitForStep(50);
  await page.locator('.inspector-title .chip', { hasText: /^attempt 2$/ }).waitFor();
  tryAgain(run, 49, 52);
  await at.row(51).locator('.attempts', { hasText: '×3' }).waitFor();
  await page.locator('.inspector-title .chip', { hasText: 'attempt 2, replaced' }).waitFor();
  await page.locator('.step-row.earlier[aria-current="step"] .attempt', { hasText: '2' }).waitFor();
  /* The link still leads to it. */
  await at.waitForParam('attempt', '2');
  await page.reload();
  await page.locator('.inspector-title .chip', { hasText: 'attempt 2, replaced' }).waitFor();
});

for (const [query, first] of [
  ['fold=1', 27],
  ['action=ask&attempts=last', 21],
])
  test(`what is taken back goes from a list with ${query}`, async () => {
    const run = 'taken_back/run/each-again';
    await at.open(run, `?step=30&${query}`);
    await at.waitForStep(30);
    const lastAttempt = async () => {
      const { steps } = await at.api(
        `taken_back/runs/each-again/steps?sequence_id=${first}&superseded=false`,
      );
      return page.locator(`.step-row[data-number="${steps[0].number}"]`);
    };
    const before = await lastAttempt();
    await before.waitFor();
    tryAgain(run, first, first + 3);
    await before.waitFor({ state: 'detached' });
    await (await lastAttempt()).waitFor();
    assert.equal(await page.locator('.step-row.superseded').count(), 0);
  });

test('cycles fold over last attempts alone, and a filter lists every attempt', async () => {
  await at.open(TAKEN_BACK, '?fold=1');
  const folds = page.locator('.step-row.fold .times');
  await folds.nth(1).waitFor();
  assert.deepEqual(await folds.allTextContents(), ['×33', '×166']);
  await at.open(TAKEN_BACK, '?status=failed');
  await page.locator('.steps-head', { hasText: '2 of 1,600 steps' }).waitFor();
  assert.equal(await page.locator('.step-row.superseded').count(), 2);
});

test('spawned runs open in place, to any depth, and a link restores them', async () => {
  await at.open(TOP, '?step=0');
  await page.locator('.step-row[data-number="1"] .row-toggle').click();
  await child('left').waitFor();
  await child('left').locator('.row-toggle').click();
  await innerSteps().nth(4).waitFor();
  await innerSteps().nth(1).locator('button.row-toggle').click();
  await child('deep').locator('.row-toggle').click();
  await innerSteps().nth(7).waitFor();
  await innerSteps().nth(2).locator('button.row-toggle').click();
  await spans().nth(1).waitFor();
  await at.waitForParam('open', '1,1/left,1/left/1,1/left/1/deep,1/left/1/deep/0');
  await page.reload();
  await spans().nth(1).waitFor();
  assert.equal(await innerSteps().count(), 8);
  /* Closing one closes what is in it. */
  await child('left').locator('.row-toggle').click();
  await child('deep').waitFor({ state: 'detached' });
  await at.waitForParam('open', '1');
});

test('their steps are on the same axis', async () => {
  await at.open(TOP, '?open=1,1/left');
  await innerSteps().nth(4).waitFor();
  const { steps } = await at.api('nested/runs/left/steps');
  const own = (await at.api('nested/runs/top/steps')).steps;
  const us = (time) => Date.parse(time) * 1000 + Number(time.slice(23, 26));
  const boxOf = (locator) => locator.evaluate((bar) => bar.getBoundingClientRect().toJSON());
  const first = await boxOf(page.locator('.step-row[data-number="0"] .bar'));
  const delegate = await boxOf(page.locator('.step-row[data-number="1"] .bar'));
  const perUs = (delegate.left - first.left) / (us(own[1].started) - us(own[0].started));
  for (const [index, step] of steps.entries()) {
    const box = await boxOf(innerSteps().nth(index).locator('.bar'));
    const expected = first.left + (us(step.started) - us(own[0].started)) * perUs;
    assert.ok(Math.abs(box.left - expected) < 2, `step ${index}: ${box.left}, not ${expected}`);
  }
});

test('a long spawned run is drawn and asked for where it is looked at', async () => {
  await at.open(TOP, '?open=1,1/right&step=0');
  await innerSteps().nth(10).waitFor();
  assert.ok((await page.locator('.step-row').count()) < 100);
  await page.locator('.steps-scroll').evaluate((list) => (list.scrollTop = list.scrollHeight));
  await innerSteps().locator('.seq', { hasText: /^399$/ }).waitFor();
  const link = innerSteps().last().locator('a');
  assert.match(await link.getAttribute('href'), /nested\/run\/right\?step=399$/);
});

test('two hundred spawned runs are told by one answer', async () => {
  const asked = [];
  const note = (request) => asked.push(new URL(request.url()).pathname);
  page.on('request', note);
  await at.open('spawned_200/run/parent', '?open=0,1,2,3&step=0');
  await child('child-000').locator('.status').waitFor();
  page.off('request', note);
  assert.equal(asked.filter((path) => path.endsWith('/runs')).length, 1);
  assert.ok((await page.locator('.step-row').count()) < 100);
  await page.locator('.steps-scroll').evaluate((list) => (list.scrollTop = list.scrollHeight));
  await child('child-199').waitFor();
});

test('what is open in a tree of values is in the address', async () => {
  const values = `values/run/kinds-${'n'.repeat(180)}`;
  await at.open(values, '?step=2&tab=state');
  const state = page.getByLabel('State after');
  await state.getByRole('button', { name: 'Open deep.level_59', exact: true }).click();
  const deeper = state.getByRole('button', { name: 'Open deep.level_59[0]', exact: true });
  await deeper.waitFor();
  assert.equal(at.param('in-state'), 'o1/deep/level_59');
  await page.reload();
  await deeper.waitFor();
  await page.keyboard.press('j');
  await at.waitForStep(3);
  await deeper.waitFor();
});

for (const colorScheme of ['light', 'dark'])
  test(`everybody can use it, ${colorScheme}`, async () => {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    if (options.out) mkdirSync(options.out, { recursive: true });
    const look = async (name) => {
      await checkAccess(page, `${name}, ${colorScheme}`);
      if (options.out) await page.screenshot({ path: join(options.out, `${name}-${colorScheme}.png`) });
    };
    await at.open(TOP, '?open=1,1/left,1/left/1,1/left/1/deep,1/left/1/deep/0&step=1');
    await spans().nth(1).waitFor();
    await until(() => page.locator('.graph .node').count());
    await look('run-spawned');
    await at.open(TAKEN_BACK, '?step=590&attempt=1');
    await page.locator('.step-row.earlier[aria-current="step"]').waitFor();
    await look('run-attempts');
  });

test('nothing was complained about', () => assert.deepEqual(at.complaints, []));
