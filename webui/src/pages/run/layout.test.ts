import { expect, test } from 'vitest';
import { edgeId, type GraphShape } from '../../model/graph';
import { place } from './layout';

function shapeOf(count: number, ways: readonly (readonly [number, number])[]): GraphShape {
  const name = (number: number) => `action ${number}`;
  return {
    nodes: Array.from({ length: count }, (_, number) => ({
      ...{ name: name(number), input: false, visits: 1, failures: 0, unknown: false },
    })),
    edges: ways.map(([from, to]) => ({
      ...{ id: edgeId(name(from), name(to)), from: name(from), to: name(to), conditions: ['x'], taken: 0 },
    })),
    entrypoint: name(0),
  };
}

const sizes = { node: () => ({ width: 140, height: 34 }), label: () => ({ width: 60, height: 18 }) };

test('of a small graph every edge is placed', () => {
  const placed = place(
    shapeOf(3, [
      [0, 1],
      [1, 2],
      [2, 0],
      [1, 1],
    ]),
    sizes,
  );
  expect(placed.edges.size).toBe(4);
  expect([...placed.edges.values()].some((edge) => edge.across)).toBe(false);
  expect([...placed.edges.values()].every((edge) => edge.label !== null)).toBe(true);
});

test('a large graph stands in columns, a step from the entrypoint each, whatever leads across', () => {
  const count = 150;
  const along = Array.from({ length: count - 1 }, (_, n) => [n, n + 1] as const);
  const jumps = Array.from({ length: count }, (_, n) => [n, (n * 7 + 3) % count] as const);
  const placed = place(shapeOf(count, [...along, ...jumps]), sizes);
  expect(placed.nodes.size).toBe(count);
  const x = (number: number) => placed.nodes.get(`action ${number}`)?.x ?? NaN;
  expect(x(1)).toBe(x(3));
  expect(x(2)).toBe(x(4));
  expect(x(2)).toBeGreaterThan(x(1));
  const places = [...placed.nodes.values()].map(({ x, y }) => `${x} ${y}`);
  expect(new Set(places).size).toBe(count);
  expect(Math.max(placed.width, placed.height)).toBeLessThan(4000);
  const back = placed.edges.get(edgeId('action 21', 'action 0'));
  expect(back?.across).toBe(true);
  expect(back?.points).toHaveLength(3);
});
