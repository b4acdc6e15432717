import { clientSpanId, entityId, mapIPv4, serverSpanId } from '@throughline/core';
import { SpanBatchBuilder, type SpanRow, agent } from '@throughline/wire';

/** Rows of the kind a shop makes, both sides of each exchange in one batch: what the store and ingest are measured with. */

const SERVICES = ['gateway', 'catalog', 'checkout', 'payments', 'ledger', 'search', 'users', 'stock'].map(
  (name, i) => ({
    name,
    entity: entityId(`host-${i % 2}`, 'bench', 1000 + i, 1),
    pid: 1000 + i,
    address: mapIPv4(Uint8Array.of(10, 0, 0, i + 1)),
  })
);
const ENDPOINTS = ['/api/products', '/api/products/{id}', '/api/checkout', '/api/payments/{id}', '/prices', '/stock'];

/** The same numbers in each run (Steele, Lea and Flood, SplitMix; 32 bit). */
export function randoms(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return ((z ^ (z >>> 16)) >>> 0) / 2 ** 32;
  };
}

/** A batch of the agent's protocol without its number. `rows` is even. */
export function shopBatch(rows: number, seed: number, startNs: bigint): agent.Batch {
  const random = randoms(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const builder = new SpanBatchBuilder(rows);
  for (let i = 0; i < rows / 2; i++) {
    const from = SERVICES[below(SERVICES.length)]!;
    const to = SERVICES[below(SERVICES.length)]!;
    const endpoint = ENDPOINTS[below(ENDPOINTS.length)]!;
    const exchange = (BigInt(below(2 ** 31)) << 32n) | BigInt(below(2 ** 32));
    const isFailed = random() < 0.01;
    const offsetNs = BigInt(i) * 10_000n;
    const durationNs = BigInt(Math.round(-Math.log(1 - random()) * 8e6));
    const common = {
      traceId: '',
      wireParentSpanId: undefined,
      traceState: '',
      layer: 'process',
      spanName: `GET ${endpoint}`,
      peerEntityId: 0n,
      peerName: '',
      peerEvidence: '',
      protocol: 'http',
      method: 'GET',
      endpoint,
      target: endpoint.replace('{id}', String(below(5000))),
      host: `${to.name}.shop.internal`,
      responseCode: isFailed ? 503 : 200,
      statusCode: isFailed ? 'Error' : 'Ok',
      statusMessage: isFailed ? 'Service Unavailable' : '',
      failure: '',
      truncated: 0,
      clientAddress: from.address,
      clientPort: 30_000 + below(20_000),
      serverAddress: to.address,
      serverPort: 8080,
      netns: 4026531840,
      requestSequence: below(2 ** 32),
      responseSequence: below(2 ** 32),
      requestBytes: BigInt(200 + below(200)),
      responseBytes: BigInt(200 + below(4000)),
      requestId: '',
      responseRequestId: '',
      scopeName: '',
      scopeVersion: '',
    } satisfies Partial<SpanRow>;
    const hop = (name: string, direction: 'receive' | 'transmit', offset: bigint): void =>
      builder.add('hops', {
        interface: name,
        interfaceIndex: 2,
        netns: 4026531840,
        direction,
        offset,
        duration: durationNs - 2n * offset > 0n ? durationNs - 2n * offset : 0n,
        retransmissions: 0,
      });
    builder.append({
      ...common,
      timestamp: startNs + offsetNs,
      duration: durationNs,
      spanId: clientSpanId(exchange),
      parentSpanId: (BigInt(below(2 ** 31)) << 32n) | BigInt(below(2 ** 32)),
      spanKind: 'Client',
      serviceName: from.name,
      entityId: from.entity,
      pid: from.pid,
      tid: from.pid,
      linkEvidence: 'thread',
      linkProbability: 0.98,
      linkCandidateCount: 1,
    });
    hop('eth0', 'transmit', 20_000n);
    hop('vetha', 'receive', 25_000n);
    builder.append({
      ...common,
      timestamp: startNs + offsetNs + 80_000n,
      duration: durationNs,
      spanId: serverSpanId(exchange),
      parentSpanId: exchange,
      spanKind: 'Server',
      serviceName: to.name,
      entityId: to.entity,
      pid: to.pid,
      tid: to.pid,
      linkEvidence: 'exchange',
      linkProbability: 1,
      linkCandidateCount: 0,
    });
    hop('vethb', 'transmit', 5_000n);
    hop('eth0', 'receive', 8_000n);
  }
  return agent.Batch.fromPartial({
    protocolVersion: 1,
    tenant: 'default',
    environment: 'default',
    agentId: 'bench',
    bootId: 'bench',
    hostId: 'bench',
    hostName: 'bench',
    ...builder.take(),
    entities: SERVICES.map(({ entity, name, pid }) =>
      agent.Entity.fromPartial({
        id: entity,
        kind: 'process',
        name,
        nameSource: 'command',
        validFromNs: 1n,
        attributes: new Map([['process.pid', String(pid)]]),
      })
    ),
  });
}
