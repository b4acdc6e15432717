import { sequenceAdd, sequenceDistance } from '@throughline/core';
import { type PacketEvent } from '../events.ts';

export type FlowEnd =
  | 'open'
  | 'closed_by_client'
  | 'closed_by_server'
  | 'reset_by_client'
  | 'reset_by_server'
  /** SYN was sent and never answered. */
  | 'no_answer';

/** One direction of a flow. */
export interface FlowSide {
  packets: number;
  /** Payload, repeats included. */
  bytes: number;
  /** Segments whose every byte was seen before. */
  retransmissions: number;
  /** SYNs sent again. */
  repeatedSyns: number;
  /** Sequence number after the last byte seen; undefined before the first. */
  next: number | undefined;
  isFinished: boolean;
}

/** A connection or an exchange of datagrams between two ends, seen at one interface: what layer 4 tells. */
export interface Flow {
  readonly protocol: 'tcp' | 'udp';
  readonly netns: number;
  readonly interfaceIndex: number;
  readonly interfaceName: string;
  /** 16 bytes, IPv4 mapped. The client is who sent SYN, else who sent to the lower port. */
  readonly clientAddress: Uint8Array;
  readonly clientPort: number;
  readonly serverAddress: Uint8Array;
  readonly serverPort: number;
  readonly startNs: number;
  lastNs: number;
  readonly client: FlowSide;
  readonly server: FlowSide;
  /** From SYN to SYN ACK: the way to the server and back; undefined where the handshake was not seen. */
  serverRttNs: number | undefined;
  /** From SYN ACK to ACK: the way to the client and back. */
  clientRttNs: number | undefined;
  end: FlowEnd;
}

interface Entry {
  readonly flow: Flow;
  synNs: number | undefined;
  synAckNs: number | undefined;
}

export interface FlowTableOptions {
  /** @default 100_000 */
  readonly maxFlows?: number;
  /** A flow without packets for this long has ended. @default 600e9 */
  readonly idleNs?: number;
}

const FIN = 1;
const SYN = 2;
const RST = 4;
const ACK = 16;
const TCP = 6;

/** Flows by interface and both ends. Bounded: the one that began first makes room, and is counted. */
export class FlowTable {
  private readonly entries = new Map<string, Entry>();
  private readonly onFlow: (flow: Flow) => void;
  private readonly maxFlows: number;
  private readonly idleNs: number;
  /** Flows that made room for others. */
  evicted = 0;

  /** @param onFlow called once for each flow, when it ended */
  constructor(onFlow: (flow: Flow) => void, options: FlowTableOptions = {}) {
    this.onFlow = onFlow;
    this.maxFlows = options.maxFlows ?? 100_000;
    this.idleNs = options.idleNs ?? 600e9;
  }

  onPacket(event: PacketEvent): void {
    const key = keyOf(event);
    let entry = this.entries.get(key);
    const isTcp = event.protocol === TCP;
    const isSyn = isTcp && (event.tcpFlags & (SYN | ACK)) === SYN;
    if (entry && (this.isOver(entry.flow, event.timestampNs) || (isSyn && isReused(entry, event)))) {
      this.finish(key, entry);
      entry = undefined;
    }
    if (!entry) {
      entry = { flow: openFlow(event), synNs: undefined, synAckNs: undefined };
      this.makeRoom();
      this.entries.set(key, entry);
    }
    const { flow } = entry;
    const isFromClient = isSameEnd(event, flow);
    const side = isFromClient ? flow.client : flow.server;
    flow.lastNs = event.timestampNs;
    side.packets++;
    side.bytes += event.payloadLength;
    if (isTcp) this.onSegment(entry, event, isFromClient, side);
  }

  /** Hands out flows that have been idle. @param nowNs clock of the events; Infinity ends every flow */
  advance(nowNs: number): void {
    for (const [key, entry] of this.entries) if (this.isOver(entry.flow, nowNs)) this.finish(key, entry);
  }

