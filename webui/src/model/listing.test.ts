import { describe, expect, test } from 'vitest';
import { makeListing, segmentsOf, segmentsOfGroups, type Segment } from './listing';

const none = new Map<number, number>();
const steps = (first: number, count: number): Segment => ({ kind: 'steps', first, count });

describe('a listing', () => {
  test('of a million steps is one block', () => {
    const listing = makeListing([steps(0, 1_000_000)], none);
    expect(listing.length).toBe(1_000_000);
    expect(listing.at(999_999)).toEqual({ kind: 'step', number: 999_999, folded: false });
    expect(listing.rowOf(123_456)).toBe(123_456);
    expect(listing.at(1_000_000)).toBeNull();
    expect(listing.rowOf(1_000_000)).toBe(-1);
  });

  test('puts what is open below its step', () => {
    const listing = makeListing(
      [steps(0, 5)],
      new Map([
        [1, 2],
        [4, 1],
      ]),
    );
    const places = Array.from({ length: listing.length }, (_, row) => listing.at(row));
    expect(places.map((place) => place && 'number' in place && [place.kind, place.number])).toEqual([
      ['step', 0],
      ['step', 1],
      ['detail', 1],
      ['detail', 1],
      ['step', 2],
      ['step', 3],
      ['step', 4],
      ['detail', 4],
    ]);
    expect([0, 1, 2, 3, 4].map(listing.rowOf)).toEqual([0, 1, 4, 5, 6]);
    expect(places[3]).toEqual({ kind: 'detail', number: 1, offset: 1 });
  });

  test('an open step without rows to show does not take one', () => {
    const listing = makeListing([steps(0, 3)], new Map([[1, 0]]));
    expect(listing.length).toBe(3);
    expect(listing.rowOf(2)).toBe(2);
  });

  test('of a filter knows what it holds and what is near', () => {
    const listing = makeListing(segmentsOf([2, 3, 9]), none);
    expect(listing.length).toBe(3);
    expect(listing.rowOf(9)).toBe(2);
    expect(listing.rowOf(5)).toBe(-1);
    expect(listing.nearest(5, 1)).toBe(9);
    expect(listing.nearest(5, -1)).toBe(3);
    expect(listing.nearest(0, -1)).toBe(2);
    expect(listing.nearest(10, 1)).toBe(9);
    expect(makeListing([], none).nearest(1, 1)).toBeNull();
  });

  test('folds cycles and opens them', () => {
    const groups = [
      { from: 0, to: 1, times: 1, actions: ['a'] },
      { from: 1, to: 2, times: 1, actions: ['b'] },
      { from: 2, to: 8, times: 3, actions: ['x', 'y'] },
      { from: 8, to: 9, times: 1, actions: ['z'] },
    ];
    const closed = makeListing(segmentsOfGroups(groups, new Set()), none);
    expect(closed.length).toBe(4);
    expect(closed.rowOf(5)).toBe(2);
    expect(closed.rowOf(8)).toBe(3);
    const open = makeListing(segmentsOfGroups(groups, new Set([2])), none);
    expect(open.length).toBe(10);
    expect(open.at(2)?.kind).toBe('fold');
    expect(open.at(3)).toEqual({ kind: 'step', number: 2, folded: true });
    expect(open.rowOf(5)).toBe(6);
    expect(open.rowOf(2)).toBe(3);
  });
});
