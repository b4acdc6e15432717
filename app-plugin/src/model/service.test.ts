import { describe, expect, it } from 'vitest';
import { type Operation, type Overview, type SideFigures } from './overview.ts';
import { since } from './series.ts';
import { endpointsOf, neighboursOf, serviceFinding } from './service.ts';

const figures: SideFigures = {
  protocol: 'http',
  requests: 100,
  errors: 0,
  timeouts: 0,
  resets: 0,
  mean: 10e6,
  p95: 20e6,
  requestsBefore: 300,
  errorsBefore: 0,
  meanBefore: 10e6,
  p95Before: 20e6,
};
const operation = (source: string, endpoint: string, client: number, server?: number): Operation => ({
  source,
  target: 'pay',
  endpoint,
  protocol: 'http',
  client: { ...figures, mean: client },
  server: server === undefined ? undefined : { ...figures, mean: server },
});
const overview: Overview = {
  services: [],
  edges: [
    operation('web', '', 12e6, 10e6),
    operation('batch', '', 5e6),
    { ...operation('pay', '', 3e6, 2e6), target: 'db' },
  ],
  operations: [
    operation('web', '/pay', 12e6, 10e6),
    operation('batch', '/pay', 40e6, 30e6),
    operation('web', '/refund', 6e6, 4e6),
  ],
  windows: { nowFromMs: 0, nowToMs: 10_000, beforeFromMs: 0, beforeToMs: 0 },
};

describe('a service', () => {
  it('has its endpoints once, by its own view, with shares that add up', () => {
    const endpoints = endpointsOf('pay', overview);
    expect(endpoints.map(({ endpoint, rate, mean }) => [endpoint, rate, mean])).toEqual([
      ['/pay', 20, 20e6],
      ['/refund', 10, 4e6],
    ]);
    expect(endpoints.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
  });

  it('has callers and callees with the time between, where both sides are known', () => {
    const { callers, callees } = neighboursOf('pay', overview);
    expect(callers.map(({ name, network }) => [name, network])).toEqual([
      ['web', 2e6],
      ['batch', null],
    ]);
    expect(callees.map(({ name, client, network, server }) => [name, client, network, server])).toEqual([
      ['db', 3e6, 1e6, 2e6],
    ]);
  });

  it('says that it was not seen', () => {
    expect(serviceFinding('ghost', overview, [])).toBe('ghost was not seen in this time range');
  });
});

describe('since', () => {
  const times = [0, 1, 2, 3, 4];

  it('is the start of the last run above the limit, over gaps', () => {
    expect(since([0, 0.2, 0, 0.3, 0.4], times, 0.005)).toBe(3);
    expect(since([0, 0.2, null, 0.3, null], times, 0.005)).toBe(1);
  });

  it('is unknown where it was so all the time, or is over', () => {
    expect(since([0.2, 0.2, 0.2, 0.3, 0.4], times, 0.005)).toBeUndefined();
    expect(since([0, 0.2, 0.2, 0.3, 0], times, 0.005)).toBeUndefined();
  });
});
