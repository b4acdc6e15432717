/** TCP sequence arithmetic, modulo 2^32 (RFC 9293 section 3.4). Ranges are half-open: [start, end). */

export function sequenceAdd(sequence: number, bytes: number): number {
  return (sequence + bytes) >>> 0;
}

/** Signed distance from a to b in bytes, in [-2^31, 2^31). */
export function sequenceDistance(a: number, b: number): number {
  return (b - a) | 0;
}

export function sequenceBefore(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

/** Whether [aStart, aEnd) and [bStart, bEnd) share a byte; ranges shorter than 2^31 bytes. */
export function rangesOverlap(aStart: number, aEnd: number, bStart: number, bEnd: number): boolean {
  return sequenceBefore(aStart, bEnd) && sequenceBefore(bStart, aEnd);
}
