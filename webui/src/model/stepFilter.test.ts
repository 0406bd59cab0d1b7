import { expect, test } from 'vitest';
import { filterParams, isFiltered, NO_FILTER, readDuration, readFilter } from './stepFilter';

test.each([
  ['250ms', 250_000],
  ['1.5 s', 1_500_000],
  ['2m', 120e6],
  ['7', 7000],
  ['3us', 3],
  ['', null],
  ['fast', null],
  ['-1s', null],
])('%j', (text, us) => {
  expect(readDuration(text)).toBe(us);
});

test('a filter is read from the address and asked of the server', () => {
  const filter = readFilter(
    new URLSearchParams('action=a%20b&status=failed&slower=1s&changed=n&attempts=last'),
  );
  expect(filterParams(filter)).toEqual({
    action: 'a b',
    status: 'failed',
    slower_us: 1e6,
    changed: 'n',
    superseded: false,
  });
  expect(isFiltered(filter)).toBe(true);
});

test('what is odd in an address is no filter', () => {
  expect(readFilter(new URLSearchParams('status=bad&slower=x&attempts=7'))).toEqual(NO_FILTER);
  expect(isFiltered(NO_FILTER)).toBe(false);
  expect(filterParams(NO_FILTER)).toEqual({});
});
