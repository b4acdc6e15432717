import { type BpfObject, type MappedRing, mapRing } from '@throughline/ebpf';
import { type EventSource, type PacketEvent, type SocketEvent } from '../events.ts';

/** Reads one record of the ring into its event. @returns false for a record that is none of ours */
export interface RecordReader<E> {
  readonly event: E;
  read(bytes: Uint8Array, words: Uint32Array, at: number, recordBytes: number): boolean;
}

/** Fields of the object's struct of counters, by name, as byte offsets. */
export interface CounterLayout {
  readonly size: number;
  readonly [counter: string]: number;
}

const LOST = /^lost(.)(.*)$/;

/**
 * Shared by the sources that read a BPF ring buffer: drains it, hands out one reused event, reads the counters.
 * Attached and loaded objects are passed in; closing the source closes them.
 */
export abstract class RingSource<E> implements EventSource {
  abstract readonly name: string;
  readonly #object: BpfObject;
  readonly #ring: MappedRing;
  readonly #reader: RecordReader<E>;
  readonly #counters: CounterLayout;
  #malformed = 0;
  #closed = false;
  #onEvent: ((event: E) => void) | undefined;

  constructor(object: BpfObject, ringBytes: number, reader: RecordReader<E>, counters: CounterLayout) {
    this.#object = object;
    this.#ring = mapRing(object.mapFd('events'), ringBytes);
    this.#reader = reader;
    this.#counters = counters;
  }

  abstract poll(onSocket: (event: SocketEvent) => void, onPacket: (event: PacketEvent) => void): number;

  protected drain(onEvent: (event: E) => void): number {
    if (this.#closed) return 0;
    this.#onEvent = onEvent;
    return this.#ring.reader.drain(this.#onRecord);
  }

  /** Made once: a closure per drain would be garbage per drain. */
  readonly #onRecord = (offset: number, length: number): void => {
    const { bytes, words } = this.#ring.reader;
    if (this.#reader.read(bytes, words, offset, length)) this.#onEvent!(this.#reader.event);
    else this.#malformed++;
  };

  drops(): Readonly<Record<string, number>> {
    const drops: Record<string, number> = { malformed_record: this.#malformed };
    if (this.#closed) return drops;
    for (const [counter, value] of this.#counterValues()) {
      const lost = LOST.exec(counter);
      if (lost) drops[snakeCase(lost[1]!.toLowerCase() + lost[2]!)] = value;
    }
    drops['program_running'] = this.#object.recursionMisses();
    return drops;
  }

  /** Events that came through with less in them (no payload, no ids), by reason, since the start. */
  impairments(): Readonly<Record<string, number>> {
    const impairments: Record<string, number> = {};
    if (this.#closed) return impairments;
    for (const [counter, value] of this.#counterValues()) {
      if (!LOST.test(counter)) impairments[snakeCase(counter)] = value;
    }
    return impairments;
  }

  *#counterValues(): Generator<[string, number]> {
    const { size, ...offsets } = this.#counters;
    const values = this.#object.sumCounters('counters', size);
    for (const [counter, offset] of Object.entries(offsets)) yield [counter, values[offset / 8]!];
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ring.unmap();
    this.#object.close();
  }
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
