/* Made from collector/src/api/openapi.json by `npm run generate`; not to be edited. */
import type { Json, JsonObject, NoFields } from '../base/json';
import type { JsonText } from '../base/jsonText';

/** UTC, RFC 3339 with microseconds. Years outside 1678 to 2261 are told as the nearest of these. */
export type Time = string;

/** Any JSON value that an application recorded, byte for byte: numbers keep all their digits, objects the order of their keys. Python's NaN, Infinity and -Infinity are null. What is too long to show is a marker, an object whose first key is "$cut": {"$cut":"string","bytes":12345,"pointer":"/a/b","head":"the first of it"}. "$cut" is string, number (head is its text), array or object (with count: its elements or members, and shown: how many of them are in head) or none (nothing was left out, but the value's own object has a key "$cut"). bytes is the length of the value's JSON text, pointer the JSON pointer to ask for all of it. Read it by one rule: an object with the key "$cut" is a marker, and the value is its head. */
export type Value = JsonText;

/** running: a step is open and its writer lives. unknown: a step is open, and whether its writer lives cannot be known. lost: a step is open and its writer is gone. failed: the last step ended with an exception. ok: the last action has no way out, or the application said that it is finished. waiting: otherwise, as a chat waits for its user. */
export type RunStatus = 'running' | 'unknown' | 'lost' | 'failed' | 'ok' | 'waiting';

/** failed: it ended with an exception. open: it has not ended. */
export type StepStatus = 'ok' | 'failed' | 'open';

/** A step of another run. */
export interface Pointer {
  /** Burr's name for it. */
  readonly type?: Json;
  /** A string: the run, in the same project. */
  readonly app_id: Json;
  /** An integer: the step; null: none is named. */
  readonly sequence_id?: Json;
  /** A string or null: the run's. */
  readonly partition_key?: Json;
}

/** Every refusal. */
export interface Error {
  /** What is wrong, in a sentence. Of a parameter it begins with its name: "limit: 0 is not between 1 and 1000". */
  readonly detail: string;
}

export interface Project {
  /** The folder's name in the store. */
  readonly name: string;
  /** Its runs. */
  readonly run_count: number;
  /** Of these, those without a parent among them: what `roots` leaves of them. */
  readonly root_count: number;
  /** Of its first run; null: it has none. */
  readonly started: Time | null;
  /** Of its newest run; of the folder where there is none. */
  readonly last_activity: Time;
  /** How many runs are at each status (RunStatus). */
  readonly statuses: {
    /** Runs. */
    readonly running: number;
    /** Runs. */
    readonly unknown: number;
    /** Runs. */
    readonly lost: number;
    /** Runs. */
    readonly failed: number;
    /** Runs. */
    readonly ok: number;
    /** Runs. */
    readonly waiting: number;
  };
}

/** How far the store is indexed, at the start or when its index was lost. */
export interface Indexing {
  /** Runs that were read. */
  readonly done: number;
  /** Runs that had to be; 0: they are still being counted. */
  readonly total: number;
}

export interface Projects {
  /** The server's time at the answer, for ages. */
  readonly now: Time;
  /** The store is being indexed, and projects and runs may be missing. null: all that was there at the start is here. */
  readonly indexing: Indexing | null;
  /** Those with the newest activity first. */
  readonly projects: readonly Project[];
}

export interface Activity {
  /** The server's time at the answer, for ages. */
  readonly now: Time;
  /** Where the first of the hours begins: a whole hour, UTC. */
  readonly from: Time;
  /** By project and time; those without a run are left out. */
  readonly hours: readonly {
    /** Its name. */
    readonly project: string;
    /** Where the hour begins. */
    readonly from: Time;
    /** Runs whose last activity was in it. */
    readonly run_count: number;
    /** Of these, how many are failed or lost. */
    readonly failed_count: number;
  }[];
}

export interface Names {
  /** The server's time at the answer, for ages. */
  readonly now: Time;
  /** In the order of their bytes. */
  readonly names: readonly string[];
  /** false: there are more than `limit`. */
  readonly complete: boolean;
}

