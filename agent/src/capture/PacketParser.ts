/**
 * One captured packet into one reused PacketEvent: Ethernet (with VLAN tags), raw IP, Linux cooked, BSD loopback; IPv4
 * and IPv6; TCP and UDP. Any bytes give an outcome, never a throw.
 */
import { mapIPv4 } from '@throughline/core';
import { type PacketEvent } from '../events.ts';
import { LINK_ETHERNET, LINK_LINUX_COOKED, LINK_LINUX_COOKED_2, LINK_LOOP, LINK_NULL, LINK_RAW } from './linkType.ts';

/** `parsed`: the event holds the packet. `ignored`: not ours (ARP, ICMP …). The others are losses, to be counted. */
export type PacketOutcome = 'parsed' | 'ignored' | 'fragment' | 'truncated_header' | 'malformed_header';

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const ETHERTYPE_VLAN = 0x8100;
const ETHERTYPE_PROVIDER_VLAN = 0x88a8;
const VLAN_TAGS_MAX = 4;
const COOKED_OUTGOING = 4;

const TCP = 6;
const UDP = 17;
const TCP_HEADER_BYTES = 20;
const UDP_HEADER_BYTES = 8;
const IPV4_HEADER_BYTES = 20;
const IPV6_HEADER_BYTES = 40;
/** RFC 8200 sections 4.3 to 4.6: hop-by-hop, routing, fragment, destination options. */
const IPV6_EXTENSIONS: ReadonlySet<number> = new Set([0, 43, 44, 60]);
const IPV6_FRAGMENT = 44;
const IPV6_EXTENSIONS_MAX = 8;

/** A GSO packet may hold more, but no capture asks for more. */
const PAYLOAD_CAPACITY = 65536;

export class PacketParser {
  readonly event: PacketEvent;
  /** Copy of the payload: what it is read from may be given back to the kernel. One view per length, none per packet. */
  readonly #payload = new Uint8Array(PAYLOAD_CAPACITY);
  readonly #views: (Uint8Array | undefined)[] = [];
  readonly #sourceAddress = new Uint8Array(16);
  readonly #destinationAddress = new Uint8Array(16);
  #bytes: Buffer = Buffer.alloc(0);
  /** End of the captured bytes, and of the packet as it was on the wire. */
  #end = 0;
  #wireEnd = 0;

  constructor() {
    this.event = {
      timestampNs: 0,
      netns: 0,
      interfaceIndex: 0,
      interfaceName: '',
      direction: 'receive',
      protocol: 0,
      sourceAddress: this.#sourceAddress,
      sourcePort: 0,
      destinationAddress: this.#destinationAddress,
      destinationPort: 0,
      sequence: 0,
      acknowledgement: 0,
      tcpFlags: 0,
      payloadLength: 0,
      payload: this.#view(0),
    };
  }

  /**
   * Fills everything of `event` but time, namespace and interface. Direction is set only where the link header says it.
   * @param captured bytes from `start`; @param onWire the packet's length before it was cut, at least `captured`
   */
  parse(bytes: Buffer, start: number, captured: number, onWire: number, linkType: number): PacketOutcome {
    this.#bytes = bytes;
    this.#end = Math.min(start + captured, bytes.length);
    this.#wireEnd = Math.max(this.#end, start + onWire);
    switch (linkType) {
      case LINK_ETHERNET:
        return this.#parseEthertype(start + 12);
      case LINK_LINUX_COOKED:
        if (start + 16 > this.#end) return 'truncated_header';
        this.#setDirection(bytes.readUInt16BE(start) === COOKED_OUTGOING);
        return this.#parseEthertype(start + 14);
      case LINK_LINUX_COOKED_2:
        if (start + 20 > this.#end) return 'truncated_header';
        this.#setDirection(bytes[start + 10] === COOKED_OUTGOING);
        this.event.interfaceIndex = bytes.readUInt32BE(start + 4);
        return this.#parseNetwork(bytes.readUInt16BE(start), start + 20);
      case LINK_NULL:
      case LINK_LOOP:
        // An address family whose value differs between systems: the IP header says which version it is.
        return this.#parseIp(start + 4);
      default:
        return LINK_RAW.has(linkType) ? this.#parseIp(start) : 'ignored';
    }
  }

  #setDirection(outgoing: boolean): void {
    this.event.direction = outgoing ? 'transmit' : 'receive';
  }

  #parseEthertype(start: number): PacketOutcome {
    let at = start;
    for (let tags = 0; tags <= VLAN_TAGS_MAX; tags++) {
      if (at + 2 > this.#end) return 'truncated_header';
      const ethertype = this.#bytes.readUInt16BE(at);
      if (ethertype !== ETHERTYPE_VLAN && ethertype !== ETHERTYPE_PROVIDER_VLAN) {
        return this.#parseNetwork(ethertype, at + 2);
      }
      at += 4;
    }
    return 'malformed_header';
  }

  #parseNetwork(ethertype: number, start: number): PacketOutcome {
    if (ethertype === ETHERTYPE_IPV4) return this.#parseIpv4(start);
    if (ethertype === ETHERTYPE_IPV6) return this.#parseIpv6(start);
    return 'ignored';
  }

