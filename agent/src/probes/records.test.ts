import { describe, expect, it } from 'vitest';
import { SocketOperation } from '../events.ts';
import { PACKET_EVENT, SOCKET_EVENT } from './events.gen.ts';
import { PacketRecordReader } from './packetRecord.ts';
import { SocketRecordReader } from './socketRecord.ts';

const AT = 16;

/** A record in a ring, written through DataView: another way than the readers go. */
function ring(size: number, payload: readonly number[], write: (view: DataView) => void) {
  const buffer = new ArrayBuffer(4096);
  write(new DataView(buffer, AT));
  new Uint8Array(buffer).set(payload, AT + size);
  return { bytes: new Uint8Array(buffer), words: new Uint32Array(buffer), length: size + payload.length };
}

describe('SocketRecordReader', () => {
  const BIG = 2 ** 52 + 2 ** 33 + 5;
  const record = ring(SOCKET_EVENT.size, [65, 66, 67], (view) => {
    view.setBigUint64(SOCKET_EVENT.timestampMonotonicNs, 123_456_789_012_345n, true);
    view.setBigUint64(SOCKET_EVENT.socketId, BigInt(BIG), true);
    view.setBigUint64(SOCKET_EVENT.ingressId, BigInt(BIG + 1), true);
    view.setUint32(SOCKET_EVENT.pid, 4_000_000, true);
    view.setUint32(SOCKET_EVENT.sequence, 0xfffffffe, true);
    view.setUint32(SOCKET_EVENT.lengthBytes, 5000, true);
    view.setUint32(SOCKET_EVENT.payloadBytes, 3, true);
    view.setUint32(SOCKET_EVENT.operation, SocketOperation.receive, true);
    view.setUint32(SOCKET_EVENT.flags, 4, true);
    view.setUint16(SOCKET_EVENT.localPort, 65535, true);
    view.setUint8(SOCKET_EVENT.remoteAddress + 15, 9);
  });

  it('reads every field as the kernel wrote it', () => {
    const reader = new SocketRecordReader();
    expect(reader.read(record.bytes, record.words, AT, record.length)).toBe(true);
    expect(reader.event).toMatchObject({
      timestampNs: 123_456_789_012_345,
      socketId: BIG,
      ingressId: BIG + 1,
      pid: 4_000_000,
      sequence: 0xfffffffe,
      length: 5000,
      operation: SocketOperation.receive,
      localPort: 65535,
      payload: Uint8Array.from([65, 66, 67]),
      payloadMissing: false,
      resetBy: 'remote',
    });
    expect(reader.event.remoteAddress[15]).toBe(9);
  });

  it('keeps no hold on the ring: the payload stays when the ring is overwritten', () => {
    const reader = new SocketRecordReader();
    const bytes = record.bytes.slice();
    reader.read(bytes, new Uint32Array(bytes.buffer), AT, record.length);
    bytes.fill(0);
    expect([...reader.event.payload]).toEqual([65, 66, 67]);
  });

  it('refuses a record shorter than it says', () => {
    const reader = new SocketRecordReader();
    expect(reader.read(record.bytes, record.words, AT, record.length - 1)).toBe(false);
    expect(reader.read(record.bytes, record.words, AT, 8)).toBe(false);
  });
});

describe('PacketRecordReader', () => {
  it('reads every field as the kernel wrote it', () => {
    const record = ring(PACKET_EVENT.size, [1, 2], (view) => {
      view.setUint32(PACKET_EVENT.netns, 4026531840, true);
      view.setUint32(PACKET_EVENT.payloadBytes, 2, true);
      view.setUint32(PACKET_EVENT.lengthBytes, 2, true);
      view.setUint32(PACKET_EVENT.direction, 2, true);
      view.setUint8(PACKET_EVENT.protocol, 17);
      view.setUint16(PACKET_EVENT.sourcePort, 53, true);
      Buffer.from('eth0\0').forEach((byte, i) => view.setUint8(PACKET_EVENT.interfaceName + i, byte));
    });
    const reader = new PacketRecordReader();
    for (let again = 0; again < 2; again++) {
      expect(reader.read(record.bytes, record.words, AT, record.length)).toBe(true);
      expect(reader.event).toMatchObject({
        netns: 4026531840,
        direction: 'transmit',
        protocol: 17,
        sourcePort: 53,
        interfaceName: 'eth0',
        payload: Uint8Array.from([1, 2]),
      });
    }
  });
});
