/* What the pages speak of. The api folder makes these from the server's JSON; nothing beyond it sees the wire. */
import type { Json, JsonObject } from '../base/json';
import type { Time } from '../base/time';

export interface Pointer {
  readonly appId: string;
  readonly partitionKey: string | null;
  readonly sequenceId: number | null;
}

export interface Action {
  readonly name: string;
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly inputs: readonly string[];
  readonly optionalInputs: readonly string[];
  readonly code: string;
}

export interface Transition {
  readonly from: string;
  readonly to: string;
  readonly condition: string;
}

export interface Machine {
  readonly entrypoint: string | null;
  readonly actions: readonly Action[];
  readonly transitions: readonly Transition[];
}

export interface StepEnd {
  readonly at: Time | null;
  readonly result: Json;
  readonly exception: string | null;
  /** The whole state after the step, without private keys. */
  readonly state: JsonObject;
}

export interface Span {
  readonly id: string;
  readonly name: string | null;
  readonly parentId: string | null;
  readonly start: Time | null;
  readonly end: Time | null;
}

export interface Attribute {
  readonly key: string;
  readonly value: Json;
  readonly spanId: string | null;
  readonly tags: JsonObject;
  readonly at: Time | null;
}

export type StreamEventKind = 'begin' | 'first_item' | 'end';

export interface StreamEvent {
  readonly kind: StreamEventKind;
  readonly at: Time | null;
  readonly itemCount: number | null;
}

export interface Step {
  readonly sequenceId: number;
  readonly action: string;
  readonly inputs: JsonObject;
  readonly start: Time | null;
  readonly end: StepEnd | null;
  readonly spans: readonly Span[];
  readonly attributes: readonly Attribute[];
  readonly streamEvents: readonly StreamEvent[];
  /** The step as the server sent it. */
  readonly raw: JsonObject;
}

export interface Child {
  readonly kind: 'fork' | 'spawn';
  readonly run: Pointer;
  readonly at: Time | null;
  readonly sequenceId: number | null;
}

export interface Run {
  readonly machine: Machine;
  readonly steps: readonly Step[];
  readonly children: readonly Child[];
  readonly forkedFrom: Pointer | null;
  readonly spawnedBy: Pointer | null;
}
