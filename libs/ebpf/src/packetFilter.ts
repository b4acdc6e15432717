/**
 * Classic BPF programs for packet sockets (Documentation/networking/filter.rst). They load from the network header, so
 * they hold for every link type, and for packets whose VLAN tag the kernel keeps beside them.
 */

export interface PacketFilterOptions {
  /** TCP packets pass. */
  readonly tcp: boolean;
  /** Datagrams pass from or to this port; 0: all; undefined: none. */
  readonly udpPort: number | undefined;
  /** Bytes kept of each packet, link header included. */
  readonly snapLength: number;
}

/** One instruction: code, jump if true, jump if false, operand. Jumps name labels here and are resolved below. */
interface Instruction {
  readonly code: number;
  readonly operand: number;
  readonly ifTrue?: string;
  readonly ifFalse?: string;
  readonly label?: string;
}

const LOAD_BYTE = 0x30; // BPF_LD | BPF_B | BPF_ABS
const LOAD_HALF = 0x28; // BPF_LD | BPF_H | BPF_ABS
const LOAD_HALF_INDEXED = 0x48; // BPF_LD | BPF_H | BPF_IND
const LOAD_HEADER_LENGTH = 0xb1; // BPF_LDX | BPF_B | BPF_MSH: X = 4 * (byte & 15)
const JUMP_EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_BITS = 0x45; // BPF_JMP | BPF_JSET | BPF_K
const RETURN = 0x06; // BPF_RET | BPF_K
/** include/uapi/linux/filter.h: offsets relative to the network header, and the packet's ethertype. */
const NETWORK = -0x100000;
const ETHERTYPE = -0x1000;

const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const TCP = 6;
const UDP = 17;
const FRAGMENT_OFFSET = 0x1fff;

/** @returns 8 bytes for each instruction, struct sock_filter, little-endian */
export function packetFilter(options: PacketFilterOptions): Uint8Array {
  const afterTcp = options.tcp ? 'accept' : 'reject';
  const onUdp = (port: string): string =>
    options.udpPort === undefined ? 'reject' : options.udpPort === 0 ? 'accept' : port;
  const port = options.udpPort ?? 0;
  return assemble([
    { code: LOAD_HALF, operand: ETHERTYPE },
    { code: JUMP_EQUAL, operand: IPV4, ifTrue: 'ipv4' },
    { code: JUMP_EQUAL, operand: IPV6, ifTrue: 'ipv6', ifFalse: 'reject' },

    { label: 'ipv4', code: LOAD_BYTE, operand: NETWORK + 9 },
    { code: JUMP_EQUAL, operand: TCP, ifTrue: afterTcp },
    { code: JUMP_EQUAL, operand: UDP, ifTrue: onUdp('ipv4-ports'), ifFalse: 'reject' },
    // Later fragments have no ports; they pass, so that the parser counts them.
    { label: 'ipv4-ports', code: LOAD_HALF, operand: NETWORK + 6 },
    { code: JUMP_BITS, operand: FRAGMENT_OFFSET, ifTrue: 'accept' },
    { code: LOAD_HEADER_LENGTH, operand: NETWORK },
    { code: LOAD_HALF_INDEXED, operand: NETWORK },
    { code: JUMP_EQUAL, operand: port, ifTrue: 'accept' },
    { code: LOAD_HALF_INDEXED, operand: NETWORK + 2 },
    { code: JUMP_EQUAL, operand: port, ifTrue: 'accept', ifFalse: 'reject' },

    // Extension headers are not followed here: packets that have them pass, and the parser decides.
    { label: 'ipv6', code: LOAD_BYTE, operand: NETWORK + 6 },
    { code: JUMP_EQUAL, operand: TCP, ifTrue: afterTcp },
    { code: JUMP_EQUAL, operand: UDP, ifTrue: onUdp('ipv6-ports') },
    { code: JUMP_EQUAL, operand: 0, ifTrue: 'accept' },
    { code: JUMP_EQUAL, operand: 43, ifTrue: 'accept' },
    { code: JUMP_EQUAL, operand: 44, ifTrue: 'accept' },
    { code: JUMP_EQUAL, operand: 60, ifTrue: 'accept', ifFalse: 'reject' },
    { label: 'ipv6-ports', code: LOAD_HALF, operand: NETWORK + 40 },
    { code: JUMP_EQUAL, operand: port, ifTrue: 'accept' },
    { code: LOAD_HALF, operand: NETWORK + 42 },
    { code: JUMP_EQUAL, operand: port, ifTrue: 'accept', ifFalse: 'reject' },

    { label: 'accept', code: RETURN, operand: options.snapLength },
    { label: 'reject', code: RETURN, operand: 0 },
  ]);
}

function assemble(instructions: readonly Instruction[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(8 * instructions.length));
  const jump = (from: number, label: string | undefined): number => {
    if (label === undefined) return 0;
    return instructions.findIndex((instruction) => instruction.label === label) - from - 1;
  };
  instructions.forEach((instruction, i) => {
    view.setUint16(8 * i, instruction.code, true);
    view.setUint8(8 * i + 2, jump(i, instruction.ifTrue));
    view.setUint8(8 * i + 3, jump(i, instruction.ifFalse));
    view.setInt32(8 * i + 4, instruction.operand, true);
  });
  return new Uint8Array(view.buffer);
}
