import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { StreamEnd } from '../api/stream';
import type { Changed, Changes } from '../model/api';
import type { Server, Told } from './eventStream';
import { SharedStream, type Channel, type Queue } from './sharedStream';

/* The server's side: each opening is one that the test can speak through and end, each question one that it can answer. */
interface Opening {
  readonly topics: readonly string[];
  readonly lastId: string;
  readonly isOpen: () => boolean;
  readonly hello: () => void;
  readonly send: (change: Changed, id?: string) => void;
  readonly end: (how: StreamEnd) => void;
}

interface Question {
  readonly topics: readonly string[];
  readonly after: string;
  readonly waitMs: number;
  readonly isWaiting: () => boolean;
  readonly answer: (cursor: number, changes?: readonly Changed[]) => void;
  readonly fail: () => void;
}

let openings: Opening[];
let questions: Question[];
let tabs: Channel[];
let waiting: (() => void)[];
let isLed: boolean;

const server: Server = {
  read: (topics, lastId, handlers, _silence, signal) =>
    new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve('closed'));
      openings.push({
        topics,
        lastId,
        isOpen: () => !signal.aborted,
        hello: () => {
          handlers.onHello({ now: '', version: '1', cursor: 10 });
          handlers.onId('10');
        },
        send: (change, id = '') => {
          handlers.onChange(change);
          if (id !== '') handlers.onId(id);
        },
        end: resolve,
      });
    }),
  poll: (topics, after, waitMs, signal) =>
    new Promise<Changes>((resolve, reject) => {
      let isWaiting = true;
      const fail = () => {
        isWaiting = false;
        reject(new Error('no answer'));
      };
      signal.addEventListener('abort', fail);
      questions.push({
        topics,
        after,
        waitMs,
        isWaiting: () => isWaiting,
        answer: (cursor, changes = []) => {
          isWaiting = false;
          resolve({ now: '', version: '1', cursor, changes });
        },
        fail,
      });
    }),
};

function change(topic: string, cursor = 11): Changed {
  return { topic, cursor, refetch: true, delta: null };
}

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
  const stream = new SharedStream((what) => told.push(what), channel(), queue, server);
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
  last().hello();
  await settle();
};
const lastQuestion = () => {
  const question = questions.at(-1);
  if (!question) throw new Error('nothing was asked');
  return question;
};
const waitingCount = () => questions.filter((question) => question.isWaiting()).length;

beforeEach(() => {
  vi.useFakeTimers();
  openings = [];
  questions = [];
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
    last().send(change('y'));
    await settle();
    const told = { kind: 'change', change: change('y') };
    expect(a.told).toContainEqual(told);
    expect(b.told).toContainEqual(told);
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
    last().send(change('y'));
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
    last().send(change('x'), '12');
    last().end('closed');
    await settle();
    expect(tab.told.at(-1)).toEqual({ kind: 'status', status: 'lost', version: '1' });
    await vi.advanceTimersByTimeAsync(5000);
    expect(openings).toHaveLength(2);
    expect(last().lastId).toBe('12');
    await hello();
    expect(tab.heard('stale')).toHaveLength(1);
  });

  test('that is told late is not taken for one that is kept back', async () => {
    const tab = openTab();
    tab.stream.want(['x']);
    await settle();
    await hello();
    await vi.advanceTimersByTimeAsync(20_000);
    last().end('silent');
    await settle();
    expect(tab.told.at(-1)).toMatchObject({ kind: 'status', status: 'lost' });
    expect(questions).toHaveLength(0);
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

describe('a stream that a proxy keeps back', () => {
  const keepBack = async () => {
    const tab = openTab();
    tab.stream.want(['x']);
    await settle();
    last().end('silent');
    await settle();
    return tab;
  };

  test('gives way to questions that wait for the next change', async () => {
    const tab = await keepBack();
    expect(lastQuestion()).toMatchObject({ topics: ['x'], after: '', waitMs: 0 });
    lastQuestion().answer(10);
    await settle();
    expect(tab.told.slice(-2)).toEqual([
      { kind: 'status', status: 'polling', version: '1' },
      { kind: 'stale', topics: ['x'] },
    ]);
    expect(lastQuestion()).toMatchObject({ after: '10', waitMs: 20_000 });
    lastQuestion().answer(12, [change('x', 11), change('x', 12)]);
    await settle();
    expect(tab.heard('change')).toHaveLength(2);
    expect(lastQuestion().after).toBe('12');
    expect(waitingCount()).toBe(1);
    expect(tab.heard('stale')).toHaveLength(1);
  });

  test('is taken up again when it comes through, from where the questions were', async () => {
    const tab = await keepBack();
    lastQuestion().answer(10);
    await settle();
    for (let beats = 0; beats < 2; beats++) {
      lastQuestion().answer(12);
      await vi.advanceTimersByTimeAsync(15_001);
    }
    expect(openings).toHaveLength(2);
    expect(last().lastId).toBe('12');
    expect(waitingCount()).toBe(1);
    await hello();
    expect(waitingCount()).toBe(0);
    expect(tab.told.at(-1)).toEqual({ kind: 'status', status: 'live', version: '1' });
    expect(tab.heard('stale')).toHaveLength(1);
  });

  test('is told by its hello alone, and then keeps still', async () => {
    const tab = openTab();
    tab.stream.want(['x']);
    await settle();
    await hello();
    await vi.advanceTimersByTimeAsync(5000);
    last().end('silent');
    await settle();
    lastQuestion().answer(11);
    await settle();
    expect(tab.told.at(-1)).toMatchObject({ kind: 'status', status: 'polling' });
    expect(questions[0]?.after).toBe('10');
    expect(tab.heard('stale')).toHaveLength(1);
  });

  test('a question that fails is a lost connection, and asked again', async () => {
    const tab = await keepBack();
    lastQuestion().answer(10);
    await settle();
    lastQuestion().fail();
    await settle();
    expect(tab.told.at(-1)).toMatchObject({ kind: 'status', status: 'lost' });
    await vi.advanceTimersByTimeAsync(5000);
    expect(lastQuestion()).toMatchObject({ after: '10', waitMs: 0 });
    lastQuestion().answer(13);
    await settle();
    expect(tab.told.at(-1)).toMatchObject({ kind: 'status', status: 'polling' });
    expect(tab.heard('stale')).toHaveLength(1);
  });

  test('a question that is never answered is a lost connection', async () => {
    const tab = await keepBack();
    lastQuestion().answer(10);
    await settle();
    await vi.advanceTimersByTimeAsync(25_000);
    expect(tab.heard('status').at(-1)).toMatchObject({ status: 'lost' });
  });

  test('other topics are asked for at once', async () => {
    const tab = await keepBack();
    lastQuestion().answer(10);
    await settle();
    tab.stream.want(['y']);
    await settle();
    expect(lastQuestion()).toMatchObject({ topics: ['y'], after: '10', waitMs: 0 });
    expect(waitingCount()).toBe(1);
    tab.stream.want([]);
    await settle();
    expect(waitingCount()).toBe(0);
  });
});
