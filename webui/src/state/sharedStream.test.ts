import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { StreamEnd, StreamHandlers } from '../api/stream';
import type { ReadEvents, Told } from './eventStream';
import { SharedStream, type Channel, type Queue } from './sharedStream';

/* The server's side: each opening is one that the test can speak through and end. */
interface Opening {
  readonly topics: readonly string[];
  readonly lastId: string;
  readonly isOpen: () => boolean;
  readonly send: (name: string, data: object, id?: string) => void;
  readonly end: (how: StreamEnd) => void;
}

let openings: Opening[];
let tabs: Channel[];
let waiting: (() => void)[];
let isLed: boolean;

const read: ReadEvents = (topics, lastId, handlers: StreamHandlers, _silence, signal) =>
  new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve('closed'));
    openings.push({
      topics,
      lastId,
      isOpen: () => !signal.aborted,
      send: (name, data, id = '') => handlers.onEvent({ name, data: JSON.stringify(data), id }),
      end: resolve,
    });
  });

function channel(): Channel {
  const own: Channel = {
    onmessage: null,
    postMessage: (data) => {
      for (const other of tabs) if (other !== own) queueMicrotask(() => other.onmessage?.({ data }));
    },
  };
  tabs.push(own);
  return own;
}

const queue: Queue = (onLead) => {
  let state: 'waits' | 'leads' | 'gone' = 'waits';
  const lead = () => {
    if (state !== 'waits') return false;
    state = 'leads';
    onLead();
    return true;
  };
  const next = () => {
    isLed = false;
    while (!isLed && waiting.length > 0) if (waiting.shift()?.() !== undefined) isLed = true;
  };
  waiting.push(lead);
  if (!isLed) queueMicrotask(() => !isLed && next());
  return () => {
    const led = state === 'leads';
    state = 'gone';
    waiting = waiting.filter((other) => other !== lead);
    if (led) queueMicrotask(next);
  };
};

function openTab() {
  const told: Told[] = [];
  const stream = new SharedStream((what) => told.push(what), channel(), queue, read);
  return { stream, told, heard: (kind: Told['kind']) => told.filter((what) => what.kind === kind) };
}

const settle = () => vi.advanceTimersByTimeAsync(1);
const last = () => {
  const opening = openings.at(-1);
  if (!opening) throw new Error('nothing was opened');
  return opening;
};
const openCount = () => openings.filter((opening) => opening.isOpen()).length;
const hello = async () => {
  last().send('hello', { version: '1' }, '10');
  await settle();
};

beforeEach(() => {
  vi.useFakeTimers();
  openings = [];
  tabs = [];
  waiting = [];
  isLed = false;
});

afterEach(() => vi.useRealTimers());

describe('tabs of one browser', () => {
  test('share one stream for what all of them want', async () => {
    const [a, b] = [openTab(), openTab()];
    a.stream.want(['x']);
    await settle();
    await hello();
    b.stream.want(['y', 'x']);
    await settle();
    expect(openCount()).toBe(1);
    expect(last().topics).toEqual(['x', 'y']);
    await hello();
    last().send('change', { topic: 'y', cursor: 11, more: 1 });
    await settle();
    const change = { kind: 'change', topic: 'y', data: { topic: 'y', cursor: 11, more: 1 } };
    expect(a.told).toContainEqual(change);
    expect(b.told).toContainEqual(change);
    expect(b.told).toContainEqual({ kind: 'status', status: 'live', version: '1' });
  });

  test('who comes later asks for what it may have missed, the others do not', async () => {
    const [a, b] = [openTab(), openTab()];
    a.stream.want(['x']);
    await settle();
    await hello();
    expect(a.heard('stale')).toEqual([{ kind: 'stale', topics: ['x'] }]);
    b.stream.want(['x']);
    await settle();
    expect(b.heard('stale')).toEqual([{ kind: 'stale', topics: ['x'] }]);
    expect(openings).toHaveLength(1);
  });

  test('the next one leads when the first is hidden, and none when all are', async () => {
    const [a, b] = [openTab(), openTab()];
    a.stream.want(['x']);
    b.stream.want(['y']);
    await settle();
    await hello();
    a.stream.want([]);
    await settle();
    expect(openCount()).toBe(1);
    expect(last().topics).toEqual(['y']);
    await hello();
    last().send('change', { topic: 'y' });
    await settle();
    expect(a.heard('change')).toEqual([]);
    expect(b.heard('change')).toHaveLength(1);
    b.stream.want([]);
    await settle();
    expect(openCount()).toBe(0);
  });

  test('one that died in silence is forgotten', async () => {
    const [a, b] = [openTab(), openTab()];
    a.stream.want(['x']);
    b.stream.want(['y']);
    await settle();
    for (const own of tabs.slice(1)) own.postMessage = () => undefined;
    await vi.advanceTimersByTimeAsync(90_000);
    expect(last().topics).toEqual(['x']);
  });
});

describe('a stream', () => {
  test('that is lost is opened again, and says what was heard last', async () => {
    const tab = openTab();
    tab.stream.want(['x']);
    await settle();
    await hello();
    last().send('change', { topic: 'x' }, '12');
    last().end('silent');
    await settle();
    expect(tab.told.at(-1)).toEqual({ kind: 'status', status: 'lost', version: '1' });
    await vi.advanceTimersByTimeAsync(5000);
    expect(openings).toHaveLength(2);
    expect(last().lastId).toBe('12');
    await hello();
    expect(tab.heard('stale')).toHaveLength(1);
  });

  test('that is kept back by a proxy gives way to polling, and is tried again', async () => {
    const tab = openTab();
    tab.stream.want(['x']);
    await settle();
    last().end('silent');
    await vi.advanceTimersByTimeAsync(6100);
    expect(tab.heard('status')).toEqual([{ kind: 'status', status: 'polling', version: null }]);
    expect(tab.heard('stale')).toHaveLength(3);
    await vi.advanceTimersByTimeAsync(25_000);
    await hello();
    const asked = tab.heard('stale').length;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(tab.heard('stale')).toHaveLength(asked);
  });

  test('is told new topics only as missed', async () => {
    const tab = openTab();
    tab.stream.want(['x']);
    await settle();
    await hello();
    tab.stream.want(['x', 'z']);
    await settle();
    await hello();
    expect(tab.heard('stale').at(-1)).toEqual({ kind: 'stale', topics: ['z'] });
  });
});
