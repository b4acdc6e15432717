import { type IncomingMessage } from 'node:http';
import { pipeline, type Readable, type Transform } from 'node:stream';
import zlib from 'node:zlib';
import { StatementError } from '../errors.ts';
import { BlockDecoder } from './compressedBlocks.ts';
import { Lz4FrameDecoder } from './lz4.ts';

const infileCompressions = {
  identity: 'none',
  gzip: 'gz',
  'x-gzip': 'gz',
  deflate: 'deflate',
  br: 'br',
  zstd: 'zstd',
  lz4: 'lz4',
  xz: 'xz',
} as const;

/** Names of the engine for the compression of a file. */
export type InfileCompression = (typeof infileCompressions)[keyof typeof infileCompressions];

/** For bodies that go to a file as they are; the engine unpacks them. */
export function infileCompression(contentEncoding: string): InfileCompression {
  const name = Object.entries(infileCompressions).find(([encoding]) => encoding === contentEncoding)?.[1];
  if (name === undefined) throw unknownEncoding(contentEncoding);
  return name;
}

/** The body's bytes, unpacked here. */
export function decodeBody(request: IncomingMessage, contentEncoding: string, compressedBlocks: boolean): Readable {
  const decoder = compressedBlocks ? new BlockDecoder() : decoderOf(contentEncoding);
  if (decoder === undefined) return request;
  // Errors of either side reach the reader through the decoder.
  return pipeline(request, decoder, () => undefined);
}

function decoderOf(contentEncoding: string): Transform | undefined {
  switch (contentEncoding) {
    case 'identity':
      return undefined;
    case 'gzip':
    case 'x-gzip':
      return zlib.createGunzip();
    case 'deflate':
      return zlib.createInflate();
    case 'br':
      return zlib.createBrotliDecompress();
    case 'zstd':
      return zlib.createZstdDecompress();
    case 'lz4':
      return new Lz4FrameDecoder();
    default:
      throw unknownEncoding(contentEncoding);
  }
}

function unknownEncoding(contentEncoding: string): StatementError {
  return new StatementError(
    89,
    `Unknown Content-Encoding ${contentEncoding}; send ${Object.keys(infileCompressions).join(', ')}`
  );
}
