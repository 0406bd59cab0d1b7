import { expect, test } from 'vitest';
import { LOOP, run, step } from './fixtures';
import { cameBy, edgeId, graphOf, shapeKey } from './graph';

const counted = run(
  [
    step(0, 'count'),
    step(1, 'count', { exception: 'x' }),
    step(2, 'count'),
    step(3, 'done'),
    step(4, 'stray'),
  ],
  LOOP,
);

test('visits, failures and transitions taken', () => {
  const graph = graphOf(counted);
  expect(graph.nodes).toEqual([
    { name: 'count', visits: 3, failures: 1, unknown: false },
    { name: 'done', visits: 1, failures: 0, unknown: false },
    { name: 'stray', visits: 1, failures: 0, unknown: true },
  ]);
  expect(graph.edges.map((edge) => [edge.from, edge.to, edge.taken])).toEqual([
    ['count', 'count', 2],
    ['count', 'done', 1],
  ]);
});

test('two transitions between the same actions are one edge with two conditions', () => {
  const twice = [...LOOP, { from: 'count', to: 'done', condition: 'stop' }];
  expect(
    graphOf(run([], twice)).edges.find((edge) => edge.id === edgeId('count', 'done'))?.conditions,
  ).toEqual(['default', 'stop']);
});

test('the layout is kept while only counts change', () => {
  const more = { ...counted, steps: counted.steps.slice(0, -1).concat(step(9, 'stray')) };
  expect(shapeKey(graphOf(more))).toBe(shapeKey(graphOf(counted)));
  expect(shapeKey(graphOf(run([], LOOP)))).not.toBe(shapeKey(graphOf(counted)));
});

test('how the run came to a step', () => {
  expect(cameBy(counted, 0)).toBeNull();
  expect(cameBy(counted, 1)?.condition).toBe('count < limit');
  expect(cameBy(counted, 4)).toMatchObject({ condition: null, from: { action: 'done' } });
});
