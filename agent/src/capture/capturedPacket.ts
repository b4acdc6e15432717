import { type SlidingInput } from './SlidingInput.ts';

/** One packet of a file; reused. Its bytes are at `offset` of `bytes`, valid until the next is read. */
export interface CapturedPacket {
  bytes: Buffer;
  offset: number;
  capturedBytes: number;
  wireBytes: number;
  linkType: number;
  /** ns since 1970. */
  wallNs: bigint;
  interfaceIndex: number;
  interfaceName: string;
  direction: 'receive' | 'transmit' | undefined;
}

export interface CaptureFileReader {
  readonly packet: CapturedPacket;
  /** Reads the next packet into `packet`. @returns false at the end, or where nothing more can be understood */
  next(): boolean;
  /** Why reading ended before the file did; undefined while it goes well. */
  readonly problem: 'truncated' | 'malformed' | undefined;
}

/** Larger records are taken for damage: no link carries such packets (snaplen of tcpdump is 256 KiB). */
export const RECORD_MAX_BYTES = 16 << 20;

export function emptyPacket(input: SlidingInput): CapturedPacket {
  return {
    bytes: input.buffer,
    offset: 0,
    capturedBytes: 0,
    wireBytes: 0,
    linkType: 0,
    wallNs: 0n,
    interfaceIndex: 0,
    interfaceName: '',
    direction: undefined,
  };
}
