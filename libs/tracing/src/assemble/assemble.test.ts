import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { idToHex, serverSpanId } from '@throughline/core';
import {
  type LaterLink,
  type SpanFetcher,
  type TraceNode,
  type TraceSpan,
  assemble,
  collectTrace,
  renderTrace,
} from '../index.ts';

const T0 = 1_700_000_000_000_000_000n;
const hex = idToHex;

function span(over: Partial<TraceSpan>): TraceSpan {
  return {
    spanId: '',
    parentSpanId: '',
    wireParentSpanId: '',
    traceId: '',
    layer: 'process',
    kind: 'Server',
    name: 'GET /',
    service: 's',
    entityId: '1',
    peerName: '',
    peerEvidence: '',
    hostId: 'a',
    startNs: T0,
    durationNs: 1e6,
    protocol: 'http',
    target: '/',
    responseCode: 200,
    status: 'Ok',
    statusMessage: '',
    failure: '',
    truncated: false,
    clientAddress: '',
    clientPort: 0,
    serverAddress: '',
    serverPort: 80,
    requestSequence: 0,
    responseSequence: 0,
    linkEvidence: 'none',
    linkProbability: 0,
    candidateCount: 0,
    candidates: [],
    hops: [],
    attributes: {},
    ...over,
  };
}

/** Both sides of an exchange. */
function exchange(id: bigint, client: Partial<TraceSpan>, server: Partial<TraceSpan>): [TraceSpan, TraceSpan] {
  const ports = { clientPort: Number(id) + 1000 };
  return [
    span({ kind: 'Client', spanId: hex(id), ...ports, ...client }),
    span({
      kind: 'Server',
      spanId: hex(serverSpanId(id)),
      parentSpanId: hex(id),
      linkEvidence: 'exchange',
      linkProbability: 1,
      ...ports,
      ...server,
    }),
  ];
}

const at = (ms: number): bigint => T0 + BigInt(Math.round(ms * 1e6));

/** gateway → shop → database, the shop on another host with an SDK inside. */
function shop(skewMs = 0): TraceSpan[] {
  const skew = (ms: number): bigint => at(ms + skewMs);
  const [, gateway] = exchange(1n, {}, { service: 'gateway', entityId: '1', startNs: at(0), durationNs: 20e6 });
  const [call, served] = exchange(
    2n,
    {
      service: 'gateway',
      entityId: '1',
      startNs: at(1),
      durationNs: 18e6,
      parentSpanId: gateway.spanId,
      linkEvidence: 'request_id',
      linkProbability: 1,
      hops: [
        {
          interfaceName: 'eth0',
          netns: 1,
          direction: 'transmit',
          offsetNs: 20e3,
          durationNs: 17e6,
          retransmissions: 0,
        },
      ],
    },
    {
      service: 'shop',
      entityId: '2',
      hostId: 'b',
      startNs: skew(1.5),
      durationNs: 17e6,
      hops: [
        {
          interfaceName: 'eth0',
          netns: 2,
          direction: 'receive',
          offsetNs: -30e3,
          durationNs: 16.9e6,
          retransmissions: 0,
        },
      ],
    }
  );
  const sdkServer = span({
    layer: 'application',
    kind: 'Server',
    spanId: 'aaaaaaaaaaaaaaaa',
    traceId: 'f'.repeat(32),
    service: 'shop',
    entityId: '2',
    hostId: 'b',
    startNs: skew(2),
    durationNs: 16e6,
    clientPort: served.clientPort,
  });
  const sdkCall = span({
    layer: 'application',
    kind: 'Client',
    spanId: 'bbbbbbbbbbbbbbbb',
    parentSpanId: sdkServer.spanId,
    traceId: 'f'.repeat(32),
    service: 'shop',
    entityId: '2',
    hostId: 'b',
    startNs: skew(3),
    durationNs: 10e6,
    serverPort: 3306,
    name: 'SELECT',
  });
  const [query, database] = exchange(
    3n,
    {
      service: 'shop',
      entityId: '2',
      hostId: 'b',
      startNs: skew(4),
      durationNs: 8e6,
      serverPort: 3306,
      parentSpanId: served.spanId,
      linkEvidence: 'only_open',
      linkProbability: 0.9,
      name: 'SELECT ?',
    },
    {
      service: 'mariadb',
      entityId: '3',
      hostId: 'b',
      startNs: skew(4.1),
      durationNs: 7.5e6,
      serverPort: 3306,
      name: 'SELECT ?',
    }
  );
  return [gateway, call, served, sdkServer, sdkCall, query, database];
}

function shape(nodes: readonly TraceNode[]): unknown[] {
  return nodes.map(({ span: { service, layer, kind }, children }) => [
    `${service} ${layer === 'application' ? 'sdk ' : ''}${kind}`,
    ...shape(children),
  ]);
}

