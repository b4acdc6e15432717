import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SpanBatchBuilder, SpanBatchReader, type SpanRow, WireError, agent } from './index.ts';

const row = (over: Partial<SpanRow> = {}): SpanRow => ({
  timestamp: 1_700_000_000_123_456_789n,
  duration: 1_500_000n,
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 0x1122334455667788n,
  parentSpanId: undefined,
  wireParentSpanId: undefined,
  traceState: '',
  layer: 'process',
  spanKind: 'Client',
  spanName: 'GET /orders/{id}',
  serviceName: 'checkout',
  entityId: 7n,
  peerEntityId: 0n,
  peerName: 'orders',
  peerEvidence: 'dns',
  pid: 1,
  tid: 2,
  protocol: 'http',
  method: 'GET',
  endpoint: '/orders/{id}',
  target: '/orders/1',
  host: 'orders',
  responseCode: 200,
  statusCode: 'Ok',
  statusMessage: '',
  failure: '',
  truncated: 0,
  clientAddress: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1),
  clientPort: 40000,
  serverAddress: undefined,
  serverPort: 80,
  netns: 1,
  requestSequence: 4294967295,
  responseSequence: 1,
  requestBytes: 100n,
  responseBytes: 200n,
  requestId: '',
  responseRequestId: '',
  linkEvidence: 'none',
  linkProbability: 0.5,
  linkCandidateCount: 0,
  scopeName: '',
  scopeVersion: '',
  ...over,
});

function sample(): SpanBatchBuilder {
  const builder = new SpanBatchBuilder(1);
  builder.append(row());
  builder.add('hops', {
    interface: 'eth0',
    interfaceIndex: 2,
    netns: 9,
    direction: 'transmit',
    offset: -5n,
    duration: 7n,
    retransmissions: 1,
  });
  builder.append(row({ spanId: 1n, duration: 2n }));
  builder.append(row({ spanId: 2n, layer: 'application' }));
  builder.add('events', { timestamp: 1n, name: 'a' });
  builder.add('eventAttributes', { key: 'k', value: 'v' });
  builder.add('events', { timestamp: 2n, name: 'b' });
  return builder;
}

describe('span batch', () => {
  it('reads what was built, groups with their owners', () => {
    const reader = new SpanBatchReader(sample().take());
    expect(reader.rows).toBe(3);
    expect(reader.strings('spanName')).toEqual(Array(3).fill('GET /orders/{id}'));
    expect(Buffer.from(reader.raw('spanId')).toString('hex')).toBe('112233445566778800000000000000010000000000000002');
    expect(Buffer.from(reader.raw('traceId')).toString('hex').slice(0, 32)).toBe('0af7651916cd43dd8448eb211c80319c');
    expect([...reader.ends('hops')]).toEqual([1, 1, 1]);
    expect([...reader.i64('hops.offset')]).toEqual([-5n]);
    expect([...reader.ends('events')]).toEqual([0, 0, 2]);
    expect([...reader.ends('eventAttributes')]).toEqual([1, 1]);
    expect(reader.u32('requestSequence')[0]).toBe(4294967295);
  });

  it('is empty after take', () => {
    const builder = sample();
    builder.take();
    builder.append(row({ spanName: 'other' }));
    const reader = new SpanBatchReader(builder.take());
    expect(reader.strings('spanName')).toEqual(['other']);
    expect([...reader.ends('hops')]).toEqual([0]);
  });

  it('encodes to the golden payload of version 1', () => {
    const bytes = agent.Batch.encode(
      agent.Batch.fromPartial({
        protocolVersion: 1,
        tenant: 'default',
        environment: 'production',
        agentId: 'agent-1',
        bootId: 'boot-1',
        batchNumber: 42n,
        hostId: 'host-1',
        hostName: 'node-1',
        clockSamples: [{ monotonicNs: 5n, wallNs: 1_700_000_000_000_000_005n }],
        ...sample().take(),
        entities: [
          {
            id: 7n,
            kind: 'process',
            name: 'checkout',
            nameSource: 'command',
            validFromNs: 1n,
            attributes: new Map([['process.pid', '1']]),
          },
        ],
        names: [{ address: Buffer.of(10, 0, 0, 2), name: 'orders', seenNs: 3n }],
        drops: new Map([['ring_full', 2n]]),
      })
    ).finish();
    const golden = readFileSync(new URL('testdata/batch-v1.hex', import.meta.url), 'utf8').trim();
    expect(Buffer.from(bytes).toString('hex')).toBe(golden);
  });

  it('refuses a few bytes that claim much memory, before they take it', () => {
    const tooLarge = expect.objectContaining({ code: 'WIRE_TOO_LARGE' }) as Error;
    expect(() => new SpanBatchReader({ rows: 0xffff_ffff, dictionary: [], columns: [] })).toThrow(tooLarge);

    const { rows, dictionary, columns } = sample().take();
    const ends = columns.find(({ name }) => name === 'hops.ends')!;
    ends.data.fill(0xff);
    const withoutItems = columns.filter(({ name }) => !name.startsWith('hops.') || name === 'hops.ends');
    expect(() => new SpanBatchReader({ rows, dictionary, columns: withoutItems })).toThrow(tooLarge);

    const builder = new SpanBatchBuilder();
    const target = 'x'.repeat(1 << 20);
    for (let i = 0; i < 200; i++) builder.append(row({ target }));
    expect(() => new SpanBatchReader(builder.take())).toThrow(tooLarge);
  });

  it('never throws anything but WireError on altered bytes', () => {
    const bytes = agent.Batch.encode(agent.Batch.fromPartial(sample().take())).finish();
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const altered = bytes.slice();
        altered[at]! ^= flip;
        let batch: agent.Batch;
        try {
          batch = agent.Batch.decode(altered);
        } catch {
          return; // the protobuf runtime refused it
        }
        try {
          new SpanBatchReader(batch, 1 << 20);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
      { numRuns: 2000 }
    );
  });
});
