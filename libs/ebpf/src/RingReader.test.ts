import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RingReader } from './RingReader.ts';

const PAGE = 4096;
const BUSY = 0x80000000;
const DISCARD = 0x40000000;

/** A writer as kernel/bpf/ringbuf.c is one, on plain memory; the second half repeats the first, as the mapping does. */
class FakeRing {
  readonly memory: { consumer: ArrayBuffer; producer: ArrayBuffer };
  readonly size: number;
  #position = 0;
  readonly #view: DataView;

  constructor(size: number) {
    this.size = size;
    this.memory = { consumer: new ArrayBuffer(PAGE), producer: new ArrayBuffer(PAGE + 2 * size) };
    this.#view = new DataView(this.memory.producer);
  }

  consumed(): number {
    return Number(new BigInt64Array(this.memory.consumer)[0]);
  }

  /** @returns place of the record, or undefined where there is no room for it */
  write(payload: readonly number[], flags = 0): number | undefined {
    const total = (8 + payload.length + 7) & ~7;
    if (this.#position + total - this.consumed() > this.size) return undefined;
    const place = this.#position;
    this.setHeader(place, payload.length, flags);
    payload.forEach((byte, i) => {
      const at = (place + 8 + i) % this.size;
      this.#view.setUint8(PAGE + at, byte);
      this.#view.setUint8(PAGE + this.size + at, byte);
    });
    this.#position += total;
    this.#view.setBigInt64(0, BigInt(this.#position), true);
    return place;
  }

  setHeader(place: number, length: number, flags: number): void {
    const header = (length | flags) >>> 0;
    this.#view.setUint32(PAGE + (place % this.size), header, true);
    this.#view.setUint32(PAGE + this.size + (place % this.size), header, true);
  }
}

function drain(reader: RingReader): number[][] {
  const records: number[][] = [];
  reader.drain((offset, length) => records.push([...reader.bytes.subarray(offset, offset + length)]));
  return records;
}

describe('RingReader', () => {
  it('hands out records in order, whole across the end of the ring', () => {
    const ring = new FakeRing(64);
    const reader = new RingReader(ring.memory, ring.size);
    for (let round = 0; round < 50; round++) {
      const record = Array.from({ length: (round % 29) + 1 }, (_, i) => (round + i) & 255);
      expect(ring.write(record)).toBeDefined();
      expect(drain(reader)).toEqual([record]);
    }
  });

  it('stops at a record still being written and takes it later', () => {
    const ring = new FakeRing(256);
    const reader = new RingReader(ring.memory, ring.size);
    ring.write([1]);
    const place = ring.write([2], BUSY)!;
    ring.write([3]);
    expect(drain(reader)).toEqual([[1]]);
    ring.setHeader(place, 1, 0);
    expect(drain(reader)).toEqual([[2], [3]]);
    expect(drain(reader)).toEqual([]);
  });

  it('steps over discarded records and gives their space back', () => {
    const ring = new FakeRing(64);
    const reader = new RingReader(ring.memory, ring.size);
    ring.write([1, 2, 3], DISCARD);
    ring.write([4]);
    expect(drain(reader)).toEqual([[4]]);
    expect(ring.consumed()).toBe(32);
  });

  it('goes on where an earlier reader stopped', () => {
    const ring = new FakeRing(64);
    ring.write([1]);
    drain(new RingReader(ring.memory, ring.size));
    ring.write([2]);
    expect(drain(new RingReader(ring.memory, ring.size))).toEqual([[2]]);
  });

  it('gives space back while it drains', () => {
    const ring = new FakeRing(1024);
    const reader = new RingReader(ring.memory, ring.size);
    for (let i = 0; i < 60; i++) ring.write([i]);
    let seen = 0;
    let given = 0;
    reader.drain(() => {
      seen++;
      if (seen === 30) given = ring.consumed();
    });
    expect(given).toBeGreaterThan(0);
    expect(ring.consumed()).toBe(60 * 16);
  });

  it('loses and repeats nothing, whatever is written between drains', () => {
    const step = fc.oneof(
      fc.record({
        payload: fc.array(fc.nat(255), { maxLength: 40 }),
        discard: fc.boolean(),
      }),
      fc.constant('drain' as const)
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const ring = new FakeRing(256);
        const reader = new RingReader(ring.memory, ring.size);
        const written: number[][] = [];
        const read: number[][] = [];
        for (const next of [...steps, 'drain' as const]) {
          if (next === 'drain') read.push(...drain(reader));
          else if (ring.write(next.payload, next.discard ? DISCARD : 0) !== undefined && !next.discard) {
            written.push(next.payload);
          }
        }
        expect(read).toEqual(written);
      })
    );
  });
});
