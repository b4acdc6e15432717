import { type Chunk } from '../flows/ByteStream.ts';
import { type Message, type MessageSink, type ProtocolParser } from './message.ts';

/** What tests look at of a message: no times, since they depend on how the stream was cut. */
export type Seen = Pick<
  Message,
  | 'type'
  | 'sequence'
  | 'sequenceEnd'
  | 'bytes'
  | 'method'
  | 'target'
  | 'endpoint'
  | 'responseCode'
  | 'statusMessage'
  | 'isError'
  | 'truncated'
> & { readonly prefix: string };

export class RecordingSink implements MessageSink {
  readonly messages: Message[] = [];
  readonly started: Message[] = [];
  readonly counts: Record<string, number> = {};

  onRequestStart(message: Message): void {
    this.started.push(message);
  }

  onMessage(message: Message): void {
    this.messages.push(message);
  }

  count(reason: string): void {
    this.counts[reason] = (this.counts[reason] ?? 0) + 1;
  }

  seen(): Seen[] {
    return this.messages.map((message) => ({
      type: message.type,
      sequence: message.sequence,
      sequenceEnd: message.sequenceEnd,
      bytes: message.bytes,
      method: message.method,
      target: message.target,
      endpoint: message.endpoint,
      responseCode: message.responseCode,
      statusMessage: message.statusMessage,
      isError: message.isError,
      truncated: message.truncated,
      prefix: Buffer.from(message.prefix.subarray(0, message.prefixLength)).toString('latin1'),
    }));
  }
}

export function chunkOf(bytes: Uint8Array, over: Partial<Chunk> = {}): Chunk {
  return {
    sequence: 0,
    bytes,
    length: bytes.length,
    lostBefore: 0,
    timestampNs: 0,
    tid: 0,
    ingressId: 0,
    answerId: 0,
    birthId: 0,
    ...over,
  };
}

/** What one side says; the conversation is in this order. */
export interface Turn {
  readonly from: 'client' | 'server';
  readonly bytes: Uint8Array;
}

export const client = (...parts: readonly (string | readonly number[])[]): Turn => ({
  from: 'client',
  bytes: bytesOf(parts),
});
export const server = (...parts: readonly (string | readonly number[])[]): Turn => ({
  from: 'server',
  bytes: bytesOf(parts),
});

function bytesOf(parts: readonly (string | readonly number[])[]): Uint8Array {
  return Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part)))
  );
}

/**
 * Feeds a conversation. Both directions start at sequence 1000.
 * @param cuts lengths of the pieces, used in turn; whole turns where empty
 */
export function converse(
  makeParser: (sink: MessageSink) => ProtocolParser,
  turns: readonly Turn[],
  cuts: readonly number[] = []
): RecordingSink {
  const sink = new RecordingSink();
  const parser = makeParser(sink);
  const next = { client: 1000, server: 1000 };
  let cut = 0;
  for (const { from, bytes } of turns) {
    for (let at = 0; at < bytes.length;) {
      const length = cuts.length === 0 ? bytes.length : cuts[cut++ % cuts.length]!;
      const piece = bytes.subarray(at, at + length);
      parser.onChunk(from === 'client', chunkOf(piece, { sequence: next[from] }));
      next[from] += piece.length;
      at += piece.length;
    }
  }
  parser.onEnd(0);
  return sink;
}
