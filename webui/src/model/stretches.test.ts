import { describe, expect, test } from 'vitest';
import { piecesOf, wishFor } from './stretches';

const stretch = (from: number, to: number, ...items: number[]) => ({ from, to, items });
const pieces = (stretches: ReturnType<typeof stretch>[], count: number) =>
  piecesOf(stretches, count, (item) => item).map((piece) =>
    piece.kind === 'items' ? piece.items : `${piece.range.from}-${piece.range.to}`,
  );

describe('what is known of a list', () => {
  test('from its end has a gap in front', () => {
    expect(pieces([stretch(900, 1000, 905, 950)], 1000)).toEqual(['0-900', [905, 950]]);
  });

  test('of both ends has one between, and none when they meet', () => {
    const ends = [stretch(900, 1000, 905), stretch(0, 100, 5)];
    expect(pieces(ends, 1000)).toEqual([[5], '100-900', [905]]);
    expect(pieces([...ends, stretch(100, 900)], 1000)).toEqual([[5], [905]]);
  });

  test('that has grown has a gap behind', () => {
    expect(pieces([stretch(0, 10, 3)], 12)).toEqual([[3], '10-12']);
  });

  test('twice is told once', () => {
    expect(pieces([stretch(0, 10, 3, 9), stretch(5, 20, 9, 15)], 20)).toEqual([[3, 9], [15]]);
    expect(pieces([stretch(0, 10, 3), stretch(2, 8, 3)], 10)).toEqual([[3]]);
  });

  test('nothing, of a run without steps', () => {
    expect(pieces([], 0)).toEqual([]);
    expect(pieces([], 5)).toEqual(['0-5']);
  });
});

test('a gap is read from where the reader comes from', () => {
  expect(wishFor({ from: 100, to: 900 }, 'above')).toEqual({ at: 100, direction: 1, bound: 900 });
  expect(wishFor({ from: 100, to: 900 }, 'below')).toEqual({ at: 900, direction: -1, bound: 100 });
});
