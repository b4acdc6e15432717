import { migrate } from '@throughline/schema';
import { type RunningStore } from '@throughline/testkit';

/**
 * A small shop in a store, for tests: a browser without an agent → gateway → orders → a database without an agent.
 * 30 requests, one a second; every tenth call of the database fails. Orders has an SDK too, and a host in between saw
 * packets. Between gateway and orders two interfaces on either
 * host saw each call, and lost one packet in every tenth; in another tenth the last of them saw no response. Another
 * tenant has a service of its own.
 */

export const REQUESTS = 30;
export const FAILED = 3;

export interface Shop {
  /** Epoch seconds, on a whole minute; requests start at fromS, fromS + 1 … */
  readonly fromS: number;
  readonly toS: number;
}

/** Id of request n's call: 1 browser → gateway, 2 gateway → orders, 3 orders → db. `side` s is the server's. */
export function spanId(call: number, n: number, side: 'c' | 's'): string {
  return `${side === 'c' ? 'c' : '5'}${call}${n.toString(16).padStart(14, '0')}`;
}

export function traceId(n: number): string {
  return `abcd${n.toString(16).padStart(28, '0')}`;
}

interface Row {
  readonly tenant: string;
  readonly layer: string;
  readonly kind: string;
  readonly entity: number;
  readonly peer: number;
  readonly peerName: string;
  readonly span: string;
  readonly parent: string;
  readonly protocol: string;
  readonly endpoint: string;
  readonly ms: number;
  readonly hops?: string;
}

const ONE_HOP = "['eth0'], [2], [1], ['transmit'], [100000], [5000000], [0]";
/** Half a millisecond on either host, one between them and one in either stack. */
const CLIENT_HOPS = `['veth0', 'eth0'], [3, 2], [7, 1], ['transmit', 'transmit'], [100000, 200000],
  [29000000 + number, 28500000 + number], if(number % 10 = 5, [1, 1], [0, 0])`;
const SERVER_HOPS = `['eth0', 'veth1'], [2, 4], [1, 8], ['receive', 'receive'], [-200000, -100000],
  [27500000 + number, if(number % 10 = 3, 0, 27000000 + number)], [0, 0]`;

