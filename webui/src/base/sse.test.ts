import { expect, test } from 'vitest';
import { EventParser } from './sse';

const STREAM =
  ': beat\n\nid: 7\nevent: hello\ndata: {"version":"1"}\n\nevent: change\r\ndata: a\r\ndata: b\r\n\r\ndata:c\n\n';
const EVENTS = [
  { name: 'hello', data: '{"version":"1"}', id: '7' },
  { name: 'change', data: 'a\nb', id: '7' },
  { name: 'message', data: 'c', id: '7' },
];

test('a whole stream', () => {
  expect(new EventParser().push(STREAM)).toEqual(EVENTS);
});

test('the same stream in pieces of any length', () => {
  for (let size = 1; size < 30; size++) {
    const parser = new EventParser();
    const events = [];
    for (let at = 0; at < STREAM.length; at += size) events.push(...parser.push(STREAM.slice(at, at + size)));
    expect(events).toEqual(EVENTS);
  }
});

test('comments and unfinished events give nothing', () => {
  const parser = new EventParser();
  expect(parser.push(':\n\n: x\n\nevent: change\ndata: {')).toEqual([]);
  expect(parser.push('}\n')).toEqual([]);
  expect(parser.push('\n')).toEqual([{ name: 'change', data: '{}', id: '' }]);
});
