/* How the nodes and edges of the state machine are drawn. */
import { memo } from 'react';
import { cut } from '../../base/json';
import { formatCount, plural } from '../../base/number';
import { inputName, type GraphEdge, type GraphNode, type GraphShape } from '../../model/graph';
import type { PlacedEdge, PlacedNode, Point } from './layout';

const NAME_MOST = 28;
const CONDITION_MOST = 34;
const LABEL_CHARACTER_PX = 6.7;

/** The heads of the edges. */
export function Arrows() {
  return (
    <defs>
      {(['plain', 'taken', 'came'] as const).map((kind) => (
        <marker
          key={kind}
          id={`arrow-${kind}`}
          className={`arrow ${kind}`}
          viewBox="0 0 8 8"
          refX="7"
          refY="4"
          markerWidth="7"
          markerHeight="7"
          markerUnits="userSpaceOnUse"
          orient="auto"
        >
          <path d="M0 0.5 8 4 0 7.5z" />
        </marker>
      ))}
    </defs>
  );
}

interface NodeProps {
  readonly node: GraphNode;
  readonly placed: PlacedNode;
  readonly hue: string;
  readonly current: boolean;
  /** The run may come here next. */
  readonly next: boolean;
  readonly hovered: boolean;
  readonly filtered: boolean;
  readonly entry: boolean;
  readonly onPick: (action: string) => void;
}

export const Node = memo(function Node(props: NodeProps) {
  const { node, placed, hue, current, next, hovered, filtered, entry, onPick } = props;
  const { width, height } = placed;
  const names = [
    'node',
    node.input && 'input',
    current && 'current',
    next && 'next',
    hovered && 'hovered',
    filtered && 'filtered',
    node.visits === 0 && !node.input && 'unvisited',
    node.failures > 0 && 'failing',
  ].filter(Boolean);
  const facts = [
    nodeText(node),
    node.visits === 0 ? 'did not run' : `ran ${plural(node.visits, 'time')}`,
    node.failures > 0 && `failed ${plural(node.failures, 'time')}`,
    entry && 'entrypoint',
    node.unknown && 'missing from the recorded graph',
  ].filter(Boolean);
  const label = `${facts.join(', ')}. Show only its steps`;
  if (node.input) return <InputNode node={node} placed={placed} />;
  return (
    <g
      className={names.join(' ')}
      transform={`translate(${placed.x - width / 2} ${placed.y - height / 2})`}
      role="button"
      tabIndex={0}
      aria-pressed={filtered}
      aria-label={label}
      onClick={() => onPick(node.name)}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' && event.key !== ' ') return;
        event.preventDefault();
        onPick(node.name);
      }}
    >
      <title>{label}</title>
      <rect className="box" width={width} height={height} rx="5" />
      <rect className="hue" width="4" height={height} rx="2" fill={hue} />
      {entry && <path className="entry" d={`M${width / 2 - 5} -9h10l-5 7z`} />}
      <text className="name" x="14" y={height / 2} dominantBaseline="central">
        {nodeText(node)}
      </text>
      {node.visits > 0 && (
        <text className="visits" x={width - 10} y={height / 2} textAnchor="end" dominantBaseline="central">
          {formatCount(node.visits)}
        </text>
      )}
      {node.failures > 0 && <FailureBadge count={node.failures} x={width} />}
    </g>
  );
});

/* What comes from outside: no action, nothing to pick. */
function InputNode({ node, placed }: { readonly node: GraphNode; readonly placed: PlacedNode }) {
  const { width, height } = placed;
  return (
    <g className="node input" transform={`translate(${placed.x - width / 2} ${placed.y - height / 2})`}>
      <title>{`input ${inputName(node.name)}`}</title>
      <rect className="box" y="4" width={width} height={height - 8} rx={(height - 8) / 2} />
      <text className="name" x={width / 2} y={height / 2} textAnchor="middle" dominantBaseline="central">
        {nodeText(node)}
      </text>
    </g>
  );
}

/** The name as it is drawn. */
export function nodeText(node: GraphNode): string {
  return shorten(node.input ? inputName(node.name) : node.name, NAME_MOST);
}

/* Sits on the upper right corner, clear of the name. */
function FailureBadge({ count, x }: { readonly count: number; readonly x: number }) {
  const text = `✕ ${formatCount(count)}`;
  const width = text.length * 7 + 8;
  return (
    <g className="badge" transform={`translate(${x - width + 8} -8)`}>
      <rect width={width} height="16" rx="8" />
      <text x={width / 2} y="8" textAnchor="middle" dominantBaseline="central">
        {text}
      </text>
    </g>
  );
}

interface EdgeProps {
  readonly edge: GraphEdge;
  readonly placed: PlacedEdge;
  readonly came: boolean;
  readonly next: boolean;
  readonly shape: GraphShape;
}

export const Edge = memo(function Edge({ edge, placed, came, next, shape }: EdgeProps) {
  const kind = came ? 'came' : edge.taken > 0 ? 'taken' : 'plain';
  const text = labelOf(edge, shape);
  const times = edge.taken > 0 ? ` ×${formatCount(edge.taken)}` : '';
  const labelPx = (text.length + times.length) * LABEL_CHARACTER_PX + 4;
  const title = `${edge.from} → ${edge.to}: ${edge.conditions.join(' or ')}, taken ${plural(edge.taken, 'time')}`;
  return (
    <g className={`edge ${kind}${next ? ' next' : ''}${placed.across && !came && !next ? ' across' : ''}`}>
      <title>{title}</title>
      <path
        className="line"
        d={curve(placed.points)}
        markerEnd={`url(#arrow-${kind})`}
        style={{ strokeWidth: came ? 2.4 : 1 + Math.min(Math.log10(edge.taken + 1), 1.2) * 0.5 }}
      />
      {text + times !== '' && placed.label && (!placed.across || came || next) && (
        <>
          <rect
            className="label-back"
            x={placed.label.x - labelPx / 2}
            y={placed.label.y - 7}
            width={labelPx}
            height="14"
          />
          <text x={placed.label.x} y={placed.label.y} textAnchor="middle" dominantBaseline="central">
            {text}
            <tspan className="taken-count">{times}</tspan>
          </text>
        </>
      )}
    </g>
  );
});

/* "default" says something only where there is a choice. */
export function labelOf(edge: GraphEdge, shape: GraphShape): string {
  const alone = shape.edges.filter((other) => other.from === edge.from).length === 1;
  const text = edge.conditions.join(' or ');
  return alone && text === 'default' ? '' : shorten(text, CONDITION_MOST);
}

/** The widest count that an edge's label has room for: counts grow, and nothing moves. */
export const COUNT_ROOM = ' ×999,999';

function shorten(text: string, most: number): string {
  return text.length > most ? `${cut(text, most - 1)}…` : text;
}

/* A smooth line through the middles between dagre's points. */
function curve(points: readonly Point[]): string {
  const [first] = points;
  const last = points.at(-1);
  if (!first || !last) return '';
  let path = `M${first.x} ${first.y}`;
  for (let index = 1; index < points.length - 1; index++) {
    const here = points[index] ?? first;
    const next = points[index + 1] ?? last;
    const end = index === points.length - 2 ? next : { x: (here.x + next.x) / 2, y: (here.y + next.y) / 2 };
    path += `Q${here.x} ${here.y} ${end.x} ${end.y}`;
  }
  return points.length < 3 ? `${path}L${last.x} ${last.y}` : path;
}
