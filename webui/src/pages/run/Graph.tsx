/* The state machine. Laid out once a graph; what the run did in it is only painted on. */
import { useCallback, useEffect, useMemo, useRef, useState, type PointerEvent } from 'react';
import { cut } from '../../base/json';
import { clamp, formatCount, plural } from '../../base/number';
import {
  cameBy,
  edgeId,
  graphOf,
  shapeKey,
  type GraphEdge,
  type GraphNode,
  type GraphShape,
} from '../../model/graph';
import type { Run } from '../../model/types';
import { useKeys } from '../../ui/keys';
import { actionHues } from './hues';
import type { Placement, PlacedEdge, PlacedNode, Point } from './layout';

const NODE_FONT = '600 12px system-ui, sans-serif';
const LABEL_FONT = '11px ui-monospace, monospace';
const NAME_MOST = 28;
const CONDITION_MOST = 34;
const NODE_HEIGHT = 34;

interface Props {
  readonly run: Run;
  readonly selected: number;
  readonly hovered: string | null;
  readonly filtered: string | null;
  readonly onPick: (action: string) => void;
}

export function Graph({ run, selected, hovered, filtered, onPick }: Props) {
  const shape = useMemo(() => graphOf(run), [run]);
  const placement = usePlacement(shape);
  const hues = useMemo(() => actionHues(run), [run]);
  const view = useView(placement, run.steps[selected]?.action ?? null);
  useKeys('Graph', [{ keys: ['0'], label: 'Fit the graph', run: view.fit }]);

  const step = run.steps[selected];
  const from = cameBy(run, selected)?.from ?? null;
  const cameEdge = step && from ? edgeId(from.action, step.action) : null;
  return (
    <section className="graph" aria-label="State machine">
      <svg
        ref={view.ref}
        className="graph-canvas"
        role="group"
        aria-label={`${plural(shape.nodes.length, 'action')}, ${plural(shape.edges.length, 'transition')}`}
        {...view.handlers}
      >
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
        {placement && (
          <g transform={`translate(${view.x} ${view.y}) scale(${view.k})`}>
            {shape.edges.map((edge) => {
              const placed = placement.edges.get(edge.id);
              return (
                placed && (
                  <Edge key={edge.id} edge={edge} placed={placed} came={edge.id === cameEdge} shape={shape} />
                )
              );
            })}
            {shape.nodes.map((node) => {
              const placed = placement.nodes.get(node.name);
              return (
                placed && (
                  <Node
                    key={node.name}
                    node={node}
                    placed={placed}
                    hue={hues.get(node.name) ?? 'var(--hue-0)'}
                    current={step?.action === node.name}
                    hovered={hovered === node.name}
                    filtered={filtered === node.name}
                    entry={shape.entrypoint === node.name}
                    onPick={onPick}
                  />
                )
              );
            })}
          </g>
        )}
      </svg>
      {shape.nodes.length === 0 && <p className="loading">No graph was recorded.</p>}
      <div className="graph-tools">
        <button type="button" className="button" aria-label="Zoom in" onClick={() => view.zoom(1.25)}>
          +
        </button>
        <button type="button" className="button" aria-label="Zoom out" onClick={() => view.zoom(0.8)}>
          −
        </button>
        <button type="button" className="button" title="Fit the graph (0)" onClick={view.fit}>
          Fit
        </button>
      </div>
    </section>
  );
}

interface NodeProps {
  readonly node: GraphNode;
  readonly placed: PlacedNode;
  readonly hue: string;
  readonly current: boolean;
  readonly hovered: boolean;
  readonly filtered: boolean;
  readonly entry: boolean;
  readonly onPick: (action: string) => void;
}

function Node({ node, placed, hue, current, hovered, filtered, entry, onPick }: NodeProps) {
  const { width, height } = placed;
  const names = [
    'node',
    current && 'current',
    hovered && 'hovered',
    filtered && 'filtered',
    node.visits === 0 && 'unvisited',
    node.failures > 0 && 'failing',
  ].filter(Boolean);
  const facts = [
    node.name,
    node.visits === 0 ? 'did not run' : `ran ${plural(node.visits, 'time')}`,
    node.failures > 0 && `failed ${plural(node.failures, 'time')}`,
    entry && 'entrypoint',
    node.unknown && 'missing from the recorded graph',
  ].filter(Boolean);
  const label = `${facts.join(', ')}. Show only its steps`;
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
        {shorten(node.name, NAME_MOST)}
      </text>
      {node.visits > 0 && (
        <text className="visits" x={width - 10} y={height / 2} textAnchor="end" dominantBaseline="central">
          {formatCount(node.visits)}
        </text>
      )}
      {node.failures > 0 && <FailureBadge count={node.failures} x={width} />}
    </g>
  );
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
  readonly shape: GraphShape;
}

function Edge({ edge, placed, came, shape }: EdgeProps) {
  const kind = came ? 'came' : edge.taken > 0 ? 'taken' : 'plain';
  const text = labelOf(edge, shape);
  const title = `${edge.from} → ${edge.to}: ${edge.conditions.join(' or ')}, taken ${plural(edge.taken, 'time')}`;
  return (
    <g className={`edge ${kind}`}>
      <title>{title}</title>
      <path
        className="line"
        d={curve(placed.points)}
        markerEnd={`url(#arrow-${kind})`}
        style={{ strokeWidth: came ? 2.4 : 1 + Math.min(Math.log10(edge.taken + 1), 1.2) * 0.5 }}
      />
      {text !== null && placed.label && (
        <>
          <rect
            className="label-back"
            x={placed.label.x - placed.label.width / 2 + 3}
            y={placed.label.y - 7}
            width={placed.label.width - 6}
            height="14"
          />
          <text x={placed.label.x} y={placed.label.y} textAnchor="middle" dominantBaseline="central">
            {text}
          </text>
        </>
      )}
    </g>
  );
}