export interface RunSummary {
  /** Its name within the project. */
  readonly app_id: string;
  /** Whose it is, by the application's own reckoning; null: none. */
  readonly partition_key: string | null;
  readonly status: RunStatus;
  /** Of the first record; of its files, where no record names a time. */
  readonly started: Time;
  /** Of the last record of the log, likewise. */
  readonly last_activity: Time;
  /** Microseconds from `started` to `last_activity`. Negative where the clock was set back. */
  readonly duration_us: number;
  /** How times became UTC. exact: all name their zone. inferred: from the run's own times that do. assumed: the machine's zone. none: no record has a time. */
  readonly time_zone: 'none' | 'exact' | 'inferred' | 'assumed';
  /** Attempts at steps: those of `…/steps`, numbered from 0. */
  readonly step_count: number;
  /** Of these, how many ended with an exception. */
  readonly failed_count: number;
  /** Of these, how many a later attempt at the same sequence id replaced. */
  readonly superseded_count: number;
  /** The newest sequence id and one. */
  readonly next_sequence_id: number;
  /** Records of spans, attributes and streams within the steps: those of `…/records`. */
  readonly record_count: number;
  /** Lines of the log that are no records; they cost nothing else. */
  readonly damaged_count: number;
  /** Sum of the attributes gen_ai.usage.input_tokens and gen_ai.usage.prompt_tokens. */
  readonly input_tokens: number;
  /** Sum of the attributes gen_ai.usage.output_tokens and gen_ai.usage.completion_tokens. */
  readonly output_tokens: number;
  /** The action of the newest step; null: there is none yet. */
  readonly last_action: string | null;
  /** The newest exception, of a traceback the lines behind its last indented one, cut to 300 bytes; null: there was none. */
  readonly last_error: string | null;
  /** Where it was forked from. */
  readonly parent: Pointer | null;
  /** The step that spawned it. */
  readonly spawning_parent: Pointer | null;
  /** Bytes of log.jsonl, as far as they are indexed. */
  readonly log_bytes: number;
  /** Runs that were forked from or spawned by this one. */
  readonly child_count: number;
}

export interface Runs {
  /** The server's time at the answer, for ages. */
  readonly now: Time;
  /** The store is being indexed: runs may be missing, and `total` counts those that are not. null: all that was there at the start is here. */
  readonly indexing: Indexing | null;
  /** How many fit, on the first page. null: a further page, more than 1,000 of those that `filter` or `parent` picks, or a filter for which their logs are read. */
  readonly total: number | null;
  /** false: the 200 ms that a question is given were over before all was looked at; go on at `next`; the page may be short, or empty. */
  readonly complete: boolean;
  /** `cursor` of the next page; null: this is the last. */
  readonly next: string | null;
  /** In the order of `sort`. */
  readonly runs: readonly RunSummary[];
}

export interface Run {
  /** The server's time at the answer, for ages. */
  readonly now: Time;
  /** As asked. */
  readonly project: string;
  /** Its name within the project. */
  readonly app_id: string;
  /** Whose it is, by the application's own reckoning; null: none. */
  readonly partition_key: string | null;
  readonly status: RunStatus;
  /** Of the first record; of its files, where no record names a time. */
  readonly started: Time;
  /** Of the last record of the log, likewise. */
  readonly last_activity: Time;
  /** Microseconds from `started` to `last_activity`. Negative where the clock was set back. */
  readonly duration_us: number;
  /** How times became UTC. exact: all name their zone. inferred: from the run's own times that do. assumed: the machine's zone. none: no record has a time. */
  readonly time_zone: 'none' | 'exact' | 'inferred' | 'assumed';
  /** Attempts at steps: those of `…/steps`, numbered from 0. */
  readonly step_count: number;
  /** Of these, how many ended with an exception. */
  readonly failed_count: number;
  /** Of these, how many a later attempt at the same sequence id replaced. */
  readonly superseded_count: number;
  /** The newest sequence id and one. */
  readonly next_sequence_id: number;
  /** Records of spans, attributes and streams within the steps: those of `…/records`. */
  readonly record_count: number;
  /** Lines of the log that are no records; they cost nothing else. */
  readonly damaged_count: number;
  /** Sum of the attributes gen_ai.usage.input_tokens and gen_ai.usage.prompt_tokens. */
  readonly input_tokens: number;
  /** Sum of the attributes gen_ai.usage.output_tokens and gen_ai.usage.completion_tokens. */
  readonly output_tokens: number;
  /** The action of the newest step; null: there is none yet. */
  readonly last_action: string | null;
  /** The newest exception, of a traceback the lines behind its last indented one, cut to 300 bytes; null: there was none. */
  readonly last_error: string | null;
  /** Where it was forked from. */
  readonly parent: Pointer | null;
  /** The step that spawned it. */
  readonly spawning_parent: Pointer | null;
  /** Bytes of log.jsonl, as far as they are indexed. */
  readonly log_bytes: number;
  /** How often each action was taken. */
  readonly actions: readonly {
    /** The action. */
    readonly name: string;
    /** Attempts. */
    readonly count: number;
    /** Of these, failed. */
    readonly failed_count: number;
  }[];
  /** How often each attribute was logged. */
  readonly attributes: readonly {
    /** The attribute's key. */
    readonly name: string;
    /** Times it was logged. */
    readonly count: number;
    /** Always 0. */
    readonly failed_count: number;
  }[];
  /** Which action followed which, in the order of the log. */
  readonly edges: readonly {
    /** The action before; null: the log begins. */
    readonly from: string | null;
    /** The action that followed. */
    readonly to: string;
    /** Times. */
    readonly count: number;
  }[];
  /** graph.json as it stands; null: there is none that can be read. */
  readonly graph: JsonObject | null;
  /** metadata.json as it stands; null likewise. */
  readonly metadata: JsonObject | null;
  /** The lines of children.jsonl as they stand: {"child":POINTER,"event_time","event_type":"fork" or "spawn_start","sequence_id"}. */
  readonly children: readonly JsonObject[];
}

