/* Where the nodes and edges of the state machine go; run once a graph, by layout.worker.ts. */
import { Graph, layout } from '@dagrejs/dagre';
import type { GraphShape } from '../../model/graph';

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

const NO_SIZE: Size = { width: 0, height: 0 };

export function place(shape: GraphShape, sizes: Sizes): Placement {
  const graph = new Graph({ directed: true, multigraph: true });
  graph.setGraph({ rankdir: 'TB', nodesep: 28, ranksep: 34, edgesep: 14, marginx: 8, marginy: 12 });
  graph.setDefaultEdgeLabel(() => ({}));

  /* dagre draws loops across their neighbours: they get room on both sides of the node, which keeps it centred, and are drawn here. */
  const loops = shape.edges.filter((edge) => edge.from === edge.to);
  const loopRoom = new Map(loops.map((edge) => [edge.from, LOOP_REACH + (sizes.label(edge.id)?.width ?? 0)]));
  for (const { name } of shape.nodes) {
    const { width, height } = sizes.node(name) ?? NO_SIZE;
    graph.setNode(name, { width: width + 2 * (loopRoom.get(name) ?? 0), height });
  }
  for (const edge of shape.edges) {
    if (edge.from === edge.to) continue;
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
    edges.set(key.name ?? '', { points: clip(edge.points ?? [], nodes.get(key.v), nodes.get(key.w)), label });
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
  };
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
