import { clientSpanId, hash64, serverSpanId } from '@throughline/core';
import { type CauseLink } from '@throughline/tracing';
import { type SpanBatchBuilder } from '@throughline/wire';
import { type Clock } from './clock.ts';
import { type Exchange } from './exchanges/exchange.ts';
import { type ProcessIdentity } from './resources/ProcessRegistry.ts';

/** From an exchange and its link to one row of a batch. */

const KINDS = { client: 'Client', server: 'Server', network: 'Unspecified' } as const;
const STATUS_CODES = { ok: 'Ok', error: 'Error', unset: 'Unset' } as const;

export function spanIdOf(exchange: Pick<Exchange, 'exchangeId' | 'side'>, hostId: string): bigint {
  if (exchange.side === 'client') return clientSpanId(exchange.exchangeId);
  if (exchange.side === 'server') return serverSpanId(exchange.exchangeId);
  // A host in between is one of several observers of the exchange: its id is its own.
  return hash64(new TextEncoder().encode(`network/${exchange.exchangeId}/${hostId}`));
}

export function appendRow(
  builder: SpanBatchBuilder,
  exchange: Exchange,
  link: CauseLink,
  owner: ProcessIdentity | undefined,
  clock: Clock,
  hostId: string
): void {
  builder.append({
    timestamp: clock.toWallNs(exchange.startNs),
    duration: BigInt(Math.max(0, Math.round(exchange.endNs - exchange.startNs))),
    traceId: exchange.traceId,
    spanId: spanIdOf(exchange, hostId),
    parentSpanId: exchange.side === 'client' ? link.parentSpanId || undefined : exchange.exchangeId,
    wireParentSpanId: exchange.parentSpanId === '' ? undefined : BigInt(`0x${exchange.parentSpanId}`),
    traceState: '',
    layer: exchange.side === 'network' ? 'network' : 'process',
    spanKind: KINDS[exchange.side],
    spanName: spanName(exchange),
    serviceName: owner?.name ?? '',
    entityId: owner?.id ?? 0n,
    peerEntityId: 0n,
    peerName: '',
    peerEvidence: '',
    pid: exchange.pid || (owner?.pid ?? 0),
    tid: exchange.tid,
    protocol: exchange.protocol,
    method: exchange.method,
    endpoint: exchange.endpoint,
    target: exchange.target,
    host: exchange.host,
    responseCode: exchange.responseCode,
    statusCode: STATUS_CODES[exchange.status],
    statusMessage: exchange.statusMessage,
    failure: exchange.failure ?? '',
    truncated: exchange.truncated ? 1 : 0,
    clientAddress: exchange.clientAddress,
    clientPort: exchange.clientPort,
    serverAddress: exchange.serverAddress,
    serverPort: exchange.serverPort,
    netns: exchange.netns,
    requestSequence: exchange.requestSequence,
    responseSequence: exchange.responseSequence,
    requestBytes: BigInt(exchange.requestBytes),
    responseBytes: BigInt(exchange.responseBytes),
    requestId: exchange.requestId,
    responseRequestId: exchange.responseRequestId,
    linkEvidence: link.evidence,
    linkProbability: link.probability,
    linkCandidateCount: Math.min(65_535, link.candidateCount),
    scopeName: '',
    scopeVersion: '',
  });
  for (const candidate of link.candidates) builder.add('linkCandidates', candidate);
  for (const hop of exchange.hops) {
    builder.add('hops', {
      interface: hop.interfaceName,
      interfaceIndex: hop.interfaceIndex,
      netns: hop.netns,
      direction: hop.direction,
      offset: BigInt(Math.round(hop.offsetNs)),
      duration: BigInt(Math.max(0, Math.round(hop.durationNs ?? 0))),
      retransmissions: Math.min(65_535, hop.retransmissions),
    });
  }
  for (const [key, value] of Object.entries(exchange.attributes)) builder.add('spanAttributes', { key, value });
}

export function spanName({ protocol, method, endpoint }: Exchange): string {
  // A statement's fingerprint and a command say what they do; a route needs its method.
  return protocol === 'http' || protocol === 'dns' ? `${method} ${endpoint}` : endpoint || method;
}
