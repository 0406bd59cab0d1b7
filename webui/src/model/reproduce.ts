/* Code to look at a step's state again, to go on from it, and to resume a run: ready to be pasted. */

export interface Subject {
  readonly project: string;
  readonly appId: string;
  readonly partitionKey: string | null;
  readonly sequenceId: number;
  /** The newest step of the run failed: resuming runs it again. */
  readonly failedLast: boolean;
  /** The action of the step; null: its name is not known. */
  readonly action: string | null;
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

export function recipesFor(subject: Subject): readonly Recipe[] {
  return [look(subject), forkInC(subject), resumeInC(subject), loadInPython(subject), forkInPython(subject)];
}

function look({ project, appId, sequenceId }: Subject): Recipe {
  const run = `${shellWord(project)} ${shellWord(appId)}`;
  return {
    language: 'shell',
    title: 'Look at the state after this step',
    code: [
      `burr state ${run} --sequence-id ${sequenceId}`,
      ...(sequenceId > 0 ? [`burr diff ${run} ${sequenceId}        # what this step changed`] : []),
    ].join('\n'),
  };
}

function forkInC({ project, appId, sequenceId }: Subject): Recipe {
  return {
    language: 'c',
    title: 'Fork: a new run that goes on after this step',
    code: `burr_initialize_options from = BURR_INITIALIZE_OPTIONS_INIT;
from.fork_from_app_id = ${cString(appId)};
from.fork_from_sequence_id = ${sequenceId};
burr_initialize_from(b, &from); /* in place of burr_with_state and burr_with_entrypoint */
burr_with_tracker(b, ${cString(project)});`,
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

function loadInPython({ project, appId, partitionKey, sequenceId }: Subject): Recipe {
  return {
    language: 'python',
    title: 'Load the state after this step',
    code: `from burr.tracking.client import LocalTrackingClient

client = LocalTrackingClient(project=${pythonString(project)})
loaded = client.load(${partitionKey === null ? 'None' : pythonString(partitionKey)}, app_id=${pythonString(appId)}, sequence_id=${sequenceId})
print(loaded["state"])`,
  };
}

function forkInPython({ project, appId, partitionKey, sequenceId, action }: Subject): Recipe {
  const partition =
    partitionKey === null ? '' : `\n        fork_from_partition_key=${pythonString(partitionKey)},`;
  return {
    language: 'python',
    title: 'Fork: a new run that goes on after this step',
    code: `from burr.core import ApplicationBuilder
from burr.tracking.client import LocalTrackingClient

client = LocalTrackingClient(project=${pythonString(project)})
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
