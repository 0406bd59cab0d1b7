/* The state machine with what a run did in it: how often each action ran and failed and each transition was taken. */
import { stepStatus } from './status';
import type { Run, Step } from './types';

export interface GraphNode {
  readonly name: string;
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

export function graphOf(run: Run): GraphShape {
  const visits = new Map<string, number>();
  const failures = new Map<string, number>();
  const taken = new Map<string, number>();
  let previous: Step | null = null;
  for (const step of run.steps) {
    visits.set(step.action, (visits.get(step.action) ?? 0) + 1);
    if (stepStatus(step) === 'failed') failures.set(step.action, (failures.get(step.action) ?? 0) + 1);
    if (previous) {
      const id = edgeId(previous.action, step.action);
      taken.set(id, (taken.get(id) ?? 0) + 1);
    }
    previous = step;
  }

  const known = new Set(run.machine.actions.map((action) => action.name));
  const names = new Set([
    ...known,
    ...run.machine.transitions.flatMap((transition) => [transition.from, transition.to]),
    ...visits.keys(),
  ]);
  const conditions = new Map<string, { from: string; to: string; conditions: string[] }>();
  for (const { from, to, condition } of run.machine.transitions) {
    const id = edgeId(from, to);
    const entry = conditions.get(id) ?? { from, to, conditions: [] };
    entry.conditions.push(condition);
    conditions.set(id, entry);
  }
  return {
    nodes: [...names].map((name) => ({
      name,
      visits: visits.get(name) ?? 0,
      failures: failures.get(name) ?? 0,
      unknown: !known.has(name),
    })),
    edges: [...conditions].map(([id, edge]) => ({ id, ...edge, taken: taken.get(id) ?? 0 })),
    entrypoint: run.machine.entrypoint,
  };
}

/** What leads to a new layout: names and edges, not counts. */
export function shapeKey(shape: GraphShape): string {
  return JSON.stringify([
    shape.nodes.map((node) => node.name),
    shape.edges.map((edge) => [edge.id, edge.conditions]),
  ]);
}

/** The transition by which the run came to the step at `index`, as far as the graph tells. */
export function cameBy(
  run: Run,
  index: number,
): { readonly from: Step; readonly condition: string | null } | null {
  const step = run.steps[index];
  const from = run.steps[index - 1];
  if (!step || !from) return null;
  const edge = run.machine.transitions.find(
    (transition) => transition.from === from.action && transition.to === step.action,
  );
  return { from, condition: edge?.condition ?? null };
}
