import { describe, expect, it } from 'vitest';
import { isFailing, isSlow } from './health.ts';

const figures = { requests: 600, requestsBefore: 600, mean: 20e6, meanBefore: 4e6, p95: 40e6, p95Before: 9e6 };

describe('health', () => {
  it('needs a share and a number of failures', () => {
    expect(isFailing(100, 2)).toBe(false);
    expect(isFailing(100, 3)).toBe(true);
    expect(isFailing(10_000, 50)).toBe(false);
    expect(isFailing(10_000, 51)).toBe(true);
  });

  it('needs a factor, a difference, calls in both windows and waiting that somebody feels', () => {
    expect(isSlow(figures, 60)).toBe(true);
    expect(isSlow({ ...figures, p95: 17e6 }, 60)).toBe(false);
    expect(isSlow({ ...figures, p95: 5e6, p95Before: 1e6 }, 60)).toBe(false);
    expect(isSlow({ ...figures, requestsBefore: 9 }, 60)).toBe(false);
    expect(isSlow({ ...figures, p95Before: null }, 60)).toBe(false);
    // Twelve lookups in five minutes.
    expect(isSlow({ ...figures, requests: 12 }, 300)).toBe(false);
  });
});
