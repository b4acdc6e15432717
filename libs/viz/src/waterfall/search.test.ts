import { describe, expect, it } from 'vitest';
import { niceTicks, panTo, tickLabel, zoomAt } from './axis.ts';
import { errorSpans, findSpans, stepSpan } from './search.ts';
import { traceOf } from './testTrace.ts';

const model = traceOf([
  { id: 'a1', name: 'GET /cart', service: 'web', at: 0, ms: 10, failed: true },
  { id: 'b2', parent: 'a1', name: 'SELECT', service: 'cart', at: 1, ms: 2, tags: { 'db.system': 'MySQL' } },
  { id: 'c3', parent: 'a1', name: 'POST', service: 'pay', at: 4, ms: 2, failed: true },
]);
const found = (query: string): string[] => findSpans(model, query).map((span) => model.spanIds[span]!);

describe('findSpans', () => {
  it('finds by operation, service, id and attribute', () => {
    expect(found('CART')).toEqual(['a1', 'b2']);
    expect(found('c3')).toEqual(['c3']);
    expect(found('db.system=mysql')).toEqual(['b2']);
    expect(found('db.system=')).toEqual(['b2']);
    expect(found('  ')).toEqual([]);
    expect(found('nowhere')).toEqual([]);
  });
});

describe('errorSpans and stepSpan', () => {
  it('walk where errors start before where they spread, around the end', () => {
    const errors = errorSpans(model);
    expect(errors.map((span) => model.spanIds[span])).toEqual(['c3', 'a1']);
    expect(stepSpan(errors, undefined, 1)).toBe(errors[0]);
    expect(stepSpan(errors, errors[0], 1)).toBe(errors[1]);
    expect(stepSpan(errors, errors[1], 1)).toBe(errors[0]);
    expect(stepSpan(errors, errors[0], -1)).toBe(errors[1]);
    expect(stepSpan([], 1, 1)).toBeUndefined();
  });
});

describe('axis', () => {
  it('has round ticks within the range', () => {
    expect(niceTicks({ fromNs: 0, toNs: 1.84e9 }, 8)).toEqual([0, 0.25e9, 0.5e9, 0.75e9, 1e9, 1.25e9, 1.5e9, 1.75e9]);
    expect(niceTicks({ fromNs: 130_000, toNs: 390_000 }, 3)).toEqual([200_000, 300_000]);
    expect(niceTicks({ fromNs: 5, toNs: 5 }, 3)).toEqual([]);
    expect(niceTicks({ fromNs: 0, toNs: 3 }, 100)).toEqual([0, 1, 2, 3]);
    expect([0, 250e6, 1.5e9, 2_500, 40].map(tickLabel)).toEqual(['0', '250 ms', '1.5 s', '2.5 µs', '40 ns']);
  });

  it('zooms at the pointer and stays within the whole', () => {
    const whole = { fromNs: 0, toNs: 1_000_000 };
    expect(zoomAt(whole, whole, 250_000, 0.5)).toEqual({ fromNs: 125_000, toNs: 625_000 });
    expect(zoomAt({ fromNs: 0, toNs: 400_000 }, whole, 0, 10)).toEqual(whole);
    expect(zoomAt({ fromNs: 10, toNs: 1_010 }, whole, 10, 0.1)).toEqual({ fromNs: 10, toNs: 1_010 });
    expect(panTo({ fromNs: -50, toNs: 50 }, whole)).toEqual({ fromNs: 0, toNs: 100 });
    expect(panTo({ fromNs: 999_990, toNs: 1_000_090 }, whole)).toEqual({ fromNs: 999_900, toNs: 1_000_000 });
  });
});
