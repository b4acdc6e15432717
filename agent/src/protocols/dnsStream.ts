// https://www.rfc-editor.org/rfc/rfc7766 section 8
import { type Chunk } from '../flows/ByteStream.ts';
import { type DnsAddresses, parseDnsMessage } from './dns.ts';
import { Message, type MessageSink, type ProtocolParser } from './message.ts';

/*
  stream = ( length:u16 message )*
*/

/** Bytes of a message that are kept to be read. */
const KEPT_BYTES = 4096;
const LENGTH_BYTES = 2;

type AddressListener = (addresses: DnsAddresses, timestampNs: number) => void;

/** DNS over TCP. */
export class DnsStreamParser implements ProtocolParser {
  readonly protocol = 'dns';
  private readonly requests: Reader;
  private readonly responses: Reader;

  /** @param onAddresses what the name of a question was resolved to */
  constructor(sink: MessageSink, onAddresses: AddressListener) {
    this.requests = new Reader('request', sink, onAddresses);
    this.responses = new Reader('response', sink, onAddresses);
  }

  onChunk(isFromClient: boolean, chunk: Chunk): void {
    (isFromClient ? this.requests : this.responses).onChunk(chunk);
  }

  onIdle(): void {}

  onEnd(): void {}
}

class Reader {
  private readonly type: 'request' | 'response';
  private readonly sink: MessageSink;
  private readonly onAddresses: AddressListener;
  private message: Message | undefined;
  /** The length's bytes and the beginning of the message. */
  private kept = new Uint8Array(512);
  private keptLength = 0;
  private isLost = false;

  constructor(type: 'request' | 'response', sink: MessageSink, onAddresses: AddressListener) {
    this.type = type;
    this.sink = sink;
    this.onAddresses = onAddresses;
  }

  onChunk(chunk: Chunk): void {
    if (chunk.lostBefore > 0) this.lose();
    if (this.isLost) {
      // As a rule a message is written by one call.
      const { bytes } = chunk;
      if (bytes.length < LENGTH_BYTES || lengthOf(bytes) + LENGTH_BYTES !== chunk.length) return;
      this.isLost = false;
    }
    for (let at = 0; at < chunk.length;) {
      this.message ??= new Message(this.type, chunk, at);
      const { message } = this;
      const isLengthKnown = message.bytes >= LENGTH_BYTES;
      const wanted = isLengthKnown ? LENGTH_BYTES + lengthOf(this.kept) : LENGTH_BYTES;
      const end = Math.min(chunk.length, at + wanted - message.bytes);
      if (!isLengthKnown && end > chunk.bytes.length) {
        this.lose();
        return;
      }
      this.keep(chunk.bytes.subarray(at, end));
      message.consume(chunk, at, end);
      at = end;
      if (message.bytes >= LENGTH_BYTES && message.bytes === LENGTH_BYTES + lengthOf(this.kept)) this.finish(message);
    }
  }

  private keep(bytes: Uint8Array): void {
    const isContiguous = this.keptLength === this.message!.bytes;
    const length = isContiguous ? Math.min(bytes.length, KEPT_BYTES - this.keptLength) : 0;
    if (this.keptLength + length > this.kept.length) {
      const grown = new Uint8Array(KEPT_BYTES);
      grown.set(this.kept);
      this.kept = grown;
    }
    this.kept.set(bytes.subarray(0, length), this.keptLength);
    this.keptLength += length;
  }

  private finish(message: Message): void {
    message.truncated = this.keptLength < message.bytes;
    const addresses = parseDnsMessage(this.kept.subarray(LENGTH_BYTES, this.keptLength), message);
    this.message = undefined;
    this.keptLength = 0;
    if (!addresses) {
      this.sink.count('dns_not_a_message');
      return;
    }
    if (this.type === 'request') this.sink.onRequestStart(message);
    this.sink.onMessage(message);
    if (addresses.length > 0) this.onAddresses(addresses, message.endNs);
  }

  private lose(): void {
    if (this.message) this.sink.count('dns_bytes_lost');
    this.message = undefined;
    this.keptLength = 0;
    this.isLost = true;
  }
}

function lengthOf(bytes: Uint8Array): number {
  return (bytes[0]! << 8) | bytes[1]!;
}
