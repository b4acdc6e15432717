import { clientSpanId, entityId, mapIPv4, serverSpanId } from '@throughline/core';
import { type SpanRow } from '@throughline/wire';

export const CLIENT = entityId('host-a', 'boot', 10, 1);
export const SERVER = entityId('host-b', 'boot', 20, 1);

/** One side of an exchange of two hosts. */
export function row(exchange: bigint, side: 'client' | 'server', over: Partial<SpanRow> = {}): SpanRow {
  return {
    timestamp: BigInt(Date.now()) * 1_000_000n,
    duration: 1_000_000n,
    traceId: '',
    spanId: side === 'client' ? clientSpanId(exchange) : serverSpanId(exchange),
    parentSpanId: side === 'client' ? undefined : exchange,
    wireParentSpanId: undefined,
    traceState: '',
    layer: 'process',
    spanKind: side === 'client' ? 'Client' : 'Server',
    spanName: 'GET /orders/{id}',
    serviceName: '',
    entityId: side === 'client' ? CLIENT : SERVER,
    peerEntityId: 0n,
    peerName: '',
    peerEvidence: '',
    pid: side === 'client' ? 10 : 20,
    tid: 1,
    protocol: 'http',
    method: 'GET',
    endpoint: '/orders/{id}',
    target: '/orders/1',
    host: 'orders',
    responseCode: 200,
    statusCode: 'Ok',
    statusMessage: '',
    failure: '',
    truncated: 0,
    clientAddress: mapIPv4(Uint8Array.of(10, 0, 0, 1)),
    clientPort: 40000,
    serverAddress: mapIPv4(Uint8Array.of(10, 0, 0, 99)),
    serverPort: 80,
    netns: 1,
    requestSequence: 1,
    responseSequence: 2,
    requestBytes: 3n,
    responseBytes: 4n,
    requestId: '',
    responseRequestId: '',
    linkEvidence: 'none',
    linkProbability: 0,
    linkCandidateCount: 0,
    scopeName: '',
    scopeVersion: '',
    ...over,
  };
}
