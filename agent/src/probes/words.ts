/** Fields of a record as 32 bit words: reading u64 through DataView would make a bigint each time. */

/** @param byteOffset multiple of 8 @returns exact below 2^53 */
export function readU64(words: Uint32Array, byteOffset: number): number {
  const index = byteOffset >>> 2;
  return words[index]! + words[index + 1]! * 0x1_0000_0000;
}

export function readU32(words: Uint32Array, byteOffset: number): number {
  return words[byteOffset >>> 2]!;
}

/** Little-endian, as both architectures are. */
export function readU16(bytes: Uint8Array, byteOffset: number): number {
  return bytes[byteOffset]! | (bytes[byteOffset + 1]! << 8);
}

/** Copies 16 bytes into `into`, a view of the words of an address. @param byteOffset multiple of 4 */
export function copyAddress(words: Uint32Array, byteOffset: number, into: Uint32Array): void {
  const index = byteOffset >>> 2;
  into[0] = words[index]!;
  into[1] = words[index + 1]!;
  into[2] = words[index + 2]!;
  into[3] = words[index + 3]!;
}
