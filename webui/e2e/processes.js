/* The programs that the browser tests start: a collector on a store of their own, and one that records. All are ended by `endAll`. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const children = new Set();

export function start(program, args) {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exit = once(child, 'exit');
  children.add(child);
  const end = async (signal) => {
    child.kill(signal);
    await exit;
    children.delete(child);
  };
  return { child, lines, end };
}

/** `burr serve` on the store, from the moment it has printed its address. Port 0: any. */
export async function startCollector(store, port = 0, { program = process.env.BURR, options = [] } = {}) {
  const process_ = start(program, [
    'serve',
    ...['--store', store, '--port', String(port)],
    ...['--no-open', '--no-demo', ...options],
  ]);
  for (;;) {
    const { value, done } = await process_.lines.next();
    assert.ok(!done, 'the collector ended before it printed its address');
    const found = /http:\/\/localhost:(\d+)/.exec(value);
    if (found) return { ...process_, port: Number(found[1]), url: `http://127.0.0.1:${found[1]}/` };
  }
}

/** A program that records one step whenever it is told to. */
export function startWriter(store, project, app) {
  const writer = start(join(process.env.BURR_BUILD, 'tests', 'e2e_writer'), ['turns', store, project, app]);
  let last = -1;
  /* Gives the number of the step and when the writer said that it is recorded. */
  const record = async () => {
    writer.child.stdin.write(`${last}\n`);
    const { value } = await writer.lines.next();
    last += 1;
    assert.equal(value, String(last));
    return { step: last, at: Date.now() };
  };
  const recordMany = async (count) => {
    for (let i = 0; i < count; i++) await record();
  };
  return { ...writer, record, recordMany, last: () => last };
}

/** A program that has recorded `count` steps and is in the middle of one more. */
export async function startHolding(store, project, app, count) {
  const args = ['hold', store, project, app, String(count)];
  const writer = start(join(process.env.BURR_BUILD, 'tests', 'e2e_writer'), args);
  const expect = async (word) => assert.equal((await writer.lines.next()).value, word);
  await expect('ready');
  writer.child.stdin.write('\n');
  await expect('holding');
  return writer;
}

/** A program that records all the time: `rate` steps a second over `runs` runs, app-0 and so on. */
export function startPace(store, project, app, { runs, rate }) {
  const args = ['pace', store, project, app, String(runs), String(rate)];
  const writer = start(join(process.env.BURR_BUILD, 'tests', 'e2e_writer'), args);
  /* [step, ms]: the last step of the first run, and when it was recorded. */
  const recorded = [];
  const reading = (async () => {
    for await (const line of writer.lines) recorded.push(line.split(' ').map(Number));
  })();
  const stop = async () => {
    writer.child.stdin.end();
    await reading;
  };
  /* When a step was recorded, at the latest. */
  const timeOf = (step) => recorded.find(([last]) => last >= step)?.[1] ?? null;
  return { ...writer, stop, recorded, timeOf };
}

export async function endAll() {
  for (const child of children) child.kill('SIGKILL');
  await Promise.all([...children].map((child) => child.exitCode ?? child.signalCode ?? once(child, 'exit')));
  children.clear();
}
