export { BpfObject } from './BpfObject.ts';
export { EBPF_ERROR_CODES, EbpfError, type EbpfErrorCode } from './errors.ts';
export { libbpf } from './libbpf.ts';
export { wallClockNs, withNetworkNamespace } from './libc.ts';
export { type MappedRing, mapRing, RingReader } from './RingReader.ts';
