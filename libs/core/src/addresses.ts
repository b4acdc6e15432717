/** IP addresses are 16 bytes everywhere; IPv4 is ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2). */

const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff] as const;

export function isIPv4Mapped(address: Uint8Array, offset = 0): boolean {
  for (let i = 0; i < 12; i++) if (address[offset + i] !== MAPPED_PREFIX[i]) return false;
  return true;
}

/** Writes a.b.c.d as ::ffff:a.b.c.d at `offset`. @param bytes network order, 4 bytes from `from` */
export function mapIPv4(bytes: Uint8Array, from = 0, into = new Uint8Array(16), offset = 0): Uint8Array {
  for (let i = 0; i < 12; i++) into[offset + i] = MAPPED_PREFIX[i]!;
  for (let i = 0; i < 4; i++) into[offset + 12 + i] = bytes[from + i]!;
  return into;
}

/** Text form: dotted quad for mapped IPv4, RFC 5952 for IPv6. */
export function formatAddress(address: Uint8Array, offset = 0): string {
  if (isIPv4Mapped(address, offset)) {
    return `${address[offset + 12]}.${address[offset + 13]}.${address[offset + 14]}.${address[offset + 15]}`;
  }
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((address[offset + i]! << 8) | address[offset + i + 1]!);
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let j = i;
    while (j < 8 && groups[j] === 0) j++;
    if (j - i > bestLength) {
      best = i;
      bestLength = j - i;
    }
    if (j > i) i = j;
  }
  const hex = (part: number[]) => part.map((group) => group.toString(16)).join(':');
  return best < 0 ? hex(groups) : `${hex(groups.slice(0, best))}::${hex(groups.slice(best + bestLength))}`;
}

/** @returns 16 bytes, or undefined where `text` is no IP address. */
export function parseAddress(text: string): Uint8Array | undefined {
  const quad = /^(?:::ffff:)?(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/i.exec(text);
  if (quad) {
    const bytes = quad.slice(1, 5).map(Number);
    return bytes.some((byte) => byte > 255) ? undefined : mapIPv4(Uint8Array.from(bytes));
  }
  if (!text.includes(':') || !/^[0-9a-f:]+$/i.test(text)) return undefined;
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const split = (half: string) => (half === '' ? [] : half.split(':'));
  const head = split(halves[0]!);
  const tail = halves.length === 2 ? split(halves[1]!) : [];
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array<string>(halves.length === 2 ? missing : 0).fill('0'), ...tail];
  const out = new Uint8Array(16);
  for (let i = 0; i < 8; i++) {
    if (!/^[0-9a-f]{1,4}$/i.test(groups[i]!)) return undefined;
    const value = parseInt(groups[i]!, 16);
    out[2 * i] = value >> 8;
    out[2 * i + 1] = value & 255;
  }
  return out;
}
