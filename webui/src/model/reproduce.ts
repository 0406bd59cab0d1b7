/* What can be pasted to look at a step's state again, to make a test of it, to go on from it, and to resume a run. */
import type { Action, Machine } from './graph';

export interface Subject {
  /** The store, where it is not the usual one. */
  readonly store: string | null;
  readonly project: string;
  readonly appId: string;
  readonly partitionKey: string | null;
  readonly sequenceId: number;
  /** The newest step of the run failed: resuming runs it again. */
  readonly failedLast: boolean;
  /** The action of the step; null: its name is not known. */
  readonly action: string | null;
  /** The step has ended, so there is something to test. */
  readonly ended: boolean;
  readonly machine: Machine;
}

export interface Recipe {
  readonly language: 'shell' | 'c' | 'python';
  readonly title: string;
  readonly code: string;
}

/** A text as one word of a POSIX shell. */
export function shellWord(text: string): string {
  return /^[\w./:=@%+-]+$/.test(text) && !text.startsWith('-') ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/* Non-ASCII stands as it is, in UTF-8; a question mark is escaped because of trigraphs. */
function cString(text: string): string {
  const escaped = text.replace(/[\\"]/g, '\\$&').replace(/\?/g, '\\?');
  return `"${escaped.replace(/[\u0000-\u001f]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`)}"`;
}

function pythonString(text: string): string {
  return JSON.stringify(text).replace(/[\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16)}`);
}

/** In the language first that the run's actions are written in. */
export function recipesFor(subject: Subject): readonly Recipe[] {
  const inC = [forkInC(subject), resumeInC(subject)];
  const inPython = [loadInPython(subject), forkInPython(subject)];
  const shell = [look(subject), ...forkAndRun(subject), ...(subject.ended ? testCases(subject) : [])];
  return isPython(subject.machine) ? [...shell, ...inPython, ...inC] : [...shell, ...inC, ...inPython];
}

/** What a shell has to know of a store that is not the usual one. */
export function storeLine(store: string): string {
  return `export BURR_STORE=${shellWord(store)}`;
}

function inShell(title: string, { store }: Subject, lines: readonly string[]): Recipe {
  return {
    language: 'shell',
    title,
    code: [...(store === null ? [] : [storeLine(store)]), ...lines].join('\n'),
  };
}

function look(subject: Subject): Recipe {
  const { project, appId, sequenceId } = subject;
  const run = `${shellWord(project)} ${shellWord(appId)}`;
  return inShell('Look at the state after this step', subject, [
    `burr state ${run} --sequence-id ${sequenceId}`,
    ...(sequenceId > 0 ? [`burr diff ${run} ${sequenceId}        # what this step changed`] : []),
  ]);
}

function testCases(subject: Subject): readonly Recipe[] {
  const { project, appId, sequenceId, action } = subject;
  const file = `test_${(action ?? '').replace(/\W+/g, '_') || 'step'}`;
  const create = [
    `burr test-case create ${shellWord(project)} ${shellWord(appId)} --sequence-id ${sequenceId}`,
    `  --target-file-name ${file}.json`,
  ].join(' \\\n');
  const title = 'Make a test case of this step';
  const inC = inShell(`${title}, for libburr`, subject, [`${create} --template c >${file}.c`]);
  const inPython = inShell(`${title}, for pytest`, subject, [`${create} >${file}.py`]);
  return isPython(subject.machine) ? [inPython, inC] : [inC, inPython];
}

function isPython({ actions }: Machine): boolean {
  return actions.some(({ code }) => /^\s*(@|class |(async )?def )/.test(code));
}

