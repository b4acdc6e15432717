import { RecentMap } from '@throughline/core';
import { type PacketEvent, type SocketEvent, SocketOperation } from '../events.ts';
import { type Chunk } from '../flows/ByteStream.ts';
import { Connection, type ConnectionSink, type Ends, type MessageListener } from './Connection.ts';
import { DatagramPairing } from './DatagramPairing.ts';
import { type Exchange } from './exchange.ts';
import { HopIndex } from './HopIndex.ts';

export interface TrackerOptions {
  /** No socket events come: exchanges are made from packets. Otherwise packets are hops, and DNS. */
  readonly packetsOnly?: boolean;
  /** @default 30e9 */
  readonly timeoutNs?: number;
  /** @default 5e9 */
  readonly dnsTimeoutNs?: number;
  /** How long a finished exchange waits for the packets of its hops, event time. @default 100e6 */
  readonly graceNs?: number;
  /** @default 100_000 */
  readonly maxConnections?: number;
}

/** A request that has begun; its id is final. */
export type OpenedRequest = Pick<
  Exchange,
  | 'side'
  | 'exchangeId'
  | 'startNs'
  | 'pid'
  | 'tid'
  | 'endpoint'
  | 'traceId'
  | 'parentSpanId'
  | 'requestId'
  | 'requestIngressId'
>;

export interface TrackerSink {
  onExchange(exchange: Exchange): void;
  onOpen?(request: OpenedRequest): void;
  onDnsAnswer?(answer: { netns: number; address: Uint8Array; name: string; timestampNs: number }): void;
  onMessage?: MessageListener;
}

interface Waiting {
  readonly exchange: Exchange;
  readonly dueNs: number;
}

/** How a socket ended. */
interface EndedSocket {
  readonly connection: Connection;
  readonly timestampNs: number;
  readonly failure: 'closed' | 'reset';
  readonly isByLocal: boolean;
}

/** Sends of resolvers carry no payload at the socket; whose they are is remembered for the packet. */
interface DatagramOwner {
  readonly ends: Ends;
  readonly tid: number;
  readonly ingressId: number;
  readonly answerId: number;
  readonly timestampNs: number;
}

const ADVANCE_INTERVAL_NS = 500e6;
const IDLE_CONNECTION_NS = 600e9;
const RECENT_EXCHANGES = 40_000;
const ENDED_SOCKETS = 2_000;
const MAX_UNOWNED = 10_000;
const DNS_PORT = 53;

/** From events to exchanges: connections, pairing, timeouts, hops. Everything is bounded, and what is given up is counted. */
export class ExchangeTracker {
  private readonly options: Required<TrackerOptions>;
  private readonly sink: TrackerSink;
  private readonly sockets = new Map<number, Connection>();
  private readonly endedSockets = new RecentMap<number, EndedSocket>(ENDED_SOCKETS);
  private readonly flows = new Map<string, Connection>();
  /** Namespace and interface that a flow's bytes are read at. */
  private readonly taps = new Map<string, number>();
  private readonly datagrams: DatagramPairing;
  private readonly packetDatagrams: DatagramPairing;
  private readonly datagramOwners = new Map<string, DatagramOwner>();
  /** Whose sender is not known yet: packets and sockets have a ring each, and one is read before the other. */
  private unowned: Exchange[] = [];
  private readonly hops = new HopIndex();
  /** In the order they ended, from `firstWaiting` on. */
  private waiting: Waiting[] = [];
  private firstWaiting = 0;
  /** Sides and namespaces of recent exchanges: hops in the other side's namespace are the other side's. */
  private readonly recent = new RecentMap<bigint, { client: number; server: number }>(RECENT_EXCHANGES);
  private readonly recentPackets = new RecentMap<string, true>(RECENT_EXCHANGES);
  private lastAdvanceNs = 0;
  readonly counters: Record<string, number> = {};
  private readonly connectionSink: ConnectionSink;

