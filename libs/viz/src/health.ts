/**
 * When calls count as failing or slow: the one rule, for the map, the pages and their words.
 */
export const HEALTH = {
  /** Share of calls above which they are failing … */
  failingShare: 0.005,
  /** … and as many of them at least: one is an accident. */
  fewestFailures: 3,
  /** Slow: a p95 more than this many times the one before … */
  slowFactor: 2,
  /** … by more than this (twice nothing is still nothing), nanoseconds … */
  slowByNs: 5e6,
  /** … of as many calls at least, now and before, for a percentile of fewer says nothing … */
  fewestCalls: 10,
  /** … that add up to this much more waiting each second, nanoseconds: a lookup now and then is nobody's incident. */
  addedNsPerSecond: 2e6,
} as const;

export interface ComparedFigures {
  readonly requests: number;
  readonly requestsBefore: number;
  /** Nanoseconds; null where there were no calls. */
  readonly mean: number | null;
  readonly meanBefore: number | null;
  readonly p95: number | null;
  readonly p95Before: number | null;
}

export function isFailing(requests: number, errors: number): boolean {
  return errors >= HEALTH.fewestFailures && errors / requests > HEALTH.failingShare;
}

/** @param seconds of the window now */
export function isSlow(figures: ComparedFigures, seconds: number): boolean {
  const { requests, requestsBefore, mean, meanBefore, p95, p95Before } = figures;
  if (p95 === null || p95Before === null || mean === null || meanBefore === null) return false;
  if (requests < HEALTH.fewestCalls || requestsBefore < HEALTH.fewestCalls) return false;
  if (p95 <= HEALTH.slowFactor * p95Before || p95 - p95Before <= HEALTH.slowByNs) return false;
  return ((mean - meanBefore) * requests) / seconds >= HEALTH.addedNsPerSecond;
}