export interface StepSummary {
  /** Which attempt of the run, from 0 in the order in which the log first names them; `…/steps/{number}`. */
  readonly number: number;
  /** Its position in the application. A rewound run has several attempts at one. */
  readonly sequence_id: number;
  /** 1 for the first attempt at its sequence id, and so on. */
  readonly attempt: number;
  /** A later attempt has the same sequence id. */
  readonly superseded: boolean;
  /** Cut behind 1,024 bytes, with an ellipsis; such a name is no value for filters. null: its record names none. */
  readonly action: string | null;
  /** The name of the condition by which the run came here; null: it was not recorded. */
  readonly condition: string | null;
  /** The state's top-level keys that are added, other or gone, compared with the state before. null: it cannot be said in short, as there is none before, it is another attempt's, or there are too many; `…/difference` tells. */
  readonly changed: readonly string[] | null;
  readonly status: StepStatus;
  /** null: no begin record, or without a time. */
  readonly started: Time | null;
  /** null: not ended, or without a time. */
  readonly ended: Time | null;
  /** Microseconds between the two; null unless both are known. Negative where the clock was set back. */
  readonly duration_us: number | null;
  /** Spans, attributes and streams begun within it. */
  readonly record_count: number;
}

export interface Steps {
  /** The server's time at the answer, for ages. */
  readonly now: Time;
  /** Of the run, whatever was asked for. */
  readonly step_count: number;
  /** false: the 200 ms that a question is given were over before all was looked at; go on at `next`. */
  readonly complete: boolean;
  /** More to come: ask again with `from` (newest first: `to`) at this number. null: there is no more. */
  readonly next: number | null;
  /** By number, falling where the newest come first. */
  readonly steps: readonly StepSummary[];
}

export interface Superseded {
  /** The server's time at the answer, for ages. */
  readonly now: Time;
  /** false: the 200 ms that a question is given were over before all was looked at; go on at `next`. */
  readonly complete: boolean;
  /** More to come: ask again with `from` at this number. null: there is no more. */
  readonly next: number | null;
  /** By number, none touching the next. */
  readonly ranges: readonly {
    /** Number of its first attempt. */
    readonly from: number;
    /** Number behind its last. */
    readonly to: number;
  }[];
}

export interface Step {
  /** The server's time at the answer, for ages. */
  readonly now: Time;
  /** Which attempt of the run, from 0 in the order in which the log first names them; `…/steps/{number}`. */
  readonly number: number;
  /** Its position in the application. A rewound run has several attempts at one. */
  readonly sequence_id: number;
  /** 1 for the first attempt at its sequence id, and so on. */
  readonly attempt: number;
  /** A later attempt has the same sequence id. */
  readonly superseded: boolean;
  /** Cut behind 1,024 bytes, with an ellipsis; such a name is no value for filters. null: its record names none. */
  readonly action: string | null;
  /** The name of the condition by which the run came here; null: it was not recorded. */
  readonly condition: string | null;
  /** The state's top-level keys that are added, other or gone, compared with the state before. null: it cannot be said in short, as there is none before, it is another attempt's, or there are too many; `…/difference` tells. */
  readonly changed: readonly string[] | null;
  readonly status: StepStatus;
  /** null: no begin record, or without a time. */
  readonly started: Time | null;
  /** null: not ended, or without a time. */
  readonly ended: Time | null;
  /** Microseconds between the two; null unless both are known. Negative where the clock was set back. */
  readonly duration_us: number | null;
  /** Spans, attributes and streams begun within it. */
  readonly record_count: number;
  /** Inputs of the action; null: no begin record. Cut to `cut` bytes, see Value. */
  readonly inputs: Value;
  /** {"from","condition","values","rejected":[{"to","condition","values"}]}: the transition that led here; null: it was not recorded. Cut to `cut` bytes, see Value. */
  readonly via: Value;
  /** What the action returned; null: nothing, or not ended. Cut to `cut` bytes, see Value. */
  readonly result: Value;
  /** A string, the traceback; null: it did not fail. Cut to `cut` bytes, see Value. */
  readonly exception: Value;
  /** After the step; null: not ended. Cut to `cut` bytes, see Value. */
  readonly state: Value;
}

export interface Records {
  /** The server's time at the answer, for ages. */
  readonly now: Time;
  /** More to come: ask again with `from` at this number. null: there is no more. A page ends between two steps. */
  readonly next: number | null;
  /** Records of the page that are not in it, as it has 10000 or is of 32 MiB: a step may have any number. */
  readonly left_out: number;
  /** In the order of the log. */
  readonly records: readonly Record[];
}

