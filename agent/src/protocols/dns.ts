// https://www.rfc-editor.org/rfc/rfc1035 section 4
import { mapIPv4 } from '@throughline/core';
import { type Chunk } from '../flows/ByteStream.ts';
import { Message, latin1 } from './message.ts';

/*
  message  = id:u16 flags:u16 questions:u16 answers:u16 authorities:u16 additionals:u16, then these
  question = name type:u16 class:u16;  record = name type:u16 class:u16 ttl:u32 length:u16 data
  name     = labels (length:u8 bytes)* 0 | pointer (0b11 offset:14)
*/

const TYPES: Readonly<Record<number, string>> = {
  1: 'A',
  2: 'NS',
  5: 'CNAME',
  6: 'SOA',
  12: 'PTR',
  15: 'MX',
  16: 'TXT',
  28: 'AAAA',
  33: 'SRV',
  35: 'NAPTR',
  43: 'DS',
  46: 'RRSIG',
  48: 'DNSKEY',
  64: 'SVCB',
  65: 'HTTPS',
  252: 'AXFR',
  255: 'ANY',
  257: 'CAA',
};
const RCODES = [
  'NOERROR',
  'FORMERR',
  'SERVFAIL',
  'NXDOMAIN',
  'NOTIMP',
  'REFUSED',
  'YXDOMAIN',
  'YXRRSET',
  'NXRRSET',
  'NOTAUTH',
  'NOTZONE',
];
const MAX_RECORDS = 64;

export interface DnsMessage {
  readonly message: Message;
  /** Addresses of the name that was asked for, whatever aliases led to them. */
  readonly addresses: readonly { readonly address: Uint8Array; readonly name: string }[];
}

/** @returns undefined for bytes that are no DNS message */
export function parseDns(chunk: Chunk): DnsMessage | undefined {
  const { bytes } = chunk;
  if (bytes.length < 12) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = view.getUint16(2);
  const isResponse = (flags & 0x8000) !== 0;
  const opcode = (flags >> 11) & 15;
  const questions = view.getUint16(4);
  const answers = view.getUint16(6);
  // Standard queries, inverse, status, notify and update; anything else is another protocol on this port.
  if (opcode > 5 || opcode === 3 || questions > 16 || (flags & 0x40) !== 0) return undefined;
  const message = new Message(isResponse ? 'response' : 'request', chunk, 0);
  message.consume(chunk, 0, chunk.length);
  message.pairId = view.getUint16(0);
  let at = 12;
  let asked = '';
  for (let i = 0; i < questions; i++) {
    const name = readName(bytes, at);
    if (!name || name.end + 4 > bytes.length) {
      if (i === 0) return undefined;
      break;
    }
    if (i === 0) {
      asked = name.text;
      const type = view.getUint16(name.end);
      message.method = TYPES[type] ?? `TYPE${type}`;
    }
    at = name.end + 4;
  }
  message.target = asked;
  message.endpoint = asked;
  message.truncated = chunk.bytes.length < chunk.length;
  if (!isResponse) return { message, addresses: [] };
  message.responseCode = flags & 15;
  message.isError = message.responseCode !== 0 && message.responseCode !== 3;
  // NXDOMAIN is an answer; whether it is a fault, the asker decides. It is shown as one.
  if (message.responseCode === 3) message.isError = true;
  if (message.responseCode !== 0)
    message.statusMessage = RCODES[message.responseCode] ?? `RCODE${message.responseCode}`;
  const addresses: { address: Uint8Array; name: string }[] = [];
  for (let i = 0; i < Math.min(answers, MAX_RECORDS); i++) {
    const name = readName(bytes, at);
    if (!name || name.end + 10 > bytes.length) break;
    const type = view.getUint16(name.end);
    const length = view.getUint16(name.end + 8);
    const data = name.end + 10;
    if (data + length > bytes.length) break;
    if (type === 1 && length === 4) addresses.push({ address: mapIPv4(bytes, data), name: asked });
    if (type === 28 && length === 16) addresses.push({ address: bytes.slice(data, data + 16), name: asked });
    at = data + length;
  }
  return { message, addresses };
}

/** Pointers may only point back, which bounds them; a name has at most 255 bytes. */
function readName(bytes: Uint8Array, start: number): { text: string; end: number } | undefined {
  const labels: string[] = [];
  let at = start;
  let end = -1;
  let bound = start;
  let total = 0;
  for (;;) {
    const length = bytes[at];
    if (length === undefined) return undefined;
    if (length === 0) return { text: labels.join('.').toLowerCase(), end: end < 0 ? at + 1 : end };
    if (length >= 0xc0) {
      const low = bytes[at + 1];
      if (low === undefined) return undefined;
      if (end < 0) end = at + 2;
      const target = ((length & 0x3f) << 8) | low;
      if (target >= bound) return undefined;
      bound = at = target;
      continue;
    }
    if (length > 63 || at + 1 + length > bytes.length) return undefined;
    total += length + 1;
    if (total > 255) return undefined;
    labels.push(latin1(bytes, at + 1, at + 1 + length));
    at += length + 1;
  }
}
