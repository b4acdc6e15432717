/**
 * A payload copied out of memory that the kernel shares, handed out without allocating: one view per length, all over
 * the same bytes. A view kept by mistake holds old bytes, instead of memory that may be unmapped.
 */
export class PayloadWindow {
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #views: (Uint8Array | undefined)[] = [];

  /** @param capacity bytes, a multiple of 4 */
  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
    this.#words = new Uint32Array(this.#bytes.buffer);
  }

  /** @param from multiple of 4 within `words`, in bytes; @param length at most the capacity; reads whole words */
  copyWords(words: Uint32Array, from: number, length: number): Uint8Array {
    const first = from >>> 2;
    const count = (length + 3) >>> 2;
    for (let i = 0; i < count; i++) this.#words[i] = words[first + i]!;
    return this.#view(length);
  }

  #view(length: number): Uint8Array {
    return (this.#views[length] ??= this.#bytes.subarray(0, length));
  }
}