/** What the record does not have is absent; what has no type here stands as it was written. */
export interface Record {
  readonly type:
    'begin_span' | 'end_span' | 'attribute' | 'begin_stream' | 'first_item_stream' | 'end_stream';
  /** The number of the attempt that it belongs to. */
  readonly step: number;
  /** Begin, end or when it was logged; null: it names none. */
  readonly time: Time | null;
  /** A string, or null: none. */
  readonly span_id?: Json;
  /** A string. */
  readonly span_name?: Json;
  /** A string, or null: none. */
  readonly parent_span_id?: Json;
  /** A list of span ids. */
  readonly span_dependencies?: Json;
  /** A string: the attribute's name. */
  readonly key?: Json;
  /** The attribute's. Cut to `cut` bytes, see Value. */
  readonly value?: Value;
  /** An object, or null. */
  readonly tags?: Json;
  /** An integer. */
  readonly items_streamed?: Json;
}

export interface Overview {
  /** The server's time at the answer, for ages. */
  readonly now: Time;
  /** false: the time was over, and `next` says where to go on. */
  readonly complete: boolean;
  /** More to come: ask again with `from` at this number. null: there is no more. */
  readonly next: number | null;
  /** Microseconds that a bucket covers. */
  readonly bucket_us: number;
  /** As many as asked for, over the whole run. Steps without any time are in none. */
  readonly buckets: readonly {
    /** Where it begins. */
    readonly from: Time;
    /** Number of the first step that began in it; null: none did. */
    readonly first_number: number | null;
    /** Steps that began in it. */
    readonly step_count: number;
    /** Of these, failed. */
    readonly failed_count: number;
    /** Of these, not ended. */
    readonly open_count: number;
    /** Microseconds that these took together. */
    readonly busy_us: number;
    /** Microseconds that the longest took. */
    readonly longest_us: number;
  }[];
}

export interface Difference {
  /** The server's time at the answer, for ages. */
  readonly now: Time;
  /** Number of the step whose state is compared with, in its run; null: it is metadata.json's initial state, or there is none. */
  readonly from: number | null;
  /** As asked. */
  readonly to: number;
  /** false: there was no state to compare with, so all is added. */
  readonly before_known: boolean;
  /** Places that are new, told or not. */
  readonly added: number;
  /** Places with another value, likewise. */
  readonly changed: number;
  /** Places that are gone, likewise. */
  readonly removed: number;
  /** false: there are more than `limit`, and the first are told. */
  readonly complete: boolean;
  /** In the order of the state; of an object first what was removed. */
  readonly changes: readonly Change[];
}

/** Values are compared by what they mean: 1 and 1.0 are equal, the order of keys does not matter, no digit is lost. Top-level keys that begin with "__" are left out. */
export interface Change {
  readonly kind: 'added' | 'changed' | 'removed';
  /** JSON pointer (RFC 6901): where the value is now, or was. */
  readonly path: string;
  /** Absent when added. Cut to `cut` bytes, see Value. */
  readonly before?: Value;
  /** Absent when removed. Cut to `cut` bytes, see Value. */
  readonly after?: Value;
}

export interface History {
  /** The server's time at the answer, for ages. */
  readonly now: Time;
  /** false: the 200 ms that a question is given were over before all was looked at; go on at `next`. */
  readonly complete: boolean;
  /** More to come: ask again with `from` at this number. null: there is no more. The first value there is told again, even if it is the same. */
  readonly next: number | null;
  /** One for each step that ended with another text of the value than the one before it in the log. */
  readonly values: readonly {
    /** Of the step after which the value was so. */
    readonly number: number;
    /** Its. */
    readonly sequence_id: number;
    /** Its. */
    readonly action: string | null;
    /** When. */
    readonly ended: Time | null;
    /** false: the state had no such value. */
    readonly present: boolean;
    /** Cut to 1,024 bytes; null where it is not present. */
    readonly value: Value;
  }[];
}

export interface Folded {
  /** The server's time at the answer, for ages. */
  readonly now: Time;
  /** Of the whole run. */
  readonly step_count: number;
  /** false: the time was over, or a cycle so long that it is given in parts; `next` says where to go on. */
  readonly complete: boolean;
  /** More to come: ask again with `from` (newest first: `to`) at this number. null: there is no more. */
  readonly next: number | null;
  /** They follow one another, without a gap but for attempts that are left out. */
  readonly groups: readonly {
    /** Number of its first step. */
    readonly from: number;
    /** Number of the step behind its last. */
    readonly to: number;
    /** Rounds; 1 for a plain step. */
    readonly times: number;
    /** Of its first step. */
    readonly first_sequence_id: number;
    /** Of its last. */
    readonly last_sequence_id: number;
    /** When its first step began; null: no begin record, or without a time. */
    readonly started: Time | null;
    /** When its last step ended; null: it has not, or without a time. */
    readonly ended: Time | null;
    /** Those of one round, as in a step's summary. */
    readonly actions: readonly (string | null)[];
  }[];
}

export interface Damage {
  /** The server's time at the answer, for ages. */
  readonly now: Time;
  /** The log was read to its end. */
  readonly complete: boolean;
  /** The byte to go on from; null: there is no more. */
  readonly next: number | null;
  /** The number of the line there; null likewise. */
  readonly next_line: number | null;
  /** In the order of the log. */
  readonly lines: readonly DamagedLine[];
}