export async function createShop(store: RunningStore): Promise<Shop> {
  const admin = (query: string) => ask(store, store.adminToken, query, 'default');
  await migrate({
    command: ({ query }) => admin(query),
    select: async (query) => {
      const text = await admin(`${query} FORMAT JSONEachRow`);
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    },
  });
  const fromS = Math.floor(Date.now() / 60_000) * 60 - 120;
  await admin(`INSERT INTO throughline.entities (Tenant, Environment, EntityId, Kind, Name, NameSource, HostId, UpdatedAt)
    SELECT 'default', 'default', number, 'process', ['nginx', 'orders'][number], 'executable',
      concat('host-', toString(number)), now64(3) - 10 FROM numbers(1, 2)
    UNION ALL SELECT 'default', 'default', 1, 'process', 'gateway', 'environment', 'host-1', now64(3)
    UNION ALL SELECT 'other', 'default', 9, 'process', 'secret', 'sdk', 'host-9', now64(3)`);
  await admin(`INSERT INTO throughline.entities (Tenant, Environment, EntityId, Kind, Name, NameSource, HostId, ValidTo, UpdatedAt)
    SELECT 'default', 'default', 3, 'process', 'orders', 'executable', 'host-2', now64(9), now64(3)
    UNION ALL SELECT 'default', 'default', 4, 'process', 'silent', 'executable', 'host-2', toDateTime64(0, 9), now64(3) - INTERVAL 1 HOUR`);
  const events = [
    ['default', 5, 'process_start', 2, 'host-2', 'orders started', "'process.pid', '20', 'container.id', 'c0ffee'"],
    // Told by another ingest too.
    ['default', 5, 'process_start', 2, 'host-2', 'orders started', "'process.pid', '20', 'container.id', 'c0ffee'"],
    ['default', 8, 'process_end', 3, 'host-2', 'orders ended', "'process.pid', '19'"],
    ['default', 20, 'rows_dropped', 0, 'host-2', 'agent dropped 7', "'throughline.dropped.count', '7'"],
    ['default', 40, 'rows_dropped', 0, 'host-2', 'agent dropped 5', "'throughline.dropped.count', '5'"],
    ['other', 6, 'process_start', 9, 'host-9', 'secret started', "'process.pid', '90'"],
  ] as const;
  for (const [tenant, second, kind, entity, host, title, attributes] of events) {
    await admin(`INSERT INTO throughline.events (Tenant, Environment, Timestamp, Kind, EntityId, HostId, Title, Attributes)
      SELECT '${tenant}', 'default', fromUnixTimestamp64Nano(toInt64(${fromS + second}) * 1000000000), '${kind}', ${entity},
        '${host}', '${title}', map(${attributes})
      SETTINGS insert_deduplicate = 0`);
  }
  const id = (prefix: string) => `unhex(concat('${prefix}', lpad(lower(hex(number)), 14, '0')))`;
  const rows: Row[] = [
    { tenant: 'default', layer: 'process', kind: 'Server', entity: 1, peer: 0, peerName: '192.0.2.7', span: '51', parent: 'c1', protocol: 'http', endpoint: '/cart', ms: 40 },
    { tenant: 'default', layer: 'process', kind: 'Client', entity: 1, peer: 2, peerName: 'orders', span: 'c2', parent: '51', protocol: 'http', endpoint: '/orders', ms: 30, hops: CLIENT_HOPS },
    { tenant: 'default', layer: 'network', kind: 'Server', entity: 0, peer: 0, peerName: '', span: 'c2', parent: 'c2', protocol: 'http', endpoint: '/orders', ms: 28 },
    { tenant: 'default', layer: 'process', kind: 'Server', entity: 2, peer: 1, peerName: 'gateway', span: '52', parent: 'c2', protocol: 'http', endpoint: '/orders', ms: 26, hops: SERVER_HOPS },
    { tenant: 'default', layer: 'application', kind: 'Server', entity: 2, peer: 0, peerName: '', span: 'a2', parent: '00', protocol: '', endpoint: '/orders', ms: 25 },
    { tenant: 'default', layer: 'process', kind: 'Client', entity: 2, peer: 0, peerName: 'db:3306', span: 'c3', parent: '52', protocol: 'mysql', endpoint: 'SELECT ?', ms: 10 },
    { tenant: 'other', layer: 'process', kind: 'Server', entity: 9, peer: 0, peerName: '203.0.113.1', span: '59', parent: 'c9', protocol: 'http', endpoint: '/secret', ms: 5 },
  ];
  for (const [order, row] of rows.entries()) {
    const parent = row.parent === '00' ? "''" : id(row.parent);
    await admin(`INSERT INTO throughline.spans (Tenant, Environment, Timestamp, Duration, TraceId, SpanId, ParentSpanId, Layer,
        SpanKind, SpanName, ServiceName, EntityId, PeerEntityId, PeerName, PeerEvidence, HostId, AgentId, Truncated, Protocol, Method,
        Endpoint,
        Target, ResponseCode, StatusCode, Failure, LinkEvidence, LinkProbability, SpanAttributes,
        ResourceAttributes,
        Hops.Interface, Hops.InterfaceIndex, Hops.Netns, Hops.Direction, Hops.Offset, Hops.Duration, Hops.Retransmissions)
      SELECT '${row.tenant}', 'default',
        fromUnixTimestamp64Nano(toInt64(${fromS} + number) * 1000000000 + ${order} * 1000000), ${row.ms} * 1000000 + number,
        unhex(concat('abcd', lpad(lower(hex(number)), 28, '0'))), ${id(row.span)}, ${parent}, '${row.layer}', '${row.kind}',
        '${row.endpoint}', 'old name', ${row.entity}, ${row.peer}, '${row.peerName}', 'exchange', 'host-${row.entity}',
        '${row.layer === 'application' ? '' : `agent-${row.entity}`}', '${row.protocol}' = 'mysql' AND number = 7,
        '${row.protocol}', 'GET', '${row.endpoint}', '${row.endpoint}', ${row.protocol === 'http' ? 200 : 0},
        if('${row.protocol}' = 'mysql' AND number % 10 = 9, 'Error', 'Ok'),
        if('${row.protocol}' = 'mysql' AND number % 10 = 9, 'timeout', ''),
        '${row.kind === 'Server' ? 'exchange' : 'only_open'}', 0.97, map('shop.cart', 'gold'),
        ${row.layer === 'application' ? "map('service.version', '1.2')" : 'map()'},
        ${row.layer === 'process' ? (row.hops ?? ONE_HOP) : '[], [], [], [], [], [], []'}
      FROM numbers(${REQUESTS})`);
  }
  return { fromS, toS: fromS + 60 };
}

export async function ask(
  store: RunningStore,
  token: string,
  sql: string,
  database = 'throughline'
): Promise<string> {
  const response = await fetch(`${store.url}/?database=${database}`, {
    method: 'POST',
    body: sql,
    headers: { Authorization: `Bearer ${token}` },
  });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text;
}
