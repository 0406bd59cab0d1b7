import { expect, test } from 'vitest';
import { readExact, type JsonText } from '../base/jsonText';
import { searchTree } from './treeSearch';

const value = readExact('{"user":{"name":"Ann","tags":["x","ANNA"]},"n":12345678901234567890}' as JsonText);

test('a text is found in keys and values, with the way to it', () => {
  const hits = searchTree(value, 'ann');
  expect([...hits.places].sort()).toEqual(['', '/user', '/user/name', '/user/tags', '/user/tags/1']);
  expect(hits.count).toBe(2);
  expect([...searchTree(value, 'tags').places]).toEqual(['/user/tags', '/user', '']);
  expect(searchTree(value, '567890').places.has('/n')).toBe(true);
  expect(searchTree(value, 'none').places.size).toBe(0);
});

test('a search has an end', () => {
  const many = Array.from({ length: 10_000 }, () => 'x');
  expect(searchTree(many, 'x')).toMatchObject({ count: 500, more: true });
});