export interface DamagedLine {
  /** Its number in log.jsonl. */
  readonly line: number;
  /** The byte at which it begins. */
  readonly offset: number;
  /** Its length. */
  readonly bytes: number;
  /** Its first 200 bytes; what is no UTF-8 stands as U+FFFD. */
  readonly head: string;
  /** Why it is no record. */
  readonly reason: string;
}

export interface Hit {
  /** Of the step. */
  readonly number: number;
  /** Its. */
  readonly sequence_id: number;
  /** Its. */
  readonly action: string | null;
  /** Where the text is. */
  readonly field: 'action' | 'inputs' | 'result' | 'exception' | 'state' | 'attribute';
  /** Which value of the state, or which attribute. */
  readonly key: string | null;
  /** The byte at which it begins in the JSON text of the field; of `state` and `attribute`, in that of the value that `key` names. */
  readonly offset: number;
  /** Plain text, without JSON's escapes. */
  readonly context: {
    /** At most 80 bytes in front of it. */
    readonly before: string;
    /** The text as it stands there. */
    readonly hit: string;
    /** At most 80 bytes behind it. */
    readonly after: string;
  };
}

export interface Hits {
  /** The server's time at the answer, for ages. */
  readonly now: Time;
  /** false: the 200 ms that a question is given were over before all was looked at; go on at `next`. */
  readonly complete: boolean;
  /** More to come: ask again with `from` at this number. null: there is no more. */
  readonly next: number | null;
  /** In the order of the log. */
  readonly hits: readonly Hit[];
}

export interface FoundRuns {
  /** The server's time at the answer, for ages. */
  readonly now: Time;
  /** false: there are runs that were not looked through; go on at `next`. */
  readonly complete: boolean;
  /** `cursor` of the next page. null: there is none. */
  readonly next: string | null;
  /** Newest first; without those that have no hit. */
  readonly runs: readonly {
    /** The run's. */
    readonly project: string;
    /** The run's. */
    readonly app_id: string;
    /** false: the time was over within this run; its own search goes on at `next`. */
    readonly complete: boolean;
    /** More to come: ask again with `from` at this number. null: there is no more. */
    readonly next: number | null;
    /** Its first ones. */
    readonly hits: readonly Hit[];
  }[];
}

/** Counts are since the start where nothing else is said. */
export interface Status {
  /** The program's. */
  readonly version: string;
  /** Its process. */
  readonly pid: number;
  /** The folder that it keeps. */
  readonly store: string;
  /** Where it listens. */
  readonly url: string;
  /** What of the acknowledged records a power loss takes: what the kernel had not written, at most 100 ms of them, none. */
  readonly durability: 'os' | 'group' | 'power';
  /** When. */
  readonly started: Time;
  /** Seconds since. */
  readonly uptime_s: number;
  /** It has the right to append to logs. */
  readonly appending: boolean;
  /** Connections of applications, now. */
  readonly writers: number;
  /** Taken since the start. */
  readonly batches: number;
  /** In these. */
  readonly records: number;
  /** Of these. */
  readonly bytes: number;
  /** Records with a value that was no JSON. */
  readonly invalid: number;
  /** Records whose side file was gone. */
  readonly lost: number;
  /** Times that a record could not be stored yet. */
  readonly later: number;
  /** Records that can never be stored. */
  readonly never: number;
  /** Messages that were none. */
  readonly refused: number;
  /** Records that writers said they had to drop. */
  readonly dropped: number;
  /** In the store now: of living writers, and those that could not be emptied. */
  readonly spools: number;
  /** Records taken out of what dead or stopped writers left. */
  readonly recovered: number;
  /** Spools that were none and were set aside. */
  readonly aside: number;
  /** The last reason why something was not stored; empty: none. */
  readonly trouble: string;
  /** Runs that nothing can be stored of at the moment, 16 at most. */
  readonly later_apps: readonly {
    /** Its project. */
    readonly project: string;
    /** Its run. */
    readonly app_id: string;
    /** Why. */
    readonly reason: string;
    /** When it began. */
    readonly since: Time;
  }[];
  /** The server of this API. */
  readonly http: {
    /** Connections now. */
    readonly clients: number;
    /** Event streams and waiting polls now. */
    readonly listeners: number;
    /** Requests that wait now. */
    readonly queued: number;
    /** Since the start. */
    readonly requests: number;
    /** Of these, for want of room. */
    readonly refused: number;
    /** Of these, for want of the token, or for a Host or Origin that is none of ours. */
    readonly denied: number;
    /** Connections that were cut for taking or giving too slowly or too much. */
    readonly cut: number;
    /** Made since the start, once for all readers of a topic. */
    readonly deltas: number;
    /** Changes that were given to readers. */
    readonly told: number;
    /** Of these, with `refetch`. */
    readonly refetches: number;
    /** Of deltas that are kept now, for readers that come back. */
    readonly kept_bytes: number;
  };
  /** The index of the store. */
  readonly index: {
    /** All that was there at the start is indexed; false again while an index that was deleted or damaged is made anew. */
    readonly ready: boolean;
    /** Of its file: in the store, or elsewhere where the store cannot hold it. */
    readonly path: string;
    /** Lines since the start. */
    readonly indexed: number;
    /** Runs still to be looked at. */
    readonly waiting: number;
    /** Runs whose log could not be read, since the start. */
    readonly failed: number;
    /** Why nothing is indexed at the moment (a full disk, a store that was moved); lists are then as they were. Empty: all is well. */
    readonly trouble: string;
  };
}

