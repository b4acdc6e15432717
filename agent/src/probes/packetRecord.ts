import { type PacketEvent } from '../events.ts';
import { PACKET_DIRECTION, PACKET_EVENT } from './events.gen.ts';
import { InterfaceNames } from './InterfaceNames.ts';
import { PayloadWindow } from './PayloadWindow.ts';
import { copyAddress, readU16, readU32, readU64 } from './words.ts';

/** PACKET_PAYLOAD_MAX_BYTES of bpf/include/packet_event.h. */
const PAYLOAD_CAPACITY = 1232;

/** Reads packet records from a ring into one reused event. */
export class PacketRecordReader {
  readonly event: PacketEvent;
  readonly #sourceWords: Uint32Array;
  readonly #destinationWords: Uint32Array;
  readonly #window = new PayloadWindow(PAYLOAD_CAPACITY);
  readonly #names = new InterfaceNames();

  constructor() {
    const sourceAddress = new Uint8Array(16);
    const destinationAddress = new Uint8Array(16);
    this.#sourceWords = new Uint32Array(sourceAddress.buffer);
    this.#destinationWords = new Uint32Array(destinationAddress.buffer);
    this.event = {
      timestampNs: 0,
      netns: 0,
      interfaceIndex: 0,
      interfaceName: '',
      direction: 'receive',
      protocol: 0,
      sourceAddress,
      sourcePort: 0,
      destinationAddress,
      destinationPort: 0,
      sequence: 0,
      acknowledgement: 0,
      tcpFlags: 0,
      payloadLength: 0,
      payload: new Uint8Array(0),
    };
  }

  /** @param at offset of the record's data in both views, a multiple of 8 @returns false where it is too short */
  read(bytes: Uint8Array, words: Uint32Array, at: number, recordBytes: number): boolean {
    if (recordBytes < PACKET_EVENT.size) return false;
    const payloadBytes = readU32(words, at + PACKET_EVENT.payloadBytes);
    if (payloadBytes > PAYLOAD_CAPACITY || PACKET_EVENT.size + payloadBytes > recordBytes) return false;
    const event = this.event;
    event.timestampNs = readU64(words, at + PACKET_EVENT.timestampMonotonicNs);
    event.netns = readU32(words, at + PACKET_EVENT.netns);
    event.interfaceIndex = readU32(words, at + PACKET_EVENT.interfaceIndex);
    event.interfaceName = this.#names.read(bytes, words, at + PACKET_EVENT.interfaceName);
    event.direction =
      readU32(words, at + PACKET_EVENT.direction) === PACKET_DIRECTION.transmit ? 'transmit' : 'receive';
    event.protocol = bytes[at + PACKET_EVENT.protocol]!;
    copyAddress(words, at + PACKET_EVENT.sourceAddress, this.#sourceWords);
    event.sourcePort = readU16(bytes, at + PACKET_EVENT.sourcePort);
    copyAddress(words, at + PACKET_EVENT.destinationAddress, this.#destinationWords);
    event.destinationPort = readU16(bytes, at + PACKET_EVENT.destinationPort);
    event.sequence = readU32(words, at + PACKET_EVENT.sequence);
    event.acknowledgement = readU32(words, at + PACKET_EVENT.acknowledgement);
    event.tcpFlags = bytes[at + PACKET_EVENT.tcpFlags]!;
    event.payloadLength = readU32(words, at + PACKET_EVENT.lengthBytes);
    event.payload = this.#window.copyWords(words, at + PACKET_EVENT.size, payloadBytes);
    return true;
  }
}
