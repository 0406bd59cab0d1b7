import { expect, test } from 'vitest';
import { readExact, type JsonText } from '../base/jsonText';
import { changesBetween } from './changes';
import { brief } from './exact';
import { pathText } from './path';

function told(before: string, after: string, most = 100) {
  return changesBetween(readExact(before as JsonText), readExact(after as JsonText), most).map(
    (change) => `${change.kind} ${pathText(change.path)}: ${brief(change.before)} ${brief(change.after)}`,
  );
}

test.each([
  ['{"a":1}', '{"a":1}', []],
  ['{"a":1}', '{"a":2}', ['changed a: 1 2']],
  ['{"a":1}', '{"b":1}', ['removed a: 1 null', 'added b: null 1']],
  ['{"a":[{"b":1},2]}', '{"a":[{"b":3},2,4]}', ['changed a[0].b: 1 3', 'added a[2]: null 4']],
  ['{"a":{}}', '{"a":[]}', ['changed a: {} []']],
  [
    '{"a":12345678901234567890}',
    '{"a":12345678901234567891}',
    ['changed a: 12345678901234567890 12345678901234567891'],
  ],
])('from %s to %s', (before, after, changes) => {
  expect(told(before, after)).toEqual(changes);
});

test('no more are told than are asked for', () => {
  expect(told('{}', '{"a":1,"b":2,"c":3}', 2)).toHaveLength(2);
});