/** The data of `event: hello`. */
export interface Hello {
  /** The server's time at the beginning, for ages. */
  readonly now: Time;
  /** The program's. */
  readonly version: string;
  /** Where the stream begins: what changes from now on will be told. */
  readonly cursor: number;
}

/** What has become of a run. */
export interface RunDelta {
  /** Its row. Steps from its `step_count` on are no more. null: the run is gone. */
  readonly run: RunSummary | null;
  /** Number of the first step that came or changed, or whose records did. null: none. */
  readonly from: number | null;
  /** Number behind the last of them; between the two there may be some that did not. */
  readonly to: number | null;
  /** All of them by number, each in place of what was at its number, at most 100. With `refetch` the newest of the run instead, 60 at most, or none: ask for the others by `…/steps?from=…&to=…`. */
  readonly steps: readonly StepSummary[];
}

/** What has become of a project. */
export interface ProjectDelta {
  /** Its row. null: the project is gone, with all its runs. */
  readonly project: Project | null;
  /** Rows of runs that came or changed, each in place of the one with its app_id. Empty with `refetch`. */
  readonly runs: readonly RunSummary[];
  /** app_ids of runs that are no more. */
  readonly gone: readonly string[];
}

/** What has become of the projects. */
export interface ProjectsDelta {
  /** Rows of projects that came or changed, each in place of the one with its name. Empty with `refetch`. */
  readonly projects: readonly Project[];
  /** Names of projects that are no more. */
  readonly gone: readonly string[];
}

/** The data of `event: change`: what has become of a topic, as it is now. */
export interface Changed {
  /** As it was asked for. */
  readonly topic: string;
  /** Rises from one change to the next. An answer whose Burr-Cursor is not below it has all of this already. */
  readonly cursor: number;
  /** true: the delta is not all of it, ask for the topic's rows again (of a run with a delta, for the steps in its range). */
  readonly refetch: boolean;
  /** By the topic: of `run/…`, of `project/…`, of `projects`. null, with `refetch`: it cannot be told, as the reader was away or did not read for too long, or too much changed. */
  readonly delta: RunDelta | ProjectDelta | ProjectsDelta | null;
}

export interface Changes {
  /** The server's time at the answer, for ages. */
  readonly now: Time;
  /** The program's. */
  readonly version: string;
  /** `after` of the next question: all up to it was told. */
  readonly cursor: number;
  /** In the order in which they are to be applied. Empty: nothing changed within the time. */
  readonly changes: readonly Changed[];
}

