import { Readable } from 'node:stream';
import zlib from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cityHash128 } from './cityHash128.ts';
import { BlockDecoder, wrapBlock } from './compressedBlocks.ts';
import { decodeLz4Block, Lz4FrameDecoder } from './lz4.ts';

/** Bytes 0, 1, 2, … modulo 251. */
const sample = (length: number) => Buffer.from(Array.from({ length }, (_, i) => i % 251));

async function decode(decoder: BlockDecoder | Lz4FrameDecoder, pieces: readonly Buffer[]): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of Readable.from(pieces).pipe(decoder) as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('cityHash128', () => {
  // Made with github.com/go-faster/city 1.0.1, CH128, of the same bytes.
  it.each([
    [0, 0x3df09dfc64c09a2bn, 0x3cb540c392e51e29n],
    [1, 0xa04b71ab61de6422n, 0xf768684937e23970n],
    [3, 0x10dc1926b0850ac2n, 0x80c20dad5cdd0e6fn],
    [4, 0xe62e2bc7fff5a1dcn, 0x3f166c184cefc2ben],
    [7, 0xaa38db290ccb2b16n, 0x684a34c21a5257dan],
    [8, 0xd0bfe8984e1e8682n, 0x565141a0cf7fc611n],
    [15, 0x48856bb9fddcf10n, 0xc4d01dd6777bb5fn],
    [16, 0x17ceade677c2f945n, 0x579ed60675c8fedcn],
    [17, 0x8112e830fb310ff1n, 0xc972ad09c64fd737n],
    [31, 0x695ea0324b28f5c9n, 0x4328d2c3ad882b27n],
    [32, 0xfe71590c670b561dn, 0x498f5b464f875a30n],
    [33, 0x66b6018b265e86ebn, 0xa5cf49e386167f3an],
    [64, 0x83d9a0502fd851d0n, 0x718073343ea63f22n],
    [127, 0x6e9cefa0accaeec6n, 0x56818bba66e6a718n],
    [128, 0x7def035b54925590n, 0xde34765c4aca9038n],
    [143, 0x2d63dbf4c2290d5bn, 0x5c12cc8417ceb584n],
    [144, 0xa6bdeceec903d0fcn, 0xc56b79626912c1bcn],
    [160, 0x83aeae4f8878af3dn, 0x4e3b0f3a3ad7ed0an],
    [200, 0x275774699e23b6fdn, 0x5682ef01ebe7289cn],
    [255, 0x8535ad27e902afcbn, 0x3791ff05e3958fd5n],
    [256, 0x8a2e3927e1a04c92n, 0x2b771971cfa8360an],
    [300, 0xe6a6cf3bc9a1c22an, 0x250ad27cb618cce7n],
    [1000, 0x44377c873c240f45n, 0x9da1d106ca1c225dn],
    [4097, 0x54df969dc9aa17a0n, 0xa028860572b2a0cn],
  ] as const)('of %i bytes', (length, low, high) => {
    expect(cityHash128(sample(length))).toEqual({ low, high });
  });
});

describe('BlockDecoder', () => {
  it('reads ZSTD, uncompressed blocks, and blocks cut anywhere', async () => {
    const data = sample(1_000);
    const compressed = zlib.zstdCompressSync(data);
    const block = Buffer.alloc(25 + compressed.length);
    block[16] = 0x90;
    block.writeUInt32LE(9 + compressed.length, 17);
    block.writeUInt32LE(data.length, 21);
    compressed.copy(block, 25);
    const hash = cityHash128(block.subarray(16));
    block.writeBigUInt64LE(hash.low, 0);
    block.writeBigUInt64LE(hash.high, 8);
    const stream = Buffer.concat([block, wrapBlock(sample(10))]);
    const bytes = Array.from(stream, (byte) => Buffer.from([byte]));
    expect(await decode(new BlockDecoder(), bytes)).toEqual(Buffer.concat([data, sample(10)]));
  });

  it('refuses any flipped bit and any cut', async () => {
    const block = wrapBlock(sample(100));
    await fc.assert(
      fc.asyncProperty(fc.nat(block.length * 8 - 1), async (bit) => {
        const damaged = Buffer.from(block);
        damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        await expect(decode(new BlockDecoder(), [damaged])).rejects.toThrow(/Cannot decompress/);
      })
    );
    await expect(decode(new BlockDecoder(), [block.subarray(0, 50)])).rejects.toThrow(/ends inside a block/);
  });
});

describe('LZ4', () => {
  // Made with the reference `lz4` library of Python, version 4.4.5.
  const frame = Buffer.from('BCJNGGxAvwIAAAAAAAB4FwAAADVhYmMDACUKCgsADw4A//+SUAoKZW5kAAAAAHWLSo4=', 'base64');

  it('reads a frame, cut anywhere', async () => {
    const bytes = Array.from(frame, (byte) => Buffer.from([byte]));
    expect((await decode(new Lz4FrameDecoder(), bytes)).toString()).toBe('abcabcabcabc\n\n'.repeat(50) + 'end');
  });

  it('never throws or hangs on other bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const end = decodeLz4Block(bytes, Buffer.alloc(1_000), 0);
        expect(end === undefined || (end >= 0 && end <= 1_000)).toBe(true);
      })
    );
  });

  it('refuses a frame that is cut or damaged, or gives other bytes, and ends', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(frame.length - 1), fc.nat(255), async (at, value) => {
        const damaged = Buffer.from(frame);
        damaged[at] = value;
        await decode(new Lz4FrameDecoder(), [damaged]).catch((error: unknown) => {
          expect(String(error)).toMatch(/Cannot decompress/);
        });
      })
    );
  });
});
