import { Transform, type TransformCallback } from 'node:stream';
import { StatementError } from '../errors.ts';

/**
 * One LZ4 block (lz4_Block_format.md) into `out` from `start` on; what lies before may be repeated by matches.
 *
 *   sequence := token literalLength* literal* [offset:uint16 matchLength*]
 *
 * @returns where the block ends in `out`; undefined if it is damaged or does not fit
 */
export function decodeLz4Block(source: Uint8Array, out: Buffer, start: number): number | undefined {
  let from = 0;
  let to = start;
  const length = (nibble: number): number => {
    let total = nibble;
    if (nibble !== 15) return total;
    for (;;) {
      const byte = source[from++];
      if (byte === undefined) return Number.NaN;
      total += byte;
      if (byte !== 255) return total;
    }
  };
  while (from < source.length) {
    const token = source[from++] ?? 0;
    const literals = length(token >> 4);
    if (!(from + literals <= source.length && to + literals <= out.length)) return undefined;
    out.set(source.subarray(from, from + literals), to);
    from += literals;
    to += literals;
    if (from === source.length) break; // the last sequence has no match
    if (from + 2 > source.length) return undefined;
    const offset = (source[from] ?? 0) | ((source[from + 1] ?? 0) << 8);
    from += 2;
    const match = length(token & 15) + 4;
    if (!(offset > 0 && offset <= to && to + match <= out.length)) return undefined;
    if (offset >= match) out.copyWithin(to, to - offset, to - offset + match);
    else for (let i = 0; i < match; i++) out[to + i] = out[to + i - offset] ?? 0; // overlaps: repeats what it writes
    to += match;
  }
  return to;
}

const frameMagic = 0x184d2204;
const historyBytes = 64 << 10;
const maxBlockBytes: Readonly<Record<number, number>> = { 4: 64 << 10, 5: 256 << 10, 6: 1 << 20, 7: 4 << 20 };

interface Frame {
  readonly blockBytes: number;
  readonly blockChecksums: boolean;
  readonly contentChecksum: boolean;
}

/**
 * Unpacks LZ4 frames (lz4_Frame_format.md), one after another. Checksums are passed over: TCP and the data's own format
 * guard the same bytes.
 *
 *   frame := magic:uint32 flags:uint8 sizes:uint8 [contentSize:uint64] [dictionary:uint32] headerChecksum:uint8
 *            (blockSize:uint32 data [checksum:uint32])* 0:uint32 [checksum:uint32]
 */
export class Lz4FrameDecoder extends Transform {
  private pending: Buffer = Buffer.alloc(0);
  private frame: Frame | undefined;
  private history: Buffer = Buffer.alloc(0);

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.pending = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk]);
    try {
      for (;;) {
        const used = this.frame === undefined ? this.readHeader() : this.readBlock(this.frame);
        if (used === 0) break;
        this.pending = this.pending.subarray(used);
      }
      done();
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  }

  override _flush(done: TransformCallback): void {
    done(this.pending.length === 0 && this.frame === undefined ? null : damaged('it ends inside a frame'));
  }

  /** @returns bytes used, 0 if more are needed */
  private readHeader(): number {
    if (this.pending.length < 7) return 0;
    if (this.pending.readUInt32LE(0) !== frameMagic) throw damaged('it does not begin with a frame');
    const flags = this.pending[4] ?? 0;
    const blockBytes = maxBlockBytes[((this.pending[5] ?? 0) >> 4) & 7];
    if (flags >> 6 !== 1 || blockBytes === undefined) throw damaged('its frame has an unknown version');
    if ((flags & 1) !== 0) throw damaged('it needs a dictionary');
    const header = 7 + ((flags & 8) !== 0 ? 8 : 0);
    if (this.pending.length < header) return 0;
    this.frame = { blockBytes, blockChecksums: (flags & 16) !== 0, contentChecksum: (flags & 4) !== 0 };
    this.history = Buffer.alloc(0);
    return header;
  }

  private readBlock(frame: Frame): number {
    if (this.pending.length < 4) return 0;
    const word = this.pending.readUInt32LE(0);
    if (word === 0) {
      const end = 4 + (frame.contentChecksum ? 4 : 0);
      if (this.pending.length < end) return 0;
      this.frame = undefined;
      return end;
    }
    const size = word & 0x7fff_ffff;
    if (size > frame.blockBytes) throw damaged('a block is larger than its frame allows');
    const end = 4 + size + (frame.blockChecksums ? 4 : 0);
    if (this.pending.length < end) return 0;
    const data = this.pending.subarray(4, 4 + size);
    const stored = word >>> 31 === 1;
    const start = this.history.length;
    const out = Buffer.alloc(start + (stored ? size : frame.blockBytes));
    this.history.copy(out);
    const to = stored ? start + data.copy(out, start) : decodeLz4Block(data, out, start);
    if (to === undefined) throw damaged('a block cannot be unpacked');
    this.push(out.subarray(start, to));
    this.history = out.subarray(Math.max(0, to - historyBytes), to);
    return end;
  }
}

function damaged(reason: string): StatementError {
  return new StatementError(271, `Cannot decompress the LZ4 body: ${reason}`);
}