const SHAPE = [
  [
    'gateway Server',
    ['gateway Client', ['shop Server', ['shop sdk Server', ['shop sdk Client', ['shop Client', ['mariadb Server']]]]]],
  ],
];

function nodesOf(nodes: readonly TraceNode[]): TraceNode[] {
  return nodes.flatMap((node) => [node, ...nodesOf(node.children)]);
}

describe('assemble', () => {
  it('joins both sides of exchanges, causes, and weaves the SDK in', () => {
    const trace = assemble(shop());
    expect(shape(trace.roots)).toEqual(SHAPE);
    expect(trace.traceId).toBe('f'.repeat(32));
    expect(trace.completeness).toEqual({ oneOf: 0, gaps: 0, truncated: 0, cut: [] });
  });

  it('gives the same tree for any order and for repeats', () => {
    const spans = shop();
    const expected = assemble(spans);
    fc.assert(
      fc.property(fc.shuffledSubarray(spans, { minLength: spans.length }), (shuffled) => {
        expect(assemble([...shuffled, shuffled[0]!])).toEqual(expected);
      })
    );
  });

  it.each([-5000, -3, 0, 3, 5000])('shows no negative hop with a clock that is %i ms off', (skewMs) => {
    const trace = assemble(shop(skewMs));
    expect(shape(trace.roots)).toEqual(SHAPE);
    for (const node of nodesOf(trace.roots)) {
      for (let i = 1; i < node.hops.length; i++) {
        expect(node.hops[i]!.requestAtNs).toBeGreaterThanOrEqual(node.hops[i - 1]!.requestAtNs);
      }
    }
    const clock = trace.clocks.find(({ hostId }) => hostId === 'b')!;
    if (Math.abs(skewMs) > 100) {
      expect(Math.abs(clock.offsetNs / 1e6 + skewMs)).toBeLessThan(1);
      expect(clock.uncertaintyNs / 1e6).toBeLessThanOrEqual(0.5);
    }
  });

  it('strings hops from process to process', () => {
    const call = nodesOf(assemble(shop()).roots).find(({ hops }) => hops.length > 2)!;
    expect(call.hops.map(({ point }) => point)).toEqual(['gateway client', 'eth0', 'eth0', 'shop server']);
  });

  it('lets the answer leave the process before the interface beside it, although its send is stamped later', () => {
    const call = nodesOf(assemble(shop()).roots).find(({ hops }) => hops.length > 2)!;
    const [client, outer, inner, server] = call.hops;
    // The interface saw the answer 0.13 ms before the send returned.
    expect(server!.responseAtNs).toBe(inner!.responseAtNs);
    expect(server!.responseAtNs).toBeLessThan(1.5e6 + 17e6);
    expect(client!.responseAtNs! - outer!.responseAtNs!).toBeGreaterThan(0);
  });

  it('is not misled by a client that gave up', () => {
    const pairs = Array.from({ length: 20 }, (_, i) =>
      exchange(
        BigInt(100 + i),
        { startNs: at(i * 10), durationNs: 3e6 },
        { hostId: 'b', startNs: at(i * 10 + 1), durationNs: 1e6 }
      )
    ).flat();
    const [gaveUp, late] = exchange(
      200n,
      { startNs: at(500), durationNs: 10e6, failure: 'timeout', status: 'Error' },
      { hostId: 'b', startNs: at(501), durationNs: 3e9 }
    );
    const { clocks } = assemble([...pairs, gaveUp, late]);
    expect(clocks.find(({ hostId }) => hostId === 'b')).toMatchObject({ offsetNs: 0, uncertaintyNs: 1e6 });
  });

  it('shows no answer that comes before its request, or goes back', () => {
    for (const { hops } of nodesOf(assemble(shop(-3)).roots)) {
      hops.forEach(({ requestAtNs, responseAtNs = Infinity }, i) => {
        expect(responseAtNs).toBeGreaterThanOrEqual(requestAtNs);
        expect(hops[i - 1]?.responseAtNs ?? Infinity).toBeGreaterThanOrEqual(
          responseAtNs === Infinity ? -1 : responseAtNs
        );
      });
    }
  });

  it('tells exchanges with equal ids apart by address and time', () => {
    const [client, server] = exchange(7n, { startNs: at(0) }, { startNs: at(0.1), durationNs: 0.5e6 });
    const later = { startNs: at(60_000), clientPort: 2222 };
    const spans = [client, server, { ...client, ...later }, { ...server, ...later, startNs: at(60_000.1) }];
    const trace = assemble(spans);
    expect(trace.roots).toHaveLength(2);
    for (const root of trace.roots) expect(root.children[0]!.span.clientPort).toBe(root.span.clientPort);
  });

  it('draws "one of N" under no parent and keeps the candidates', () => {
    const call = span({
      kind: 'Client',
      spanId: hex(9n),
      linkEvidence: 'one_of',
      candidateCount: 7,
      candidates: [{ spanId: hex(1n), probability: 0.1 }],
    });
    const trace = assemble([call]);
    expect(trace.roots[0]!.link).toMatchObject({ evidence: 'one_of', reason: 'one of 7 open requests' });
    expect(trace.completeness.oneOf).toBe(1);
  });

  it('states a missing middle', () => {
    const call = span({
      kind: 'Client',
      spanId: hex(9n),
      parentSpanId: hex(8n),
      linkEvidence: 'ingress',
      linkProbability: 0.9,
    });
    expect(assemble([call]).roots[0]!.gap).toContain(hex(8n));
  });

  it('survives circles', () => {
    const a = span({ kind: 'Client', spanId: hex(1n), parentSpanId: hex(2n), linkEvidence: 'ingress' });
    const b = span({ kind: 'Client', spanId: hex(2n), parentSpanId: hex(1n), linkEvidence: 'ingress', startNs: at(1) });
    const trace = assemble([a, b]);
    expect(trace.spanCount).toBe(2);
    expect(trace.completeness.cut).toHaveLength(1);
  });

  it('carries a trace as deep as it is long', () => {
    const spans: TraceSpan[] = [];
    for (let i = 1; i <= 50_000; i++) {
      spans.push(
        span({
          kind: 'Client',
          spanId: hex(BigInt(i)),
          parentSpanId: i > 1 ? hex(BigInt(i - 1)) : '',
          linkEvidence: 'ingress',
          startNs: at(i),
        })
      );
    }
    expect(assemble(spans).spanCount).toBe(50_000);
  });

  it('prefers links found later', () => {
    const spans = shop().map((each) =>
      each.linkEvidence === 'request_id' ? { ...each, parentSpanId: '', linkEvidence: 'one_of' as const } : each
    );
    const links: LaterLink[] = [
      { spanId: hex(2n), parentSpanId: hex(serverSpanId(1n)), evidence: 'request_id', probability: 1 },
    ];
    expect(shape(assemble(spans, { links }).roots)).toEqual(SHAPE);
  });

  it('prints', () => {
    const text = renderTrace(assemble(shop()));
    expect(text).toMatch(/└─ sdk shop  SELECT 200  10.0 ms/);
    expect(text).toContain('same X-Request-ID');
    expect(text.split('\n')[0]).toContain('7 spans');
  });
});

