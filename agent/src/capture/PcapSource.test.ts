import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CaptureError } from './errors.ts';
import { PcapSource } from './PcapSource.ts';
import { ethernet, integers, ipv4, tcp } from './testPackets.ts';

const packet = (payload: number): number[] =>
  ethernet(0x800, ipv4(6, tcp({ sequence: payload, flags: 24, payload: [payload] })));

/** Serves bytes a few at a time, so that records lie across reads. */
function source(bytes: readonly number[], step = 7): PcapSource {
  let at = 0;
  return new PcapSource((into) => {
    const piece = bytes.slice(at, at + Math.min(step, into.length));
    into.set(piece);
    at += piece.length;
    return piece.length;
  });
}

function drain(from: PcapSource) {
  const events: { timestampNs: number; payload: number[]; direction: string; interfaceName: string }[] = [];
  while (!from.ended) {
    from.poll(
      () => {},
      ({ timestampNs, payload, direction, interfaceName }) =>
        events.push({ timestampNs, payload: [...payload], direction, interfaceName })
    );
  }
  return events;
}

function pcap(littleEndian: boolean, magic: number, fractions: readonly number[], extra: readonly number[] = []) {
  const { u16, u32 } = integers(littleEndian);
  const header = [...u32(magic), ...u16(2), ...u16(4), ...u32(0), ...u32(0), ...u32(65535), ...u32(1)];
  const records = fractions.flatMap((fraction, i) => {
    const data = packet(i + 1);
    return [...u32(1_700_000_000), ...u32(fraction), ...u32(data.length), ...u32(data.length), ...extra, ...data];
  });
  return [...header, ...records];
}

function block(littleEndian: boolean, type: number, body: readonly number[]): number[] {
  const { u32 } = integers(littleEndian);
  const padded = [...body, ...Array<number>((4 - (body.length % 4)) % 4).fill(0)];
  return [...u32(type), ...u32(padded.length + 12), ...padded, ...u32(padded.length + 12)];
}

function pcapng(littleEndian: boolean): number[] {
  const { u16, u32 } = integers(littleEndian);
  const section = [...u32(0x1a2b3c4d), ...u16(1), ...u16(0), ...u32(0xffffffff), ...u32(0xffffffff)];
  const name = [...Buffer.from('eth0')];
  const nanoseconds = [...u16(9), ...u16(1), 9, 0, 0, 0];
  const description = [...u16(1), ...u16(0), ...u32(0), ...u16(2), ...u16(4), ...name, ...nanoseconds, ...u32(0)];
  const timestamp = 1_700_000_000_000_000_000n;
  const enhanced = (offsetNs: bigint, payload: number, flags: number): number[] => {
    const at = timestamp + offsetNs;
    const data = packet(payload);
    const padding = Array<number>((4 - (data.length % 4)) % 4).fill(0);
    return [
      ...u32(0),
      ...u32(Number(at >> 32n)),
      ...u32(Number(at & 0xffffffffn)),
      ...u32(data.length),
      ...u32(data.length),
      ...data,
      ...padding,
      ...u16(2),
      ...u16(4),
      ...u32(flags),
      ...u32(0),
    ];
  };
  return [
    ...block(littleEndian, 0x0a0d0d0a, section),
    ...block(littleEndian, 1, description),
    ...block(littleEndian, 6, enhanced(0n, 1, 1)),
    ...block(littleEndian, 5, [1, 2, 3, 4, 5, 6, 7, 8]), // interface statistics: stepped over
    ...block(littleEndian, 6, enhanced(15n, 2, 2)),
    ...block(littleEndian, 3, [...u32(packet(3).length), ...packet(3)]),
  ];
}

describe('PcapSource', () => {
  it.each([
    ['little-endian', true],
    ['big-endian', false],
  ])('reads pcap, %s', (_name, littleEndian) => {
    const micro = source(pcap(littleEndian, 0xa1b2c3d4, [10, 12]));
    expect(micro.baseWallNs).toBe(1_700_000_000_000_010_000n);
    expect(drain(micro)).toMatchObject([
      { timestampNs: 0, payload: [1] },
      { timestampNs: 2_000, payload: [2] },
    ]);
    const nano = source(pcap(littleEndian, 0xa1b23c4d, [10, 12]));
    expect(nano.baseWallNs).toBe(1_700_000_000_000_000_010n);
    expect(drain(nano).map((event) => event.timestampNs)).toEqual([0, 2]);
  });

  it('reads pcap as modified by Kuznetzov, whose records say the direction', () => {
    const extra = [...integers(true).u32(3), 0, 8, 4, 0];
    expect(drain(source(pcap(true, 0xa1b2cd34, [1, 2], extra)))).toMatchObject([
      { payload: [1], direction: 'transmit' },
      { payload: [2], direction: 'transmit' },
    ]);
  });

  it.each([
    ['little-endian', true],
    ['big-endian', false],
  ])('reads pcapng, %s', (_name, littleEndian) => {
    const from = source(pcapng(littleEndian));
    expect(from.baseWallNs).toBe(1_700_000_000_000_000_000n);
    expect(drain(from)).toEqual([
      { timestampNs: 0, payload: [1], direction: 'receive', interfaceName: 'eth0' },
      { timestampNs: 15, payload: [2], direction: 'transmit', interfaceName: 'eth0' },
      { timestampNs: 15, payload: [3], direction: 'receive', interfaceName: 'eth0' },
    ]);
    expect(Object.values(from.drops())).toEqual([0, 0, 0, 0, 0]);
  });

  it('reads sections of different byte order one after the other', () => {
    const events = drain(source([...pcapng(true), ...pcapng(false)]));
    expect(events.map((event) => event.payload[0])).toEqual([1, 2, 3, 1, 2, 3]);
  });

  it('hands out what stands before the cut, and counts the cut', () => {
    const whole = pcap(true, 0xa1b2c3d4, [1, 2]);
    const from = source(whole.slice(0, -1));
    expect(drain(from)).toHaveLength(1);
    expect(from.drops()).toMatchObject({ file_truncated: 1, file_malformed: 0 });
  });

  it('refuses what is no capture file, and says what to do', () => {
    expect(() => source([...Buffer.from('GET / HTTP/1.1\r\nHost: example\r\n\r\n')])).toThrow(CaptureError);
    expect(() => source([])).toThrow(/editcap/);
    expect(() => PcapSource.open('/nonexistent.pcap')).toThrow(/CAPTURE_FILE_UNREADABLE/);
  });

  it('ends on any bytes without a throw once the file is open', () => {
    const files = fc.constantFrom(
      pcap(true, 0xa1b2c3d4, [1, 2]),
      pcap(false, 0xa1b2cd34, [1]),
      pcapng(true),
      pcapng(false)
    );
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 });
    fc.assert(
      fc.property(files, damage, fc.nat(400), (file, changes, length) => {
        const bytes = [...file];
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        try {
          const from = source(bytes.slice(0, length), 64);
          expect(drain(from).length).toBeLessThan(40);
        } catch (error) {
          expect(error).toBeInstanceOf(CaptureError);
        }
      }),
      { numRuns: 1000 }
    );
  });
});
