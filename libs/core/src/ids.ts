/**
 * Identity. Every observer of an exchange computes the same ids alone: no address, port, clock or counter goes in.
 *
 * ExchangeId = hash64(first up to 64 raw request bytes as they stood on the connection, sequence number of the first).
 * SpanId of the client's side is the ExchangeId; of the server's side a fixed involution of it. So the row of the
 * server names its parent without ever having seen the client's host.
 *
 * Ids are unsigned 64 bit `bigint` inside processes, 8 big-endian bytes in columns, 16 lower-case hex digits at the edges.
 */

/** Number of raw request bytes that enter the ExchangeId. Changing it changes every id. */
export const EXCHANGE_PREFIX_BYTES = 64;

/** ASCII "srv-side": XOR is its own inverse, so either side's id gives the other's. */
const SERVER_SIDE = 0x7372_762d_7369_6465n;

const C1 = 0xcc9e2d51;
const C2 = 0x1b873593;

/**
 * MurmurHash3 x86 32 bit (Austin Appleby, public domain), on a byte range.
 * @param bytes any bytes; @param start inclusive; @param end exclusive
 */
export function murmur3(bytes: Uint8Array, start: number, end: number, seed: number): number {
  let h = seed | 0;
  const length = end - start;
  const blocks = start + (length & ~3);
  let i = start;
  for (; i < blocks; i += 4) {
    let k = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    k = Math.imul(k, C1);
    k = (k << 15) | (k >>> 17);
    h ^= Math.imul(k, C2);
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe6546b64) | 0;
  }
  const rest = length & 3;
  if (rest > 0) {
    let tail = bytes[i]!;
    if (rest > 1) tail |= bytes[i + 1]! << 8;
    if (rest > 2) tail |= bytes[i + 2]! << 16;
    tail = Math.imul(tail, C1);
    tail = (tail << 15) | (tail >>> 17);
    h ^= Math.imul(tail, C2);
  }
  h ^= length;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** 64 bit hash from two independently seeded 32 bit lanes; never 0, which means "no id" everywhere. */
export function hash64(bytes: Uint8Array, start = 0, end = bytes.length, seed = 0): bigint {
  const high = murmur3(bytes, start, end, seed ^ 0x9747b28c);
  const low = murmur3(bytes, start, end, seed ^ 0x3c6ef372);
  const id = (BigInt(high) << 32n) | BigInt(low);
  return id === 0n ? 1n : id;
}

/**
 * @param prefix raw request bytes from the first byte of the request; only the first 64 are used, and never bytes of
 *   the next request: the caller ends the range where the request ends.
 * @param sequence TCP sequence number of the first of them (u32); 0 for datagrams, whose payload holds its own id.
 */
export function exchangeId(prefix: Uint8Array, sequence: number): bigint {
  return hash64(prefix, 0, Math.min(prefix.length, EXCHANGE_PREFIX_BYTES), sequence);
}

export function clientSpanId(exchange: bigint): bigint {
  return exchange;
}

/** SpanId of the server's side of an exchange; its ParentSpanId is the ExchangeId itself. */
export function serverSpanId(exchange: bigint): bigint {
  const id = exchange ^ SERVER_SIDE;
  return id === 0n ? 1n : id;
}

/** Content-hash id of an entity (process, listener, host …) from the parts of its identity, in a fixed order. */
export function entityId(...identity: readonly (string | number)[]): bigint {
  return hash64(new TextEncoder().encode(identity.join('\u0000')));
}

export function idToHex(id: bigint): string {
  return id.toString(16).padStart(16, '0');
}

/** @returns undefined unless `hex` is exactly 16 hex digits. */
export function idFromHex(hex: string): bigint | undefined {
  return /^[0-9a-fA-F]{16}$/.test(hex) ? BigInt('0x' + hex) : undefined;
}

export function bytesToHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
