import { sequenceAdd } from '@throughline/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteStream, type Chunk } from './ByteStream.ts';

const origin = (timestampNs: number) => ({ timestampNs, tid: 0, ingressId: 0, answerId: 0, birthId: 0 });
const TEXT = Buffer.from('the quick brown fox jumps over the lazy dog and runs away from it');

function collect(): { stream: ByteStream; chunks: Chunk[]; text: () => string } {
  const chunks: Chunk[] = [];
  const stream = new ByteStream((chunk) => chunks.push({ ...chunk, bytes: chunk.bytes.slice() }));
  return { stream, chunks, text: () => Buffer.concat(chunks.map(({ bytes }) => bytes)).toString() };
}

describe('ByteStream', () => {
  it('puts any order of overlapping, repeated segments right, wherever the numbers wrap', () => {
    const segment = fc.tuple(fc.nat(TEXT.length - 1), fc.integer({ min: 1, max: 20 }));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), fc.array(segment, { maxLength: 30 }), (start, extra) => {
        const whole: [number, number][] = [];
        for (let at = 0; at < TEXT.length; at += 7) whole.push([at, 7]);
        // Extra segments first, from the middle and overlapping; then all, from the end.
        const { stream, chunks, text } = collect();
        stream.startAt(start);
        let ns = 0;
        for (const [at, length] of [...extra, ...whole.reverse()]) {
          const bytes = TEXT.subarray(at, at + length);
          stream.push(sequenceAdd(start, at), bytes.length, bytes, origin(ns++), false);
        }
        expect(text()).toBe(TEXT.toString());
        expect(chunks.every(({ lostBefore }) => lostBefore === 0)).toBe(true);
      })
    );
  });

  it('says how many bytes are missing once a segment is overdue', () => {
    const { stream, chunks } = collect();
    stream.push(100, 5, TEXT.subarray(0, 5), origin(0), false);
    stream.push(115, 5, TEXT.subarray(15, 20), origin(1), false);
    stream.advance(5e8);
    expect(chunks).toHaveLength(1);
    stream.advance(2e9);
    expect(chunks.map(({ sequence, lostBefore }) => [sequence, lostBefore])).toEqual([
      [100, 0],
      [115, 10],
    ]);
    expect(stream.counters.lostBytes).toBe(10);
  });

  it('does not wait where calls come in order', () => {
    const { stream, chunks } = collect();
    stream.push(100, 5, TEXT.subarray(0, 5), origin(0), true);
    stream.push(110, 5, TEXT.subarray(10, 15), origin(1), true);
    expect(chunks.map(({ lostBefore }) => lostBefore)).toEqual([0, 5]);
  });

  it('holds a bounded number of segments', () => {
    const { stream, chunks } = collect();
    stream.startAt(0);
    for (let i = 1; i <= 1000; i++) stream.push(i * 10, 5, TEXT.subarray(0, 5), origin(i), false);
    expect(chunks.length).toBeGreaterThan(900);
  });

  it('gives what was captured of a segment, less what was seen', () => {
    const { stream, chunks } = collect();
    stream.push(0, 10, TEXT.subarray(0, 10), origin(0), false);
    stream.push(5, 100, TEXT.subarray(5, 20), origin(1), false);
    expect(chunks[1]).toMatchObject({ sequence: 10, length: 95, lostBefore: 0 });
    expect(Buffer.from(chunks[1]!.bytes).toString()).toBe(TEXT.toString().slice(10, 20));
    expect(stream.counters.retransmittedBytes).toBe(5);
  });

  it('follows a connection that took the ports of another', () => {
    const { stream, chunks } = collect();
    stream.push(0xf0000000, 5, TEXT.subarray(0, 5), origin(0), false);
    stream.push(0x90000000, 5, TEXT.subarray(0, 5), origin(1), false);
    stream.push(0x90000005, 5, TEXT.subarray(5, 10), origin(2), false);
    expect(chunks.map(({ sequence }) => sequence)).toEqual([0xf0000000, 0x90000000, 0x90000005]);
    expect(chunks[1]!.lostBefore).toBeGreaterThan(0);
  });
});
