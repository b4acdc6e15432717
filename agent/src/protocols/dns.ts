// https://www.rfc-editor.org/rfc/rfc1035 section 4
import { formatAddress, mapIPv4 } from '@throughline/core';
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
const HEADER_BYTES = 12;
const MAX_QUESTIONS = 16;
const MAX_RECORDS = 64;
const MAX_NAME_BYTES = 255;
const TYPE_A = 1;
const TYPE_AAAA = 28;

/** Addresses of the name that was asked for, whatever aliases led to them. */
export type DnsAddresses = readonly { readonly address: Uint8Array; readonly name: string }[];

export interface DnsMessage {
  readonly message: Message;
  readonly addresses: DnsAddresses;
}

/** One datagram. @returns undefined for bytes that are no DNS message */
export function parseDns(chunk: Chunk): DnsMessage | undefined {
  if (chunk.bytes.length < HEADER_BYTES) return undefined;
  const message = new Message((chunk.bytes[2]! & 0x80) !== 0 ? 'response' : 'request', chunk, 0);
  message.consume(chunk, 0, chunk.length);
  message.truncated = chunk.bytes.length < chunk.length;
  const addresses = parseDnsMessage(chunk.bytes, message);
  return addresses && { message, addresses };
}

/** Fills `message` from the bytes of a DNS message. @returns undefined where they are none */
export function parseDnsMessage(bytes: Uint8Array, message: Message): DnsAddresses | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = view.getUint16(2);
  const isResponse = (flags & 0x8000) !== 0;
  const opcode = (flags >> 11) & 15;
  const questions = view.getUint16(4);
  // Queries, status, notify and update; anything else is another protocol on this port.
  if (isResponse !== (message.type === 'response')) return undefined;
  if (opcode > 5 || opcode === 3 || questions > MAX_QUESTIONS || (flags & 0x40) !== 0) return undefined;
  message.pairId = view.getUint16(0);
  let at = HEADER_BYTES;
  let asked = '';
  for (let i = 0; i < questions; i++) {
    const name = readName(bytes, at);
    if (!name || name.end + 4 > bytes.length) {
      if (i === 0) return undefined;
      break;
    }
    if (i === 0) {
      asked = name.text;
      message.method = typeName(view.getUint16(name.end));
    }
    at = name.end + 4;
  }
  message.target = asked;
  message.endpoint = asked;
  if (!isResponse) return [];
  message.responseCode = flags & 15;
  // NXDOMAIN is an answer; whether it is a fault, the asker decides. It is shown as one.
  message.isError = message.responseCode !== 0;
  if (message.isError) message.statusMessage = RCODES[message.responseCode] ?? `RCODE${message.responseCode}`;
  const addresses = readAddresses(bytes, view, at, view.getUint16(6), asked);
  if (addresses.length > 0) {
    message.attributes['dns.answers'] = addresses.map(({ address }) => formatAddress(address)).join(',');
  }
  return addresses;
}

function typeName(type: number): string {
  return TYPES[type] ?? `TYPE${type}`;
}

function readAddresses(bytes: Uint8Array, view: DataView, start: number, count: number, asked: string): DnsAddresses {
  const addresses: { address: Uint8Array; name: string }[] = [];
  let at = start;
  for (let i = 0; i < Math.min(count, MAX_RECORDS); i++) {
    const name = readName(bytes, at);
    if (!name || name.end + 10 > bytes.length) break;
    const type = view.getUint16(name.end);
    const length = view.getUint16(name.end + 8);
    const data = name.end + 10;
    if (data + length > bytes.length) break;
    if (type === TYPE_A && length === 4) addresses.push({ address: mapIPv4(bytes, data), name: asked });
    if (type === TYPE_AAAA && length === 16) addresses.push({ address: bytes.slice(data, data + 16), name: asked });
    at = data + length;
  }
  return addresses;
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
    if (total > MAX_NAME_BYTES) return undefined;
    labels.push(latin1(bytes, at + 1, at + 1 + length));
    at += length + 1;
  }
}
