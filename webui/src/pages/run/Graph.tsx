/* The state machine. Laid out once a graph; what the run did in it is only painted on. */
import { useEffect, useMemo, useState } from 'react';
import { plural } from '../../base/number';
import type { Run } from '../../model/api';
import {
  edgeId,
  graphOf,
  hasInputs,
  INPUT,
  nextOf,
  shapeKey,
  type GraphShape,
  type Machine,
} from '../../model/graph';
import { usePreference } from '../../state/preferences';
import { useKeys } from '../../ui/keys';
import { Arrows, COUNT_ROOM, Edge, labelOf, Node, nodeText } from './GraphParts';
import type { LayoutQuestion, Placement } from './layout';
import { useGraphView } from './useGraphView';

const NODE_FONT = '600 12px system-ui, sans-serif';
const LABEL_FONT = '11px ui-monospace, monospace';
const NODE_HEIGHT = 34;

interface Props {
  readonly machine: Machine;
  /** What the run did in it. */
  readonly uses: Pick<Run, 'actions' | 'edges'>;
  /** The colour of an action. */
  readonly hue: (action: string | null) => string;
  /** The action of the step that is looked at, and the one before it. */
  readonly action: string | null;
  readonly cameFrom: string | null;
  readonly hovered: string | null;
  readonly filtered: string | null;
  readonly onPick: (action: string) => void;
}

export function Graph({ machine, uses, hue, action, cameFrom, hovered, filtered, onPick }: Props) {
  const [inputs, setInputs] = usePreference('graph.inputs', 'hidden');
  const withInputs = inputs === 'shown';
  const shape = useMemo(() => graphOf(machine, uses, withInputs), [machine, uses, withInputs]);
  const placement = usePlacement(shape);
  const view = useGraphView(placement, action);
  useKeys('Graph', [{ keys: ['0'], label: 'Fit the graph', run: view.fit }]);
  const next = useMemo(() => nextOf(machine, action), [machine, action]);
  const cameEdge = action !== null && cameFrom !== null ? edgeId(cameFrom, action) : null;
  return (
    <section className="graph" aria-label="State machine">
      <svg
        ref={view.ref}
        className="graph-canvas"
        role="group"
        aria-label={`${plural(shape.nodes.length, 'action')}, ${plural(shape.edges.length, 'transition')}`}
        {...view.handlers}
      >
        <Arrows />
        {placement && (
          <g transform={`translate(${view.x} ${view.y}) scale(${view.k})`}>
            {shape.edges.map((edge) => {
              const placed = placement.edges.get(edge.id);
              return (
                placed && (
                  <Edge
                    key={edge.id}
                    edge={edge}
                    placed={placed}
                    came={edge.id === cameEdge}
                    next={edge.from === action}
                    shape={shape}
                  />
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
                    hue={hue(node.name)}
                    current={action === node.name}
                    next={next.has(node.name)}
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
        {hasInputs(machine) && (
          <button
            type="button"
            className="button"
            aria-pressed={withInputs}
            onClick={() => setInputs(withInputs ? 'hidden' : 'shown')}
          >
            Inputs
          </button>
        )}
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

function usePlacement(shape: GraphShape): Placement | null {
  const key = shapeKey(shape);
  const [placed, setPlaced] = useState<Placement | null>(null);
  useEffect(() => {
    const worker = new Worker(new URL('./layout.worker.ts', import.meta.url), { type: 'module' });
    worker.onmessage = (event: MessageEvent<Placement>) => {
      setPlaced(event.data);
      worker.terminate();
    };
    worker.postMessage(questionFor(shape));
    return () => worker.terminate();
    // eslint-disable-next-line react-hooks/exhaustive-deps -- counts change with every step; only the key moves nodes
  }, [key]);
  return placed;
}

function questionFor(shape: GraphShape): LayoutQuestion {
  const measure = document.createElement('canvas').getContext('2d');
  const width = (text: string, font: string) => {
    if (!measure) return text.length * 7;
    measure.font = font;
    return Math.ceil(measure.measureText(text).width);
  };
  const nodeSize = (text: string) => ({ width: width(text, NODE_FONT) + 74, height: NODE_HEIGHT });
  const labelSize = (text: string) => ({ width: width(text + COUNT_ROOM, LABEL_FONT) + 8, height: 18 });
  return {
    shape,
    nodes: new Map(shape.nodes.map((node) => [node.name, nodeSize(nodeText(node))])),
    labels: new Map(
      shape.edges
        .filter((edge) => !edge.from.startsWith(INPUT))
        .map((edge) => [edge.id, labelSize(labelOf(edge, shape))]),
    ),
  };
}
