import { expect, test } from 'vitest';
import { Signal } from './signal';

test('who watches a signal is told of other values, until the end', () => {
  const signal = new Signal<string | null>(null);
  let told = 0;
  const end = signal.watch(() => told++);
  signal.set('a');
  signal.set('a');
  expect([signal.get(), told]).toEqual(['a', 1]);
  end();
  signal.set(null);
  expect([signal.get(), told]).toEqual([null, 1]);
});
