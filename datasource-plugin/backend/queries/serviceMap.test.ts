import { describe, expect, it } from 'vitest';
import { buildMap, type MapRow } from './serviceMap.ts';

const row = (
  grouping: MapRow['Grouping'],
  side: MapRow['Side'],
  own: string,
  peer: string,
  requests: number,
  errors = 0
): MapRow => ({
  Grouping: grouping,
  Side: side,
  Own: own,
  Peer: peer,
  Requests: String(requests),
  Errors: String(errors),
  P95: 1e6,
  Protocols: ['http'],
});

/** gateway → orders, seen by both; a browser without an agent → gateway; orders → db:3306 without an agent. */
const rows: MapRow[] = [
  row('pair', 'client', 'gateway', 'orders', 100, 2),
  row('pair', 'server', 'orders', 'gateway', 98, 1),
  row('pair', 'server', 'gateway', '192.0.2.7', 100),
  { ...row('pair', 'client', 'orders', 'db:3306', 50), Protocols: ['mysql'] },
  row('own', 'client', 'gateway', '', 100),
  row('own', 'client', 'orders', '', 50),
  row('own', 'server', 'orders', '', 98, 1),
  row('own', 'server', 'gateway', '', 100),
  row('peer', 'client', '', 'orders', 100, 2),
  row('peer', 'client', '', 'db:3306', 50),
  row('peer', 'server', '', 'gateway', 98),
  row('peer', 'server', '', '192.0.2.7', 100),
];

describe('buildMap', () => {
  const map = buildMap(rows, 10, 100);

  it('has one node per name, external ones once', () => {
    expect(map.nodes.map((node) => [node.id, node.detail__kind, node.mainstat, node.arc__error])).toEqual([
      ['192.0.2.7', 'external', null, 0],
      ['db:3306', 'external', 5, 0],
      ['gateway', 'service', 10, 0],
      ['orders', 'service', 9.8, 1 / 98],
    ]);
    expect(map.nodes.find((node) => node.id === 'db:3306')!.icon).toBe('database');
  });

  it('has one edge per pair, each side counted apart', () => {
    expect(
      map.edges.map((edge) => [
        edge.id,
        edge.detail__client_requests,
        edge.detail__server_requests,
        edge.detail__evidence,
      ])
    ).toEqual([
      ['gateway → orders', 100n, 98n, 'client and server'],
      ['192.0.2.7 → gateway', null, 100n, 'server'],
      ['orders → db:3306', 50n, null, 'client'],
    ]);
  });

  it('cuts the least busy edges, and says how many', () => {
    const cut = buildMap(rows, 10, 1);
    expect([cut.edges.length, cut.edgesCut, cut.nodes.length]).toEqual([1, 2, 2]);
  });
});
