/* The state machine with what a run did in it: how often each action ran and failed and each transition was taken. */
import { isArray, isObject, type Json, type JsonObject } from '../base/json';
import type { Run } from './api';

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

export interface GraphNode {
  readonly name: string;
  /** An input that comes from outside, not an action. */
  readonly input: boolean;
  readonly visits: number;
  readonly failures: number;
  /** Ran, but is missing from the recorded graph. */
  readonly unknown: boolean;
}

export interface GraphEdge {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly conditions: readonly string[];
  readonly taken: number;
}

export interface GraphShape {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly entrypoint: string | null;
}

export function edgeId(from: string, to: string): string {
  return JSON.stringify([from, to]);
}

/** graph.json as Burr and libburr write it; what is missing or odd in it is left out. */
export function machineOf(graph: JsonObject | null): Machine {
  const entrypoint = graph?.entrypoint;
  return {
    entrypoint: typeof entrypoint === 'string' ? entrypoint : null,
    actions: objects(graph?.actions).flatMap((action) => {
      const { name, code } = action;
      if (typeof name !== 'string') return [];
      return [
        {
          name,
          reads: texts(action.reads),
          writes: texts(action.writes),
          inputs: texts(action.inputs),
          optionalInputs: texts(action.optional_inputs),
          code: typeof code === 'string' ? code : '',
        },
      ];
    }),
    transitions: objects(graph?.transitions).flatMap(({ from_: from, to, condition }) =>
      typeof from === 'string' && typeof to === 'string'
        ? [{ from, to, condition: typeof condition === 'string' ? condition : 'default' }]
        : [],
    ),
  };
}

function objects(value: Json | undefined): readonly JsonObject[] {
  return value !== undefined && isArray(value) ? value.filter(isObject) : [];
}

function texts(value: Json | undefined): readonly string[] {
  return value !== undefined && isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** `inputs`: with a node for each input that an action wants. */
export function graphOf(machine: Machine, run: Pick<Run, 'actions' | 'edges'>, inputs: boolean): GraphShape {
  const uses = new Map(run.actions.map((use) => [use.name, use]));
  const taken = new Map(
    run.edges.map((edge) => [edge.from === null ? '' : edgeId(edge.from, edge.to), edge.count]),
  );
  const known = new Set(machine.actions.map((action) => action.name));
  const names = new Set([
    ...known,
    ...machine.transitions.flatMap((transition) => [transition.from, transition.to]),
    ...uses.keys(),
  ]);
  const edges = new Map<string, { from: string; to: string; conditions: string[] }>();
  for (const { from, to, condition } of machine.transitions) {
    const id = edgeId(from, to);
    const entry = edges.get(id) ?? { from, to, conditions: [] };
    entry.conditions.push(condition);
    edges.set(id, entry);
  }
  const nodes = [...names].map((name) => ({
    name,
    input: false,
    visits: uses.get(name)?.count ?? 0,
    failures: uses.get(name)?.failed_count ?? 0,
    unknown: !known.has(name),
  }));
  const wanted = inputs ? inputEdges(machine) : [];
  const inputNames = new Set(wanted.map((edge) => edge.from));
  return {
    nodes: [
      ...nodes,
      ...[...inputNames].map((name) => ({ name, input: true, visits: 0, failures: 0, unknown: false })),
    ],
    edges: [...[...edges].map(([id, edge]) => ({ id, ...edge, taken: taken.get(id) ?? 0 })), ...wanted],
    entrypoint: machine.entrypoint,
  };
}

/* An input and an action may have the same name. */
export const INPUT = 'input: ';

export function inputName(node: string): string {
  return node.slice(INPUT.length);
}

export function hasInputs(machine: Machine): boolean {
  return machine.actions.some((action) => wantedBy(action).length > 0);
}

function wantedBy(action: Action): readonly string[] {
  return [...action.inputs, ...action.optionalInputs].filter((name) => !name.startsWith('__'));
}

function inputEdges(machine: Machine): readonly GraphEdge[] {
  return machine.actions.flatMap((action) =>
    wantedBy(action).map((name) => {
      const from = `${INPUT}${name}`;
      return { id: edgeId(from, action.name), from, to: action.name, conditions: ['default'], taken: 0 };
    }),
  );
}

/** What leads to a new layout: names and edges, not counts. */
export function shapeKey(shape: GraphShape): string {
  return JSON.stringify([
    shape.nodes.map((node) => node.name),
    shape.edges.map((edge) => [edge.id, edge.conditions]),
  ]);
}

/** Where a run may go after `action`. */
export function nextOf(machine: Machine, action: string | null): ReadonlySet<string> {
  return new Set(machine.transitions.filter(({ from }) => from === action).map(({ to }) => to));
}

/** A hue for each action, the same in the list and in the graph. */
export function hueOf(names: readonly string[]): ReadonlyMap<string, number> {
  return new Map([...new Set(names)].map((name, index) => [name, index % HUE_COUNT]));
}

const HUE_COUNT = 8;
