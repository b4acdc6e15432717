import { SocketOperation, type SocketEvent } from '../events.ts';
import { SOCKET_EVENT, SOCKET_FLAG, SOCKET_OPERATION } from './events.gen.ts';
import { PayloadWindow } from './PayloadWindow.ts';
import { copyAddress, readU16, readU32, readU64 } from './words.ts';

/** The kernel's numbers for operations are the agent's, so they pass through; the compiler holds them together. */
SOCKET_OPERATION satisfies typeof SocketOperation;

const PAYLOAD_CAPACITY = 1024;

/** Reads socket records from a ring into one reused event. */
export class SocketRecordReader {
  readonly event: SocketEvent;
  readonly #localWords: Uint32Array;
  readonly #remoteWords: Uint32Array;
  readonly #window = new PayloadWindow(PAYLOAD_CAPACITY);

  constructor() {
    const localAddress = new Uint8Array(16);
    const remoteAddress = new Uint8Array(16);
    this.#localWords = new Uint32Array(localAddress.buffer);
    this.#remoteWords = new Uint32Array(remoteAddress.buffer);
    this.event = {
      operation: SocketOperation.send,
      timestampNs: 0,
      socketId: 0,
      pid: 0,
      tid: 0,
      netns: 0,
      cgroupId: 0,
      protocol: 0,
      localAddress,
      localPort: 0,
      remoteAddress,
      remotePort: 0,
      sequence: 0,
      length: 0,
      payload: new Uint8Array(0),
      payloadMissing: false,
      ingressId: 0,
      answerId: 0,
      birthId: 0,
      resetBy: undefined,
    };
  }

  /** @param at offset of the record's data in both views, a multiple of 8 @returns false where it is too short */
  read(bytes: Uint8Array, words: Uint32Array, at: number, recordBytes: number): boolean {
    if (recordBytes < SOCKET_EVENT.size) return false;
    const payloadBytes = readU32(words, at + SOCKET_EVENT.payloadBytes);
    if (payloadBytes > PAYLOAD_CAPACITY || SOCKET_EVENT.size + payloadBytes > recordBytes) return false;
    const flags = readU32(words, at + SOCKET_EVENT.flags);
    const event = this.event;
    event.operation = readU32(words, at + SOCKET_EVENT.operation) as SocketOperation;
    event.timestampNs = readU64(words, at + SOCKET_EVENT.timestampMonotonicNs);
    event.socketId = readU64(words, at + SOCKET_EVENT.socketId);
    event.pid = readU32(words, at + SOCKET_EVENT.pid);
    event.tid = readU32(words, at + SOCKET_EVENT.tid);
    event.netns = readU32(words, at + SOCKET_EVENT.netns);
    event.cgroupId = readU64(words, at + SOCKET_EVENT.cgroupId);
    event.protocol = bytes[at + SOCKET_EVENT.protocol]!;
    copyAddress(words, at + SOCKET_EVENT.localAddress, this.#localWords);
    event.localPort = readU16(bytes, at + SOCKET_EVENT.localPort);
    copyAddress(words, at + SOCKET_EVENT.remoteAddress, this.#remoteWords);
    event.remotePort = readU16(bytes, at + SOCKET_EVENT.remotePort);
    event.sequence = readU32(words, at + SOCKET_EVENT.sequence);
    event.length = readU32(words, at + SOCKET_EVENT.lengthBytes);
    event.payload = this.#window.copyWords(words, at + SOCKET_EVENT.size, payloadBytes);
    event.payloadMissing = (flags & SOCKET_FLAG.payloadMissing) !== 0;
    event.ingressId = readU64(words, at + SOCKET_EVENT.ingressId);
    event.answerId = readU64(words, at + SOCKET_EVENT.answerId);
    event.birthId = readU64(words, at + SOCKET_EVENT.birthId);
    event.resetBy = resetSide(flags);
    return true;
  }
}

function resetSide(flags: number): 'local' | 'remote' | undefined {
  if ((flags & SOCKET_FLAG.resetByLocal) !== 0) return 'local';
  return (flags & SOCKET_FLAG.resetByRemote) !== 0 ? 'remote' : undefined;
}