  constructor(options: TrackerOptions, sink: TrackerSink) {
    this.options = {
      packetsOnly: false,
      timeoutNs: 30e9,
      dnsTimeoutNs: 5e9,
      graceNs: 100e6,
      maxConnections: 100_000,
      ...options,
    };
    this.sink = sink;
    const count = (reason: string): void => this.count(reason);
    const onRequestStart = (exchange: Exchange): void => sink.onOpen?.(exchange);
    const onAnswer = (address: Uint8Array, name: string, netns: number, timestampNs: number): void =>
      sink.onDnsAnswer?.({ netns, address, name, timestampNs });
    const { onMessage } = sink;
    this.connectionSink = {
      onRequestStart,
      onExchange: (exchange) => this.finish(exchange),
      onAnswer,
      count,
      ...(onMessage && { onMessage }),
    };
    const datagramSink = {
      onRequestStart,
      count,
      onAnswer,
      ...(onMessage && { onMessage }),
    };
    this.datagrams = new DatagramPairing({ ...datagramSink, onExchange: (exchange) => this.finish(exchange) });
    this.packetDatagrams = new DatagramPairing({
      ...datagramSink,
      onExchange: (exchange) => this.finishPacketDatagram(exchange),
    });
  }

  onSocket(event: SocketEvent): void {
    if (event.protocol === 17) {
      this.onDatagramSocket(event);
      return;
    }
    let connection = this.sockets.get(event.socketId);
    const isData = event.operation === SocketOperation.send || event.operation === SocketOperation.receive;
    if (!connection) {
      if (isData && this.onLateData(event)) return;
      if (!isData && event.operation !== SocketOperation.connect && event.operation !== SocketOperation.accept) return;
      this.endedSockets.delete(event.socketId);
      connection = this.open(this.sockets, event.socketId, socketEnds(event), false, event.timestampNs);
    }
    switch (event.operation) {
      case SocketOperation.connect:
        connection.isLocalClient ??= true;
        return;
      case SocketOperation.accept:
        connection.isLocalClient ??= false;
        return;
      case SocketOperation.close:
      case SocketOperation.reset: {
        const isReset = event.operation === SocketOperation.reset;
        const isByLocal = isReset ? event.resetBy === 'local' : true;
        const { timestampNs } = event;
        const failure = isReset ? 'reset' : 'closed';
        connection.end(timestampNs, failure, isByLocal);
        this.sockets.delete(event.socketId);
        this.endedSockets.set(event.socketId, { connection, timestampNs, failure, isByLocal });
        return;
      }
      default: {
        const isSend = event.operation === SocketOperation.send;
        // A read of nothing is the peer's end of the stream.
        if (event.length === 0) {
          if (!isSend) connection.end(event.timestampNs, 'closed', false);
          return;
        }
        // Processes that inherit a socket use it in turn: who acts now owns what follows.
        if (event.pid !== 0 && event.pid !== connection.ends.pid && connection.pendingCount === 0) {
          connection = this.open(this.sockets, event.socketId, socketEnds(event), false, event.timestampNs, connection);
        }
        connection.data(isSend, event.sequence, event.length, event.payload, event, true);
      }
    }
  }

  /**
   * A call is reported when it returns. The peer's reset may come while the packet is being sent, by the same processor, and
   * is then reported first; and what had arrived before a reset can still be read. What such a call begins has failed.
   * @returns false where the socket is not known to have ended
   */
  private onLateData(event: SocketEvent): boolean {
    const ended = this.endedSockets.get(event.socketId);
    if (!ended) return false;
    if (event.length === 0) return true;
    const { connection, timestampNs, failure, isByLocal } = ended;
    const isSend = event.operation === SocketOperation.send;
    connection.data(isSend, event.sequence, event.length, event.payload, event, true);
    connection.end(timestampNs, failure, isByLocal);
    return true;
  }

