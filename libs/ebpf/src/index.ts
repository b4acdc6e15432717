export { BpfObject } from './BpfObject.ts';
export { EBPF_ERROR_CODES, EbpfError, type EbpfErrorCode } from './errors.ts';
export { libbpf } from './libbpf.ts';
export { wallClockNs, withNetworkNamespace } from './libc.ts';
export { packetFilter, type PacketFilterOptions } from './packetFilter.ts';
export { PacketRing, PacketRingReader, type PacketRingOptions, type RingPacket } from './PacketRing.ts';
export { type MappedRing, mapRing, RingReader } from './RingReader.ts';
