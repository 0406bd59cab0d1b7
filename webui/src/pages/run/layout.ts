/* Where the nodes and edges of the state machine go; run once a graph, by layout.worker.ts.
 *
 * dagre places every edge, and takes time and room for each rank that an edge passes: 150 actions with as many ways back took it
 * seconds, for a picture of 12,000 by 10,000. So of a large graph it is given only the edges that lead one step further from the
 * entrypoint; they decide where the actions stand, and the others are drawn across. */
import { Graph, layout } from '@dagrejs/dagre';
import type { GraphEdge, GraphShape } from '../../model/graph';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface PlacedNode extends Point {
  readonly width: number;
  readonly height: number;
}

export interface PlacedLabel extends Point {
  readonly width: number;
  readonly height: number;
}

export interface PlacedEdge {
  readonly points: readonly Point[];
  readonly label: PlacedLabel | null;
  /** Drawn across a large graph, where its label would cover actions: it is to be shown with what the reader looks at only. */
  readonly across: boolean;
}

export interface Placement {
  readonly width: number;
  readonly height: number;
  readonly nodes: ReadonlyMap<string, PlacedNode>;
  readonly edges: ReadonlyMap<string, PlacedEdge>;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** What the worker is asked. An edge without a size has no label. */
export interface LayoutQuestion {
  readonly shape: GraphShape;
  readonly nodes: ReadonlyMap<string, Size>;
  readonly labels: ReadonlyMap<string, Size>;
}

export interface Sizes {
  readonly node: (name: string) => Size | undefined;
  /** undefined: the edge has no label. */
  readonly label: (edgeId: string) => Size | undefined;
}

/* How far a transition from an action to itself reaches out on the right. */
const LOOP_REACH = 26;

/* A graph of more edges is large. */
const EDGES_PLACED = 60;
/* Actions are wide: many of one rank fit better below each other. */
const IN_ROWS = { rankdir: 'TB', nodesep: 28, ranksep: 34, edgesep: 14 } as const;
const IN_COLUMNS = { rankdir: 'LR', nodesep: 10, ranksep: 40, edgesep: 6 } as const;
/* How far an edge across bends aside, of its length. */
const BEND = 0.12;

const NO_SIZE: Size = { width: 0, height: 0 };

export function place(shape: GraphShape, sizes: Sizes): Placement {
  const across = edgesAcross(shape);
  const graph = new Graph({ directed: true, multigraph: true });
  graph.setGraph({ marginx: 8, marginy: 12, ...(across.size > 0 ? IN_COLUMNS : IN_ROWS) });
  graph.setDefaultEdgeLabel(() => ({}));

  /* dagre draws loops across their neighbours: they get room on both sides of the node, which keeps it centred, and are drawn here. */
  const loops = shape.edges.filter((edge) => edge.from === edge.to);
  const loopRoom = new Map(loops.map((edge) => [edge.from, LOOP_REACH + (sizes.label(edge.id)?.width ?? 0)]));
  for (const { name } of shape.nodes) {
    const { width, height } = sizes.node(name) ?? NO_SIZE;
    graph.setNode(name, { width: width + 2 * (loopRoom.get(name) ?? 0), height });
  }
  for (const edge of shape.edges) {
    if (edge.from === edge.to || across.has(edge)) continue;
    const size = sizes.label(edge.id);
    graph.setEdge(
      edge.from,
      edge.to,
      size ? { width: size.width, height: size.height, labelpos: 'c' } : { width: 0, height: 0 },
      edge.id,
    );
  }
  layout(graph);

  const nodes = new Map<string, PlacedNode>();
  for (const name of graph.nodes()) {
    const { x = 0, y = 0 } = graph.node(name) as Partial<Point>;
    nodes.set(name, { x, y, ...(sizes.node(name) ?? NO_SIZE) });
  }
  const edges = new Map<string, PlacedEdge>();
  for (const key of graph.edges()) {
    const edge = graph.edge(key) as {
      readonly points?: readonly Point[];
      readonly x?: number;
      readonly y?: number;
    };
    const size = sizes.label(key.name ?? '');
    const label =
      size && edge.x !== undefined && edge.y !== undefined ? { x: edge.x, y: edge.y, ...size } : null;
    const points = clip(edge.points ?? [], nodes.get(key.v), nodes.get(key.w));
    edges.set(key.name ?? '', { points, label, across: false });
  }
  for (const edge of across) {
    const [from, to] = [nodes.get(edge.from), nodes.get(edge.to)];
    if (from && to) edges.set(edge.id, bow(from, to, sizes.label(edge.id)));
  }
  for (const edge of loops) {
    const node = nodes.get(edge.from);
    if (node) edges.set(edge.id, loop(node, sizes.label(edge.id)));
  }
  const { width = 0, height = 0 } = graph.graph() as Partial<Size>;
  return { width, height, nodes, edges };
}

function loop(node: PlacedNode, label: Size | undefined): PlacedEdge {
  const right = node.x + node.width / 2;
  const away = right + LOOP_REACH;
  const reach = node.height * 0.3;
  return {
    points: [
      { x: right, y: node.y - reach },
      { x: away, y: node.y - reach - 8 },
      { x: away, y: node.y + reach + 8 },
      { x: right, y: node.y + reach },
    ],
    label: label ? { x: right + LOOP_REACH * 0.8 + label.width / 2, y: node.y, ...label } : null,
    across: false,
  };
}

/* Of a large graph the edges that do not lead from one rank to the next, a rank being the fewest steps from the entrypoint. */
function edgesAcross(shape: GraphShape): ReadonlySet<GraphEdge> {
  if (shape.edges.length <= EDGES_PLACED) return new Set();
  const ranks = ranksOf(shape);
  const rank = (name: string) => ranks.get(name) ?? 0;
  return new Set(
    shape.edges.filter((edge) => edge.from !== edge.to && rank(edge.to) !== rank(edge.from) + 1),
  );
}

function ranksOf({ nodes, edges, entrypoint }: GraphShape): ReadonlyMap<string, number> {
  const ways = new Map<string, string[]>();
  for (const { from, to } of edges) ways.set(from, [...(ways.get(from) ?? []), to]);
  const ranks = new Map<string, number>();
  /* What cannot be reached from the entrypoint is reached from itself. */
  const starts = [...(entrypoint === null ? [] : [entrypoint]), ...nodes.map((node) => node.name)];
  for (const start of starts) {
    if (ranks.has(start)) continue;
    ranks.set(start, 0);
    const queue = [start];
    for (const name of queue)
      for (const next of ways.get(name) ?? []) {
        if (ranks.has(next)) continue;
        ranks.set(next, (ranks.get(name) ?? 0) + 1);
        queue.push(next);
      }
  }
  return ranks;
}

/* A way and the way back bend to different sides. */
function bow(from: PlacedNode, to: PlacedNode, label: Size | undefined): PlacedEdge {
  const middle = {
    x: (from.x + to.x) / 2 + (from.y - to.y) * BEND,
    y: (from.y + to.y) / 2 + (to.x - from.x) * BEND,
  };
  const [start, end] = [border(from, middle), border(to, middle)];
  const top = { x: (start.x + 2 * middle.x + end.x) / 4, y: (start.y + 2 * middle.y + end.y) / 4 };
  return { points: [start, middle, end], label: label ? { ...top, ...label } : null, across: true };
}

/* The ends of a line moved onto the drawn boxes, which are narrower than the room dagre was asked for. */
function clip(
  points: readonly Point[],
  from: PlacedNode | undefined,
  to: PlacedNode | undefined,
): readonly Point[] {
  const [, second] = points;
  const beforeLast = points.at(-2);
  if (!second || !beforeLast || !from || !to) return points;
  return [border(from, second), ...points.slice(1, -1), border(to, beforeLast)];
}

function border(box: PlacedNode, towards: Point): Point {
  const dx = towards.x - box.x;
  const dy = towards.y - box.y;
  const share = Math.min(
    dx === 0 ? Infinity : box.width / 2 / Math.abs(dx),
    dy === 0 ? Infinity : box.height / 2 / Math.abs(dy),
    1,
  );
  return { x: box.x + dx * share, y: box.y + dy * share };
}
