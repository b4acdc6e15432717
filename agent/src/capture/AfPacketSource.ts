import { packetFilter, PacketRing, type RingPacket, withNetworkNamespace } from '@throughline/ebpf';
import { Clock } from '../clock.ts';
import { type EventSource, type PacketEvent, type SocketEvent } from '../events.ts';
import { type CaptureOptions } from '../probes/options.ts';
import { linkTypeOfHardware } from './linkType.ts';
import { listNetworkNamespaces, ownNetworkNamespace } from './namespaces.ts';
import { PacketCounters } from './PacketCounters.ts';
import { PacketParser } from './PacketParser.ts';

/** Link and IP headers, with VLAN tags and options. */
const HEADER_BYTES = 192;
/** Beyond what a socket would show: a request's head is rarely cut in packets. */
const PAYLOAD_BYTES = 2048;
/** A block is handed over when it is full or this old: many small ones outlast a reader that is held up. */
const BLOCK_BYTES = 1 << 16;
const BLOCKS = 128;
const BLOCK_TIMEOUT_MS = 10;
/** How often the clocks are compared, new namespaces looked for, and those that are gone let go. */
const SCAN_INTERVAL_MS = 2000;
const TCP = 6;
/** FIN, SYN, RST: what matters of a segment without payload. */
const FLAGS_THAT_COUNT_ALONE = 0x07;

export interface AfPacketOptions extends CaptureOptions {
  /** Off: only datagrams of `udpPort`, beside sockets that show TCP. */
  readonly tcp: boolean;
}

interface OpenRing {
  readonly ring: PacketRing;
  readonly netns: number;
  readonly names: Map<number, string>;
}

/**
 * Third rung: packet sockets on all interfaces of every namespace that can be entered. CAP_NET_RAW, and CAP_SYS_ADMIN
 * to enter other namespaces. Sees a packet at each interface and in each direction, so the same bytes several times; no
 * process, so ids come from bytes alone.
 */
export class AfPacketSource implements EventSource {
  readonly name = 'af_packet';
  /** Packets are stamped with the wall clock; every event is in monotonic time. */
  readonly #clock = new Clock();
  readonly #options: AfPacketOptions;
  readonly #filter: Uint8Array;
  readonly #rings = new Map<number, OpenRing>();
  readonly #parser = new PacketParser();
  readonly #counters = new PacketCounters();
  /** Namespaces that could not be entered, with the reason. Not tried again. */
  readonly #refused = new Map<number, string>();
  #dropsOfClosed = 0;
  #nextScanMs = 0;

  /** Seconds of wall time and the monotonic time at which they began; sums stay exact in numbers. */
  #anchorSeconds = 0;
  #anchorMonotonicNs = 0;

  #current: OpenRing | undefined;
  #onPacket: ((event: PacketEvent) => void) | undefined;

