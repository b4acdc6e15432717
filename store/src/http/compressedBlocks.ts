import { Transform, type TransformCallback } from 'node:stream';
import zlib from 'node:zlib';
import { StatementError } from '../errors.ts';
import { cityHash128 } from './cityHash128.ts';
import { decodeLz4Block } from './lz4.ts';

/*
 * ClickHouse's compressed blocks (src/Compression/CompressedReadBufferBase.cpp), used with `decompress=1`, `compress=1`:
 *
 *   block := checksum:byte[16] method:uint8 compressedSize:uint32 size:uint32 data
 *
 * The checksum is CityHash128 of all that follows; compressedSize counts from `method` on.
 */
const checksumBytes = 16;
const headerBytes = 9;
const maxBlockBytes = 256 << 20;
const methods = { none: 0x02, lz4: 0x82, zstd: 0x90 } as const;

/** A block that holds the bytes as they are. */
export function wrapBlock(bytes: Uint8Array): Buffer {
  const block = Buffer.allocUnsafe(checksumBytes + headerBytes + bytes.length);
  block[checksumBytes] = methods.none;
  block.writeUInt32LE(headerBytes + bytes.length, checksumBytes + 1);
  block.writeUInt32LE(bytes.length, checksumBytes + 5);
  block.set(bytes, checksumBytes + headerBytes);
  const hash = cityHash128(block.subarray(checksumBytes));
  block.writeBigUInt64LE(hash.low, 0);
  block.writeBigUInt64LE(hash.high, 8);
  return block;
}

/** Unpacks a stream of blocks; a damaged one ends the stream with exception 271. */
export class BlockDecoder extends Transform {
  private pending: Buffer[] = [];
  private pendingBytes = 0;
  private wanted = checksumBytes + headerBytes;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.pending.push(chunk);
    this.pendingBytes += chunk.length;
    try {
      while (this.pendingBytes >= this.wanted) {
        const bytes = Buffer.concat(this.pending, this.pendingBytes);
        const block = blockAt(bytes);
        if (block === undefined) {
          this.wanted = checksumBytes + bytes.readUInt32LE(checksumBytes + 1);
          this.pending = [bytes];
          if (this.pendingBytes < this.wanted) break;
          continue;
        }
        this.push(block.data);
        this.pending = [bytes.subarray(block.end)];
        this.pendingBytes = bytes.length - block.end;
        this.wanted = checksumBytes + headerBytes;
      }
      done();
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  }

  override _flush(done: TransformCallback): void {
    done(this.pendingBytes === 0 ? null : damaged('the body ends inside a block'));
  }
}

/** The first block of `bytes`; undefined if it is not there as a whole. */
function blockAt(bytes: Buffer): { data: Buffer; end: number } | undefined {
  const compressedSize = bytes.readUInt32LE(checksumBytes + 1);
  const size = bytes.readUInt32LE(checksumBytes + 5);
  if (compressedSize < headerBytes || compressedSize > maxBlockBytes || size > maxBlockBytes) {
    throw damaged(`a block says it has ${compressedSize} bytes, unpacked ${size}`);
  }
  const end = checksumBytes + compressedSize;
  if (bytes.length < end) return undefined;
  const content = bytes.subarray(checksumBytes, end);
  const hash = cityHash128(content);
  if (hash.low !== bytes.readBigUInt64LE(0) || hash.high !== bytes.readBigUInt64LE(8)) {
    throw damaged('a checksum does not match');
  }
  const data = unpack(content[0] ?? 0, content.subarray(headerBytes), size);
  if (data === undefined || data.length !== size) throw damaged('a block does not unpack to the size it says');
  return { data, end };
}

function unpack(method: number, data: Buffer, size: number): Buffer | undefined {
  switch (method) {
    case methods.none:
      return data;
    case methods.lz4:
      return unpackLz4(data, size);
    case methods.zstd:
      try {
        return zlib.zstdDecompressSync(data, { maxOutputLength: Math.max(1, size) });
      } catch {
        return undefined;
      }
    default:
      throw damaged(`compression method 0x${method.toString(16)} is unknown; use LZ4, ZSTD or none`);
  }
}

function unpackLz4(data: Buffer, size: number): Buffer | undefined {
  const out = Buffer.alloc(size);
  return decodeLz4Block(data, out, 0) === size ? out : undefined;
}

function damaged(reason: string): StatementError {
  return new StatementError(271, `Cannot decompress the body: ${reason}`);
}
