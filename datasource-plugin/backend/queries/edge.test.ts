import { describe, expect, it } from 'vitest';
import { buildSegments, type PairsRow } from './edge.ts';

const pairs = (over: Partial<PairsRow>): PairsRow => ({
  IsNow: 1,
  Calls: '10',
  Pairs: '10',
  Full: '10',
  Chain: ['1000', '900', '800', '500', '400', '300'],
  Lost: ['0', '3', '1', '0'],
  Ends: ['1000', '300'],
  Retransmissions: '4',
  ClientHost: 'shop-a',
  ServerHost: 'shop-b',
  ClientInterfaces: ['eth0'],
  ServerInterfaces: ['ens3', 'eth0'],
  ...over,
});

describe('buildSegments', () => {
  it('divides the call into segments that sum up to it', () => {
    const segments = buildSegments([pairs({})], []);
    expect(
      segments.map(({ segment, place, mean, retransmissions }) => [segment, place, mean, retransmissions])
    ).toEqual([
      ['clientStack', 'shop-a · eth0', 10, 0],
      ['clientHost', 'shop-a · eth0', 10, 0],
      ['wire', 'shop-a · eth0 → shop-b · ens3', 30, 3],
      ['serverHost', 'shop-b · ens3 → eth0', 10, 1],
      ['serverStack', 'shop-b · eth0', 10, 0],
      ['server', 'shop-b', 30, 0],
    ]);
    expect(segments.reduce((sum, { mean }) => sum + mean!, 0)).toBe(100);
    expect(segments.every(({ meanBefore, callsBefore }) => meanBefore === null && callsBefore === 0)).toBe(true);
  });

  it('is coarse where interfaces saw fewer than half of the calls', () => {
    const segments = buildSegments([pairs({ Full: '4' })], []);
    expect(segments).toEqual([
      expect.objectContaining({
        segment: 'network',
        place: 'shop-a → shop-b',
        mean: 70,
        retransmissions: 4,
        calls: 10,
      }),
      expect.objectContaining({ segment: 'server', place: 'shop-b', mean: 30, calls: 10 }),
    ]);
  });

  it('takes places from before where nothing is called now', () => {
    const segments = buildSegments([pairs({ IsNow: 0 })], []);
    expect(segments[0]).toMatchObject({
      place: 'shop-a · eth0',
      mean: null,
      meanBefore: 10,
      calls: 0,
      callsBefore: 10,
    });
  });
});