  onPacket(event: PacketEvent): void {
    if (event.protocol === 17) {
      if (event.sourcePort === DNS_PORT || event.destinationPort === DNS_PORT) this.onDatagramPacket(event);
      return;
    }
    if (event.protocol !== 6) return;
    this.hops.add(event);
    if (this.options.packetsOnly) this.onSegment(event);
  }

  /** @param nowNs clock of the events; Infinity ends everything */
  advance(nowNs: number): void {
    this.release(nowNs);
    if (nowNs - this.lastAdvanceNs < ADVANCE_INTERVAL_NS) return;
    this.lastAdvanceNs = nowNs;
    for (const connections of [this.sockets, this.flows] as Map<unknown, Connection>[]) {
      for (const [key, connection] of connections) {
        if (connection.pendingCount > 0 || nowNs === Infinity) connection.advance(nowNs, this.options.timeoutNs);
        if (nowNs === Infinity || nowNs - connection.lastNs > IDLE_CONNECTION_NS) {
          if (connection.pendingCount === 0) connection.end(connection.lastNs, 'closed', true);
          connections.delete(key);
          if (typeof key === 'string') this.taps.delete(key);
        }
      }
    }
    this.datagrams.advance(nowNs, this.options.dnsTimeoutNs);
    this.packetDatagrams.advance(nowNs, this.options.dnsTimeoutNs);
    for (const [key, owner] of this.datagramOwners) {
      if (nowNs - owner.timestampNs <= 2 * this.options.dnsTimeoutNs) break;
      this.datagramOwners.delete(key);
    }
    if (nowNs === Infinity) this.release(nowNs);
  }

  sizes(): Record<string, number> {
    return {
      connections: this.sockets.size + this.flows.size,
      exchanges_waiting: this.waiting.length - this.firstWaiting,
      packets_held: this.hops.size,
      dns_queries: this.datagrams.size + this.packetDatagrams.size + this.unowned.length,
    };
  }

  private count(reason: string, by = 1): void {
    this.counters[reason] = (this.counters[reason] ?? 0) + by;
  }

  private open<Key>(
    into: Map<Key, Connection>,
    key: Key,
    ends: Ends,
    isNetwork: boolean,
    nowNs: number,
    previous?: Connection
  ): Connection {
    if (into.size >= this.options.maxConnections && !previous) {
      const [oldest, evicted] = into.entries().next().value as [Key, Connection];
      evicted.end(evicted.lastNs, 'closed', true);
      into.delete(oldest);
      if (typeof oldest === 'string') this.taps.delete(oldest);
      this.count('connections_evicted');
    }
    const connection = new Connection(ends, this.connectionSink, isNetwork, nowNs);
    if (previous?.isLocalClient !== undefined) connection.isLocalClient = previous.isLocalClient;
    into.set(key, connection);
    return connection;
  }

  private openFlow(key: string, tap: number, ends: Ends, nowNs: number): Connection {
    this.taps.set(key, tap);
    return this.open(this.flows, key, ends, true, nowNs);
  }

  private onSegment(event: PacketEvent): void {
    const isForward = isLower(event);
    const ends = packetEnds(event, isForward);
    const key = flowKey(ends);
    // The interface that showed a flow first is read; the others see the same bytes, and are hops.
    const tap = event.netns * 2 ** 20 + event.interfaceIndex;
    if ((this.taps.get(key) ?? tap) !== tap) return;
    let connection = this.flows.get(key);
    const isSyn = (event.tcpFlags & 2) !== 0;
    if (isSyn) {
      const isFirst = (event.tcpFlags & 16) === 0;
      if (!connection || (isFirst && connection.isClosed))
        connection = this.openFlow(key, tap, ends, event.timestampNs);
      connection.isLocalClient ??= isFirst ? isForward : !isForward;
      connection.startAt(isForward, (event.sequence + 1) >>> 0);
      return;
    }
    if (event.payloadLength > 0) {
      connection ??= this.openFlow(key, tap, ends, event.timestampNs);
      connection.data(isForward, event.sequence, event.payloadLength, event.payload, packetOrigin(event), false);
    }
    if (!connection) return;
    if ((event.tcpFlags & 4) !== 0) {
      connection.end(event.timestampNs, 'reset', isForward);
      this.flows.delete(key);
      this.taps.delete(key);
    } else if ((event.tcpFlags & 1) !== 0) {
      // The response may still be under way from the other side, but nothing more from this one.
      if (connection.pendingCount === 0 || isForward !== connection.isLocalClient)
        connection.end(event.timestampNs, 'closed', isForward);
    }
  }

