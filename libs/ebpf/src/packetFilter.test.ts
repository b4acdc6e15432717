import { describe, expect, it } from 'vitest';
import { packetFilter, type PacketFilterOptions } from './packetFilter.ts';

/** Classic BPF as Documentation/networking/filter.rst defines it, for the instructions that a filter may use here. */
function run(program: Uint8Array, ethertype: number, network: readonly number[]): number {
  const view = new DataView(program.buffer);
  const half = (at: number): number => (network[at]! << 8) | network[at + 1]!;
  let a = 0;
  let x = 0;
  for (let pc = 0; pc < program.length / 8; pc++) {
    const k = view.getInt32(8 * pc + 4, true);
    const jump = (isTrue: boolean): void => void (pc += view.getUint8(8 * pc + (isTrue ? 2 : 3)));
    const fromNetwork = k + 0x100000;
    switch (view.getUint16(8 * pc, true)) {
      case 0x30:
        a = network[fromNetwork]!;
        break;
      case 0x28:
        a = k === -0x1000 ? ethertype : half(fromNetwork);
        break;
      case 0x48:
        a = half(fromNetwork + x);
        break;
      case 0xb1:
        x = 4 * (network[fromNetwork]! & 15);
        break;
      case 0x15:
        jump(a === k);
        break;
      case 0x45:
        jump((a & k) !== 0);
        break;
      case 0x06:
        return k;
      default:
        throw new Error(`instruction ${pc} is not known`);
    }
  }
  throw new Error('ran off the end');
}

function ipv4(protocol: number, source: number, destination: number, words = 5, fragment = 0): number[] {
  const header = [0x40 | words, 0, 0, 0, 0, 0, fragment >> 8, fragment & 255, 64, protocol, 0, 0];
  return [
    ...header,
    ...Array<number>(4 * words - 12).fill(0),
    source >> 8,
    source & 255,
    destination >> 8,
    destination & 255,
  ];
}

function ipv6(next: number, source: number, destination: number): number[] {
  const header = [0x60, 0, 0, 0, 0, 8, next, 64, ...Array<number>(32).fill(0)];
  return [...header, source >> 8, source & 255, destination >> 8, destination & 255];
}

const DNS: PacketFilterOptions = { tcp: false, udpPort: 53, snapLength: 500 };

describe('packetFilter', () => {
  const passes = (options: PacketFilterOptions, ethertype: number, packet: number[]): boolean => {
    const kept = run(packetFilter(options), ethertype, packet);
    expect([0, options.snapLength]).toContain(kept);
    return kept !== 0;
  };

  it.each<[string, PacketFilterOptions, number, number[], boolean]>([
    ['a DNS query', DNS, 0x800, ipv4(17, 40000, 53), true],
    ['a DNS answer, IPv6', DNS, 0x86dd, ipv6(17, 53, 40000), true],
    ['IP options before the ports', DNS, 0x800, ipv4(17, 40000, 53, 8), true],
    ['another datagram', DNS, 0x800, ipv4(17, 40000, 123), false],
    ['another datagram, IPv6', DNS, 0x86dd, ipv6(17, 123, 40000), false],
    ['a later fragment, to be counted', DNS, 0x800, ipv4(17, 0, 0, 5, 100), true],
    ['extension headers, to be parsed', DNS, 0x86dd, ipv6(44, 0, 0), true],
    ['TCP where only datagrams are wanted', DNS, 0x800, ipv4(6, 40000, 53), false],
    ['TCP', { ...DNS, tcp: true }, 0x800, ipv4(6, 40000, 80), true],
    ['TCP, IPv6', { ...DNS, tcp: true }, 0x86dd, ipv6(6, 40000, 80), true],
    ['any datagram', { ...DNS, udpPort: 0 }, 0x800, ipv4(17, 1, 2), true],
    ['no datagram', { ...DNS, udpPort: undefined }, 0x86dd, ipv6(17, 53, 53), false],
    ['ICMP', { ...DNS, tcp: true, udpPort: 0 }, 0x800, ipv4(1, 0, 0), false],
    ['ARP', { ...DNS, tcp: true, udpPort: 0 }, 0x806, [], false],
  ])('%s', (_what, options, ethertype, packet, expected) => {
    expect(passes(options, ethertype, packet)).toBe(expected);
  });
});
