/**
 * The pcapng file format, draft-ietf-opsawg-pcapng: blocks { u32 type, u32 length, body, u32 length }, padded to 4 bytes,
 * in sections that each have their own byte order and interfaces. Blocks of other types are stepped over.
 */
import { type CapturedPacket, type CaptureFileReader, emptyPacket, RECORD_MAX_BYTES } from './capturedPacket.ts';
import { type SlidingInput } from './SlidingInput.ts';

const BLOCK = {
  section: 0x0a0d0d0a,
  interface: 1,
  obsoletePacket: 2,
  simplePacket: 3,
  enhancedPacket: 6,
} as const;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const BLOCK_HEADER_BYTES = 8;
const BLOCK_MIN_BYTES = 12;
/** Bytes of a block that are read whole: a packet with its options. */
const BLOCK_MAX_BYTES = RECORD_MAX_BYTES + (1 << 20);
const INTERFACES_MAX = 65536;

const OPTION = { end: 0, packetFlags: 2, interfaceName: 2, timestampResolution: 9, timestampOffset: 14 } as const;

interface Interface {
  readonly linkType: number;
  readonly name: string;
  /** Timestamp units in one second, and seconds to add. */
  readonly unitsPerSecond: bigint;
  readonly offsetSeconds: bigint;
}

export function startsPcapng(input: SlidingInput): boolean {
  return input.ensure(BLOCK_MIN_BYTES) && input.buffer.readUInt32BE(input.start) === BLOCK.section;
}

export class PcapngReader implements CaptureFileReader {
  readonly packet: CapturedPacket;
  problem: 'truncated' | 'malformed' | undefined;
  readonly #input: SlidingInput;
  #littleEndian = true;
  #interfaces: Interface[] = [];
  #ended = false;

  constructor(input: SlidingInput) {
    this.#input = input;
    this.packet = emptyPacket(input);
  }

  next(): boolean {
    while (!this.#ended) {
      const input = this.#input;
      if (!input.ensure(BLOCK_MIN_BYTES)) return this.#end(input.available() === 0 ? undefined : 'truncated');
      if (input.buffer.readUInt32BE(input.start) === BLOCK.section && !this.#startSection()) {
        return this.#end('malformed');
      }
      const type = this.#u32(input.start);
      const length = this.#u32(input.start + 4);
      if (length < BLOCK_MIN_BYTES || length % 4 !== 0 || length > BLOCK_MAX_BYTES) return this.#end('malformed');
      if (!input.ensure(length)) return this.#end('truncated');
      const body = input.start + BLOCK_HEADER_BYTES;
      const bodyEnd = input.start + length - 4;
      input.start += length;
      if (this.#readBlock(type, body, bodyEnd)) return true;
    }
    return false;
  }

  /** @returns true where the block held a packet, which is in `packet` then */
  #readBlock(type: number, body: number, bodyEnd: number): boolean {
    switch (type) {
      case BLOCK.interface:
        if (bodyEnd - body >= 8 && this.#interfaces.length < INTERFACES_MAX) this.#addInterface(body, bodyEnd);
        return false;
      case BLOCK.enhancedPacket:
        return this.#readPacket(body, bodyEnd, bodyEnd - body >= 20 ? this.#u32(body) : -1);
      case BLOCK.obsoletePacket: // a u16 interface and a u16 count of drops in place of the u32 interface
        return this.#readPacket(body, bodyEnd, bodyEnd - body >= 20 ? this.#u16(body) : -1);
      case BLOCK.simplePacket:
        return this.#readSimplePacket(body, bodyEnd);
      default:
        return false;
    }
  }

  #startSection(): boolean {
    const { buffer, start } = this.#input;
    const magic = start + BLOCK_HEADER_BYTES;
    if (buffer.readUInt32LE(magic) === BYTE_ORDER_MAGIC) this.#littleEndian = true;
    else if (buffer.readUInt32BE(magic) === BYTE_ORDER_MAGIC) this.#littleEndian = false;
    else return false;
    this.#interfaces = [];
    return true;
  }

