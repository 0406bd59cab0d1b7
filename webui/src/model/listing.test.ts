import { describe, expect, test } from 'vitest';
import {
  makeListing,
  segmentsOf,
  segmentsOfGroups,
  segmentsWithout,
  type Below,
  type Segment,
} from './listing';
import { sequenceOf } from './sequence';

const none: Below<string> = { inner: new Map(), attempts: new Map() };
const open = (rows: Record<number, string[]>, attempts: Record<number, number[]> = {}): Below<string> => ({
  inner: new Map(Object.entries(rows).map(([number, texts]) => [Number(number), sequenceOf(texts)])),
  attempts: new Map(Object.entries(attempts).map(([number, earlier]) => [Number(number), earlier])),
});
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
    const listing = makeListing([steps(0, 5)], open({ 1: ['a', 'b'], 4: ['c'] }));
    const places = Array.from({ length: listing.length }, (_, row) => listing.at(row));
    expect(
      places.map(
        (place) => place && (place.kind === 'inner' ? place.row : 'number' in place && place.number),
      ),
    ).toEqual([0, 1, 'a', 'b', 2, 3, 4, 'c']);
    expect([0, 1, 2, 3, 4].map(listing.rowOf)).toEqual([0, 1, 4, 5, 6]);
    expect(listing.next(1, 1)).toBe(2);
    expect(listing.next(2, -1)).toBe(1);
    expect(listing.next(4, 1)).toBeNull();
  });

  test('an open step without rows to show does not take one', () => {
    const listing = makeListing([steps(0, 3)], open({ 1: [] }));
    expect(listing.length).toBe(3);
    expect(listing.rowOf(2)).toBe(2);
  });

  test('leaves out what gave way, and shows it below the last attempt', () => {
    const segments = segmentsWithout(10, [
      { from: 2, to: 5 },
      { from: 6, to: 7 },
    ]);
    const listing = makeListing(segments, open({ 4: ['of 4'], 8: ['of 8'] }, { 8: [6, 4] }));
    const places = Array.from({ length: listing.length }, (_, row) => listing.at(row));
    expect(
      places.map(
        (place) => place && (place.kind === 'inner' ? place.row : 'number' in place && place.number),
      ),
    ).toEqual([0, 1, 5, 7, 8, 6, 4, 'of 4', 'of 8', 9]);
    expect([2, 4, 6, 8, 9].map(listing.rowOf)).toEqual([-1, 6, 5, 4, 9]);
    expect([7, 8, 6, 4, 9].map((number) => listing.next(number, 1))).toEqual([8, 6, 4, 9, null]);
    expect([9, 4, 6, 8, 7].map((number) => listing.next(number, -1))).toEqual([4, 6, 8, 7, 5]);
    expect(listing.next(3, 1)).toBe(5);
  });

  test('of which half gave way is two blocks', () => {
    const listing = makeListing(segmentsWithout(1_000_000, [{ from: 250_000, to: 750_000 }]), none);
    expect(listing.length).toBe(500_000);
    expect(listing.at(250_000)).toEqual({ kind: 'step', number: 750_000, folded: false });
    expect(listing.rowOf(999_999)).toBe(499_999);
  });

  test('does not step over what is not read', () => {
    const listing = makeListing(
      [steps(0, 2), { kind: 'gap', range: { from: 2, to: 90 } }, steps(90, 3)],
      none,
    );
    expect(listing.length).toBe(6);
    expect(listing.rowOf(50)).toBe(-1);
    expect([listing.gapOf(50), listing.gapOf(90), listing.gapOf(1)]).toEqual([
      { from: 2, to: 90 },
      null,
      null,
    ]);
    expect([listing.next(1, 1), listing.next(90, -1), listing.next(50, -1), listing.next(50, 1)]).toEqual([
      null,
      null,
      1,
      90,
    ]);
  });

  test('of a filter knows what it holds and what is near', () => {
    const listing = makeListing(segmentsOf([2, 3, 9]), none);
    expect(listing.length).toBe(3);
    expect(listing.rowOf(9)).toBe(2);
    expect(listing.rowOf(5)).toBe(-1);
    expect(listing.next(5, 1)).toBe(9);
    expect(listing.next(5, -1)).toBe(3);
    expect(listing.next(0, -1)).toBe(2);
    expect(listing.next(10, 1)).toBe(9);
    expect(makeListing([], none).next(1, 1)).toBeNull();
  });

  test('folds cycles and opens them', () => {
    const group = (from: number, to: number, ...actions: string[]) => {
      const ids = { first_sequence_id: from, last_sequence_id: to - 1, started: null, ended: null };
      return { from, to, times: (to - from) / actions.length, ...ids, actions };
    };
    const groups = [group(0, 1, 'a'), group(1, 2, 'b'), group(2, 8, 'x', 'y'), group(8, 9, 'z')];
    const closed = makeListing(segmentsOfGroups(groups, new Set()), none);
    expect(closed.length).toBe(4);
    expect(closed.rowOf(5)).toBe(2);
    expect(closed.rowOf(8)).toBe(3);
    expect([1, 3, 7].map((number) => closed.next(number, 1))).toEqual([2, 4, 8]);
    expect([8, 3, 2].map((number) => closed.next(number, -1))).toEqual([7, 2, 1]);
    const opened = makeListing(segmentsOfGroups(groups, new Set([4])), none);
    expect(opened.length).toBe(10);
    expect(opened.at(2)?.kind).toBe('fold');
    expect(opened.at(3)).toEqual({ kind: 'step', number: 2, folded: true });
    expect(opened.rowOf(5)).toBe(6);
    expect(opened.rowOf(2)).toBe(3);
    expect([opened.next(1, 1), opened.next(2, -1)]).toEqual([2, 1]);
  });
});
