/* A store of many runs, written as Burr's own tracker writes one: what the lists are tried with. The same runs each time, told apart by their
 * number, ending `now` and going back by a minute a run.
 *
 *   node e2e/store.js DIR COUNT      a project "many" of COUNT runs */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TRACE =
  'Traceback (most recent call last):\n  File "app.py", line 7, in ask\nTimeoutError: the model took too long';
const GRAPH = {
  type: 'application',
  entrypoint: 'ask',
  actions: ['ask', 'answer', 'done'].map((name) => ({
    ...{ type: 'action', name, reads: [], writes: ['n'], code: '', inputs: [], optional_inputs: [] },
  })),
  transitions: [
    { type: 'transition', from_: 'ask', to: 'answer', condition: 'default' },
    { type: 'transition', from_: 'answer', to: 'ask', condition: 'more' },
    { type: 'transition', from_: 'answer', to: 'done', condition: 'default' },
  ],
};

/* Names as somebody may give them. */
const ODD = ['🦔 hedgehog', 'תשובה ראשונה', 'x'.repeat(200), 'a,b "quoted"'];

/** The id of the run with this number. */
export function runName(number) {
  return ODD[number] ?? `run-${String(number).padStart(6, '0')}`;
}

/** What became of it. */
export function fateOf(number) {
  if (number % 7 === 3) return 'failed';
  return number % 7 === 5 ? 'waiting' : 'ok';
}

function writeRun(folder, number, startMs) {
  const iso = (ms) => new Date(startMs + ms).toISOString().replace('Z', '000Z');
  const fate = fateOf(number);
  const actions = {
    ok: ['ask', 'answer', 'done'],
    waiting: ['ask', 'answer'],
    failed: ['ask', 'answer', 'ask'],
  }[fate];
  const lines = actions.flatMap((action, step) => {
    const fails = fate === 'failed' && step === 2;
    const state = {
      n: number,
      user: { name: `user_${number % 5}` },
      __SEQUENCE_ID: step,
      __PRIOR_STEP: action,
    };
    const ended = {
      action,
      result: fails ? null : {},
      exception: fails ? TRACE : null,
      state,
      sequence_id: step,
    };
    const tokens = { action_sequence_id: step, span_id: null, value: 100 + (number % 50), tags: {} };
    return [
      { type: 'begin_entry', start_time: iso(step * 1000), action, inputs: {}, sequence_id: step },
      { type: 'attribute', key: 'gen_ai.usage.input_tokens', ...tokens, time_logged: iso(step * 1000 + 300) },
      { type: 'end_entry', end_time: iso(step * 1000 + 400 + (number % 9) * 50), ...ended },
    ];
  });
  const pointer = { type: 'pointer_data', app_id: runName(0), sequence_id: 1, partition_key: null };
  const metadata = {
    type: 'application_metadata',
    partition_key: number % 4 === 0 ? null : `user_${number % 5}`,
    parent_pointer: number === 8 ? pointer : null,
    spawning_parent_pointer: number >= 9 && number < 12 ? pointer : null,
  };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'log.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  writeFileSync(join(folder, 'metadata.json'), JSON.stringify(metadata));
  writeFileSync(join(folder, 'graph.json'), JSON.stringify(GRAPH));
}

export function writeStore(store, count, nowMs = Date.now()) {
  for (let number = 0; number < count; number++)
    writeRun(join(store, 'many', runName(number)), number, nowMs - (number + 1) * 60_000);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeStore(process.argv[2], Number(process.argv[3]));