/* The name by which C knows an action whose source, as libburr's macros begin it, was recorded. */
function symbolOf({ name, code }: Action): string | null {
  const symbol = /^BURR_(?:STREAMING_)?ACTION\((\w+),/.exec(code)?.[1];
  return symbol === name ? symbol : null;
}

const END = 'END_OF_PROGRAM';

/* A whole program of the actions as they were recorded, where they were; what else they call is for its reader to add. */
function forkAndRun(subject: Subject): readonly Recipe[] {
  const { actions, transitions } = subject.machine;
  if (actions.length === 0 || actions.some((action) => symbolOf(action) === null)) return [];
  const inputs = [...new Set(actions.flatMap((action) => [...action.inputs, ...action.optionalInputs]))];
  const keys = new Set(actions.flatMap((action) => [...action.reads, ...action.writes]));
  const ways = transitions.map(({ from, to, condition }) => {
    const always = condition === 'default';
    const text = [from, to].map(cString).join(', ');
    const mayBeFunction = !always && /^\w+$/.test(condition) && !keys.has(condition);
    const doubt = mayBeFunction ? ' /* a function? then burr_with_transition_predicate */' : '';
    return `\tburr_with_transition(b, ${text}, ${always ? 'NULL' : cString(condition)});${doubt}`;
  });
  const wanted = inputs.length > 0 ? ` /* inputs: ${inputs.join(', ')} */` : '';
  const program = [
    '#include <burr/burr.h>\n#include <stdio.h>\n#include <string.h>\n',
    ...actions.map((action) => `${action.code}\n`),
    'int main(void)\n{',
    '\tburr_error err = BURR_ERROR_INIT;\n\tburr_app *app = NULL;\n\tburr_builder *b = burr_builder_new();',
    ...actions.map((action) => `\tburr_with_action(b, &${action.name});`),
    ...ways,
    ...forkLines(subject).map((line) => `\t${line}`),
    `\tif (burr_build(b, &app, &err) || burr_app_run(app, NULL, "{}"${wanted}, &err))`,
    '\t\tfprintf(stderr, "%s\\n", err.message);',
    '\tif (app)\n\t\tprintf("%s\\n%s\\n", burr_app_state_json(app), burr_app_url(app));',
    '\tburr_app_free(app);\n\treturn err.code ? 1 : 0;\n}',
  ];
  const run = 'cc fork.c $(pkg-config --cflags --libs burr) -o fork && ./fork';
  return [
    inShell('Fork and run: a program of the actions as they were recorded', subject, [
      `cat >fork.c <<'${END}'`,
      ...program,
      END,
      run,
    ]),
  ];
}

function forkLines({ project, appId, sequenceId }: Subject): readonly string[] {
  return [
    'burr_initialize_options from = BURR_INITIALIZE_OPTIONS_INIT;',
    `from.fork_from_app_id = ${cString(appId)};`,
    `from.fork_from_sequence_id = ${sequenceId};`,
    'burr_initialize_from(b, &from); /* in place of burr_with_state and burr_with_entrypoint */',
    `burr_with_tracker(b, ${cString(project)});`,
  ];
}

function forkInC(subject: Subject): Recipe {
  return {
    language: 'c',
    title: 'Fork, in a program of yours: a new run that goes on after this step',
    code: forkLines(subject).join('\n'),
  };
}

function resumeInC({ project, appId, partitionKey, failedLast }: Subject): Recipe {
  const key = partitionKey === null ? 'NULL' : cString(partitionKey);
  return {
    language: 'c',
    title: failedLast
      ? 'Resume the run: the step that failed is run again'
      : 'Resume the run where it stopped',
    code: `burr_initialize_options from = BURR_INITIALIZE_OPTIONS_INIT;
burr_with_identifiers(b, ${cString(appId)}, ${key}, BURR_NO_SEQUENCE_ID);
burr_initialize_from(b, &from); /* in place of burr_with_state and burr_with_entrypoint */
burr_with_tracker(b, ${cString(project)});`,
  };
}

function clientOf({ project, store }: Subject): string {
  const where = store === null ? '' : `, storage_dir=${pythonString(store)}`;
  return `LocalTrackingClient(project=${pythonString(project)}${where})`;
}

function loadInPython(subject: Subject): Recipe {
  const { appId, partitionKey, sequenceId } = subject;
  return {
    language: 'python',
    title: 'Load the state after this step',
    code: `from burr.tracking.client import LocalTrackingClient

client = ${clientOf(subject)}
loaded = client.load(${partitionKey === null ? 'None' : pythonString(partitionKey)}, app_id=${pythonString(appId)}, sequence_id=${sequenceId})
print(loaded["state"])`,
  };
}

function forkInPython(subject: Subject): Recipe {
  const { appId, partitionKey, sequenceId, action } = subject;
  const partition =
    partitionKey === null ? '' : `\n        fork_from_partition_key=${pythonString(partitionKey)},`;
  return {
    language: 'python',
    title: 'Fork, in a program of yours: a new run that goes on after this step',
    code: `from burr.core import ApplicationBuilder
from burr.tracking.client import LocalTrackingClient

client = ${clientOf(subject)}
app = (
    ApplicationBuilder()
    .with_graph(graph)  # yours
    .with_tracker(client)
    .initialize_from(
        client,
        resume_at_next_action=True,
        default_state={},
        default_entrypoint=${pythonString(action ?? '')},
        fork_from_app_id=${pythonString(appId)},${partition}
        fork_from_sequence_id=${sequenceId},
    )
    .build()
)`,
  };
}
