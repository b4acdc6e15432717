import { EXCHANGE_PREFIX_BYTES, sequenceAdd } from '@throughline/core';
import { type Protocol } from '../exchanges/exchange.ts';
import { type Chunk, type ChunkOrigin } from '../flows/ByteStream.ts';

const NOTHING = new Uint8Array(0);

/** One request or one response as bytes on one connection. */
export class Message {
  readonly type: 'request' | 'response';
  readonly sequence: number;
  sequenceEnd: number;
  readonly startNs: number;
  endNs: number;
  /** Origin of the first byte's event. */
  readonly origin: ChunkOrigin;
  /** The first up to 64 raw bytes of a request; nothing of a response. */
  readonly prefix: Uint8Array;
  prefixLength = 0;
  bytes = 0;
  truncated = false;
  /** The connection ended before the message did. */
  isCutOff = false;

  version = '';
  method = '';
  target = '';
  endpoint = '';
  host = '';
  responseCode = 0;
  isError = false;
  statusMessage = '';
  traceId = '';
  parentSpanId = '';
  requestId = '';
  /** Id that pairs messages where order does not (DNS). */
  pairId = 0;
  attributes: Record<string, string> = {};

  constructor(type: 'request' | 'response', chunk: Chunk, at: number) {
    this.type = type;
    this.prefix = type === 'request' ? new Uint8Array(EXCHANGE_PREFIX_BYTES) : NOTHING;
    this.sequence = sequenceAdd(chunk.sequence, at);
    this.sequenceEnd = this.sequence;
    this.startNs = chunk.timestampNs;
    this.endNs = chunk.timestampNs;
    this.origin = chunk;
  }

  /** Bytes `from` up to `to` of the chunk belong to this message. */
  consume(chunk: Chunk, from: number, to: number): void {
    if (to <= from) return;
    if (this.prefixLength < this.prefix.length && this.prefixLength === this.bytes) {
      const end = Math.min(to, chunk.bytes.length, from + this.prefix.length - this.prefixLength);
      if (end > from) {
        this.prefix.set(chunk.bytes.subarray(from, end), this.prefixLength);
        this.prefixLength += end - from;
      }
    }
    this.bytes += to - from;
    this.sequenceEnd = sequenceAdd(this.sequence, this.bytes);
    this.endNs = chunk.timestampNs;
  }

  get hasWholePrefix(): boolean {
    return this.prefixLength === EXCHANGE_PREFIX_BYTES;
  }
}

export interface MessageSink {
  /** The first 64 bytes, or all, of a request are known. `message` may still grow. */
  onRequestStart(message: Message): void;
  onMessage(message: Message): void;
  /** Why bytes could not be understood. */
  count(reason: string): void;
}

/** Parser of one connection. Never throws; gives up by counting and going on at the next start of a message. */
export interface ProtocolParser {
  readonly protocol: Protocol;
  onChunk(isFromClient: boolean, chunk: Chunk): void;
  /** Nothing has come for a while: a response whose end cannot be known has ended. */
  onIdle(): void;
  /** The connection ended. */
  onEnd(nowNs: number): void;
}

export function latin1(bytes: Uint8Array, start = 0, end = bytes.length): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', start, end);
}

export function utf8(bytes: Uint8Array, start = 0, end = bytes.length): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8', start, end);
}
