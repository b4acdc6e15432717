import { closeSync, openSync, readSync } from 'node:fs';
import { type EventSource, type PacketEvent, type SocketEvent } from '../events.ts';
import { type CaptureFileReader } from './capturedPacket.ts';
import { openCaptureFile } from './captureFile.ts';
import { CaptureError } from './errors.ts';
import { PacketCounters } from './PacketCounters.ts';
import { PacketParser } from './PacketParser.ts';
import { type ReadBytes } from './SlidingInput.ts';

/** Packets handed out by one poll, so that a large file does not hold up its consumer. */
const PACKETS_PER_POLL = 1000;

/** A capture file as a source, for replay. Monotonic time is the time since its first packet. */
export class PcapSource implements EventSource {
  readonly name = 'pcap';
  /** Wall time of the first packet, ns since 1970; 0 for a file without packets. Time 0 of all events. */
  readonly baseWallNs: bigint;
  readonly #reader: CaptureFileReader;
  readonly #close: () => void;
  readonly #parser = new PacketParser();
  readonly #counters = new PacketCounters();
  #hasPacket: boolean;

  /** @throws CaptureError where the bytes are no capture file */
  constructor(read: ReadBytes, close: () => void = () => {}) {
    this.#close = close;
    this.#reader = openCaptureFile(read);
    this.#hasPacket = this.#reader.next();
    this.baseWallNs = this.#hasPacket ? this.#reader.packet.wallNs : 0n;
  }

  /** @throws CaptureError where the file cannot be opened, or is no capture file */
  static open(path: string): PcapSource {
    let fd: number;
    try {
      fd = openSync(path, 'r');
    } catch (cause) {
      throw new CaptureError('CAPTURE_FILE_UNREADABLE', `${path} cannot be opened: ${String(cause)}`, cause);
    }
    try {
      return new PcapSource(
        (into) => readSync(fd, into),
        () => closeSync(fd)
      );
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** True once every packet has been handed out. */
  get ended(): boolean {
    return !this.#hasPacket;
  }

  /** A poll may return 0 before the end, where the file holds other packets than TCP and UDP: see `ended`. */
  poll(_onSocket: (event: SocketEvent) => void, onPacket: (event: PacketEvent) => void): number {
    const event = this.#parser.event;
    let events = 0;
    for (let i = 0; i < PACKETS_PER_POLL && this.#hasPacket; i++) {
      const packet = this.#reader.packet;
      event.timestampNs = Number(packet.wallNs - this.baseWallNs);
      event.interfaceIndex = packet.interfaceIndex;
      event.interfaceName = packet.interfaceName;
      event.direction = packet.direction ?? 'receive';
      const outcome = this.#parser.parse(
        packet.bytes,
        packet.offset,
        packet.capturedBytes,
        packet.wireBytes,
        packet.linkType
      );
      this.#counters.count(outcome);
      if (outcome === 'parsed') {
        events++;
        onPacket(event);
      }
      this.#hasPacket = this.#reader.next();
    }
    return events;
  }

  drops(): Readonly<Record<string, number>> {
    const { problem } = this.#reader;
    return {
      ...this.#counters.losses(),
      file_truncated: problem === 'truncated' ? 1 : 0,
      file_malformed: problem === 'malformed' ? 1 : 0,
    };
  }

  close(): void {
    this.#hasPacket = false;
    this.#close();
  }
}
