/** Fills `into` from its start. @returns bytes read, 0 at the end */
export type ReadBytes = (into: Buffer) => number;

/** A stream of bytes of which a window is in memory; records are read from `buffer` at `start`. */
export class SlidingInput {
  buffer = Buffer.alloc(1 << 16);
  start = 0;
  #end = 0;
  readonly #read: ReadBytes;

  constructor(read: ReadBytes) {
    this.#read = read;
  }

  /** Makes sure that `bytes` bytes from `start` are in memory. @returns false where the stream ends before */
  ensure(bytes: number): boolean {
    if (this.#end - this.start >= bytes) return true;
    if (bytes > this.buffer.length) {
      const larger = Buffer.alloc(Math.max(bytes, 2 * this.buffer.length));
      this.buffer.copy(larger, 0, this.start, this.#end);
      this.buffer = larger;
    } else {
      this.buffer.copyWithin(0, this.start, this.#end);
    }
    this.#end -= this.start;
    this.start = 0;
    while (this.#end < bytes) {
      const read = this.#read(this.buffer.subarray(this.#end));
      if (read === 0) return false;
      this.#end += read;
    }
    return true;
  }

  /** Bytes in memory from `start`; after a failed `ensure`, all there are. */
  available(): number {
    return this.#end - this.start;
  }
}
