import { formatAddress } from '@throughline/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PacketParser } from './PacketParser.ts';
import { DESTINATION_PORT, ethernet, ipv4, ipv6, SOURCE_PORT, tcp, udp } from './testPackets.ts';

const segment = tcp({ sequence: 0xfffffff0, flags: 0x18, payload: [71, 69, 84] });

function parse(packet: readonly number[], linkType: number, captured = packet.length) {
  const parser = new PacketParser();
  const bytes = Buffer.from([9, 9, ...packet]);
  const outcome = parser.parse(bytes, 2, captured, packet.length, linkType);
  return { outcome, event: parser.event };
}

describe('PacketParser', () => {
  const wellKnown = {
    protocol: 6,
    sourcePort: SOURCE_PORT,
    destinationPort: DESTINATION_PORT,
    sequence: 0xfffffff0,
    acknowledgement: 0x01020304,
    tcpFlags: 0x18,
    payloadLength: 3,
    payload: Uint8Array.from([71, 69, 84]),
  };

  it.each<[string, number[], number]>([
    ['Ethernet', ethernet(0x800, ipv4(6, segment)), 1],
    ['Ethernet with two VLAN tags', ethernet(0x800, ipv4(6, segment), [5, 6]), 1],
    ['Ethernet, padded to its least length', [...ethernet(0x800, ipv4(6, segment)), 0, 0, 0], 1],
    ['Ethernet, IPv6', ethernet(0x86dd, ipv6(6, segment)), 1],
    ['raw IPv4', ipv4(6, segment), 101],
    ['raw IPv6', ipv6(6, segment), 101],
    ['Linux cooked', [0, 0, 3, 4, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 0, ...ipv4(6, segment)], 113],
    ['Linux cooked 2', [8, 0, 0, 0, 0, 0, 0, 7, 3, 4, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, ...ipv4(6, segment)], 276],
    ['BSD loopback', [2, 0, 0, 0, ...ipv4(6, segment)], 0],
    ['OpenBSD loopback, IPv6', [0, 0, 0, 24, ...ipv6(6, segment)], 108],
    ['IPv6 with hop-by-hop options', ipv6(0, [6, 0, 1, 4, 0, 0, 0, 0, ...segment]), 101],
    ['IPv6, first fragment', ipv6(44, [6, 0, 0, 1, 0, 0, 0, 1, ...segment]), 101],
  ])('reads %s', (_name, packet, linkType) => {
    const { outcome, event } = parse(packet, linkType);
    expect(outcome).toBe('parsed');
    expect(event).toMatchObject(wellKnown);
    const addresses = [formatAddress(event.sourceAddress), formatAddress(event.destinationAddress)];
    expect([
      ['10.0.0.1', '10.0.0.2'],
      ['fd00::1', 'fd00::2'],
    ]).toContainEqual(addresses);
  });

  it('takes direction and interface from a cooked header', () => {
    const header = [8, 0, 0, 0, 0, 0, 0, 7, 3, 4, 4, 6, 1, 2, 3, 4, 5, 6, 0, 0];
    expect(parse([...header, ...ipv4(6, segment)], 276).event).toMatchObject({
      direction: 'transmit',
      interfaceIndex: 7,
    });
  });

  it('reads datagrams, which have no sequence', () => {
    expect(parse(ipv4(17, udp(53, 9999, [1, 2])), 101).event).toMatchObject({
      protocol: 17,
      sourcePort: 53,
      destinationPort: 9999,
      sequence: 0,
      payloadLength: 2,
    });
  });

  it('knows the length on the wire of a packet that was cut', () => {
    const packet = ipv4(6, tcp({ sequence: 1, flags: 16, payload: Array<number>(1000).fill(7) }));
    const { event } = parse(packet, 101, 100);
    expect(event.payloadLength).toBe(1000);
    expect(event.payload).toHaveLength(100 - 20 - 24);
  });

  it.each<[string, number[], number, string]>([
    ['ARP', ethernet(0x806, [0, 1]), 1, 'ignored'],
    ['ICMP', ipv4(1, [8, 0, 0, 0]), 101, 'ignored'],
    ['an unknown link', ipv4(6, segment), 147, 'ignored'],
    ['a later fragment', ipv4(6, segment, 185), 101, 'fragment'],
    ['a later fragment, IPv6', ipv6(44, [6, 0, 1, 0, 0, 0, 0, 1, ...segment]), 101, 'fragment'],
    ['half a TCP header', ipv4(6, segment).slice(0, 30), 101, 'truncated_header'],
    ['an IPv4 header of 16 bytes', [0x44, ...ipv4(6, segment).slice(1)], 101, 'malformed_header'],
    [
      'a TCP header of 16 bytes',
      ipv4(6, [...segment.slice(0, 12), 0x40, ...segment.slice(13)]),
      101,
      'malformed_header',
    ],
    ['VLAN tags without end', ethernet(0x800, [], [1, 2, 3, 4, 5, 6]), 1, 'malformed_header'],
    ['nothing', [], 1, 'truncated_header'],
  ])('says of %s what it is', (_name, packet, linkType, expected) => {
    expect(parse(packet, linkType).outcome).toBe(expected);
  });

  it('gives an outcome for any bytes, and never a payload beyond them', () => {
    const seed = fc.constantFrom(
      ethernet(0x800, ipv4(6, segment), [5]),
      ethernet(0x86dd, ipv6(0, [6, 0, 1, 4, 0, 0, 0, 0, ...segment])),
      ipv4(17, udp(53, 1, [1, 2, 3]))
    );
    const bytes = fc.oneof(
      fc.array(fc.nat(255), { maxLength: 200 }),
      fc.tuple(seed, fc.nat(100), fc.nat(255), fc.nat(120)).map(([packet, at, value, length]) => {
        const changed = [...packet];
        changed[at % changed.length] = value;
        return changed.slice(0, length);
      })
    );
    const linkType = fc.constantFrom(0, 1, 12, 101, 108, 113, 276, 999);
    fc.assert(
      fc.property(bytes, linkType, (packet, link) => {
        const { outcome, event } = parse(packet, link);
        expect(['parsed', 'ignored', 'fragment', 'truncated_header', 'malformed_header']).toContain(outcome);
        if (outcome === 'parsed') {
          expect(event.payload.length).toBeLessThanOrEqual(Math.min(packet.length, event.payloadLength));
        }
      }),
      { numRuns: 2000 }
    );
  });
});
