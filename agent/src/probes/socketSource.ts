import { BpfObject } from '@throughline/ebpf';
import { type PacketEvent, type SocketEvent } from '../events.ts';
import { SOCKET_CONFIG, SOCKET_COUNTERS } from './events.gen.ts';
import { allowNamespaces, excludeProcesses, objectPath, packU32 } from './objects.ts';
import { type CaptureOptions } from './options.ts';
import { RingSource } from './RingSource.ts';
import { SocketRecordReader } from './socketRecord.ts';

export type SocketRung = 'tp_btf' | 'raw_tp';

const OBJECTS = { tp_btf: 'socket', raw_tp: 'socket_raw_tp' } as const;

/** Sends, receives and connections of all processes, from either build of bpf/socket.bpf.c. */
export class SocketSource extends RingSource<SocketEvent> {
  readonly name: SocketRung;

  private constructor(name: SocketRung, object: BpfObject, ringBytes: number) {
    super(object, ringBytes, new SocketRecordReader(), SOCKET_COUNTERS);
    this.name = name;
  }

  /** Loads and attaches. @throws EbpfError with the kernel's reason; nothing stays attached then */
  static open(rung: SocketRung, options: CaptureOptions): SocketSource {
    const object = new BpfObject(objectPath(OBJECTS[rung]));
    try {
      object.setMaxEntries('events', options.socketRingBytes);
      object.setData(
        '.rodata.config',
        packU32(SOCKET_CONFIG, {
          captureBytes: options.captureBytes,
          ownPid: options.ownPid,
          filterNetns: options.netns.length > 0 ? 1 : 0,
          filterPids: options.excludePids.length > 0 ? 1 : 0,
          udpPort: options.udpPort,
        })
      );
      object.load();
      allowNamespaces(object, options);
      excludeProcesses(object, options);
      const source = new SocketSource(rung, object, options.socketRingBytes);
      object.attach();
      return source;
    } catch (error) {
      object.close();
      throw error;
    }
  }

  poll(onSocket: (event: SocketEvent) => void, _onPacket: (event: PacketEvent) => void): number {
    return this.drain(onSocket);
  }
}
