/* The step list as flat rows: steps, and below an expanded one its spans (nested), attributes, streams and spawned runs.
 * Built from what is expanded only, so that a long run costs one small object a step. */
import type { Attribute, Child, Run, Span, Step, StreamEvent } from './types';

export type Row =
  | { readonly kind: 'step'; readonly key: string; readonly index: number; readonly step: Step }
  | {
      readonly kind: 'span';
      readonly key: string;
      readonly step: Step;
      readonly span: Span;
      readonly depth: number;
    }
  | {
      readonly kind: 'attribute';
      readonly key: string;
      readonly step: Step;
      readonly attribute: Attribute;
      readonly depth: number;
    }
  | {
      readonly kind: 'stream';
      readonly key: string;
      readonly step: Step;
      readonly events: readonly StreamEvent[];
      readonly depth: number;
    }
  | {
      readonly kind: 'child';
      readonly key: string;
      readonly step: Step;
      readonly child: Child;
      readonly depth: number;
    };

export interface StepFilter {
  readonly text: string;
  readonly action: string | null;
}

export function matchesStep(step: Step, filter: StepFilter): boolean {
  if (filter.action !== null && step.action !== filter.action) return false;
  const wanted = filter.text.trim().toLowerCase();
  if (wanted === '') return true;
  return wanted
    .split(/\s+/)
    .every(
      (word) =>
        step.action.toLowerCase().includes(word) ||
        String(step.sequenceId) === word.replace(/^#/, '') ||
        (word === 'failed' && step.end?.exception != null) ||
        (step.end?.exception?.toLowerCase().includes(word) ?? false),
    );
}

export function hasDetail(step: Step, children: readonly Child[]): boolean {
  return (
    step.attributes.length > 0 ||
    step.streamEvents.length > 0 ||
    step.spans.some((span) => !isRoot(span)) ||
    children.length > 0
  );
}

export function childrenByStep(run: Run): ReadonlyMap<number, readonly Child[]> {
  const map = new Map<number, Child[]>();
  for (const child of run.children) {
    if (child.sequenceId === null) continue;
    const list = map.get(child.sequenceId);
    if (list) list.push(child);
    else map.set(child.sequenceId, [child]);
  }
  return map;
}

export function buildRows(
  steps: readonly Step[],
  filter: StepFilter,
  expanded: ReadonlySet<number>,
  children: ReadonlyMap<number, readonly Child[]>,
): readonly Row[] {
  const rows: Row[] = [];
  for (const [index, step] of steps.entries()) {
    if (!matchesStep(step, filter)) continue;
    rows.push({ kind: 'step', key: `${step.sequenceId}`, index, step });
    if (expanded.has(step.sequenceId))
      for (const row of detailRows(step, children.get(step.sequenceId) ?? [])) rows.push(row);
  }
  return rows;
}

/* Burr's own root span of a step, `<seq>:0`, may end without having begun; it says nothing the step does not. */
function isRoot(span: Span): boolean {
  return span.start === null && !span.id.includes('.');
}

function detailRows(step: Step, children: readonly Child[]): readonly Row[] {
  const rows: Row[] = [];
  const key = (part: string) => `${step.sequenceId}/${part}`;
  const spans = step.spans.filter((span) => !isRoot(span));
  const known = new Set(spans.map((span) => span.id));
  const placed = new Set<string>();
  const below = (parent: string | null) =>
    spans.filter(
      (span) => (span.parentId !== null && known.has(span.parentId) ? span.parentId : null) === parent,
    );
  const attributesOf = (spanId: string | null, depth: number) => {
    step.attributes.forEach((attribute, index) => {
      const owner = attribute.spanId !== null && known.has(attribute.spanId) ? attribute.spanId : null;
      if (owner === spanId) rows.push({ kind: 'attribute', key: key(`a${index}`), step, attribute, depth });
    });
  };
  const visit = (parent: string | null, depth: number) => {
    for (const span of below(parent)) {
      if (placed.has(span.id)) continue;
      placed.add(span.id);
      rows.push({ kind: 'span', key: key(span.id), step, span, depth });
      attributesOf(span.id, depth + 1);
      visit(span.id, depth + 1);
    }
  };
  if (step.streamEvents.length > 0)
    rows.push({ kind: 'stream', key: key('stream'), step, events: step.streamEvents, depth: 1 });
  visit(null, 1);
  attributesOf(null, 1);
  children.forEach((child, index) => {
    rows.push({ kind: 'child', key: key(`c${index}`), step, child, depth: 1 });
  });
  return rows;
}
