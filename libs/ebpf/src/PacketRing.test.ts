import { describe, expect, it } from 'vitest';
import { PacketRingReader, type RingPacket } from './PacketRing.ts';

const BLOCK_BYTES = 4096;

interface Frame {
  readonly data: readonly number[];
  readonly onWire: number;
  readonly interfaceIndex: number;
  readonly packetType: number;
}

/** Fills a block as net/packet/af_packet.c does and hands it to user space. */
function fillBlock(memory: ArrayBuffer, block: number, frames: readonly Frame[]): void {
  const view = new DataView(memory, block * BLOCK_BYTES, BLOCK_BYTES);
  view.setUint32(12, frames.length, true);
  view.setUint32(16, 48, true);
  let at = 48;
  frames.forEach((frame, i) => {
    const linkHeader = 48 + 20 + 14;
    const total = (linkHeader + frame.data.length + 15) & ~15;
    view.setUint32(at, i === frames.length - 1 ? 0 : total, true);
    view.setUint32(at + 4, 1_700_000_000 + i, true);
    view.setUint32(at + 8, 123 + i, true);
    view.setUint32(at + 12, frame.data.length, true);
    view.setUint32(at + 16, frame.onWire, true);
    view.setUint16(at + 24, linkHeader, true);
    view.setInt32(at + 52, frame.interfaceIndex, true);
    view.setUint16(at + 56, 772, true);
    view.setUint8(at + 58, frame.packetType);
    frame.data.forEach((byte, j) => view.setUint8(at + linkHeader + j, byte));
    at += total;
  });
  view.setUint32(8, 1, true);
}

const frame = (byte: number, packetType = 0): Frame => ({
  data: [byte, byte + 1],
  onWire: 1500,
  interfaceIndex: 7,
  packetType,
});

function drain(reader: PacketRingReader): (RingPacket & { data: number[] })[] {
  const packets: (RingPacket & { data: number[] })[] = [];
  reader.drain((packet) =>
    packets.push({
      ...packet,
      data: [...reader.bytes.subarray(packet.offset, packet.offset + packet.capturedBytes)],
    })
  );
  return packets;
}

describe('PacketRingReader', () => {
  it('reads the packets of every block the kernel has released, in turn, and gives the blocks back', () => {
    const memory = new ArrayBuffer(3 * BLOCK_BYTES);
    const reader = new PacketRingReader(memory, BLOCK_BYTES, 3);
    expect(drain(reader)).toEqual([]);
    fillBlock(memory, 0, [frame(1), frame(3, 4)]);
    fillBlock(memory, 1, [frame(5)]);
    expect(drain(reader)).toMatchObject([
      { data: [1, 2], outgoing: false, interfaceIndex: 7, hardwareType: 772, wireBytes: 1500, capturedBytes: 2 },
      { data: [3, 4], outgoing: true, seconds: 1_700_000_001, nanoseconds: 124 },
      { data: [5, 6] },
    ]);
    expect(drain(reader)).toEqual([]);
    fillBlock(memory, 2, [frame(7)]);
    fillBlock(memory, 0, [frame(9)]);
    expect(drain(reader).map((packet) => packet.data)).toEqual([
      [7, 8],
      [9, 10],
    ]);
  });
});