  private onDatagramSocket(event: SocketEvent): void {
    const isSend = event.operation === SocketOperation.send;
    if (!isSend && event.operation !== SocketOperation.receive) return;
    if (event.localPort !== DNS_PORT && event.remotePort !== DNS_PORT) return;
    const ends = socketEnds(event);
    if (event.payload.length === 0) {
      if (isSend) {
        this.datagramOwners.set(`${event.netns}/${event.localPort}`, {
          ends,
          tid: event.tid,
          ingressId: event.ingressId,
          answerId: event.answerId,
          timestampNs: event.timestampNs,
        });
      }
      return;
    }
    this.datagrams.datagram(ends, isSend, socketChunk(event), false);
  }

  private onDatagramPacket(event: PacketEvent): void {
    if (event.payload.length === 0) return;
    // Each interface sees the same datagram: one of them is enough, the first.
    const key = `${event.sourcePort}/${event.destinationPort}/${event.payloadLength}/${Buffer.from(event.payload.subarray(0, 12)).toString('latin1')}`;
    if (this.recentPackets.has(`${event.netns}/${key}`)) return;
    this.recentPackets.set(`${event.netns}/${key}`, true);
    const isQuery = event.destinationPort === DNS_PORT;
    const ends = packetEnds(event, isQuery);
    const chunk: Chunk = {
      ...packetOrigin(event),
      sequence: 0,
      bytes: event.payload,
      length: event.payloadLength,
      lostBefore: 0,
    };
    this.packetDatagrams.datagram(ends, isQuery, chunk, true);
  }

  /** The packet's exchange is the resolver's whose send had no payload; else it is nobody's of this host, or known already. */
  private finishPacketDatagram(exchange: Exchange): void {
    if (this.finishOwned(exchange)) return;
    if (this.options.packetsOnly) this.finish(exchange);
    else if (this.unowned.length < MAX_UNOWNED) this.unowned.push(exchange);
  }

  /** @returns false where nobody is known to have sent the query */
  private finishOwned(exchange: Exchange): boolean {
    const owner = this.datagramOwners.get(`${exchange.netns}/${exchange.clientPort}`);
    if (!owner) return false;
    const owned: Exchange = {
      ...exchange,
      side: 'client',
      pid: owner.ends.pid,
      tid: owner.tid,
      cgroupId: owner.ends.cgroupId,
      socketId: owner.ends.socketId,
      requestIngressId: owner.ingressId,
      answerId: owner.answerId,
    };
    // Its query was nobody's when it began.
    this.sink.onOpen?.(owned);
    this.finish(owned);
    return true;
  }

  private finishUnowned(nowNs: number): void {
    if (this.unowned.length === 0) return;
    this.unowned = this.unowned.filter(
      (exchange) => !this.finishOwned(exchange) && exchange.endNs + this.options.graceNs > nowNs
    );
  }

  private finish(exchange: Exchange): void {
    if (exchange.side === 'network') {
      // Interfaces show the same exchange, whatever the addresses there; their packets are its hops.
      const key = String(exchange.exchangeId);
      if (this.recentPackets.has(key)) return;
      this.recentPackets.set(key, true);
    } else {
      const sides = this.recent.get(exchange.exchangeId) ?? { client: 0, server: 0 };
      sides[exchange.side] = exchange.netns;
      this.recent.set(exchange.exchangeId, sides);
    }
    this.waiting.push({ exchange, dueNs: exchange.endNs + this.options.graceNs });
  }