/* "default" says something only where there is a choice. */
function labelOf(edge: GraphEdge, shape: GraphShape): string | null {
  const alone = shape.edges.filter((other) => other.from === edge.from).length === 1;
  const text = edge.conditions.join(' or ');
  return alone && text === 'default' ? null : shorten(text, CONDITION_MOST);
}

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

function usePlacement(shape: GraphShape): Placement | null {
  const key = shapeKey(shape);
  const [placed, setPlaced] = useState<{ readonly key: string; readonly placement: Placement } | null>(null);
  useEffect(() => {
    let wanted = true;
    void import('./layout').then(({ place }) => {
      if (!wanted) return;
      const measure = document.createElement('canvas').getContext('2d');
      const width = (text: string, font: string) => {
        if (!measure) return text.length * 7;
        measure.font = font;
        return measure.measureText(text).width;
      };
      const edges = new Map(shape.edges.map((edge) => [edge.id, edge]));
      const placement = place(shape, {
        node: (name) => ({
          width: Math.ceil(width(shorten(name, NAME_MOST), NODE_FONT)) + 74,
          height: NODE_HEIGHT,
        }),
        label: (id) => {
          const edge = edges.get(id);
          const text = edge ? labelOf(edge, shape) : null;
          return text === null ? null : { width: Math.ceil(width(text, LABEL_FONT)) + 12, height: 18 };
        },
      });
      setPlaced({ key, placement });
    });
    return () => {
      wanted = false;
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- counts change with every step; only the key moves nodes
  }, [key]);
  return placed?.key === key ? placed.placement : (placed?.placement ?? null);
}

interface View {
  readonly x: number;
  readonly y: number;
  readonly k: number;
}

const MOST_ZOOM = 2.5;
const LEAST_ZOOM = 0.08;
/* A graph that would be smaller than this is not shrunk to fit; the current action is centred instead. */
const READABLE_ZOOM = 0.4;
const DRAG_PX = 3;

/* Pan by dragging, zoom by the wheel. Shows the whole, or the current action of a large graph, until the reader has moved it. */
function useView(placement: Placement | null, focus: string | null) {
  const ref = useRef<SVGSVGElement>(null);
  const [view, setView] = useState<View>({ x: 0, y: 0, k: 1 });
  const [moved, setMoved] = useState(false);
  const drag = useRef<{ readonly x: number; readonly y: number; far: boolean } | null>(null);

  const fitNow = useCallback(
    (whole: boolean) => {
      const box = ref.current?.getBoundingClientRect();
      if (!box || !placement || box.width === 0) return;
      const k = clamp(
        Math.min((box.width - 24) / placement.width, (box.height - 24) / placement.height),
        LEAST_ZOOM,
        1.15,
      );
      const centre = { x: placement.width / 2, y: placement.height / 2 };
      const node = focus === null ? undefined : placement.nodes.get(focus);
      const [zoomTo, middle] = k < READABLE_ZOOM && !whole && node ? [READABLE_ZOOM, node] : [k, centre];
      setView({ k: zoomTo, x: box.width / 2 - middle.x * zoomTo, y: box.height / 2 - middle.y * zoomTo });
    },
    [placement, focus],
  );

  const fit = () => {
    setMoved(true);
    fitNow(true);
  };

  useEffect(() => {
    const element = ref.current;
    if (!element || moved) return;
    const observer = new ResizeObserver(() => fitNow(false));
    observer.observe(element);
    return () => observer.disconnect();
  }, [fitNow, moved]);

  const zoomAt = useCallback((factor: number, x: number, y: number) => {
    setMoved(true);
    setView((old) => {
      const k = clamp(old.k * factor, LEAST_ZOOM, MOST_ZOOM);
      return { k, x: x - ((x - old.x) * k) / old.k, y: y - ((y - old.y) * k) / old.k };
    });
  }, []);

  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      const box = element.getBoundingClientRect();
      zoomAt(Math.exp(-event.deltaY * 0.0016), event.clientX - box.left, event.clientY - box.top);
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, [zoomAt]);

  const zoom = (factor: number) => {
    const box = ref.current?.getBoundingClientRect();
    if (box) zoomAt(factor, box.width / 2, box.height / 2);
  };

  const handlers = {
    onPointerDown: (event: PointerEvent<SVGSVGElement>) => {
      if (event.button === 0) drag.current = { x: event.clientX, y: event.clientY, far: false };
    },
    onPointerMove: (event: PointerEvent<SVGSVGElement>) => {
      const from = drag.current;
      if (!from || event.buttons === 0) return;
      const dx = event.clientX - from.x;
      const dy = event.clientY - from.y;
      if (!from.far && Math.hypot(dx, dy) < DRAG_PX) return;
      if (!from.far) event.currentTarget.setPointerCapture(event.pointerId);
      drag.current = { x: event.clientX, y: event.clientY, far: true };
      setMoved(true);
      setView((old) => ({ ...old, x: old.x + dx, y: old.y + dy }));
    },
    onPointerUp: () => {
      drag.current = null;
    },
  };
  return { ref, ...view, fit, zoom, handlers };
}
