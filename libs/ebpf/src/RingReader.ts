/**
 * A BPF ring buffer, mapped into JavaScript and drained in place.
 *
 * Layout (kernel/bpf/ringbuf.c): one page with the consumer position, one page with the producer position, then the
 * data mapped twice in a row, so that a record never wraps. Record: u32 length with two flag bits, u32 page offset, data,
 * padded to 8 bytes. Positions only grow; a place in the data is the position modulo the size.
 */
import { mapShared, type Mapping, PROT_READ, PROT_WRITE } from './libc.ts';

const PAGE_BYTES = 4096;
const RECORD_HEADER_BYTES = 8;
const BUSY = 0x80000000;
const DISCARD = 0x40000000;
const LENGTH_MASK = 0x3fffffff;

export interface RingMemory {
  /** The consumer's page; its first 8 bytes are the consumer position. */
  readonly consumer: ArrayBuffer;
  /** The producer's page and twice the data. */
  readonly producer: ArrayBuffer;
}

export class RingReader {
  /** The data, twice. Offsets handed to the callback point into these; valid until it returns. */
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly #mask: number;
  readonly #flushBytes: number;
  readonly #consumer: BigInt64Array;
  readonly #producer: BigInt64Array;
  readonly #lengths: Int32Array;
  #position: number;

  /** @param size bytes of the ring, a power of two up to 2^30 */
  constructor(memory: RingMemory, size: number) {
    this.bytes = new Uint8Array(memory.producer, PAGE_BYTES);
    this.words = new Uint32Array(memory.producer, PAGE_BYTES);
    this.#lengths = new Int32Array(memory.producer, PAGE_BYTES);
    this.#consumer = new BigInt64Array(memory.consumer, 0, 1);
    this.#producer = new BigInt64Array(memory.producer, 0, 1);
    this.#mask = size - 1;
    this.#flushBytes = size >>> 3;
    this.#position = Number(Atomics.load(this.#consumer, 0));
  }

  /**
   * Hands over every finished record. The kernel gets the space back in steps, not only at the end, so that a long drain
   * does not make it lose records.
   * @param onRecord offset of the data in `bytes` (a multiple of 8) and its length
   * @returns number of records
   */
  drain(onRecord: (offset: number, length: number) => void): number {
    const lengths = this.#lengths;
    const mask = this.#mask;
    let records = 0;
    let position = this.#position;
    let flushed = position;
    const end = Number(Atomics.load(this.#producer, 0));
    while (position < end) {
      const offset = position & mask; // the low 32 bits suffice for sizes up to 2^30
      const header = Atomics.load(lengths, offset >>> 2);
      if (header & BUSY) break; // still being written; later ones wait, to keep the order
      const length = header & LENGTH_MASK;
      if ((header & DISCARD) === 0) {
        onRecord(offset + RECORD_HEADER_BYTES, length);
        records++;
      }
      position += (RECORD_HEADER_BYTES + length + 7) & ~7;
      if (position - flushed >= this.#flushBytes) {
        this.#flush(position);
        flushed = position;
      }
    }
    if (position !== flushed) this.#flush(position);
    return records;
  }

  #flush(position: number): void {
    this.#position = position;
    Atomics.store(this.#consumer, 0, BigInt(position));
  }
}

export interface MappedRing {
  readonly reader: RingReader;
  /** The reader must not be used afterwards: touching unmapped memory ends the process. */
  unmap(): void;
}

/** @param fd of a BPF_MAP_TYPE_RINGBUF map; @param size its bytes */
export function mapRing(fd: number, size: number): MappedRing {
  const consumer = mapShared(fd, 0, PAGE_BYTES, PROT_READ | PROT_WRITE);
  let producer: Mapping;
  try {
    producer = mapShared(fd, PAGE_BYTES, PAGE_BYTES + 2 * size, PROT_READ);
  } catch (error) {
    consumer.unmap();
    throw error;
  }
  return {
    reader: new RingReader({ consumer: consumer.buffer, producer: producer.buffer }, size),
    unmap: () => {
      consumer.unmap();
      producer.unmap();
    },
  };
}