  private onSegment(entry: Entry, event: PacketEvent, isFromClient: boolean, side: FlowSide): void {
    const { flow } = entry;
    const { tcpFlags: flags, timestampNs } = event;
    if ((flags & SYN) !== 0) {
      if ((flags & ACK) === 0) {
        if (entry.synNs !== undefined) side.repeatedSyns++;
        entry.synNs ??= timestampNs;
        if (flow.end === 'open') flow.end = 'no_answer';
      } else {
        if (entry.synAckNs !== undefined) side.repeatedSyns++;
        if (entry.synNs !== undefined) flow.serverRttNs ??= timestampNs - entry.synNs;
        entry.synAckNs ??= timestampNs;
        if (flow.end === 'no_answer') flow.end = 'open';
      }
      side.next = sequenceAdd(event.sequence, 1);
      return;
    }
    if (!isFromClient && flow.end === 'no_answer') flow.end = 'open';
    if (isFromClient && entry.synAckNs !== undefined && (flags & ACK) !== 0) {
      flow.clientRttNs ??= timestampNs - entry.synAckNs;
    }
    if (event.payloadLength > 0) {
      const end = sequenceAdd(event.sequence, event.payloadLength);
      // One byte before the next is how keep-alive asks; no data.
      const isKeepAlive = event.payloadLength === 1 && side.next === end;
      if (side.next === undefined || sequenceDistance(side.next, end) > 0) side.next = end;
      else if (!isKeepAlive) side.retransmissions++;
    }
    if ((flags & RST) !== 0) {
      if (!flow.end.startsWith('reset')) flow.end = isFromClient ? 'reset_by_client' : 'reset_by_server';
    } else if ((flags & FIN) !== 0) {
      side.isFinished = true;
      if (flow.end === 'open') flow.end = isFromClient ? 'closed_by_client' : 'closed_by_server';
    }
  }

  private isOver(flow: Flow, nowNs: number): boolean {
    return nowNs - flow.lastNs > this.idleNs;
  }

  private makeRoom(): void {
    if (this.entries.size < this.maxFlows) return;
    const [key, entry] = this.entries.entries().next().value as [string, Entry];
    this.evicted++;
    this.finish(key, entry);
  }

  private finish(key: string, entry: Entry): void {
    this.entries.delete(key);
    this.onFlow(entry.flow);
  }
}

/** A new connection between the same ends: the one before is over, or began with another number. */
function isReused({ flow }: Entry, event: PacketEvent): boolean {
  if (flow.end !== 'open' && flow.end !== 'no_answer') return true;
  // SYN ACK may be captured before its SYN: then nothing of the client was seen yet.
  if (flow.client.packets === 0) return false;
  const isFirstAgain = flow.client.next === sequenceAdd(event.sequence, 1);
  return !isFirstAgain;
}

function openFlow(event: PacketEvent): Flow {
  const isSourceClient =
    event.protocol === TCP && (event.tcpFlags & SYN) !== 0
      ? (event.tcpFlags & ACK) === 0
      : event.sourcePort >= event.destinationPort;
  const source = event.sourceAddress.slice();
  const destination = event.destinationAddress.slice();
  return {
    protocol: event.protocol === TCP ? 'tcp' : 'udp',
    netns: event.netns,
    interfaceIndex: event.interfaceIndex,
    interfaceName: event.interfaceName,
    clientAddress: isSourceClient ? source : destination,
    clientPort: isSourceClient ? event.sourcePort : event.destinationPort,
    serverAddress: isSourceClient ? destination : source,
    serverPort: isSourceClient ? event.destinationPort : event.sourcePort,
    startNs: event.timestampNs,
    lastNs: event.timestampNs,
    client: emptySide(),
    server: emptySide(),
    serverRttNs: undefined,
    clientRttNs: undefined,
    end: 'open',
  };
}

function emptySide(): FlowSide {
  return { packets: 0, bytes: 0, retransmissions: 0, repeatedSyns: 0, next: undefined, isFinished: false };
}

function isSameEnd(event: PacketEvent, flow: Flow): boolean {
  return event.sourcePort === flow.clientPort && Buffer.compare(event.sourceAddress, flow.clientAddress) === 0;
}

/** The same for both directions. */
function keyOf(event: PacketEvent): string {
  const source = `${latin1(event.sourceAddress)}${event.sourcePort}`;
  const destination = `${latin1(event.destinationAddress)}${event.destinationPort}`;
  const ends = source < destination ? `${source}/${destination}` : `${destination}/${source}`;
  return `${event.protocol}/${event.netns}/${event.interfaceIndex}/${ends}`;
}

function latin1(address: Uint8Array): string {
  return Buffer.from(address.buffer, address.byteOffset, address.byteLength).toString('latin1');
}
