import { exchangeId } from '@throughline/core';
import { ByteStream, type Chunk, type ChunkOrigin } from '../flows/ByteStream.ts';
import { DnsStreamParser } from '../protocols/dnsStream.ts';
import { Http1Parser, startsHttpRequest, startsHttpResponse } from '../protocols/http1.ts';
import { type Message, type MessageSink, type ProtocolParser } from '../protocols/message.ts';
import { MysqlParser, startsMysqlCommand, startsMysqlGreeting } from '../protocols/mysql.ts';
import { RedisParser, startsRedisRequest } from '../protocols/redis.ts';
import { type Exchange, type Failure, type Protocol, type Side } from './exchange.ts';

/** Who is at the two ends: `local` is this process, or for packets the lower of the two. */
export interface Ends {
  readonly pid: number;
  readonly netns: number;
  readonly cgroupId: number;
  readonly socketId: number;
  readonly localAddress: Uint8Array;
  readonly localPort: number;
  readonly remoteAddress: Uint8Array;
  readonly remotePort: number;
}

export interface ConnectionSink {
  /** A request has begun, on either side; its id is final. */
  onRequestStart(exchange: Exchange): void;
  onExchange(exchange: Exchange): void;
  onMessage?: MessageListener;
  /** A name was resolved to an address. */
  onAnswer?(address: Uint8Array, name: string, netns: number, timestampNs: number): void;
  count(reason: string): void;
}

/** Who is at the two ends, in their roles. */
export type Roles = Pick<Exchange, 'protocol' | 'clientAddress' | 'clientPort' | 'serverAddress' | 'serverPort'>;

/** @param exchange what the message belongs to; undefined for a response whose request was not seen */
export type MessageListener = (message: Message, roles: Roles, exchange: Exchange | undefined) => void;

export function rolesOf(protocol: Protocol, ends: Ends, isLocalClient: boolean): Roles {
  return {
    protocol,
    clientAddress: isLocalClient ? ends.localAddress : ends.remoteAddress,
    clientPort: isLocalClient ? ends.localPort : ends.remotePort,
    serverAddress: isLocalClient ? ends.remoteAddress : ends.localAddress,
    serverPort: isLocalClient ? ends.remotePort : ends.localPort,
  };
}

/** Chunks that no protocol recognised; more of them and the connection is not looked at again. */
const MAX_UNKNOWN_CHUNKS = 4;
const MAX_PENDING = 1000;
/** After this long without a byte, a response whose end cannot be known has ended. */
const IDLE_NS = 1e9;
const DNS_PORT = 53;
/** A protocol is told by its first so many bytes; less may be the beginning of anything. */
const RECOGNITION_BYTES = 32;

interface Pending {
  readonly message: Message;
  readonly exchange: Exchange;
  isComplete: boolean;
}

function joined(held: readonly Chunk[], last: Chunk): Chunk {
  if (held.length === 0) return last;
  const bytes = Buffer.concat([...held.map((chunk) => chunk.bytes), last.bytes]);
  return { ...held[0]!, bytes, length: bytes.length - last.bytes.length + last.length };
}

/** One connection as one observer sees it: two byte streams, a parser, requests that wait for their response. */
export class Connection implements MessageSink {
  readonly ends: Ends;
  readonly startedNs: number;
  lastNs: number;
  private readonly sink: ConnectionSink;
  /** Packets: neither end is known to be ours. */
  private readonly isNetwork: boolean;
  private readonly toRemote = new ByteStream((chunk) => this.onChunk(true, chunk));
  private readonly toLocal = new ByteStream((chunk) => this.onChunk(false, chunk));
  private parser: ProtocolParser | undefined;
  private unknownChunks = 0;
  /** Pieces of one direction, too short to tell the protocol by. */
  private held: Chunk[] = [];
  private isHeldToRemote = false;
  /** undefined until a handshake or the first message tells. */
  isLocalClient: boolean | undefined;
  private readonly pending: Pending[] = [];
  private starting: Pending | undefined;
  /** The response in the making came before its request was whole. */
  isClosed = false;
  /** How the connection ended. */
  private ending: Failure | undefined;
  bytesToRemote = 0;
  bytesToLocal = 0;

  constructor(ends: Ends, sink: ConnectionSink, isNetwork: boolean, nowNs: number) {
    this.ends = ends;
    this.sink = sink;
    this.isNetwork = isNetwork;
    this.startedNs = nowNs;
    this.lastNs = nowNs;
  }

  get protocol(): string {
    return this.parser?.protocol ?? '';
  }

  get pendingCount(): number {
    return this.pending.length;
  }

  streamCounters(): { toRemote: ByteStream['counters']; toLocal: ByteStream['counters'] } {
    return { toRemote: this.toRemote.counters, toLocal: this.toLocal.counters };
  }

