import { expect, test } from 'vitest';
import { edgeId, graphOf, hasInputs, hueOf, machineOf, nextOf, shapeKey } from './graph';

const GRAPH = {
  entrypoint: 'count',
  actions: [
    {
      name: 'count',
      reads: ['n'],
      writes: ['n'],
      inputs: ['by', '__context'],
      optional_inputs: ['max'],
      code: 'x',
    },
    { name: 'done', inputs: 7 },
    { reads: [] },
  ],
  transitions: [
    { from_: 'count', to: 'count', condition: 'n < limit' },
    { from_: 'count', to: 'done' },
    { from_: 'count', to: 'done', condition: 'stopped' },
    { to: 'done' },
  ],
};
const RUN = {
  actions: [
    { name: 'count', count: 10, failed_count: 1 },
    { name: 'ghost', count: 1, failed_count: 0 },
  ],
  edges: [
    { from: null, to: 'count', count: 1 },
    { from: 'count', to: 'count', count: 9 },
  ],
};

test('what is odd in a graph is left out', () => {
  const machine = machineOf(GRAPH);
  expect(machine.actions.map((action) => action.name)).toEqual(['count', 'done']);
  expect(machine.transitions.map((transition) => transition.condition)).toEqual([
    'n < limit',
    'default',
    'stopped',
  ]);
  expect(machineOf(null)).toEqual({ entrypoint: null, actions: [], transitions: [] });
});

test('nodes and edges carry their counts', () => {
  const shape = graphOf(machineOf(GRAPH), RUN, false);
  expect(shape.nodes.map(({ name, visits, failures, unknown }) => [name, visits, failures, unknown])).toEqual(
    [
      ['count', 10, 1, false],
      ['done', 0, 0, false],
      ['ghost', 1, 0, true],
    ],
  );
  expect(shape.edges.map(({ from, to, conditions, taken }) => [from, to, conditions, taken])).toEqual([
    ['count', 'count', ['n < limit'], 9],
    ['count', 'done', ['default', 'stopped'], 0],
  ]);
});

test('inputs come as nodes when wanted, without private ones', () => {
  const machine = machineOf(GRAPH);
  expect(hasInputs(machine)).toBe(true);
  const shape = graphOf(machine, RUN, true);
  expect(shape.nodes.filter((node) => node.input).map((node) => node.name)).toEqual([
    'input: by',
    'input: max',
  ]);
  expect(shape.edges.at(-1)?.id).toBe(edgeId('input: max', 'count'));
});

test('counts do not move the layout', () => {
  const machine = machineOf(GRAPH);
  const none = { actions: RUN.actions.map((use) => ({ ...use, count: 99 })), edges: [] };
  expect(shapeKey(graphOf(machine, RUN, false))).toBe(shapeKey(graphOf(machine, none, false)));
});

test('what may come next', () => {
  expect([...nextOf(machineOf(GRAPH), 'count')]).toEqual(['count', 'done']);
  expect(nextOf(machineOf(GRAPH), null).size).toBe(0);
});

test('hues are given in order and come again', () => {
  const hues = hueOf(['a', 'b', 'a', ...Array.from('cdefghij')]);
  expect([hues.get('a'), hues.get('b'), hues.get('i'), hues.get('j')]).toEqual([0, 1, 0, 1]);
});
