import { describe, expect, test } from 'vitest';
import { makeScale, TALLEST_PX } from './scale';

describe('a list', () => {
  test('that a browser can scroll is to scale', () => {
    const scale = makeScale(1000);
    expect([scale.isScaled, scale.heightPx, scale.listPx(77, 10), scale.barPx(77, 10)]).toEqual([
      false,
      1000,
      77,
      77,
    ]);
  });

  test('that is taller reaches its ends, and is to scale there', () => {
    const height = 130_000_000;
    const scale = makeScale(height);
    expect([scale.isScaled, scale.heightPx]).toEqual([true, TALLEST_PX]);
    expect([scale.listPx(0, 800), scale.listPx(26, 800)]).toEqual([0, 26]);
    expect(scale.listPx(TALLEST_PX - 800, 800)).toBe(height - 800);
    expect(scale.listPx(TALLEST_PX - 826, 800)).toBe(height - 826);
    expect(scale.barPx(height - 800, 800)).toBe(TALLEST_PX - 800);
  });

  test('that is taller has every row somewhere, in order', () => {
    const scale = makeScale(130_000_000);
    let before = -1;
    for (let list = 0; list < 129_999_200; list += 1_234_567) {
      const bar = scale.barPx(list, 800);
      expect(bar).toBeGreaterThan(before);
      expect(scale.listPx(bar, 800)).toBeCloseTo(list, 3);
      before = bar;
    }
  });
});
