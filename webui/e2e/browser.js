/* The Chromium that the browser tests drive. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const chrome = process.env.BURR_CHROME ?? '/usr/bin/chromium';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Ends the process, well, where there is no browser. */
export function needBrowser() {
  if (existsSync(chrome)) return;
  console.log(`skipped: no Chromium at ${chrome} (set BURR_CHROME)`);
  process.exit(0);
}

/** A browser with a profile of its own; what its page complained about is added to `complaints`. */
export async function openBrowser(complaints, flags = []) {
  const profile = mkdtempSync(join(tmpdir(), 'burr-e2e-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: chrome,
    args: [...FLAGS, ...flags],
    viewport: { width: 1440, height: 900 },
    deviceScaleFactor: 1,
    colorScheme: 'light',
  });
  const page = context.pages()[0] ?? (await context.newPage());
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`page: ${error.message}`));
  const close = async () => {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  };
  return { page, close };
}
