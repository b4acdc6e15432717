import { describe, expect, it } from 'vitest';
import { type BreakdownRow, buildBreakdown } from './breakdown.ts';

const row = (
  Role: BreakdownRow['Role'],
  requests: number,
  durationSum: number,
  Far = '',
  Protocol = ''
): BreakdownRow => ({
  Bucket: '60',
  Role,
  Far,
  Protocol,
  Requests: String(requests),
  DurationSum: String(durationSum),
});

describe('buildBreakdown', () => {
  it('divides by the requests that arrived, not by the calls', () => {
    const parts = buildBreakdown([
      row('request', 10, 1_000),
      row('call', 30, 300, 'db', 'mysql'),
      row('call', 5, 50, 'cache', 'redis'),
      row('call', 20, 100, 'resolver', 'dns'),
    ]);
    expect(parts.get(60)).toEqual({ own: 55, database: 30, cache: 5, dns: 10, rpc: 0, network: 0 });
  });

  it('takes the network out of the part it is in, only for calls that both ends saw', () => {
    const parts = buildBreakdown([
      row('request', 10, 1_000),
      row('call', 10, 400, 'orders', 'http'),
      row('answer', 5, 150, 'orders', 'http'),
    ]);
    // A call took 40, its answer 30: 10 of network in the 5 calls that both saw.
    expect(parts.get(60)).toEqual({ own: 60, database: 0, cache: 0, dns: 0, rpc: 35, network: 5 });
  });

  it('has no negative time where calls overlap or a callee measured longer', () => {
    const parts = buildBreakdown([
      row('request', 1, 100),
      row('call', 3, 240, 'orders', 'http'),
      row('answer', 3, 270, 'orders', 'http'),
    ]);
    expect(parts.get(60)).toMatchObject({ own: 0, rpc: 240, network: 0 });
  });

  it('has nothing to say of a bucket without requests', () => {
    expect(buildBreakdown([row('call', 3, 240, 'orders', 'http')]).size).toBe(0);
  });
});
