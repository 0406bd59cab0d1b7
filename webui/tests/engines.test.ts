/* Every package that `npm ci` installs must run on Debian 12's Node, and the lock file must name no registry. */
import { readFileSync } from 'node:fs';
import { satisfies } from 'semver';
import { expect, test } from 'vitest';

const OLDEST_NODE = '18.19.0';

interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly version?: string; readonly engines?: { readonly node?: string } }>
  >;
}

const text = readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8');
const lock = JSON.parse(text) as Lock;

test(`every locked package runs on Node ${OLDEST_NODE}`, () => {
  const tooNew = Object.entries(lock.packages)
    .filter(([, entry]) => entry.engines?.node !== undefined && !satisfies(OLDEST_NODE, entry.engines.node))
    .map(([path, entry]) => `${path}@${entry.version ?? '?'} wants ${entry.engines?.node ?? ''}`);
  expect(Object.keys(lock.packages).length).toBeGreaterThan(50);
  expect(tooNew).toEqual([]);
});

test('the lock file names no registry', () => {
  expect(text).not.toMatch(/"resolved":/);
});
