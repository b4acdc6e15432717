/** Names of interfaces (IFNAMSIZ 16 bytes, NUL-padded) as strings, each made once: a host has few. */
const NAME_BYTES = 16;
/** Containers come and go; beyond this many names the table starts anew. */
const NAMES_MAX = 10_000;

interface KnownName {
  readonly words: readonly number[];
  readonly text: string;
}

export class InterfaceNames {
  /** By a hash of the four words; a clash just makes the string again. */
  readonly #known = new Map<number, KnownName>();

  /** @param at offset in both views, a multiple of 4 */
  read(bytes: Uint8Array, words: Uint32Array, at: number): string {
    const first = at >>> 2;
    const a = words[first]!;
    const b = words[first + 1]!;
    const c = words[first + 2]!;
    const d = words[first + 3]!;
    const hash = Math.imul(Math.imul(Math.imul(a, 31) ^ b, 31) ^ c, 31) ^ d;
    const known = this.#known.get(hash);
    if (known && known.words[0] === a && known.words[1] === b && known.words[2] === c && known.words[3] === d) {
      return known.text;
    }
    let end = at;
    while (end < at + NAME_BYTES && bytes[end] !== 0) end++;
    const text = Buffer.from(bytes.subarray(at, end)).toString('latin1');
    if (this.#known.size >= NAMES_MAX) this.#known.clear();
    this.#known.set(hash, { words: [a, b, c, d], text });
    return text;
  }
}
