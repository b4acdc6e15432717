/**
 * A packet socket's receive ring, TPACKET_V3, mapped into JavaScript and drained in place.
 * Documentation/networking/packet_mmap.rst; constants from include/uapi/linux/if_packet.h.
 */
import { check, libc, mapShared, type Mapping, PROT_READ, PROT_WRITE } from './libc.ts';
import { koffi } from './native.ts';

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
const SOL_PACKET = 263;
const PACKET_RX_RING = 5;
const PACKET_STATISTICS = 6;
const PACKET_VERSION = 10;
const TPACKET_V3 = 2;
const ETH_P_ALL = 3;
const SIOCGIFNAME = 0x8910;

/** struct tpacket_block_desc. */
const BLOCK_STATUS = 8;
const BLOCK_PACKETS = 12;
const BLOCK_FIRST_PACKET = 16;
const STATUS_USER = 1;
/** struct tpacket3_hdr, then struct sockaddr_ll at 48. */
const PACKET_NEXT = 0;
const PACKET_SECONDS = 4;
const PACKET_NANOSECONDS = 8;
const PACKET_CAPTURED = 12;
const PACKET_LENGTH = 16;
const PACKET_LINK_HEADER = 24;
const ADDRESS_INTERFACE = 48 + 4;
const ADDRESS_HARDWARE = 48 + 8;
const ADDRESS_PACKET_TYPE = 48 + 10;
const PACKET_OUTGOING = 4;

/** One packet of the ring; reused. `offset` points into the reader's bytes and is valid until the callback returns. */
export interface RingPacket {
  offset: number;
  capturedBytes: number;
  wireBytes: number;
  /** CLOCK_REALTIME. */
  seconds: number;
  nanoseconds: number;
  interfaceIndex: number;
  /** ARPHRD_*, include/uapi/linux/if_arp.h. */
  hardwareType: number;
  outgoing: boolean;
}