/** What can be asked for, by path. */
export interface Api {
  /** Projects */
  readonly '/api/v1/projects': { readonly params: NoFields; readonly answer: Projects };
  /** When the projects were active */
  readonly '/api/v1/activity': {
    readonly params: {
      /** How many, the present one is the last. */
      readonly hours?: number;
    };
    readonly answer: Activity;
  };
  /** Names that a project's runs have */
  readonly '/api/v1/projects/{project}/names': {
    readonly params: {
      /** A project's name. */
      readonly project: string;
      /** Of actions, of attributes, or partition keys. */
      readonly kind: 'action' | 'attribute' | 'partition';
      /** Only those that hold this text. Case of ASCII letters does not count. */
      readonly holds?: string;
      /** Names, at most. */
      readonly limit?: number;
    };
    readonly answer: Names;
  };
  /** Runs of a project, by pages */
  readonly '/api/v1/projects/{project}/runs': {
    readonly params: {
      /** A project's name. */
      readonly project: string;
      /** Which runs. The language:
       *
       * ```
       * terms, separated by spaces, must all hold; -term negates; a,b means any of them
       *   words or "quoted text"  in the app id, partition key, an action's name or the error
       *   status:failed,lost      running, lost, unknown, failed, ok, waiting
       *   action:NAME             the run took that action
       *   partition:KEY  app:ID  parent:ID
       *                           the whole name; * stands for any text: app:chat-*
       *   error:TEXT              the last error contains it, in any case
       *   steps:>100              also >= < <= 7 10..20; likewise tokens:>1000
       *   duration:>1.5s          units us ms s m h d; 100ms..2s
       *   after:2h  before:7d     last activity, by age: s m h d w
       *   after:2026-11-25  before:2026-11-25T10:00:00Z
       *                           by time, UTC unless it names its zone
       *   state.PATH:VALUE        the value at a dotted path of the state: state.user.name:ann
       *   input.PATH:VALUE        of an input
       *   attr.KEY:VALUE          of an attribute; its key may have dots
       *                           VALUE: a number, true, false, null, >1.5, 1..2, text, te*t;
       *                           "5" is the text 5; none or * means that there is one
       *   is:root                 root, forked, spawned, damaged
       * within quotes all is text, with \" and \\; quotes may stand for a part: action:"my act"*
       * ```
       *
       * At most 4,096 bytes, 32 terms, 256 values. What is wrong is told with its place: "filter: byte 7: expected …". free text, error, state, input, attr with a value and names with * are decided by reading, run by run, so `total` is null and `complete` may be false. */
      readonly filter?: string;
      /** last: last activity, first: start, duration, steps: attempts, failed: failed attempts, tokens: input and output. With a - the largest first. */
      readonly sort?:
        | '-last'
        | 'last'
        | '-first'
        | 'first'
        | '-duration'
        | 'duration'
        | '-steps'
        | 'steps'
        | '-failed'
        | 'failed'
        | '-tokens'
        | 'tokens';
      /** Runs of a page, at most. */
      readonly limit?: number;
      /** `next` of the page before, with the same other parameters. Opaque. Empty: the first page. */
      readonly cursor?: string;
      /** true (or 1): without runs that were forked from or spawned by one that the project has, as these are asked for by `parent`; false (or 0): all. */
      readonly roots?: boolean;
      /** Only runs that were forked from or spawned by the run of this app id; `roots` does not matter then. */
      readonly parent?: string;
    };
    readonly answer: Runs;
  };
  /** One run */
  readonly '/api/v1/projects/{project}/runs/{app_id}': {
    readonly params: {
      /** A project's name. */
      readonly project: string;
      /** A run's name, percent-encoded. */
      readonly app_id: string;
    };
    readonly answer: Run;
  };
  /** Steps of a run, in short */
  readonly '/api/v1/projects/{project}/runs/{app_id}/steps': {
    readonly params: {
      /** A project's name. */
      readonly project: string;
      /** A run's name, percent-encoded. */
      readonly app_id: string;
      /** Number of the first step. */
      readonly from?: number;
      /** Number of the step behind the last. */
      readonly to?: number;
      /** Steps of an answer, at most. */
      readonly limit?: number;
      /** Only of this action. */
      readonly action?: string;
      /** Only with this status. */
      readonly status?: 'ok' | 'failed' | 'open';
      /** Only those that are known to have changed this top-level key of the state. */
      readonly changed?: string;
      /** Only those that took this many microseconds or more. */
      readonly slower_us?: number;
      /** Only the attempts at this sequence id. */
      readonly sequence_id?: number;
      /** false (or 0): without attempts that a later one replaced. */
      readonly superseded?: boolean;
      /** newest: from the range's end to its beginning; `next` is then for `to`. */
      readonly order?: 'oldest' | 'newest';
    };
    readonly answer: Steps;
  };
  /** One step with its values */
  readonly '/api/v1/projects/{project}/runs/{app_id}/steps/{number}': {
    readonly params: {
      /** A project's name. */
      readonly project: string;
      /** A run's name, percent-encoded. */
      readonly app_id: string;
      /** Which attempt, from 0. */
      readonly number: number;
      /** Values longer than this many bytes of JSON are cut, see Value. */
      readonly cut?: number;
    };
    readonly answer: Step;
  };
  /** The state after a step, as it stands */
  readonly '/api/v1/projects/{project}/runs/{app_id}/steps/{number}/state': {
    readonly params: {
      /** A project's name. */
      readonly project: string;
      /** A run's name, percent-encoded. */
      readonly app_id: string;
      /** Which attempt, from 0. */
      readonly number: number;
      /** JSON pointer (RFC 6901) to a part of it. */
      readonly pointer?: string;
      /** A value longer than this many bytes of JSON is cut, see Value. Absent: it is whole. */
      readonly cut?: number;
    };
    readonly answer: Value;
  };
  /** Spans, attributes and streams of a run */
  readonly '/api/v1/projects/{project}/runs/{app_id}/records': {
    readonly params: {
      /** A project's name. */
      readonly project: string;
      /** A run's name, percent-encoded. */
      readonly app_id: string;
      /** Number of the first step. */
      readonly from?: number;
      /** Number of the step behind the last. */
      readonly to?: number;
      /** Records of an answer, about: a step's are never parted, so there may be more. */
      readonly limit?: number;
      /** Values longer than this many bytes of JSON are cut, see Value. */
      readonly cut?: number;
    };
    readonly answer: Records;
  };
  /** A run over time */
  readonly '/api/v1/projects/{project}/runs/{app_id}/overview': {
    readonly params: {
      /** A project's name. */
      readonly project: string;
      /** A run's name, percent-encoded. */
      readonly app_id: string;
      /** Number of the first step. */
      readonly from?: number;
      /** How many. */
      readonly buckets?: number;
    };
    readonly answer: Overview;
  };
  /** What changed between two states */
  readonly '/api/v1/projects/{project}/runs/{app_id}/difference': {
    readonly params: {
      /** A project's name. */
      readonly project: string;
      /** A run's name, percent-encoded. */
      readonly app_id: string;
      /** Number of the step whose state it is about. */
      readonly to: number;
      /** Number of the step whose state is compared with. Absent: what `to` began with, that is the state after the newest attempt before it at the sequence id before its own, else after the newest step before it that ended, else the initial state. */
      readonly from?: number;
      /** The run whose step `from` is; without `from`, its newest step that ended. Absent: the run of the path. */
      readonly from_app_id?: string;
      /** The project of that run. Absent: that of the path. */
      readonly from_project?: string;
      /** Changes told, at most. */
      readonly limit?: number;
      /** Values longer than this many bytes of JSON are cut, see Value. */
      readonly cut?: number;
    };
    readonly answer: Difference;
  };
  /** One value of the state over all steps */
  readonly '/api/v1/projects/{project}/runs/{app_id}/history': {
    readonly params: {
      /** A project's name. */
      readonly project: string;
      /** A run's name, percent-encoded. */
      readonly app_id: string;
      /** JSON pointer (RFC 6901) to the value. */
      readonly pointer: string;
      /** Number of the first step. */
      readonly from?: number;
      /** Number of the step behind the last. */
      readonly to?: number;
      /** Values, at most. */
      readonly limit?: number;
      /** Only after so many steps of the range, evenly spread, its first and its last among them: for a picture of the value. Without it, after each. */
      readonly samples?: number;
    };
    readonly answer: History;
  };
  /** Which attempts of a run later ones replaced, as stretches of numbers */
  readonly '/api/v1/projects/{project}/runs/{app_id}/superseded': {
    readonly params: {
      /** A project's name. */
      readonly project: string;
      /** A run's name, percent-encoded. */
      readonly app_id: string;
      /** Number of the first step. */
      readonly from?: number;
      /** Stretches, at most. */
      readonly limit?: number;
    };
    readonly answer: Superseded;
  };
  /** The steps of a run, repeated cycles of actions as one group */
  readonly '/api/v1/projects/{project}/runs/{app_id}/folded': {
    readonly params: {
      /** A project's name. */
      readonly project: string;
      /** A run's name, percent-encoded. */
      readonly app_id: string;
      /** Number of the first step. */
      readonly from?: number;
      /** Number of the step behind the last. */
      readonly to?: number;
      /** Groups, at most. */
      readonly limit?: number;
      /** newest: from the range's end to its beginning; a cycle is then told by the round that the run ended with, and `next` is for `to`. */
      readonly order?: 'oldest' | 'newest';
      /** false (or 0): without attempts that a later one replaced; a cycle ends where they were. */
      readonly superseded?: boolean;
    };
    readonly answer: Folded;
  };
  /** The lines of a run's log that are no records */
  readonly '/api/v1/projects/{project}/runs/{app_id}/damage': {
    readonly params: {
      /** A project's name. */
      readonly project: string;
      /** A run's name, percent-encoded. */
      readonly app_id: string;
      /** The byte of the log to begin at: a `next`. */
      readonly from?: number;
      /** The number of the line there: its `next_line`. */
      readonly line?: number;
    };
    readonly answer: Damage;
  };
  /** A text in a run */
  readonly '/api/v1/projects/{project}/runs/{app_id}/search': {
    readonly params: {
      /** A project's name. */
      readonly project: string;
      /** A run's name, percent-encoded. */
      readonly app_id: string;
      /** The text, of 1 to 256 bytes of UTF-8. Case of ASCII letters does not count; how JSON escapes it does not, either. */
      readonly q: string;
      /** Number of the first step. */
      readonly from?: number;
      /** Hits, at most; those of the last step may be some more. */
      readonly limit?: number;
    };
    readonly answer: Hits;
  };
  /** A text in the runs of a project */
  readonly '/api/v1/projects/{project}/search': {
    readonly params: {
      /** A project's name. */
      readonly project: string;
      /** The text, of 1 to 256 bytes of UTF-8. Case of ASCII letters does not count; how JSON escapes it does not, either. */
      readonly q: string;
      /** `next` of the page before. */
      readonly cursor?: string;
    };
    readonly answer: FoundRuns;
  };
  /** A text in the runs of all projects */
  readonly '/api/v1/search': {
    readonly params: {
      /** The text, of 1 to 256 bytes of UTF-8. Case of ASCII letters does not count; how JSON escapes it does not, either. */
      readonly q: string;
      /** `next` of the page before. */
      readonly cursor?: string;
    };
    readonly answer: FoundRuns;
  };
  /** What changed, where a proxy does not let a stream through */
  readonly '/api/v1/changes': {
    readonly params: {
      /** Comma-separated, at most 256 of 900 bytes: `projects`, `project/{project}`, `run/{project}/{app_id}`, the two names percent-encoded once more (as encodeURIComponent does), so that a comma or a slash in them is none of ours. */
      readonly topics: string;
      /** `cursor` of the poll before, or an answer's Burr-Cursor. */
      readonly after?: number;
      /** How long to wait for a change. */
      readonly wait_ms?: number;
    };
    readonly answer: Changes;
  };
  /** How the collector is */
  readonly '/api/v1/status': { readonly params: NoFields; readonly answer: Status };
}