  #parseIp(start: number): PacketOutcome {
    if (start >= this.#end) return 'truncated_header';
    const version = this.#bytes[start]! >> 4;
    if (version === 4) return this.#parseIpv4(start);
    if (version === 6) return this.#parseIpv6(start);
    return 'ignored';
  }

  /** RFC 791 section 3.1. */
  #parseIpv4(start: number): PacketOutcome {
    if (start + IPV4_HEADER_BYTES > this.#end) return 'truncated_header';
    const bytes = this.#bytes;
    const protocol = bytes[start + 9]!;
    if (protocol !== TCP && protocol !== UDP) return 'ignored';
    const headerBytes = (bytes[start]! & 15) * 4;
    // 0: the sender leaves it to segmentation offload (BIG TCP).
    const totalBytes = bytes.readUInt16BE(start + 2) || this.#wireEnd - start;
    if (bytes[start]! >> 4 !== 4 || headerBytes < IPV4_HEADER_BYTES || totalBytes < headerBytes) {
      return 'malformed_header';
    }
    if ((bytes.readUInt16BE(start + 6) & 0x1fff) !== 0) return 'fragment';
    mapIPv4(bytes, start + 12, this.#sourceAddress);
    mapIPv4(bytes, start + 16, this.#destinationAddress);
    return this.#parseTransport(protocol, start + headerBytes, start + totalBytes);
  }

  /** RFC 8200 section 3. */
  #parseIpv6(start: number): PacketOutcome {
    if (start + IPV6_HEADER_BYTES > this.#end) return 'truncated_header';
    const bytes = this.#bytes;
    if (bytes[start]! >> 4 !== 6) return 'malformed_header';
    const payloadBytes = bytes.readUInt16BE(start + 4);
    const transportEnd = payloadBytes === 0 ? this.#wireEnd : start + IPV6_HEADER_BYTES + payloadBytes;
    let protocol = bytes[start + 6]!;
    let at = start + IPV6_HEADER_BYTES;
    for (let extensions = 0; IPV6_EXTENSIONS.has(protocol); extensions++) {
      if (extensions === IPV6_EXTENSIONS_MAX) return 'malformed_header';
      if (at + 8 > this.#end) return 'truncated_header';
      if (protocol === IPV6_FRAGMENT && (bytes.readUInt16BE(at + 2) & 0xfff8) !== 0) return 'fragment';
      const extensionBytes = protocol === IPV6_FRAGMENT ? 8 : (bytes[at + 1]! + 1) * 8;
      protocol = bytes[at]!;
      at += extensionBytes;
    }
    if (protocol !== TCP && protocol !== UDP) return 'ignored';
    this.#sourceAddress.set(bytes.subarray(start + 8, start + 24));
    this.#destinationAddress.set(bytes.subarray(start + 24, start + 40));
    return this.#parseTransport(protocol, at, transportEnd);
  }

  /** RFC 9293 section 3.1, RFC 768. @param end of the segment, by the length that IP states */
  #parseTransport(protocol: number, start: number, end: number): PacketOutcome {
    const bytes = this.#bytes;
    const event = this.event;
    const minimum = protocol === TCP ? TCP_HEADER_BYTES : UDP_HEADER_BYTES;
    if (end - start < minimum) return 'malformed_header';
    if (start + minimum > this.#end) return 'truncated_header';
    let headerBytes = UDP_HEADER_BYTES;
    if (protocol === TCP) {
      headerBytes = (bytes[start + 12]! >> 4) * 4;
      if (headerBytes < TCP_HEADER_BYTES || start + headerBytes > end) return 'malformed_header';
      event.sequence = bytes.readUInt32BE(start + 4);
      event.acknowledgement = bytes.readUInt32BE(start + 8);
      event.tcpFlags = bytes[start + 13]!;
    } else {
      event.sequence = 0;
      event.acknowledgement = 0;
      event.tcpFlags = 0;
    }
    event.protocol = protocol;
    event.sourcePort = bytes.readUInt16BE(start);
    event.destinationPort = bytes.readUInt16BE(start + 2);
    const payloadStart = start + headerBytes;
    event.payloadLength = end - payloadStart;
    const available = Math.max(0, Math.min(end, this.#end) - payloadStart);
    const copied = Math.min(available, PAYLOAD_CAPACITY);
    // Headers may reach beyond the captured bytes, and then so does where the payload would begin.
    if (copied > 0) bytes.copy(this.#payload, 0, payloadStart, payloadStart + copied);
    event.payload = this.#view(copied);
    return 'parsed';
  }

  #view(length: number): Uint8Array {
    return (this.#views[length] ??= this.#payload.subarray(0, length));
  }
}