export class PacketRingReader {
  readonly bytes: Buffer;
  readonly #view: DataView;
  readonly #words: Int32Array;
  readonly #blockBytes: number;
  readonly #blocks: number;
  readonly #packet: RingPacket = {
    offset: 0,
    capturedBytes: 0,
    wireBytes: 0,
    seconds: 0,
    nanoseconds: 0,
    interfaceIndex: 0,
    hardwareType: 0,
    outgoing: false,
  };
  #block = 0;

  /** @param memory `blocks` blocks of `blockBytes` (multiple of 4) */
  constructor(memory: ArrayBuffer, blockBytes: number, blocks: number) {
    this.bytes = Buffer.from(memory);
    this.#view = new DataView(memory);
    this.#words = new Int32Array(memory);
    this.#blockBytes = blockBytes;
    this.#blocks = blocks;
  }

  /** Hands out every packet of the blocks that the kernel has released, and gives the blocks back. */
  drain(onPacket: (packet: RingPacket) => void): number {
    let packets = 0;
    for (let visited = 0; visited < this.#blocks; visited++) {
      const start = this.#block * this.#blockBytes;
      const status = (start + BLOCK_STATUS) >>> 2;
      if ((Atomics.load(this.#words, status) & STATUS_USER) === 0) break;
      packets += this.#drainBlock(start, onPacket);
      Atomics.store(this.#words, status, 0);
      this.#block = (this.#block + 1) % this.#blocks;
    }
    return packets;
  }

  #drainBlock(start: number, onPacket: (packet: RingPacket) => void): number {
    const view = this.#view;
    const packet = this.#packet;
    const count = view.getUint32(start + BLOCK_PACKETS, true);
    let at = start + view.getUint32(start + BLOCK_FIRST_PACKET, true);
    for (let i = 0; i < count; i++) {
      packet.offset = at + view.getUint16(at + PACKET_LINK_HEADER, true);
      packet.capturedBytes = view.getUint32(at + PACKET_CAPTURED, true);
      packet.wireBytes = view.getUint32(at + PACKET_LENGTH, true);
      packet.seconds = view.getUint32(at + PACKET_SECONDS, true);
      packet.nanoseconds = view.getUint32(at + PACKET_NANOSECONDS, true);
      packet.interfaceIndex = view.getInt32(at + ADDRESS_INTERFACE, true);
      packet.hardwareType = view.getUint16(at + ADDRESS_HARDWARE, true);
      packet.outgoing = view.getUint8(at + ADDRESS_PACKET_TYPE) === PACKET_OUTGOING;
      onPacket(packet);
      at += view.getUint32(at + PACKET_NEXT, true);
    }
    return count;
  }
}

export interface PacketRingOptions {
  /** Classic BPF program, see packetFilter. */
  readonly filter: Uint8Array;
  /** A power of two, at least a page. */
  readonly blockBytes: number;
  readonly blocks: number;
  /** After this time the kernel releases a block that is not full. */
  readonly blockTimeoutMs: number;
}

/** Every packet, in and out, of all interfaces of the network namespace in which it is made. Needs CAP_NET_RAW. */
export class PacketRing {
  readonly reader: PacketRingReader;
  readonly #fd: number;
  readonly #mapping: Mapping;
  #drops = 0;

  constructor(options: PacketRingOptions) {
    // Protocol 0: nothing is queued before the filter and the ring are in place.
    this.#fd = check(libc().socket(AF_PACKET, SOCK_RAW, 0), 'opening a packet socket');
    try {
      this.#setOption(SOL_PACKET, PACKET_VERSION, new Int32Array([TPACKET_V3]));
      this.#attachFilter(options.filter);
      const { blockBytes, blocks } = options;
      const frameBytes = 2048; // not used by version 3, but checked
      const request = [
        blockBytes,
        blocks,
        frameBytes,
        (blockBytes / frameBytes) * blocks,
        options.blockTimeoutMs,
        0,
        0,
      ];
      this.#setOption(SOL_PACKET, PACKET_RX_RING, new Uint32Array(request));
      this.#mapping = mapShared(this.#fd, 0, blockBytes * blocks, PROT_READ | PROT_WRITE);
      this.reader = new PacketRingReader(this.#mapping.buffer, blockBytes, blocks);
      check(libc().bind(this.#fd, linkAddress(), linkAddress().length), 'binding a packet socket');
    } catch (error) {
      libc().close(this.#fd);
      throw error;
    }
  }

  /** Packets that found no room, since the start. The kernel's own counter starts anew at each read. */
  drops(): number {
    const statistics = new Uint32Array(3); // packets, drops, freezes
    const length = new Uint32Array([statistics.byteLength]);
    if (libc().getsockopt(this.#fd, SOL_PACKET, PACKET_STATISTICS, statistics, length) === 0) {
      this.#drops += statistics[1]!;
    }
    return this.#drops;
  }

  /** @returns '' where the interface is gone */
  interfaceName(index: number): string {
    const request = Buffer.alloc(40); // struct ifreq
    request.writeInt32LE(index, 16);
    if (libc().ioctl(this.#fd, SIOCGIFNAME, request) !== 0) return '';
    return request.toString('latin1', 0, request.indexOf(0));
  }

  close(): void {
    this.#mapping.unmap();
    libc().close(this.#fd);
  }

  #attachFilter(filter: Uint8Array): void {
    const program = new DataView(new ArrayBuffer(16)); // struct sock_fprog
    program.setUint16(0, filter.length / 8, true);
    program.setBigUint64(8, koffi().address(filter), true);
    this.#setOption(SOL_SOCKET, SO_ATTACH_FILTER, new Uint8Array(program.buffer));
  }

  #setOption(level: number, option: number, value: ArrayBufferView): void {
    const what = `setting option ${option} of a packet socket`;
    check(libc().setsockopt(this.#fd, level, option, value, value.byteLength), what);
  }
}

/** struct sockaddr_ll for all interfaces and all protocols. */
function linkAddress(): Uint8Array {
  const address = Buffer.alloc(20);
  address.writeUInt16LE(AF_PACKET, 0);
  address.writeUInt16BE(ETH_P_ALL, 2);
  return address;
}
