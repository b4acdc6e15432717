/**
 * CityHash128 of version 1.0.2, the one ClickHouse uses as the checksum of its compressed blocks
 * (contrib/cityhash102/src/city.cc, MIT licence, Google). Later versions give other values.
 */
const K0 = 0xc3a5c85c97cb3127n;
const K1 = 0xb492b66fbe98f273n;
const K2 = 0x9ae16a3b2f90404fn;
const K3 = 0xc949d7c7509e6557n;
const HASH_MUL = 0x9ddfea08eb382d69n;
const MASK = 0xffff_ffff_ffff_ffffn;

export interface Hash128 {
  readonly low: bigint;
  readonly high: bigint;
}

export function cityHash128(bytes: Buffer): Hash128 {
  if (bytes.length >= 16) {
    return withSeed(bytes, 16, bytes.length - 16, bytes.readBigUInt64LE(0) ^ K3, bytes.readBigUInt64LE(8));
  }
  if (bytes.length >= 8) {
    const length = BigInt(bytes.length);
    return withSeed(
      Buffer.alloc(0),
      0,
      0,
      bytes.readBigUInt64LE(0) ^ multiply(length, K0),
      bytes.readBigUInt64LE(bytes.length - 8) ^ K1
    );
  }
  return withSeed(bytes, 0, bytes.length, K0, K1);
}

function withSeed(s: Buffer, start: number, length: number, low: bigint, high: bigint): Hash128 {
  if (length < 128) return murmur(s, start, length, low, high);
  let at = start;
  let left = length;
  let x = low;
  let y = high;
  let z = multiply(BigInt(length), K1);
  let v0 = add(multiply(rotate(y ^ K1, 49n), K1), fetch(s, at));
  let v1 = add(multiply(rotate(v0, 42n), K1), fetch(s, at + 8));
  let w0 = add(multiply(rotate(add(y, z), 35n), K1), x);
  let w1 = multiply(rotate(add(x, fetch(s, at + 88)), 53n), K1);
  do {
    for (let half = 0; half < 2; half++) {
      x = multiply(rotate(add(x, y, v0, fetch(s, at + 16)), 37n), K1);
      y = multiply(rotate(add(y, v1, fetch(s, at + 48)), 42n), K1);
      x ^= w1;
      y ^= v0;
      z = rotate(z ^ w0, 33n);
      [v0, v1] = weak(s, at, multiply(v1, K1), add(x, w0));
      [w0, w1] = weak(s, at + 32, add(z, w1), y);
      [z, x] = [x, z];
      at += 64;
    }
    left -= 128;
  } while (left >= 128);
  y = add(y, multiply(rotate(w0, 37n), K0), z);
  x = add(x, multiply(rotate(add(v0, z), 49n), K0));
  for (let tail = 0; tail < left;) {
    tail += 32;
    y = add(multiply(rotate(subtract(y, x), 42n), K0), v1);
    w0 = add(w0, fetch(s, at + left - tail + 16));
    x = add(multiply(rotate(x, 49n), K0), w0);
    w0 = add(w0, v0);
    [v0, v1] = weak(s, at + left - tail, v0, v1);
  }
  x = hash16(x, v0);
  y = hash16(y, w0);
  return { low: add(hash16(add(x, v1), w1), y), high: hash16(add(x, w1), add(y, v1)) };
}

function murmur(s: Buffer, start: number, length: number, low: bigint, high: bigint): Hash128 {
  let a = low;
  let b = high;
  let c = 0n;
  let d = 0n;
  if (length <= 16) {
    a = multiply(shiftMix(multiply(a, K1)), K1);
    c = add(multiply(b, K1), hash0to16(s, start, length));
    d = shiftMix(add(a, length >= 8 ? fetch(s, start) : c));
  } else {
    c = hash16(add(fetch(s, start + length - 8), K1), a);
    d = hash16(add(b, BigInt(length)), add(c, fetch(s, start + length - 16)));
    a = add(a, d);
    let at = start;
    for (let left = length - 16; left > 0; left -= 16) {
      a ^= multiply(shiftMix(multiply(fetch(s, at), K1)), K1);
      a = multiply(a, K1);
      b ^= a;
      c ^= multiply(shiftMix(multiply(fetch(s, at + 8), K1)), K1);
      c = multiply(c, K1);
      d ^= c;
      at += 16;
    }
  }
  a = hash16(a, c);
  b = hash16(d, b);
  return { low: a ^ b, high: hash16(b, a) };
}

function hash0to16(s: Buffer, start: number, length: number): bigint {
  if (length > 8) {
    const a = fetch(s, start);
    const b = fetch(s, start + length - 8);
    const n = BigInt(length);
    return hash16(a, rotate(add(b, n), n)) ^ b;
  }
  if (length >= 4) {
    const a = BigInt(s.readUInt32LE(start));
    return hash16(add(BigInt(length), a << 3n), BigInt(s.readUInt32LE(start + length - 4)));
  }
  if (length > 0) {
    const a = s[start] ?? 0;
    const b = s[start + (length >> 1)] ?? 0;
    const c = s[start + length - 1] ?? 0;
    const y = BigInt(a + (b << 8));
    const z = BigInt(length + (c << 2));
    return multiply(shiftMix(multiply(y, K2) ^ multiply(z, K3)), K2);
  }
  return K2;
}

function hash16(u: bigint, v: bigint): bigint {
  let a = multiply(u ^ v, HASH_MUL);
  a ^= a >> 47n;
  let b = multiply(v ^ a, HASH_MUL);
  b ^= b >> 47n;
  return multiply(b, HASH_MUL);
}

function weak(s: Buffer, at: number, seedA: bigint, seedB: bigint): [bigint, bigint] {
  const w = fetch(s, at);
  const z = fetch(s, at + 24);
  let a = add(seedA, w);
  let b = rotate(add(seedB, a, z), 21n);
  const c = a;
  a = add(a, fetch(s, at + 8), fetch(s, at + 16));
  b = add(b, rotate(a, 44n));
  return [add(a, z), add(b, c)];
}

function fetch(s: Buffer, at: number): bigint {
  return s.readBigUInt64LE(at);
}
function add(...values: readonly bigint[]): bigint {
  let sum = 0n;
  for (const value of values) sum += value;
  return sum & MASK;
}
function subtract(a: bigint, b: bigint): bigint {
  return (a - b) & MASK;
}
function multiply(a: bigint, b: bigint): bigint {
  return (a * b) & MASK;
}
function rotate(value: bigint, shift: bigint): bigint {
  return ((value >> shift) | (value << (64n - shift))) & MASK;
}
function shiftMix(value: bigint): bigint {
  return value ^ (value >> 47n);
}