  /** After SYN: the first byte of this direction has this number. */
  startAt(isToRemote: boolean, sequence: number): void {
    (isToRemote ? this.toRemote : this.toLocal).startAt(sequence);
  }

  data(
    isToRemote: boolean,
    sequence: number,
    length: number,
    bytes: Uint8Array,
    origin: ChunkOrigin,
    isOrdered: boolean
  ): void {
    this.lastNs = origin.timestampNs;
    if (isToRemote) this.bytesToRemote += length;
    else this.bytesToLocal += length;
    if (this.unknownChunks > MAX_UNKNOWN_CHUNKS) return;
    (isToRemote ? this.toRemote : this.toLocal).push(sequence, length, bytes, origin, isOrdered);
  }

  private onChunk(isToRemote: boolean, chunk: Chunk): void {
    if (!this.parser) {
      if (this.isHeldToRemote !== isToRemote) this.giveUpHeld();
      const whole = joined(this.held, chunk);
      this.parser = this.recognise(isToRemote, whole);
      if (!this.parser) {
        this.held.push({ ...chunk, bytes: chunk.bytes.slice(0, RECOGNITION_BYTES) });
        this.isHeldToRemote = isToRemote;
        if (whole.length >= RECOGNITION_BYTES || whole.bytes.length < whole.length) this.giveUpHeld();
        return;
      }
      for (const held of this.held) this.parser.onChunk(isToRemote === this.isLocalClient, held);
      this.held = [];
    }
    this.parser.onChunk(isToRemote === this.isLocalClient, chunk);
  }

  private giveUpHeld(): void {
    if (this.held.length === 0) return;
    this.held = [];
    if (++this.unknownChunks > MAX_UNKNOWN_CHUNKS) this.sink.count('connection_protocol_unknown');
  }

  private recognise(isToRemote: boolean, chunk: Chunk): ProtocolParser | undefined {
    const { bytes, length } = chunk;
    if (this.ends.localPort === DNS_PORT || this.ends.remotePort === DNS_PORT) {
      this.isLocalClient = this.ends.remotePort === DNS_PORT;
      return new DnsStreamParser(this, (addresses, timestampNs) => {
        for (const { address, name } of addresses) this.sink.onAnswer?.(address, name, this.ends.netns, timestampNs);
      });
    }
    const fromClient = (): void => {
      this.isLocalClient = isToRemote;
    };
    const fromServer = (): void => {
      this.isLocalClient = !isToRemote;
    };
    if (startsHttpRequest(bytes)) {
      fromClient();
      return new Http1Parser(this);
    }
    if (startsHttpResponse(bytes)) {
      fromServer();
      return new Http1Parser(this);
    }
    if (startsMysqlGreeting(bytes, length)) {
      fromServer();
      return new MysqlParser(this, false);
    }
    const command = startsMysqlCommand(bytes, length);
    if (command !== undefined) {
      fromClient();
      return new MysqlParser(this, true, command === 'compressed');
    }
    if (startsRedisRequest(bytes)) {
      fromClient();
      return new RedisParser(this);
    }
    return undefined;
  }

  count(reason: string): void {
    this.sink.count(reason);
  }

  onRequestStart(message: Message): void {
    const pending = { message, exchange: this.exchangeOf(message), isComplete: false };
    this.starting = pending;
    if (this.pending.length >= MAX_PENDING) {
      this.pending.shift();
      this.sink.count('requests_unanswered_evicted');
    }
    this.pending.push(pending);
    this.sink.onRequestStart(pending.exchange);
  }

  onMessage(message: Message): void {
    const index = message.type === 'request' ? -1 : this.indexOfRequest(message);
    const belongsTo = message.type === 'request' ? this.starting : this.pending[index];
    this.sink.onMessage?.(
      message,
      rolesOf(this.parser!.protocol, this.ends, this.isLocalClient === true),
      belongsTo?.exchange
    );
    if (message.type === 'request') {
      if (this.starting?.message === message) {
        this.fillRequest(this.starting);
        this.starting = undefined;
      }
      return;
    }
    if (!belongsTo) {
      this.sink.count('response_without_request');
      return;
    }
    const pending = belongsTo;
    this.pending.splice(index, 1);
    // An answer may come before the whole request was read.
    if (!pending.isComplete) this.fillRequest(pending);
    this.answer(pending.exchange, message);
    this.sink.onExchange(pending.exchange);
  }

  /** Order pairs, unless the protocol has ids. */
  private indexOfRequest(response: Message): number {
    if (this.parser!.protocol !== 'dns') return 0;
    return this.pending.findIndex(({ message }) => message.pairId === response.pairId);
  }