  #addInterface(body: number, bodyEnd: number): void {
    let name = '';
    let unitsPerSecond = 1_000_000n;
    let offsetSeconds = 0n;
    const { buffer } = this.#input;
    this.#eachOption(body + 8, bodyEnd, (code, at, length) => {
      if (code === OPTION.interfaceName) name = buffer.toString('utf8', at, at + length).replace(/\0.*$/s, '');
      if (code === OPTION.timestampResolution && length >= 1) {
        const resolution = buffer[at]!;
        unitsPerSecond = resolution & 0x80 ? 1n << BigInt(resolution & 0x7f) : 10n ** BigInt(resolution);
      }
      if (code === OPTION.timestampOffset && length >= 8) {
        offsetSeconds = this.#littleEndian ? buffer.readBigInt64LE(at) : buffer.readBigInt64BE(at);
      }
    });
    this.#interfaces.push({ linkType: this.#u16(body), name, unitsPerSecond, offsetSeconds });
  }

  #readPacket(body: number, bodyEnd: number, interfaceId: number): boolean {
    const from = this.#interfaces[interfaceId];
    if (from === undefined) return this.#end('malformed');
    const offset = body + 20;
    const capturedBytes = this.#u32(body + 12);
    if (offset + capturedBytes > bodyEnd) return this.#end('malformed');
    const timestamp = (BigInt(this.#u32(body + 4)) << 32n) | BigInt(this.#u32(body + 8));
    const packet = this.packet;
    packet.bytes = this.#input.buffer;
    packet.offset = offset;
    packet.capturedBytes = capturedBytes;
    packet.wireBytes = Math.max(capturedBytes, this.#u32(body + 16));
    packet.linkType = from.linkType;
    packet.wallNs = (timestamp * 1_000_000_000n) / from.unitsPerSecond + from.offsetSeconds * 1_000_000_000n;
    packet.interfaceIndex = interfaceId;
    packet.interfaceName = from.name;
    packet.direction = undefined;
    this.#eachOption(offset + ((capturedBytes + 3) & ~3), bodyEnd, (code, at, length) => {
      if (code !== OPTION.packetFlags || length < 4) return;
      const inOrOut = this.#u32(at) & 3;
      if (inOrOut !== 0) packet.direction = inOrOut === 2 ? 'transmit' : 'receive';
    });
    return true;
  }

  /** Has no time of its own: that of the packet before stands. */
  #readSimplePacket(body: number, bodyEnd: number): boolean {
    const from = this.#interfaces[0];
    if (from === undefined || bodyEnd - body < 4) return this.#end('malformed');
    const packet = this.packet;
    packet.bytes = this.#input.buffer;
    packet.offset = body + 4;
    packet.wireBytes = this.#u32(body);
    packet.capturedBytes = Math.min(packet.wireBytes, bodyEnd - packet.offset);
    packet.linkType = from.linkType;
    packet.interfaceIndex = 0;
    packet.interfaceName = from.name;
    packet.direction = undefined;
    return true;
  }

  #eachOption(start: number, end: number, onOption: (code: number, at: number, length: number) => void): void {
    for (let at = start; at + 4 <= end;) {
      const code = this.#u16(at);
      const length = this.#u16(at + 2);
      if (code === OPTION.end || at + 4 + length > end) return;
      onOption(code, at + 4, length);
      at += 4 + ((length + 3) & ~3);
    }
  }

  #u16(at: number): number {
    const { buffer } = this.#input;
    return this.#littleEndian ? buffer.readUInt16LE(at) : buffer.readUInt16BE(at);
  }

  #u32(at: number): number {
    const { buffer } = this.#input;
    return this.#littleEndian ? buffer.readUInt32LE(at) : buffer.readUInt32BE(at);
  }

  #end(problem: 'truncated' | 'malformed' | undefined): false {
    this.#ended = true;
    this.problem = problem;
    return false;
  }
}
