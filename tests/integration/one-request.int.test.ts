import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TraceNode } from '@throughline/tracing';
import { type RunningSystem, missing, startSystem } from './system.ts';

if (missing) console.log(`skipped: one request through the shop: ${missing}`);

type Counts = Readonly<Record<string, Readonly<Record<string, number>>>>;

interface EdgeCount {
  client: string;
  server: string;
  side: string;
  protocol: string;
  requests: number;
}

/** Calls by edge and side, from the rollup; names from entities. */
const EDGES = (sinceMs: number) => `
  WITH names AS (SELECT EntityId, argMax(Name, UpdatedAt) AS Name FROM entities GROUP BY EntityId)
  SELECT
    if(Side = 'client', own.Name, if(peer.Name != '', peer.Name, PeerName)) AS client,
    if(Side = 'client', if(peer.Name != '', peer.Name, PeerName), own.Name) AS server,
    Side AS side, Protocol AS protocol, toUInt32(sum(Requests)) AS requests
  FROM red_1s
  LEFT JOIN names AS own ON own.EntityId = red_1s.EntityId
  LEFT JOIN names AS peer ON peer.EntityId = red_1s.PeerEntityId
  WHERE Layer = 'process' AND Time >= toDateTime(${Math.floor(sinceMs / 1000)}) AND Protocol = 'http'
    AND Endpoint NOT IN ('/v1/traces')
  GROUP BY ALL ORDER BY ALL`;

function* walk(nodes: readonly TraceNode[]): Generator<TraceNode> {
  for (const node of nodes) {
    yield node;
    yield* walk(node.children);
  }
}

function findAll(nodes: readonly TraceNode[], service: string, kind: string, layer = 'process'): TraceNode[] {
  return [...walk(nodes)].filter(({ span }) => span.service === service && span.kind === kind && span.layer === layer);
}

async function latestCheckout(system: RunningSystem): Promise<string> {
  const [row] = await system.sql<{ id: string }>(
    `SELECT lower(hex(SpanId)) AS id FROM spans WHERE Layer = 'process' AND SpanKind = 'Server' AND Endpoint = '/api/checkout' ORDER BY Timestamp DESC LIMIT 1`
  );
  return row!.id;
}

/**
 * Sends 200 requests, and compares every edge's calls by side with what the load generator and the services counted.
 * @param isExact nothing may be missing; else what is missing must have been counted
 */
async function expectCounts(system: RunningSystem, isExact: boolean): Promise<void> {
  const droppedBefore = Object.values(await system.drops()).reduce((sum, count) => sum + count, 0);
  const before = await system.demo.counts();
  const sinceMs = Date.now() + 1000;
  // The rollup's seconds begin after what came before.
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const report = await system.demo.runLoad({ requests: 200, concurrency: 8 });
  const after = await system.demo.counts();
  await system.settled();
  expect(report.finished).toBe(200);
  const edges = await system.sql<EdgeCount>(EDGES(sinceMs));
  const total = (counts: Counts, isWanted: (key: string) => boolean = () => true): number =>
    Object.entries(counts)
      .filter(([key]) => isWanted(key))
      .reduce((sum, [, outcomes]) => sum + Object.values(outcomes).reduce((a, b) => a + b, 0), 0);
  const called = (service: 'checkout' | 'payments', target: string): number => {
    const isTarget = (key: string): boolean => key.startsWith(`${target} `);
    return total(after[service].called, isTarget) - total(before[service].called, isTarget);
  };
  const viaGateway = (service: 'catalog' | 'checkout' | 'payments', alsoFrom: number): number =>
    total(after[service].received) - total(before[service].received) - alsoFrom;
  const expected: Record<string, number> = {
    'generator nginx': 200,
    'nginx catalog': viaGateway('catalog', called('checkout', 'catalog')),
    'nginx checkout': viaGateway('checkout', 0),
    'nginx payments': viaGateway('payments', called('checkout', 'payments')),
    'checkout catalog': called('checkout', 'catalog'),
    'checkout payments': called('checkout', 'payments'),
    'payments ledger': called('payments', 'ledger'),
  };
  const seen = (side: string) =>
    Object.fromEntries(
      edges.filter((edge) => edge.side === side).map((edge) => [`${edge.client} ${edge.server}`, edge.requests])
    );
  const [unattributed] = await system.sql<{ n: number }>(
    `SELECT toUInt32(count()) AS n FROM spans WHERE Layer = 'network' AND Protocol = 'http' AND Timestamp >= toDateTime(${Math.floor(sinceMs / 1000)})`
  );
  const dropped = Object.values(await system.drops()).reduce((sum, count) => sum + count, 0) - droppedBefore;
  // Exact as long as nothing was dropped and no exchange was left without an owner; never more than what happened.
  const missing = { client: 0, server: 0 };
  const byAddress = { client: 0, server: 0 };
  for (const side of ['client', 'server'] as const) {
    const counts = seen(side);
    for (const [edge, count] of Object.entries(expected)) {
      expect(counts[edge] ?? 0, `${side} ${edge}`).toBeLessThanOrEqual(count);
      missing[side] += count - (counts[edge] ?? 0);
    }
    // An end that could not be told is named by its address or by what DNS called it, never by a guess.
    for (const [edge, count] of Object.entries(counts)) {
      if (edge in expected) continue;
      expect(edge).toMatch(/\.\d+|\.internal/);
      byAddress[side] += count;
    }
  }
  const excused = dropped + unattributed!.n;
  expect(missing.server, 'server').toBeLessThanOrEqual(excused + byAddress.server);
  // A caller that could not be told owns no row: its calls are those that servers name by an address.
  expect(missing.client, 'client').toBeLessThanOrEqual(excused + byAddress.client + byAddress.server);
  if (isExact) expect(byAddress).toEqual({ client: 0, server: 0 });
  if (isExact) expect(missing).toEqual({ client: 0, server: 0 });
}

