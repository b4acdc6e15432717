import { describe, expect, it } from 'vitest';
import { betweenTime, clockUncertainty, stripCells, waySegments, wayTimes } from './hops.ts';
import { type HopPoint } from './model.ts';
import { traceOf } from './testTrace.ts';

const at = (
  kind: HopPoint['kind'],
  point: string,
  host: string,
  requestNs: number,
  responseNs?: number,
  more: Partial<HopPoint> = {}
): HopPoint => ({
  kind,
  point,
  host,
  requestNs,
  ...(responseNs !== undefined && { responseNs }),
  retransmissions: 0,
  ...more,
});

const way = [
  at('process', 'checkout', 'n1', 0, 1_000_000),
  at('interface', 'eth0', 'n1', 40_000, 990_000),
  at('interface', 'eth0', 'n2', 190_000, 880_000, { clockUncertaintyNs: 60_000, retransmissions: 2 }),
  at('process', 'payments', 'n2', 200_000, 875_000, { clockUncertaintyNs: 60_000 }),
];

describe('waySegments', () => {
  it('splits the answer time of the first point without a rest', () => {
    const segments = waySegments(way);
    expect(segments.map(({ place }) => place)).toEqual(['clientStack', 'wire', 'serverStack', 'server']);
    expect(segments.map(({ bothNs }) => bothNs)).toEqual([50_000, 260_000, 15_000, 675_000]);
    expect(segments.reduce((sum, { bothNs }) => sum + bothNs!, 0)).toBe(1_000_000);
    expect(segments[1]!.request).toEqual({ ns: 150_000, atMost: false });
    expect(segments[1]!.response).toEqual({ ns: 110_000, atMost: false });
    expect(segments[1]!.retransmissions).toBe(2);
    expect(betweenTime(way)).toBe(325_000);
    expect(wayTimes(way)).toEqual({ networkNs: 260_000, stacksNs: 65_000 });
  });

  it('says "at most" where the clocks differ by more than the time, and never less than nothing', () => {
    const [first, ...rest] = way;
    const apart = waySegments([
      first!,
      rest[0]!,
      { ...rest[1]!, requestNs: 30_000, responseNs: 720_000, clockUncertaintyNs: 400_000 },
    ]);
    expect(apart[1]!.bothNs).toBe(260_000);
    expect(apart[1]!.request).toEqual({ ns: 260_000, atMost: true });
    expect(apart[1]!.response).toEqual({ ns: 260_000, atMost: true });
    const near = waySegments([first!, { ...rest[1]!, requestNs: 10_000, responseNs: 990_000 }]);
    expect(near[0]!.request).toEqual({ ns: 20_000, atMost: true });
  });

  it('knows one direction only where the answer was not seen, and what is beyond the last interface', () => {
    const segments = waySegments([at('process', 'a', 'n', 0, 900), at('interface', 'eth0', 'n', 300)]);
    expect(segments[0]).toMatchObject({ request: { ns: 300 }, response: { ns: undefined }, bothNs: undefined });
    expect(segments[1]).toMatchObject({ place: 'beyond', label: 'beyond eth0', bothNs: undefined });
    expect(betweenTime([at('process', 'a', 'n', 0, 900), at('interface', 'eth0', 'n', 300)])).toBeUndefined();
    expect(waySegments([])).toEqual([]);
  });
});

describe('stripCells', () => {
  it('names the ends by their service and marks the slowest stretch between them', () => {
    expect(stripCells(way)).toEqual([
      { name: 'checkout', ns: 50_000, service: 'checkout', slowest: false },
      { name: 'wire', ns: 260_000, service: undefined, slowest: true },
      { name: 'stack', ns: 15_000, service: undefined, slowest: false },
      { name: 'payments', ns: 675_000, service: 'payments', slowest: false },
    ]);
  });
});

describe('stripCells of many interfaces', () => {
  it('are one for each host, and lose no time', () => {
    const cells = stripCells([
      at('process', 'a', 'n1', 0, 1_000),
      at('interface', 'eth0', 'n1', 100, 900),
      at('interface', 'br0', 'n1', 150, 850),
      at('interface', 'uplink', 'n1', 170, 840),
      at('interface', 'uplink', 'n2', 200, 800),
      at('process', 'b', 'n2', 230, 790),
    ]);
    expect(cells.map(({ name }) => name)).toEqual(['a', 'host', 'wire', 'stack', 'b']);
    expect(cells.reduce((sum, { ns }) => sum + ns!, 0)).toBe(1_000);
  });
});

describe('clockUncertainty', () => {
  it('is the largest of the trace', () => {
    expect(clockUncertainty(traceOf([{ id: 'a', at: 0, ms: 1, hops: way }]))).toBe(60_000);
  });
});
