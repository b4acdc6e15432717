import { rangesOverlap, sequenceAdd } from '@throughline/core';
import { type PacketEvent } from '../events.ts';
import { type Exchange, type Hop } from './exchange.ts';

interface Packet {
  readonly timestampNs: number;
  readonly netns: number;
  readonly interfaceIndex: number;
  readonly interfaceName: string;
  readonly direction: 'receive' | 'transmit';
  readonly sequence: number;
  readonly sequenceEnd: number;
}

/** Packets are kept this long for the exchange they belong to, event time. */
const KEPT_NS = 3e9;
/** An exchange that took longer has its first and last packets in the index no more; its hops are then incomplete. */
const MAX_PACKETS = 400_000;
/** Stamps of one event at different points differ by at most this much. */
const SLACK_NS = 20e6;

/**
 * Packets by the client's port, until the exchange whose bytes they carried is done. Matching is by port and sequence range:
 * translation of addresses changes neither the client's port, as a rule, nor sequence numbers. (A masquerade that changes the
 * client's port hides the hops behind it.)
 */
export class HopIndex {
  private requests = new Map<number, Packet[]>();
  private responses = new Map<number, Packet[]>();
  private olderRequests = new Map<number, Packet[]>();
  private olderResponses = new Map<number, Packet[]>();
  private turnedNs = 0;
  private count = 0;
  dropped = 0;

  get size(): number {
    return this.count;
  }

  /** Both ports may be the client's: which is which the exchange knows. */
  add(event: PacketEvent): void {
    if (event.payloadLength === 0 || event.protocol !== 6) return;
    if (event.timestampNs - this.turnedNs > KEPT_NS) this.turn(event.timestampNs);
    if (this.count >= MAX_PACKETS) {
      this.dropped++;
      return;
    }
    const packet: Packet = {
      timestampNs: event.timestampNs,
      netns: event.netns,
      interfaceIndex: event.interfaceIndex,
      interfaceName: event.interfaceName,
      direction: event.direction,
      sequence: event.sequence,
      sequenceEnd: sequenceAdd(event.sequence, event.payloadLength),
    };
    push(this.requests, event.sourcePort, packet);
    push(this.responses, event.destinationPort, packet);
    this.count++;
  }

  /** @param isOurs whether a hop in this namespace belongs to this side of the exchange */
  hopsOf(exchange: Exchange, isOurs: (netns: number) => boolean): Hop[] {
    const { clientPort, requestSequence, requestSequenceEnd, responseSequence, responseSequenceEnd } = exchange;
    const from = exchange.startNs - SLACK_NS;
    const to = exchange.endNs + SLACK_NS;
    const hops = new Map<string, Hop>();
    const seen = new Map<string, Set<number>>();
    const starts = new Map<string, number>();
    const visit = (
      lists: readonly (Packet[] | undefined)[],
      start: number,
      end: number,
      use: (packet: Packet) => void
    ): void => {
      if (start === end) return;
      for (const list of lists) {
        if (!list) continue;
        for (let i = firstAfter(list, from); i < list.length; i++) {
          const packet = list[i]!;
          if (packet.timestampNs > to) break;
          if (!isOurs(packet.netns)) continue;
          if (rangesOverlap(packet.sequence, packet.sequenceEnd, start, end)) use(packet);
        }
      }
    };
    visit(
      [this.olderRequests.get(clientPort), this.requests.get(clientPort)],
      requestSequence,
      requestSequenceEnd,
      (packet) => {
        const key = `${packet.netns}/${packet.interfaceIndex}`;
        const hop = hops.get(key);
        if (!hop) {
          hops.set(key, {
            netns: packet.netns,
            interfaceIndex: packet.interfaceIndex,
            interfaceName: packet.interfaceName,
            direction: packet.direction,
            offsetNs: packet.timestampNs - exchange.startNs,
            durationNs: undefined,
            retransmissions: 0,
          });
          starts.set(key, packet.timestampNs);
          seen.set(key, new Set([packet.sequence]));
          return;
        }
        // An interface shows a packet once in each direction at most; again means sent again.
        if (packet.direction !== hop.direction) return;
        if (seen.get(key)!.has(packet.sequence)) hop.retransmissions++;
        seen.get(key)!.add(packet.sequence);
        if (packet.timestampNs < starts.get(key)!) {
          starts.set(key, packet.timestampNs);
          hop.offsetNs = packet.timestampNs - exchange.startNs;
        }
      }
    );
    visit(
      [this.olderResponses.get(clientPort), this.responses.get(clientPort)],
      responseSequence,
      responseSequenceEnd,
      (packet) => {
        const key = `${packet.netns}/${packet.interfaceIndex}`;
        const hop = hops.get(key);
        if (!hop) return;
        hop.durationNs = Math.max(hop.durationNs ?? 0, packet.timestampNs - starts.get(key)!);
      }
    );
    return [...hops.values()].sort((a, b) => a.offsetNs - b.offsetNs);
  }

  /** Two generations: what is older than both is forgotten at once, without looking at each packet. */
  private turn(nowNs: number): void {
    this.olderRequests = this.requests;
    this.olderResponses = this.responses;
    this.requests = new Map();
    this.responses = new Map();
    this.turnedNs = nowNs;
    this.count = 0;
  }
}

/** A connection that lives long has many packets, of which few are an exchange's. */
function firstAfter(list: readonly Packet[], timestampNs: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle]!.timestampNs < timestampNs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** In the order of time: rings of several namespaces are drained one after the other. */
function push(map: Map<number, Packet[]>, key: number, packet: Packet): void {
  const list = map.get(key);
  if (!list) {
    map.set(key, [packet]);
    return;
  }
  let at = list.length;
  while (at > 0 && list[at - 1]!.timestampNs > packet.timestampNs) at--;
  if (at === list.length) list.push(packet);
  else list.splice(at, 0, packet);
}