  private release(nowNs: number): void {
    this.finishUnowned(nowNs);
    while (this.firstWaiting < this.waiting.length) {
      const { exchange, dueNs } = this.waiting[this.firstWaiting]!;
      if (dueNs > nowNs) break;
      this.firstWaiting++;
      this.attachHops(exchange);
      this.sink.onExchange(exchange);
    }
    // Moved together when half of it is done with, so that each is moved once at most.
    if (2 * this.firstWaiting >= this.waiting.length) {
      this.waiting = this.waiting.slice(this.firstWaiting);
      this.firstWaiting = 0;
    }
    if (this.hops.dropped > 0) this.counters['packets_not_indexed'] = this.hops.dropped;
  }

  private attachHops(exchange: Exchange): void {
    if (exchange.requestSequence === exchange.requestSequenceEnd) return;
    const sides = this.recent.get(exchange.exchangeId);
    const isOurs = (netns: number): boolean => {
      if (exchange.side === 'network' || !sides || sides.client === 0 || sides.server === 0) return true;
      const isServers = netns === sides.server && sides.server !== sides.client;
      return exchange.side === 'server' ? netns === sides.server : !isServers;
    };
    exchange.hops = this.hops.hopsOf(exchange, isOurs);
    // A send is stamped when the call returns; its packet may have left before.
    if (exchange.side === 'client' && exchange.hops.length > 0) {
      const early = Math.min(0, exchange.hops[0]!.offsetNs);
      if (early < 0 && early > -50e6) {
        exchange.startNs += early;
        for (const hop of exchange.hops) hop.offsetNs -= early;
      }
    }
  }
}

function socketEnds(event: SocketEvent): Ends {
  return {
    pid: event.pid,
    netns: event.netns,
    cgroupId: event.cgroupId,
    socketId: event.socketId,
    localAddress: event.localAddress.slice(),
    localPort: event.localPort,
    remoteAddress: event.remoteAddress.slice(),
    remotePort: event.remotePort,
  };
}

function socketChunk(event: SocketEvent): Chunk {
  return {
    sequence: 0,
    bytes: event.payload,
    length: event.length,
    lostBefore: 0,
    timestampNs: event.timestampNs,
    tid: event.tid,
    ingressId: event.ingressId,
    answerId: event.answerId,
    birthId: event.birthId,
  };
}

/** Packets belong to no process. @param isSourceLocal the source is taken as the local end */
function packetEnds(event: PacketEvent, isSourceLocal: boolean): Ends {
  const source = { address: event.sourceAddress.slice(), port: event.sourcePort };
  const destination = { address: event.destinationAddress.slice(), port: event.destinationPort };
  const [local, remote] = isSourceLocal ? [source, destination] : [destination, source];
  return {
    pid: 0,
    netns: event.netns,
    cgroupId: 0,
    socketId: 0,
    localAddress: local.address,
    localPort: local.port,
    remoteAddress: remote.address,
    remotePort: remote.port,
  };
}

function packetOrigin(event: PacketEvent) {
  return { timestampNs: event.timestampNs, tid: 0, ingressId: 0, answerId: 0, birthId: 0 };
}

/** Both directions of a flow have one key: the lower end comes first. */
function isLower(event: PacketEvent): boolean {
  const order = Buffer.compare(event.sourceAddress, event.destinationAddress);
  return order !== 0 ? order < 0 : event.sourcePort < event.destinationPort;
}

function flowKey(ends: Ends): string {
  const hex = (address: Uint8Array): string => Buffer.from(address.buffer, address.byteOffset, 16).toString('latin1');
  return `${hex(ends.localAddress)}${ends.localPort}/${hex(ends.remoteAddress)}${ends.remotePort}`;
}