function fetcherOf(spans: readonly TraceSpan[]): SpanFetcher & { calls: number } {
  const pick = (isWanted: (each: TraceSpan) => boolean) => {
    fetcher.calls++;
    return Promise.resolve(spans.filter(isWanted));
  };
  const fetcher = {
    calls: 0,
    bySpanIds: (ids: readonly string[]) => pick((each) => ids.includes(each.spanId)),
    byParentSpanIds: (ids: readonly string[]) => pick((each) => ids.includes(each.parentSpanId)),
    byTraceIds: (ids: readonly string[]) => pick((each) => ids.includes(each.traceId)),
    byProcessTimes: (intervals: Parameters<SpanFetcher['byProcessTimes']>[0], layer: string) =>
      pick(
        (each) =>
          each.layer === layer &&
          each.kind === 'Server' &&
          intervals.some(
            ({ entityId, fromNs, toNs }) =>
              each.entityId === entityId && each.startNs >= fromNs - 10_000_000n && each.startNs <= toNs
          )
      ),
    linksOf: () => Promise.resolve([]),
  };
  return fetcher;
}

describe('collectTrace', () => {
  it.each(shop().map((each) => [each.spanId]))('finds the whole trace from any member: %s', async (spanId) => {
    const other = span({ spanId: hex(99n), entityId: '77' });
    const { spans, cut } = await collectTrace(spanId, fetcherOf([...shop(), other]));
    expect(spans).toHaveLength(7);
    expect(cut).toEqual([]);
  });

  it('finds it from the trace id', async () => {
    expect((await collectTrace('f'.repeat(32), fetcherOf(shop()))).spans).toHaveLength(7);
  });

  it('does not wait for a store that hangs', async () => {
    const hanging = { ...fetcherOf(shop()), byParentSpanIds: () => new Promise<never>(() => {}) };
    const { cut } = await collectTrace(shop()[0]!.spanId, hanging, { timeMs: 50 });
    expect(cut).toEqual(['searching stopped after 50 ms']);
  });

  it('says which bound it hit', async () => {
    expect((await collectTrace(shop()[0]!.spanId, fetcherOf(shop()), { rounds: 1 })).cut).toEqual([
      'the trace goes on beyond 1 levels',
    ]);
    expect((await collectTrace(shop()[0]!.spanId, fetcherOf(shop()), { spans: 3 })).cut).toEqual([
      'only 3 spans are shown',
    ]);
  });
});
