import { exchangeId } from '@throughline/core';
import { type Chunk } from '../flows/ByteStream.ts';
import { type DnsMessage, parseDns } from '../protocols/dns.ts';
import { type Message } from '../protocols/message.ts';
import { type Ends, type MessageListener, rolesOf } from './Connection.ts';
import { type Exchange, type Side } from './exchange.ts';

const MAX_PENDING = 20_000;

interface PendingQuery {
  readonly exchange: Exchange;
  readonly atNs: number;
}

export interface DatagramSink {
  onRequestStart(exchange: Exchange): void;
  onExchange(exchange: Exchange): void;
  onMessage?: MessageListener;
  onAnswer(address: Uint8Array, name: string, netns: number, timestampNs: number): void;
  count(reason: string): void;
}

/** DNS over UDP: pairs queries and answers by id, name and addresses. */
export class DatagramPairing {
  private readonly pending = new Map<string, PendingQuery>();
  private readonly sink: DatagramSink;

  constructor(sink: DatagramSink) {
    this.sink = sink;
  }

  get size(): number {
    return this.pending.size;
  }

  /** @param isSent by the local end @param isNetwork seen as a packet; neither end is known to be ours */
  datagram(ends: Ends, isSent: boolean, chunk: Chunk, isNetwork: boolean): void {
    const parsed = parseDns(chunk);
    if (!parsed) {
      this.sink.count('dns_not_a_message');
      return;
    }
    if (parsed.message.type === 'request') this.query(ends, isSent, parsed.message, isNetwork);
    else this.answer(ends, isSent, parsed, isNetwork);
  }

  private query(ends: Ends, isSent: boolean, message: Message, isNetwork: boolean): void {
    const side: Side = isNetwork ? 'network' : isSent ? 'client' : 'server';
    const [client, server] = isSent ? [LOCAL, REMOTE] : [REMOTE, LOCAL];
    const exchange: Exchange = {
      exchangeId: exchangeId(message.prefix.subarray(0, message.prefixLength), 0),
      side,
      protocol: 'dns',
      startNs: message.startNs,
      endNs: message.endNs,
      pid: ends.pid,
      tid: message.origin.tid,
      responseTid: 0,
      netns: ends.netns,
      cgroupId: ends.cgroupId,
      socketId: ends.socketId,
      clientAddress: client.address(ends),
      clientPort: client.port(ends),
      serverAddress: server.address(ends),
      serverPort: server.port(ends),
      requestSequence: 0,
      requestSequenceEnd: 0,
      responseSequence: 0,
      responseSequenceEnd: 0,
      requestBytes: message.bytes,
      responseBytes: 0,
      version: '',
      method: message.method,
      target: message.target,
      endpoint: message.endpoint,
      host: '',
      responseCode: 0,
      status: 'unset',
      statusMessage: '',
      failure: undefined,
      truncated: message.truncated,
      traceId: '',
      parentSpanId: '',
      requestId: '',
      responseRequestId: '',
      requestIngressId: message.origin.ingressId,
      responseIngressId: 0,
      answerId: message.origin.answerId,
      birthId: message.origin.birthId,
      hops: [],
      attributes: {},
    };
    const key = keyOf(exchange, message.pairId, side);
    this.sink.onMessage?.(message, rolesOf('dns', ends, isSent), exchange);
    // A query sent again has the same id: one exchange.
    if (this.pending.has(key)) return;
    if (this.pending.size >= MAX_PENDING) {
      this.pending.delete(this.pending.keys().next().value as string);
      this.sink.count('dns_queries_evicted');
    }
    this.pending.set(key, { exchange, atNs: message.startNs });
    this.sink.onRequestStart(exchange);
  }

  private answer(ends: Ends, isSent: boolean, { message, addresses }: DnsMessage, isNetwork: boolean): void {
    const [client] = isSent ? [REMOTE] : [LOCAL];
    const side: Side = isNetwork ? 'network' : isSent ? 'server' : 'client';
    for (const { address, name } of addresses) this.sink.onAnswer(address, name, ends.netns, message.startNs);
    const probe = {
      netns: ends.netns,
      clientAddress: client!.address(ends),
      clientPort: client!.port(ends),
      target: message.target,
    };
    const key = keyOf(probe, message.pairId, side);
    const pending = this.pending.get(key);
    this.sink.onMessage?.(message, rolesOf('dns', ends, !isSent), pending?.exchange);
    if (!pending) {
      // A resolver's query had no payload at its socket: the packets tell of this exchange.
      if (side !== 'client') this.sink.count('dns_answer_without_query');
      return;
    }
    this.pending.delete(key);
    const { exchange } = pending;
    // An unconnected socket learns who asked from the call's arguments: the send names them.
    if (exchange.clientPort === 0) {
      exchange.clientAddress = probe.clientAddress;
      exchange.clientPort = probe.clientPort;
    }
    exchange.endNs = Math.max(exchange.startNs, message.endNs);
    exchange.responseBytes = message.bytes;
    exchange.responseCode = message.responseCode;
    exchange.status = message.isError ? 'error' : 'ok';
    exchange.statusMessage = message.statusMessage;
    exchange.responseIngressId = message.origin.ingressId;
    exchange.responseTid = message.origin.tid;
    Object.assign(exchange.attributes, message.attributes);
    this.sink.onExchange(exchange);
  }

  /** Queries that have waited too long. @param nowNs Infinity where nothing more will be seen: that is no failure */
  advance(nowNs: number, timeoutNs: number): void {
    for (const [key, { exchange, atNs }] of this.pending) {
      if (nowNs - atNs <= timeoutNs) return; // in order of arrival
      this.pending.delete(key);
      if (nowNs === Infinity) exchange.truncated = true;
      else {
        exchange.failure = 'timeout';
        exchange.status = 'error';
        exchange.statusMessage = 'timeout';
        exchange.endNs = atNs + timeoutNs;
      }
      this.sink.onExchange(exchange);
    }
  }
}

const LOCAL = { address: (ends: Ends) => ends.localAddress, port: (ends: Ends) => ends.localPort };
const REMOTE = { address: (ends: Ends) => ends.remoteAddress, port: (ends: Ends) => ends.remotePort };

/**
 * The server's address is no part of it: a resolver may answer from another. Nor is the client's port on the server's side,
 * whose socket may not know it.
 */
function keyOf(exchange: Pick<Exchange, 'netns' | 'clientPort' | 'target'>, pairId: number, side: Side): string {
  return `${side}/${exchange.netns}/${side === 'server' ? '' : exchange.clientPort}/${pairId}/${exchange.target}`;
}