  private constructor(options: AfPacketOptions) {
    this.#options = options;
    this.#filter = packetFilter({
      tcp: options.tcp,
      udpPort: options.udpPort,
      snapLength: HEADER_BYTES + PAYLOAD_BYTES,
    });
  }

  /** @throws EbpfError where no namespace at all could be captured */
  static open(options: AfPacketOptions): AfPacketSource {
    const source = new AfPacketSource(options);
    let failure: unknown;
    source.#scan((error) => (failure ??= error));
    if (source.#rings.size === 0 && failure !== undefined) throw failure as Error;
    return source;
  }

  /** Namespaces that could not be captured, with the reason. */
  refusedNamespaces(): ReadonlyMap<number, string> {
    return this.#refused;
  }

  poll(_onSocket: (event: SocketEvent) => void, onPacket: (event: PacketEvent) => void): number {
    if (performance.now() >= this.#nextScanMs) this.#scan();
    this.#onPacket = onPacket;
    let packets = 0;
    for (const open of this.#rings.values()) {
      this.#current = open;
      packets += open.ring.reader.drain(this.#onRingPacket);
    }
    return packets;
  }

  /** Made once: a closure per drain would be garbage per drain. */
  readonly #onRingPacket = (packet: RingPacket): void => {
    const { ring, netns, names } = this.#current!;
    const event = this.#parser.event;
    const outcome = this.#parser.parse(
      ring.reader.bytes,
      packet.offset,
      packet.capturedBytes,
      packet.wireBytes,
      linkTypeOfHardware(packet.hardwareType)
    );
    this.#counters.count(outcome);
    if (outcome !== 'parsed' || !this.#isWanted(event)) return;
    let name = names.get(packet.interfaceIndex);
    if (name === undefined) {
      name = ring.interfaceName(packet.interfaceIndex);
      names.set(packet.interfaceIndex, name);
    }
    event.timestampNs = (packet.seconds - this.#anchorSeconds) * 1e9 + packet.nanoseconds + this.#anchorMonotonicNs;
    event.netns = netns;
    event.interfaceIndex = packet.interfaceIndex;
    event.interfaceName = name;
    event.direction = packet.outgoing ? 'transmit' : 'receive';
    this.#onPacket!(event);
  };

  #isWanted(event: PacketEvent): boolean {
    const { udpPort, excludePorts } = this.#options;
    if (event.protocol !== TCP) {
      // The filter lets IPv6 packets with extension headers pass unseen.
      return udpPort === 0 || event.sourcePort === udpPort || event.destinationPort === udpPort;
    }
    if (!this.#options.tcp) return false;
    if (event.payloadLength === 0 && (event.tcpFlags & FLAGS_THAT_COUNT_ALONE) === 0) return false;
    return !excludePorts.includes(event.sourcePort) && !excludePorts.includes(event.destinationPort);
  }

  #anchor(): void {
    const { wallNs, monotonicNs } = this.#clock.sample();
    this.#anchorSeconds = Number(wallNs / 1_000_000_000n);
    this.#anchorMonotonicNs = Number(monotonicNs - (wallNs % 1_000_000_000n));
  }

  #scan(onFailure?: (error: unknown) => void): void {
    this.#nextScanMs = performance.now() + SCAN_INTERVAL_MS;
    this.#anchor();
    const found = listNetworkNamespaces();
    const wanted = this.#options.netns;
    for (const [inode, path] of found) {
      if (this.#rings.has(inode) || this.#refused.has(inode)) continue;
      if (wanted.length > 0 && !wanted.includes(inode)) continue;
      try {
        this.#rings.set(inode, { ring: this.#openRing(inode, path), netns: inode, names: new Map() });
      } catch (error) {
        this.#refused.set(inode, error instanceof Error ? error.message : String(error));
        onFailure?.(error);
      }
    }
    // An open packet socket would keep a namespace alive that everybody else has left.
    for (const [inode, open] of this.#rings) {
      if (!found.has(inode)) this.#closeRing(inode, open);
    }
    for (const inode of this.#refused.keys()) if (!found.has(inode)) this.#refused.delete(inode);
  }

  #openRing(inode: number, path: string): PacketRing {
    const open = (): PacketRing =>
      new PacketRing({
        filter: this.#filter,
        blockBytes: BLOCK_BYTES,
        blocks: BLOCKS,
        blockTimeoutMs: BLOCK_TIMEOUT_MS,
      });
    // The own namespace needs no entering, for which an ordinary user has no right.
    return inode === ownNetworkNamespace() ? open() : withNetworkNamespace(path, open);
  }

  #closeRing(inode: number, open: OpenRing): void {
    this.#dropsOfClosed += open.ring.drops();
    open.ring.close();
    this.#rings.delete(inode);
  }

  drops(): Readonly<Record<string, number>> {
    let ringFull = this.#dropsOfClosed;
    for (const open of this.#rings.values()) ringFull += open.ring.drops();
    return { ring_full: ringFull, ...this.#counters.losses() };
  }

  close(): void {
    for (const [inode, open] of this.#rings) this.#closeRing(inode, open);
    this.#nextScanMs = Infinity;
  }
}
