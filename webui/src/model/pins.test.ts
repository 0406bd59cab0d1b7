import { expect, test } from 'vitest';
import type { JsonText } from '../base/jsonText';
import { momentAt, pinText, sparkOf, type Moment } from './pins';

const moment = (number: number, value: string, present = true): Moment => ({
  number,
  sequence_id: number,
  action: 'a',
  ended: null,
  present,
  value: value as JsonText,
});

test('a value stands until the next one', () => {
  const moments = [moment(2, '1'), moment(5, '"x"'), moment(9, 'null', false)];
  expect([0, 2, 4, 5, 8, 9, 99].map((number) => pinText(momentAt(moments, number)))).toEqual([
    null,
    '1',
    '1',
    '"x"',
    '"x"',
    '–',
    '–',
  ]);
});

test('numbers have a picture', () => {
  expect(sparkOf([moment(0, '0'), moment(2, '10'), moment(4, '5')], 5)).toEqual({
    path: 'M0 1H0.5V0H1V0.5H1',
    least: 0,
    most: 10,
  });
  expect(sparkOf([moment(0, '3'), moment(1, '3')], 2)?.path).toBe('M0 0.5H1V0.5H1');
  expect(sparkOf([moment(0, '"a"'), moment(1, '"b"'), moment(2, '3')], 3)).toBeNull();
  expect(sparkOf([moment(0, '3')], 1)).toBeNull();
});
