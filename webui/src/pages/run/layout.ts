/* Where the nodes and edges of the state machine go; loaded on demand, run once a graph. */
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

export interface PlacedEdge {
  readonly points: readonly Point[];
  readonly label: Point | null;
}

export interface Placement {
  readonly width: number;
  readonly height: number;
  readonly nodes: ReadonlyMap<string, PlacedNode>;
  readonly edges: ReadonlyMap<string, PlacedEdge>;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Sizes {
  readonly node: (name: string) => Size;
  /** null: the edge has no label. */
  readonly label: (edgeId: string) => Size | null;
}

export function place(shape: GraphShape, sizes: Sizes): Placement {
  const graph = new Graph({ directed: true, multigraph: true });
  graph.setGraph({ rankdir: 'TB', nodesep: 28, ranksep: 34, edgesep: 14, marginx: 8, marginy: 8 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of shape.nodes) graph.setNode(node.name, { ...sizes.node(node.name) });
  for (const edge of shape.edges) {
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
    const { x = 0, y = 0, width = 0, height = 0 } = graph.node(name) as Partial<PlacedNode>;
    nodes.set(name, { x, y, width, height });
  }
  const edges = new Map<string, PlacedEdge>();
  for (const key of graph.edges()) {
    const edge = graph.edge(key) as {
      readonly points?: readonly Point[];
      readonly x?: number;
      readonly y?: number;
    };
    const label = edge.x !== undefined && edge.y !== undefined ? { x: edge.x, y: edge.y } : null;
    edges.set(key.name ?? '', { points: edge.points ?? [], label });
  }
  const { width = 0, height = 0 } = graph.graph() as Partial<Size>;
  return { width, height, nodes, edges };
}
