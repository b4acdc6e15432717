import { BpfObject } from '@throughline/ebpf';
import { type PacketEvent, type SocketEvent } from '../events.ts';
import { PACKET_CONFIG, PACKET_COUNTERS } from './events.gen.ts';
import { allowNamespaces, excludePorts, objectPath, packU32 } from './objects.ts';
import { type CaptureOptions } from './options.ts';
import { PacketRecordReader } from './packetRecord.ts';
import { RingSource } from './RingSource.ts';

/** Packets at every interface of every namespace, beside a socket rung: hops, and the payload of datagrams. */
export class PacketSource extends RingSource<PacketEvent> {
  readonly name = 'packets';

  private constructor(object: BpfObject, ringBytes: number) {
    super(object, ringBytes, new PacketRecordReader(), PACKET_COUNTERS);
  }

  /** Loads and attaches. @param tcp off: only datagrams @throws EbpfError with the kernel's reason; nothing stays attached then */
  static open(options: CaptureOptions, tcp: boolean): PacketSource {
    const object = new BpfObject(objectPath('packet'));
    try {
      object.setMaxEntries('events', options.packetRingBytes);
      object.setData(
        '.rodata.config',
        packU32(PACKET_CONFIG, {
          filterNetns: options.netns.length > 0 ? 1 : 0,
          filterExcludedPorts: options.excludePorts.length > 0 ? 1 : 0,
          tcp: tcp ? 1 : 0,
          udpPort: options.udpPort,
        })
      );
      object.load();
      allowNamespaces(object, options);
      excludePorts(object, options);
      const source = new PacketSource(object, options.packetRingBytes);
      object.attach();
      return source;
    } catch (error) {
      object.close();
      throw error;
    }
  }

  poll(_onSocket: (event: SocketEvent) => void, onPacket: (event: PacketEvent) => void): number {
    return this.drain(onPacket);
  }
}
