import { sequenceAdd, sequenceDistance } from '@throughline/core';

/** What else is known about the event or packet that brought bytes. */
export interface ChunkOrigin {
  readonly timestampNs: number;
  readonly tid: number;
  readonly ingressId: number;
  readonly answerId: number;
  readonly birthId: number;
}

/** Bytes of one direction, in order. `bytes` is what was captured of the first of `length` bytes; valid during the call only. */
export interface Chunk extends ChunkOrigin {
  readonly sequence: number;
  readonly bytes: Uint8Array;
  readonly length: number;
  /** Bytes between the chunk before and this one that were never seen; 0 as a rule. */
  readonly lostBefore: number;
}

export interface StreamCounters {
  retransmittedBytes: number;
  outOfOrder: number;
  lostBytes: number;
}

interface Held {
  readonly sequence: number;
  readonly length: number;
  readonly bytes: Uint8Array;
  readonly origin: ChunkOrigin;
}

/** Held segments; more than these means the missing one will not come. */
const MAX_HELD = 64;
const MAX_HELD_BYTES = 256 << 10;
const MAX_HELD_NS = 1e9;
/** No window is so large: a segment farther away than this is of a connection that took the same ports. */
const MAX_DISTANCE = 1 << 28;

/**
 * One direction of a connection: puts segments in order by sequence number, drops what was seen, and says where bytes are missing.
 * Sequence numbers wrap; a stream may be joined in the middle.
 */
export class ByteStream {
  private next: number | undefined;
  private held: Held[] = [];
  private heldBytes = 0;
  readonly counters: StreamCounters = { retransmittedBytes: 0, outOfOrder: 0, lostBytes: 0 };
  private readonly onChunk: (chunk: Chunk) => void;

  constructor(onChunk: (chunk: Chunk) => void) {
    this.onChunk = onChunk;
  }

  /** The first byte of the stream has this number, for instance after SYN. */
  startAt(sequence: number): void {
    this.next ??= sequence;
  }

  /**
   * @param isOrdered the source gives calls in order (sockets): a gap is a loss, not a delay
   */
  push(sequence: number, length: number, bytes: Uint8Array, origin: ChunkOrigin, isOrdered: boolean): void {
    if (length === 0) return;
    this.next ??= sequence;
    const distance = sequenceDistance(this.next, sequence);
    if (Math.abs(distance) > MAX_DISTANCE) this.restart(sequence);
    else if (distance > 0 && !isOrdered) {
      this.hold(sequence, length, bytes, origin);
      return;
    }
    this.deliver(sequence, length, bytes, origin);
    if (this.held.length > 0) this.release(origin.timestampNs);
  }

  /** Gives up waiting for segments that are overdue. */
  advance(nowNs: number): void {
    if (this.held.length > 0) this.release(nowNs);
  }

  /** What was held can not be put in order any more; one byte is lost at least. */
  private restart(sequence: number): void {
    this.held = [];
    this.heldBytes = 0;
    this.next = sequenceAdd(sequence, -1);
  }

  private deliver(sequence: number, length: number, bytes: Uint8Array, origin: ChunkOrigin): void {
    const distance = sequenceDistance(this.next!, sequence);
    let start = sequence;
    let left = length;
    let captured = bytes;
    if (distance < 0) {
      const seen = Math.min(length, -distance);
      this.counters.retransmittedBytes += seen;
      if (seen === length) return;
      start = sequenceAdd(sequence, seen);
      left -= seen;
      captured = bytes.subarray(Math.min(seen, bytes.length));
    } else if (distance > 0) {
      this.counters.lostBytes += distance;
    }
    this.next = sequenceAdd(start, left);
    if (captured.length > left) captured = captured.subarray(0, left);
    this.onChunk({
      sequence: start,
      bytes: captured,
      length: left,
      lostBefore: Math.max(0, distance),
      timestampNs: origin.timestampNs,
      tid: origin.tid,
      ingressId: origin.ingressId,
      answerId: origin.answerId,
      birthId: origin.birthId,
    });
  }

  private hold(sequence: number, length: number, bytes: Uint8Array, origin: ChunkOrigin): void {
    this.counters.outOfOrder++;
    this.held.push({ sequence, length, bytes: bytes.slice(), origin: { ...origin } });
    this.heldBytes += bytes.length;
    this.held.sort((a, b) => sequenceDistance(b.sequence, a.sequence));
    this.release(origin.timestampNs);
  }

  private release(nowNs: number): void {
    while (this.held.length > 0) {
      const first = this.held[0]!;
      const isNext = sequenceDistance(this.next!, first.sequence) <= 0;
      const isOverdue =
        this.held.length > MAX_HELD ||
        this.heldBytes > MAX_HELD_BYTES ||
        nowNs - first.origin.timestampNs > MAX_HELD_NS;
      if (!isNext && !isOverdue) return;
      this.held.shift();
      this.heldBytes -= first.bytes.length;
      this.deliver(first.sequence, first.length, first.bytes, first.origin);
    }
  }
}
