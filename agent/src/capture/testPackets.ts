/** Packets and capture files written by hand for tests, from the RFCs, without any code of the parsers. */

const u16 = (value: number): number[] => [(value >> 8) & 255, value & 255];
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)];

export interface TcpSegment {
  readonly sequence: number;
  readonly flags: number;
  readonly payload: readonly number[];
}

export const SOURCE_PORT = 40000;
export const DESTINATION_PORT = 8080;

/** RFC 9293 section 3.1, with one no-operation option word. */
export function tcp({ sequence, flags, payload }: TcpSegment): number[] {
  const ports = [...u16(SOURCE_PORT), ...u16(DESTINATION_PORT)];
  return [...ports, ...u32(sequence), ...u32(0x01020304), 0x60, flags, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, ...payload];
}

/** RFC 768. */
export function udp(source: number, destination: number, payload: readonly number[]): number[] {
  return [...u16(source), ...u16(destination), ...u16(8 + payload.length), 0, 0, ...payload];
}

/** RFC 791, from 10.0.0.1 to 10.0.0.2. */
export function ipv4(protocol: number, content: readonly number[], fragmentOffset = 0): number[] {
  const lengths = [0x45, 0, ...u16(20 + content.length), 0, 1, ...u16(fragmentOffset)];
  return [...lengths, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, ...content];
}

/** RFC 8200, from fd00::1 to fd00::2. */
export function ipv6(nextHeader: number, content: readonly number[]): number[] {
  const address = (last: number): number[] => [0xfd, ...Array<number>(14).fill(0), last];
  return [0x60, 0, 0, 0, ...u16(content.length), nextHeader, 64, ...address(1), ...address(2), ...content];
}

export function ethernet(ethertype: number, content: readonly number[], vlans: readonly number[] = []): number[] {
  const tags = vlans.flatMap((id) => [...u16(0x8100), ...u16(id)]);
  return [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, ...tags, ...u16(ethertype), ...content];
}

/** A writer of integers in one byte order. */
export function integers(littleEndian: boolean) {
  const ordered = (bytes: number[]): number[] => (littleEndian ? bytes.reverse() : bytes);
  return {
    u16: (value: number) => ordered(u16(value)),
    u32: (value: number) => ordered(u32(value)),
  };
}