  /** Requests that have waited too long. @param nowNs Infinity where no more bytes will come */
  advance(nowNs: number, timeoutNs: number): void {
    this.toRemote.advance(nowNs);
    this.toLocal.advance(nowNs);
    if (nowNs === Infinity) {
      this.abandon();
      return;
    }
    if (nowNs - this.lastNs > IDLE_NS) this.parser?.onIdle();
    while (this.pending.length > 0 && nowNs - this.pending[0]!.message.endNs > timeoutNs) {
      const pending = this.pending.shift()!;
      this.fail(pending, 'timeout', pending.message.endNs + timeoutNs);
    }
  }

  /** Nothing more will be seen of the connection, which may go on: what it awaits is no failure. */
  private abandon(): void {
    this.parser?.onEnd(this.lastNs);
    for (const pending of this.pending.splice(0)) {
      if (!pending.isComplete) this.fillRequest(pending);
      pending.exchange.truncated = true;
      this.sink.onExchange(pending.exchange);
    }
  }

  /** Again where a request came after the end, which may be another then: how it ended first is why an answer was cut off. */
  end(nowNs: number, failure: 'closed' | 'reset', isByLocal: boolean): void {
    this.isClosed = true;
    const isByClient = isByLocal === this.isLocalClient;
    const reason: Failure = `${failure}_by_${isByClient ? 'client' : 'server'}`;
    this.ending ??= reason;
    this.parser?.onEnd(nowNs);
    for (const pending of this.pending.splice(0)) this.fail(pending, reason, nowNs);
  }

  private fail(pending: Pending, failure: Failure, nowNs: number): void {
    if (!pending.isComplete) this.fillRequest(pending);
    const { exchange } = pending;
    exchange.failure = failure;
    exchange.status = 'error';
    exchange.statusMessage = failure.replaceAll('_', ' ');
    exchange.endNs = Math.max(exchange.endNs, nowNs);
    this.sink.onExchange(exchange);
  }

  private exchangeOf(message: Message): Exchange {
    const { ends } = this;
    const isClient = this.isLocalClient === true;
    const side: Side = this.isNetwork ? 'network' : isClient ? 'client' : 'server';
    return {
      exchangeId: exchangeId(message.prefix.subarray(0, message.prefixLength), message.sequence),
      side,
      protocol: this.parser!.protocol,
      startNs: message.startNs,
      endNs: message.endNs,
      pid: ends.pid,
      tid: message.origin.tid,
      responseTid: 0,
      netns: ends.netns,
      cgroupId: ends.cgroupId,
      socketId: ends.socketId,
      clientAddress: isClient ? ends.localAddress : ends.remoteAddress,
      clientPort: isClient ? ends.localPort : ends.remotePort,
      serverAddress: isClient ? ends.remoteAddress : ends.localAddress,
      serverPort: isClient ? ends.remotePort : ends.localPort,
      requestSequence: message.sequence,
      requestSequenceEnd: message.sequenceEnd,
      responseSequence: 0,
      responseSequenceEnd: 0,
      requestBytes: message.bytes,
      responseBytes: 0,
      version: message.version,
      method: message.method,
      target: message.target,
      endpoint: message.endpoint,
      host: message.host,
      responseCode: 0,
      status: 'unset',
      statusMessage: '',
      failure: undefined,
      truncated: message.truncated,
      traceId: message.traceId,
      parentSpanId: message.parentSpanId,
      requestId: message.requestId,
      responseRequestId: '',
      requestIngressId: message.origin.ingressId,
      responseIngressId: 0,
      answerId: message.origin.answerId,
      birthId: message.origin.birthId,
      hops: [],
      attributes: message.attributes,
    };
  }

  /** What was not known when the request began. */
  private fillRequest(pending: Pending): void {
    const { message, exchange } = pending;
    pending.isComplete = true;
    exchange.requestSequenceEnd = message.sequenceEnd;
    exchange.requestBytes = message.bytes;
    exchange.endNs = Math.max(exchange.endNs, message.endNs);
    exchange.truncated = message.truncated;
    exchange.method = message.method;
    exchange.target = message.target;
    exchange.endpoint = message.endpoint;
  }

  private answer(exchange: Exchange, response: Message): void {
    exchange.endNs = Math.max(exchange.startNs, response.endNs);
    exchange.responseSequence = response.sequence;
    exchange.responseSequenceEnd = response.sequenceEnd;
    exchange.responseBytes = response.bytes;
    exchange.responseCode = response.responseCode;
    exchange.status = response.isError ? 'error' : 'ok';
    exchange.statusMessage = response.statusMessage;
    exchange.truncated ||= response.truncated;
    exchange.responseRequestId = response.requestId;
    exchange.responseIngressId = response.origin.ingressId;
    exchange.responseTid = response.origin.tid;
    if (exchange.version === '') exchange.version = response.version;
    // Few answers have any.
    for (const name in response.attributes) exchange.attributes[name] = response.attributes[name]!;
    if (response.isCutOff && this.ending !== undefined) {
      exchange.failure = this.ending;
      exchange.status = 'error';
    }
  }
}
