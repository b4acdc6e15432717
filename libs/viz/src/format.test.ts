import { describe, expect, it } from 'vitest';
import {
  formatCount,
  formatDuration,
  formatDurationShort,
  formatFactor,
  formatRate,
  formatShare,
  plural,
} from './format.ts';

describe('format', () => {
  it('writes durations with the precision that their size deserves', () => {
    expect(
      [0, 640, 12_345, 999_499, 999_500, 1_840_000, 64_004_000, 99_994_999, 99_995_000, 999_949_999, 1_840_000_000].map(
        (ns) => formatDuration(ns)
      )
    ).toEqual([
      '0 ns',
      '640 ns',
      '12 µs',
      '999 µs',
      '1.00 ms',
      '1.84 ms',
      '64.00 ms',
      '99.99 ms',
      '100.0 ms',
      '999.9 ms',
      '1.84 s',
    ]);
    expect(formatDuration(-12_000)).toBe('−12 µs');
    expect(formatDuration(null)).toBe('–');
    expect(formatDuration(150e9)).toBe('2.5 min');
  });

  it('writes short durations with three figures at most', () => {
    expect([4_200, 64_000_000, 1_840_000_000, 12_300_000, 640_000].map((ns) => formatDurationShort(ns))).toEqual([
      '4.2 µs',
      '64 ms',
      '1.8 s',
      '12.3 ms',
      '640 µs',
    ]);
  });

  it('never rounds a share above nothing to nothing, or below all to all', () => {
    expect([0, 0.00001, 0.004, 0.034, 0.13, 0.9999, 1].map((share) => formatShare(share))).toEqual([
      '0 %',
      '< 0.01 %',
      '0.40 %',
      '3.4 %',
      '13 %',
      '> 99.9 %',
      '100 %',
    ]);
  });

  it('writes rates, counts and factors', () => {
    expect([0, 0.001, 0.25, 9.5, 1208.4].map((rate) => formatRate(rate))).toEqual([
      '0/s',
      '< 0.01/s',
      '0.25/s',
      '9.5/s',
      '1,208/s',
    ]);
    expect(formatCount(12360)).toBe('12,360');
    expect(formatFactor(6.1, 1)).toBe('6.1×');
    expect(formatFactor(38, 1)).toBe('38×');
    expect(formatFactor(1, 0)).toBeUndefined();
    expect(plural(1, 'call')).toBe('1 call');
    expect(plural(2, 'query', 'queries')).toBe('2 queries');
  });
});