describe.skipIf(missing)('one request through the shop', () => {
  let system: RunningSystem;
  beforeAll(async () => {
    system = await startSystem();
    // What ran before the agents came is over, and the SDK's process is known.
    await system.demo.runLoad({ requests: 20, concurrency: 1 });
    await system.settled();
  });
  afterAll(() => system?.stop());

  it('is one tree from gateway to database, over both hosts, with the SDK in it, its hops and its reasons', async () => {
    await system.demo.runLoad({ requests: 10, concurrency: 1 });
    await system.settled();
    const trace = await system.trace(await latestCheckout(system));
    expect(trace.roots).toHaveLength(1);
    expect(trace.completeness.gaps).toBe(0);

    const gateway = findAll(trace.roots, 'nginx', 'Server')[0]!;
    const checkout = findAll(gateway.children, 'checkout', 'Server')[0]!;
    const payments = findAll(checkout.children, 'payments', 'Server')[0]!;
    const sdk = findAll(payments.children, 'payments', 'Server', 'application')[0]!;
    const ledger = findAll(sdk.children, 'ledger', 'Server')[0]!;
    expect(findAll(ledger.children, 'mariadbd', 'Server').length).toBeGreaterThan(0);
    expect(findAll(checkout.children, 'mariadbd', 'Server').length).toBeGreaterThan(0);
    for (const node of walk(trace.roots)) {
      if (node === trace.roots[0]) continue;
      expect(node.link, node.span.name).toBeDefined();
      expect(node.link!.probability).toBeGreaterThan(0);
      if (node.span.kind === 'Server' && node.span.layer === 'process') expect(node.link!.evidence).toBe('exchange');
    }

    // gateway → checkout on one host: both ends' interfaces and the bridge's ports between them.
    const call = findAll(trace.roots, 'nginx', 'Client')[0]!;
    expect(call.hops.map(({ point, kind }) => (kind === 'process' ? kind : point))).toEqual([
      'process',
      'eth0',
      expect.stringMatching(/^v-/),
      expect.stringMatching(/^v-/),
      'eth0',
      'process',
    ]);
    // checkout → payments goes through a bridge, an uplink and address translation to the other host.
    const across = findAll(trace.roots, 'checkout', 'Client').find(({ children }) =>
      children.some(({ span }) => span.service === 'payments')
    )!;
    expect(new Set(across.hops.map(({ hostId }) => hostId)).size).toBe(2);
    expect(across.span.serverAddress).not.toBe(across.children[0]!.span.serverAddress);
  });

  it('counts every call once per side: rollups, load generator and services agree', () => expectCounts(system, true));

  it('shows no service twice and no call that did not happen', async () => {
    const names = await system.sql<{ name: string }>(
      `SELECT DISTINCT argMax(Name, UpdatedAt) AS name FROM entities WHERE Kind = 'process' AND EntityId IN (SELECT EntityId FROM spans) GROUP BY EntityId ORDER BY name`
    );
    expect(names.map(({ name }) => name)).toEqual([
      'catalog',
      'checkout',
      'dnsmasq',
      'generator',
      'ledger',
      'mariadbd',
      'nginx',
      'payments',
      'redis-server',
    ]);
  });
});

describe.skipIf(missing)('two hosts, one with a wrong clock', () => {
  let system: RunningSystem;
  beforeAll(async () => {
    system = await startSystem({ shiftClockOfB: 5_000 });
    await system.demo.runLoad({ requests: 20, concurrency: 1 });
    await system.settled();
  });
  afterAll(() => system?.stop());

  it('brings the clocks together and shows no negative time', async () => {
    await system.demo.runLoad({ requests: 10, concurrency: 1 });
    await system.settled();
    const trace = await system.trace(await latestCheckout(system));
    const b = trace.clocks.find(({ hostId }) => hostId.endsWith('host-b'))!;
    expect(b.offsetNs / 1e6).toBeGreaterThan(-5_050);
    expect(b.offsetNs / 1e6).toBeLessThan(-4_950);
    expect(trace.durationNs / 1e6).toBeLessThan(2_000);
    const across = findAll(trace.roots, 'checkout', 'Client').find(({ children }) =>
      children.some(({ span }) => span.service === 'payments')
    )!;
    expect(across.children[0]!.startNs).toBeGreaterThanOrEqual(across.startNs);
    for (const { hops } of walk(trace.roots)) {
      for (let i = 1; i < hops.length; i++)
        expect(hops[i]!.requestAtNs).toBeGreaterThanOrEqual(hops[i - 1]!.requestAtNs);
    }
  });
});

describe.skipIf(missing).each(['raw_tp', 'af_packet'] as const)('the same through %s', (rung) => {
  let system: RunningSystem;
  beforeAll(async () => {
    system = await startSystem({ rung });
    await system.demo.runLoad({ requests: 20, concurrency: 1 });
    await system.settled();
  });
  afterAll(() => system?.stop());

  it('counts every call once per side', () => expectCounts(system, false));

  it('names what it cannot know, and guesses no cause', async () => {
    const evidence = await system.sql<{ evidence: string }>(
      `SELECT DISTINCT LinkEvidence AS evidence FROM spans WHERE Layer = 'process' AND SpanKind = 'Client' ORDER BY evidence`
    );
    if (rung === 'af_packet') expect(evidence).toEqual([{ evidence: 'none' }]);
    else expect(evidence.map((row) => row.evidence)).toEqual(expect.arrayContaining(['request_id', 'trace_context']));
  });
});
