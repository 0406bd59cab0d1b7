import { describe, expect, test } from 'vitest';
import { Digits, endOfValue, readExact, type JsonText } from './jsonText';

const read = (text: string) => readExact(text as JsonText);

describe('readExact', () => {
  test('plain values', () => {
    expect(read(' {"a" : [1, -2.5, true, false, null, "x\\n\\u00e9"] , "b":{}} ')).toEqual(
      new Map<string, unknown>([
        ['a', [1, -2.5, true, false, null, 'x\né']],
        ['b', new Map()],
      ]),
    );
  });

  test('digits that a double would change are kept', () => {
    expect(read('[12345678901234567890, 1.0, 1e400, 0.1]')).toEqual([
      new Digits('12345678901234567890'),
      new Digits('1.0'),
      new Digits('1e400'),
      0.1,
    ]);
  });

  test('the order of keys is kept, numbers among them', () => {
    expect([...(read('{"b":1,"10":2,"2":3}') as ReadonlyMap<string, unknown>).keys()]).toEqual([
      'b',
      '10',
      '2',
    ]);
  });

  test.each(['', '{', '[1', '{"a"}', '{"a":}', '"open', '[1 2]', '1 2', 'nul', '"\\"'])(
    '%s is refused',
    (text) => {
      expect(() => read(text)).toThrow(SyntaxError);
    },
  );

  test('what is deep is read', () => {
    const deep = '['.repeat(1000) + ']'.repeat(1000);
    expect(JSON.stringify(read(deep))).toBe(deep);
  });
});

test.each([
  ['{"a":"}\\"{"},1', 12],
  ['"a\\\\",', 5],
  ['-1.5e3]', 6],
  ['[[],{}] ', 7],
  ['null}', 4],
])('%s ends at %i', (text, end) => {
  expect(endOfValue(text, 0)).toBe(end);
});
