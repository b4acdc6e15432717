import { describe, expect, it } from 'vitest';
import {
  exchangeId,
  formatAddress,
  idFromHex,
  idToHex,
  murmur3,
  parseAddress,
  rangesOverlap,
  serverSpanId,
} from './index.ts';

describe('murmur3', () => {
  // Reference values of the original C++ implementation (SMHasher).
  it.each([
    ['', 0, 0],
    ['', 1, 0x514e28b7],
    ['test', 0, 0xba6bd213],
    ['Hello, world!', 0, 0xc0363e43],
    ['The quick brown fox jumps over the lazy dog', 0x9747b28c, 0x2fa826cd],
  ])('%j seed %i', (text, seed, expected) => {
    const bytes = new TextEncoder().encode(text);
    expect(murmur3(bytes, 0, bytes.length, seed)).toBe(expected);
  });
});

describe('exchangeId', () => {
  const request = new TextEncoder().encode(
    'GET /orders/1 HTTP/1.1\r\nHost: shop\r\nAccept: */*\r\nX: ' + 'y'.repeat(200)
  );
  it('uses the first 64 bytes and the sequence number only', () => {
    expect(exchangeId(request.subarray(0, 64), 7)).toBe(exchangeId(request, 7));
    expect(exchangeId(request, 8)).not.toBe(exchangeId(request, 7));
    expect(exchangeId(request.subarray(0, 63), 7)).not.toBe(exchangeId(request, 7));
  });
  it('gives the server its own id, from which the exchange id follows', () => {
    const id = exchangeId(request, 7);
    expect(serverSpanId(id)).not.toBe(id);
    expect(serverSpanId(serverSpanId(id))).toBe(id);
    expect(idFromHex(idToHex(id))).toBe(id);
  });
});

describe('addresses', () => {
  it.each(['10.0.0.1', '::1', 'fe80::1:2', '2001:db8::1', '1:2:3:4:5:6:7:8', '::'])('%s', (text) => {
    expect(formatAddress(parseAddress(text)!)).toBe(text);
  });
  it.each(['', '1.2.3', '1.2.3.256', ':::', '1:2:3', 'g::1'])('refuses %j', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });
});

describe('sequence ranges', () => {
  it('wrap around 2^32', () => {
    expect(rangesOverlap(0xfffffff0, 0x10, 0x5, 0x20)).toBe(true);
    expect(rangesOverlap(0xfffffff0, 0x5, 0x5, 0x20)).toBe(false);
  });
});
