/* The page of a run in a browser, over a store that stores.py makes: what its tests share. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openBrowser } from './browser.js';
import { endAll, startCollector } from './processes.js';

/** Asks again until it holds; the time limit is the test's. */
export async function until(holds) {
  for (const end = Date.now() + 30_000; !(await holds().catch(() => false));)
    assert.ok(Date.now() < end, `${holds} in time`);
}

/** A collector on a store of these kinds, indexed, and a page. */
export async function startRunPage(kinds) {
  const complaints = [];
  const folder = mkdtempSync(join(tmpdir(), 'burr-run-page-'));
  const store = join(folder, 'store');
  const made = spawnSync('python3', [fileURLToPath(new URL('stores.py', import.meta.url)), store, ...kinds]);
  assert.equal(made.status, 0, String(made.stderr));
  const { url } = await startCollector(store);
  await until(async () => {
    const { index } = await (await fetch(`${url}api/v1/status`)).json();
    return index.ready && index.waiting === 0;
  });
  const browser = await openBrowser(complaints);
  const { page } = browser;
  page.setDefaultTimeout(15_000);
  const row = (id) =>
    page.locator('.step-row[data-number]', { has: page.locator('.seq', { hasText: new RegExp(`^${id}$`) }) });
  return {
    page,
    store,
    complaints,
    row,
    api: async (path) => {
      const response = await fetch(`${url}api/v1/projects/${path}`);
      assert.equal(response.status, 200, path);
      return response.json();
    },
    open: async (run, query = '') => {
      await page.goto(`${url}p/${run}${query}`);
      await page.locator('.step-row:not(.waiting-row)').first().waitFor();
    },
    param: (name) => new URL(page.url()).searchParams.get(name),
    waitForParam: (name, value) => page.waitForURL((at) => at.searchParams.get(name) === value),
    waitForStep: (id) =>
      page.locator('.step-row[aria-current="step"] .seq', { hasText: new RegExp(`^${id}$`) }).waitFor(),
    end: async () => {
      await browser.close();
      await endAll();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
