/**
 * The pcap file format, draft-ietf-opsawg-pcap: header { u32 magic, u16 major, u16 minor, i32, u32, u32 snapshot length,
 * u32 link type }, then records { u32 seconds, u32 fraction, u32 captured, u32 on the wire, bytes }. All in the byte
 * order of the magic number.
 */
import { type CapturedPacket, type CaptureFileReader, emptyPacket, RECORD_MAX_BYTES } from './capturedPacket.ts';
import { type SlidingInput } from './SlidingInput.ts';

const HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
/** Modified format of A. Kuznetzov's patches: u32 interface, u16 protocol, u8 packet type, u8 pad, after each header. */
const KUZNETZOV_BYTES = 8;
const PACKET_OUTGOING = 4;

const MAGIC = {
  microseconds: 0xa1b2c3d4,
  nanoseconds: 0xa1b23c4d,
  kuznetzov: 0xa1b2cd34,
} as const;

export interface PcapHeader {
  readonly littleEndian: boolean;
  readonly nanoseconds: boolean;
  readonly kuznetzov: boolean;
  readonly linkType: number;
}

/** Consumes the header. @returns undefined where the magic number is none of pcap's */
export function readPcapHeader(input: SlidingInput): PcapHeader | undefined {
  if (!input.ensure(HEADER_BYTES)) return undefined;
  const { buffer, start } = input;
  for (const littleEndian of [true, false]) {
    const magic = littleEndian ? buffer.readUInt32LE(start) : buffer.readUInt32BE(start);
    if (!Object.values<number>(MAGIC).includes(magic)) continue;
    const network = littleEndian ? buffer.readUInt32LE(start + 20) : buffer.readUInt32BE(start + 20);
    input.start += HEADER_BYTES;
    return {
      littleEndian,
      nanoseconds: magic === MAGIC.nanoseconds,
      kuznetzov: magic === MAGIC.kuznetzov,
      linkType: network & 0xffff, // the upper half says whether there is a checksum
    };
  }
  return undefined;
}

export class PcapReader implements CaptureFileReader {
  readonly packet: CapturedPacket;
  problem: 'truncated' | 'malformed' | undefined;
  readonly #input: SlidingInput;
  readonly #header: PcapHeader;
  #ended = false;

  constructor(input: SlidingInput, header: PcapHeader) {
    this.#input = input;
    this.#header = header;
    this.packet = emptyPacket(input);
    this.packet.linkType = header.linkType;
  }

  next(): boolean {
    if (this.#ended) return false;
    const { kuznetzov, nanoseconds } = this.#header;
    const input = this.#input;
    const headerBytes = RECORD_HEADER_BYTES + (kuznetzov ? KUZNETZOV_BYTES : 0);
    if (!input.ensure(headerBytes)) return this.#end(input.available() === 0 ? undefined : 'truncated');
    const seconds = this.#u32(0);
    const fraction = this.#u32(4);
    const capturedBytes = this.#u32(8);
    if (capturedBytes > RECORD_MAX_BYTES) return this.#end('malformed');
    if (!input.ensure(headerBytes + capturedBytes)) return this.#end('truncated');
    const packet = this.packet;
    packet.bytes = input.buffer;
    packet.offset = input.start + headerBytes;
    packet.capturedBytes = capturedBytes;
    packet.wireBytes = Math.max(capturedBytes, this.#u32(12));
    packet.wallNs = BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds ? fraction : fraction * 1000);
    if (kuznetzov) {
      packet.interfaceIndex = this.#u32(16);
      packet.direction = input.buffer[input.start + 22] === PACKET_OUTGOING ? 'transmit' : 'receive';
    }
    input.start += headerBytes + capturedBytes;
    return true;
  }

  #u32(at: number): number {
    const { buffer, start } = this.#input;
    return this.#header.littleEndian ? buffer.readUInt32LE(start + at) : buffer.readUInt32BE(start + at);
  }

  #end(problem: 'truncated' | 'malformed' | undefined): false {
    this.#ended = true;
    this.problem = problem;
    return false;
  }
}
