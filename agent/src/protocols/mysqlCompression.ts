// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_compression.html
import { constants, inflateSync } from 'node:zlib';
import { sequenceAdd } from '@throughline/core';
import { type Chunk } from '../flows/ByteStream.ts';

/*
  frame = compressed-length:u24 sequence:u8 plain-length:u24 payload
  plain-length 0: the payload is not compressed, as short ones are not
*/

const HEADER_BYTES = 7;
/** Kept of a frame. What comes out of its beginning is enough: rows are not read. */
const KEPT_BYTES = 16 << 10;
const MAX_PLAIN_BYTES = 64 << 10;

/** Takes one direction's frames apart and gives what is in them as chunks that begin where their frame begins. */
export class MysqlFrameReader {
  private readonly onPlain: (chunk: Chunk) => void;
  private readonly header = new Uint8Array(HEADER_BYTES);
  private headerLength = 0;
  private start = 0;
  private left = 0;
  private kept = new Uint8Array(1024);
  private keptLength = 0;
  private isKeptWhole = true;
  private lost = 0;
  private isLost = false;

  constructor(onPlain: (chunk: Chunk) => void) {
    this.onPlain = onPlain;
  }

  onChunk(chunk: Chunk): void {
    if (chunk.lostBefore > 0) this.onLoss(chunk.lostBefore);
    if (this.isLost) {
      if (!startsMysqlFrame(chunk.bytes, chunk.length)) return;
      this.isLost = false;
    }
    let at = 0;
    while (at < chunk.length) {
      if (this.headerLength < HEADER_BYTES) {
        if (at >= chunk.bytes.length) {
          this.lose();
          return;
        }
        if (this.headerLength === 0) this.start = sequenceAdd(chunk.sequence, at);
        this.header[this.headerLength++] = chunk.bytes[at++]!;
        if (this.headerLength === HEADER_BYTES) this.left = u24(this.header, 0);
      } else {
        const end = Math.min(chunk.length, at + this.left);
        this.keep(chunk.bytes, at, end);
        this.left -= end - at;
        at = end;
      }
      if (this.headerLength === HEADER_BYTES && this.left === 0) this.end(chunk);
    }
  }

  private onLoss(bytes: number): void {
    if (this.headerLength === HEADER_BYTES && bytes < this.left) {
      this.left -= bytes;
      this.isKeptWhole = false;
    } else this.lose();
  }

  private keep(bytes: Uint8Array, at: number, end: number): void {
    const to = Math.min(end, bytes.length, at + KEPT_BYTES - this.keptLength);
    if (this.isKeptWhole && to > at) {
      if (this.keptLength + to - at > this.kept.length) {
        const grown = new Uint8Array(KEPT_BYTES);
        grown.set(this.kept.subarray(0, this.keptLength));
        this.kept = grown;
      }
      this.kept.set(bytes.subarray(at, to), this.keptLength);
      this.keptLength += to - at;
    }
    if (to < end) this.isKeptWhole = false;
  }

  private end(chunk: Chunk): void {
    const plainLength = u24(this.header, 4);
    const kept = this.kept.subarray(0, this.keptLength);
    const length = plainLength === 0 ? u24(this.header, 0) : plainLength;
    const bytes = plainLength === 0 ? kept : inflate(kept);
    const lostBefore = this.lost;
    this.lost = 0;
    this.headerLength = 0;
    this.keptLength = 0;
    this.isKeptWhole = true;
    this.onPlain({
      sequence: this.start,
      bytes: bytes.subarray(0, length),
      length,
      lostBefore,
      timestampNs: chunk.timestampNs,
      tid: chunk.tid,
      ingressId: chunk.ingressId,
      answerId: chunk.answerId,
      birthId: chunk.birthId,
    });
  }

  /** How much is lost of what the frames held nobody knows; that something is, the next chunk says. */
  private lose(): void {
    this.lost = 1;
    this.headerLength = 0;
    this.keptLength = 0;
    this.isKeptWhole = true;
    this.isLost = true;
  }
}

/** A frame that holds a whole packet as it is, which no packet outside of a frame looks like. */
function startsMysqlFrame(bytes: Uint8Array, length: number): boolean {
  if (bytes.length < HEADER_BYTES + 5) return false;
  const compressed = u24(bytes, 0);
  const plain = u24(bytes, 4);
  if (compressed === 0 || compressed + HEADER_BYTES > length) return false;
  if (plain === 0) return u24(bytes, HEADER_BYTES) + 4 <= compressed;
  // The first byte of a zlib stream with a window of 32 KiB.
  return bytes[HEADER_BYTES] === 0x78 && plain > compressed;
}

/** What is in the frame at the start of `bytes`, as far as it was captured; undefined where there is no frame. */
export function mysqlFramePayload(
  bytes: Uint8Array,
  length: number
): { bytes: Uint8Array; length: number } | undefined {
  if (!startsMysqlFrame(bytes, length)) return undefined;
  const compressed = u24(bytes, 0);
  const plain = u24(bytes, 4);
  const payload = bytes.subarray(HEADER_BYTES, HEADER_BYTES + compressed);
  return plain === 0 ? { bytes: payload, length: compressed } : { bytes: inflate(payload), length: plain };
}

/** @returns as much as comes out of a beginning; nothing where it is no zlib stream */
function inflate(bytes: Uint8Array): Uint8Array {
  try {
    return inflateSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: MAX_PLAIN_BYTES });
  } catch {
    return new Uint8Array(0);
  }
}

function u24(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
}
