import { exchangeId, formatAddress, parseAddress } from '@throughline/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PacketEvent, type SocketEvent, SocketOperation } from '../events.ts';
import { type Exchange } from './exchange.ts';
import { ExchangeTracker, type OpenedRequest, type TrackerOptions } from './ExchangeTracker.ts';

const CLIENT = parseAddress('10.0.0.1')!;
const SERVER = parseAddress('10.0.0.2')!;
const VIRTUAL = parseAddress('10.96.0.9')!;
const NOTHING = new Uint8Array(0);
const REQUEST = Buffer.from('GET /orders/12 HTTP/1.1\r\nHost: shop\r\nX-Long: ' + 'x'.repeat(80) + '\r\n\r\n');
const RESPONSE = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n' + 'y'.repeat(300));
/** Wraps on the way. */
const REQUEST_SEQUENCE = 0xffffffa0;
const RESPONSE_SEQUENCE = 77;

function socketEvent(over: Partial<SocketEvent> & Pick<SocketEvent, 'operation' | 'timestampNs'>): SocketEvent {
  return {
    socketId: 1,
    pid: 100,
    tid: 101,
    netns: 1,
    cgroupId: 0,
    protocol: 6,
    localAddress: CLIENT,
    localPort: 40000,
    remoteAddress: SERVER,
    remotePort: 80,
    sequence: 0,
    length: 0,
    payload: NOTHING,
    payloadMissing: false,
    ingressId: 0,
    answerId: 0,
    birthId: 0,
    resetBy: undefined,
    ...over,
  };
}

const atServer = {
  socketId: 2,
  pid: 200,
  tid: 201,
  netns: 2,
  localAddress: SERVER,
  localPort: 80,
  remoteAddress: CLIENT,
  remotePort: 40000,
};

function packetEvent(over: Partial<PacketEvent> & Pick<PacketEvent, 'timestampNs'>): PacketEvent {
  return {
    netns: 1,
    interfaceIndex: 2,
    interfaceName: 'eth0',
    direction: 'transmit',
    protocol: 6,
    sourceAddress: CLIENT,
    sourcePort: 40000,
    destinationAddress: SERVER,
    destinationPort: 80,
    sequence: 0,
    acknowledgement: 0,
    tcpFlags: 24,
    payloadLength: 0,
    payload: NOTHING,
    ...over,
  };
}

const toClient = { sourceAddress: SERVER, sourcePort: 80, destinationAddress: CLIENT, destinationPort: 40000 };

interface Piece {
  readonly sequence: number;
  readonly bytes: Uint8Array;
}

/** @param cuts lengths of the pieces, used in turn */
function cut(bytes: Uint8Array, start: number, cuts: readonly number[]): Piece[] {
  const pieces: Piece[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const piece = bytes.subarray(at, at + cuts[i % cuts.length]!);
    pieces.push({ sequence: (start + at) >>> 0, bytes: piece });
    at += piece.length;
  }
  return pieces;
}

function track(use: (tracker: ExchangeTracker) => void, options: TrackerOptions = {}) {
  const exchanges: Exchange[] = [];
  const opened: OpenedRequest[] = [];
  const tracker = new ExchangeTracker(options, {
    onExchange: (exchange) => exchanges.push(exchange),
    onOpen: (request) => opened.push({ ...request }),
  });
  use(tracker);
  tracker.advance(Infinity);
  return { exchanges, opened, counters: tracker.counters };
}

function feedSockets(
  tracker: ExchangeTracker,
  side: 'client' | 'server',
  cuts: readonly number[],
  rounds: number
): void {
  let ns = 1e9;
  const isClient = side === 'client';
  for (let round = 0; round < rounds; round++) {
    const turns = [
      { bytes: REQUEST, start: REQUEST_SEQUENCE + round * REQUEST.length, isSend: isClient },
      { bytes: RESPONSE, start: RESPONSE_SEQUENCE + round * RESPONSE.length, isSend: !isClient },
    ];
    for (const { bytes, start, isSend } of turns) {
      for (const { sequence, bytes: payload } of cut(bytes, start, cuts)) {
        tracker.onSocket(
          socketEvent({
            ...(isClient ? {} : atServer),
            operation: isSend ? SocketOperation.send : SocketOperation.receive,
            timestampNs: (ns += 1000),
            sequence,
            length: payload.length,
            payload,
          })
        );
      }
    }
  }
}

function feedPackets(
  tracker: ExchangeTracker,
  over: Partial<PacketEvent>,
  cuts: readonly number[],
  rounds: number
): void {
  let ns = 1e9;
  for (let round = 0; round < rounds; round++) {
    for (const [bytes, start, isRequest] of [
      [REQUEST, REQUEST_SEQUENCE + round * REQUEST.length, true],
      [RESPONSE, RESPONSE_SEQUENCE + round * RESPONSE.length, false],
    ] as const) {
      for (const { sequence, bytes: payload } of cut(bytes, start, cuts)) {
        const direction = isRequest ? {} : toClient;
        const nat = over.destinationAddress && !isRequest ? { sourceAddress: over.destinationAddress } : {};
        tracker.onPacket(
          packetEvent({
            ...over,
            ...direction,
            ...nat,
            direction: isRequest ? 'transmit' : 'receive',
            timestampNs: (ns += 1000),
            sequence,
            payloadLength: payload.length,
            payload,
          })
        );
      }
    }
  }
}

const idsOf = ({ exchanges }: { exchanges: Exchange[] }): bigint[] => exchanges.map((exchange) => exchange.exchangeId);

describe('ExchangeTracker', () => {
  it('computes the same ids at both sockets, from packets, and from packets after translation, however they are cut', () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(cuts, cuts, cuts, fc.integer({ min: 1, max: 4 }), (client, server, packets, rounds) => {
        const expected = Array.from({ length: rounds }, (_, round) =>
          exchangeId(REQUEST, (REQUEST_SEQUENCE + round * REQUEST.length) >>> 0)
        );
        expect(idsOf(track((tracker) => feedSockets(tracker, 'client', client, rounds)))).toEqual(expected);
        expect(idsOf(track((tracker) => feedSockets(tracker, 'server', server, rounds)))).toEqual(expected);
        const packetsOnly = { packetsOnly: true };
        const plain = track((tracker) => feedPackets(tracker, {}, packets, rounds), packetsOnly);
        const translated = track(
          (tracker) => feedPackets(tracker, { destinationAddress: VIRTUAL }, packets, rounds),
          packetsOnly
        );
        expect(idsOf(plain)).toEqual(expected);
        expect(idsOf(translated)).toEqual(expected);
      }),
      { numRuns: 60 }
    );
  });

  it('makes two exchanges of a call within the host, each with its own side', () => {
    const { exchanges, opened } = track((tracker) => {
      feedSockets(tracker, 'client', [1000], 1);
      feedSockets(tracker, 'server', [1000], 1);
    });
    expect(exchanges.map(({ side, pid, clientPort, serverPort }) => [side, pid, clientPort, serverPort])).toEqual([
      ['client', 100, 40000, 80],
      ['server', 200, 40000, 80],
    ]);
    expect(opened).toContainEqual(expect.objectContaining({ pid: 200, tid: 201, endpoint: '/orders/{id}' }));
  });

  it('makes one exchange of what several interfaces show, with a hop for each', () => {
    const { exchanges } = track(
      (tracker) => {
        feedPackets(tracker, {}, [100], 1);
        feedPackets(tracker, { netns: 3, interfaceIndex: 9, interfaceName: 'veth1' }, [100], 1);
      },
      { packetsOnly: true }
    );
    expect(exchanges.map(({ side, hops }) => [side, hops.map((hop) => hop.interfaceName)])).toEqual([
      ['network', ['eth0', 'veth1']],
    ]);
  });

  it('attaches packets without payload to the exchange whose bytes they carried, also after translation', () => {
    const request = { sequence: REQUEST_SEQUENCE, payloadLength: REQUEST.length };
    const { exchanges } = track((tracker) => {
      tracker.onPacket(packetEvent({ ...request, timestampNs: 1e9 + 500 }));
      feedSockets(tracker, 'client', [1000], 1);
      const behind = { netns: 1, interfaceIndex: 5, interfaceName: 'veth5' };
      tracker.onPacket(packetEvent({ ...request, ...behind, destinationAddress: VIRTUAL, timestampNs: 1e9 + 900 }));
      tracker.onPacket(packetEvent({ ...request, timestampNs: 1e9 + 1500 }));
      const response = { sequence: RESPONSE_SEQUENCE, payloadLength: RESPONSE.length, direction: 'receive' } as const;
      tracker.onPacket(packetEvent({ ...toClient, ...response, timestampNs: 1e9 + 1800 }));
    });
    expect(exchanges).toHaveLength(1);
    expect(exchanges[0]!.startNs).toBe(1e9 + 500);
    expect(exchanges[0]!.hops).toMatchObject([
      { interfaceName: 'eth0', offsetNs: 0, durationNs: 1300, retransmissions: 1 },
      { interfaceName: 'veth5', offsetNs: 400, durationNs: undefined, retransmissions: 0 },
    ]);
  });

  it.each([
    ['reset_by_server', { operation: SocketOperation.reset, resetBy: 'remote' }],
    ['reset_by_client', { operation: SocketOperation.reset, resetBy: 'local' }],
    ['closed_by_client', { operation: SocketOperation.close }],
    ['closed_by_server', { operation: SocketOperation.receive, length: 0 }],
  ] as const)('says %s', (failure, end) => {
    const { exchanges } = track((tracker) => {
      tracker.onSocket(
        socketEvent({
          operation: SocketOperation.send,
          timestampNs: 1e9,
          sequence: 5,
          length: REQUEST.length,
          payload: REQUEST,
        })
      );
      tracker.onSocket(socketEvent({ timestampNs: 2e9, ...end }));
    });
    expect(exchanges).toMatchObject([{ failure, status: 'error', startNs: 1e9, endNs: 2e9 }]);
  });

  describe('where the end of the connection is reported before the call that it interrupted', () => {
    const call = (over: Partial<SocketEvent>): SocketEvent =>
      socketEvent({
        operation: SocketOperation.send,
        timestampNs: 2e9,
        sequence: REQUEST_SEQUENCE,
        length: REQUEST.length,
        payload: REQUEST,
        ...over,
      });
    const reset = socketEvent({ operation: SocketOperation.reset, resetBy: 'remote', timestampNs: 2e9 - 700 });
    const close = socketEvent({ operation: SocketOperation.close, timestampNs: 2e9 - 600 });

    it('fails the first request of a connection at once', () => {
      const { exchanges, opened } = track((tracker) => {
        tracker.onSocket(socketEvent({ operation: SocketOperation.connect, timestampNs: 1e9 }));
        const leaves = { sequence: REQUEST_SEQUENCE, payloadLength: REQUEST.length };
        tracker.onPacket(packetEvent({ ...leaves, timestampNs: 2e9 - 900 }));
        for (const event of [reset, close, call({})]) tracker.onSocket(event);
        tracker.advance(2.2e9);
      });
      expect(opened).toHaveLength(1);
      expect(exchanges).toMatchObject([
        { side: 'client', failure: 'reset_by_server', status: 'error', startNs: 2e9 - 900, endNs: 2e9, pid: 100 },
      ]);
    });

    it('fails a request whose head was not captured whole, and one of a connection used before', () => {
      const { exchanges } = track((tracker) => {
        feedSockets(tracker, 'client', [1000], 1);
        const sequence = (REQUEST_SEQUENCE + REQUEST.length) >>> 0;
        for (const event of [reset, close, call({ sequence, payload: REQUEST.subarray(0, 70) })])
          tracker.onSocket(event);
        tracker.advance(2.2e9);
      });
      expect(exchanges.map(({ failure, responseCode }) => [failure, responseCode])).toEqual([
        [undefined, 200],
        ['reset_by_server', 0],
      ]);
    });

    it('fails a request that the server read after the reset', () => {
      const { exchanges } = track((tracker) => {
        tracker.onSocket(socketEvent({ ...atServer, operation: SocketOperation.accept, timestampNs: 1e9 }));
        tracker.onSocket({ ...reset, ...atServer });
        tracker.onSocket({ ...close, ...atServer });
        tracker.onSocket(call({ ...atServer, operation: SocketOperation.receive }));
        tracker.advance(2.2e9);
      });
      expect(exchanges).toMatchObject([{ side: 'server', failure: 'reset_by_client', startNs: 2e9, endNs: 2e9 }]);
    });

    it('does not fail a second time what had failed by then', () => {
      const { exchanges } = track((tracker) => {
        tracker.onSocket(call({ timestampNs: 1e9, length: REQUEST.length - 2, payload: REQUEST.subarray(0, -2) }));
        const rest = {
          sequence: (REQUEST_SEQUENCE + REQUEST.length - 2) >>> 0,
          length: 2,
          payload: REQUEST.subarray(-2),
        };
        for (const event of [reset, close, call(rest)]) tracker.onSocket(event);
      });
      expect(exchanges).toMatchObject([{ failure: 'reset_by_server', startNs: 1e9, endNs: 2e9 - 700 }]);
    });

    it('does not take a socket that connects again for ended', () => {
      const { exchanges } = track((tracker) => {
        tracker.onSocket(socketEvent({ operation: SocketOperation.connect, timestampNs: 1e9 }));
        tracker.onSocket(reset);
        tracker.onSocket(socketEvent({ operation: SocketOperation.connect, timestampNs: 3e9 }));
        tracker.onSocket(call({ timestampNs: 4e9 }));
        tracker.advance(5e9);
      });
      expect(exchanges).toMatchObject([{ failure: undefined, startNs: 4e9 }]);
    });

    it('fails a request sent after the peer had closed by what came then', () => {
      const { exchanges } = track((tracker) => {
        tracker.onSocket(socketEvent({ operation: SocketOperation.connect, timestampNs: 1e9 }));
        tracker.onSocket(socketEvent({ operation: SocketOperation.receive, timestampNs: 1.5e9 }));
        tracker.onSocket(call({}));
        tracker.onSocket({ ...reset, timestampNs: 2e9 + 500 });
      });
      expect(exchanges).toMatchObject([{ failure: 'reset_by_server', startNs: 2e9, endNs: 2e9 + 500 }]);
    });
  });

  it('pairs DNS over TCP by id, and tells what was resolved', () => {
    const name = [...Buffer.from('\x04shop\x04test\0'), 0, 1, 0, 1];
    const query = (id: number): number[] => [0, 27, 0, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...name];
    const record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 10, 0, 0, 7];
    const found = [0, 43, 0, 2, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, ...name, ...record];
    const missing = [0, 27, 0, 1, 0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0, ...name];
    const exchanges: Exchange[] = [];
    const names: string[] = [];
    const tracker = new ExchangeTracker(
      {},
      {
        onExchange: (exchange) => exchanges.push(exchange),
        onDnsAnswer: (answer) => names.push(`${answer.netns} ${answer.name} ${formatAddress(answer.address)}`),
      }
    );
    const turns = [
      { operation: SocketOperation.send, bytes: [...query(1), ...query(2)] },
      { operation: SocketOperation.receive, bytes: [...found, ...missing] },
    ];
    for (const { operation, bytes } of turns) {
      const payload = Uint8Array.from(bytes);
      const event = { operation, timestampNs: 1e9, remotePort: 53, sequence: 1, length: payload.length, payload };
      tracker.onSocket(socketEvent(event));
    }
    tracker.advance(Infinity);
    expect(exchanges.map(({ side, requestSequence, responseCode }) => [side, requestSequence, responseCode])).toEqual([
      ['client', 30, 0],
      ['client', 1, 3],
    ]);
    expect(names).toEqual(['1 shop.test 10.0.0.7']);
  });

  it("makes a resolver's exchange of packets, whichever ring is read first", () => {
    const name = [...Buffer.from('\x04shop\x04test\0'), 0, 1, 0, 1];
    const datagram = { protocol: 17, destinationPort: 53 };
    const query = Uint8Array.from([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...name]);
    const answer = Uint8Array.from([0, 7, 0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0, ...name]);
    const packets = [
      packetEvent({ ...datagram, timestampNs: 1e9, payloadLength: query.length, payload: query }),
      packetEvent({
        ...toClient,
        protocol: 17,
        sourcePort: 53,
        timestampNs: 1e9 + 50_000,
        payloadLength: answer.length,
        payload: answer,
      }),
    ];
    const send = { protocol: 17, remotePort: 53, length: query.length, timestampNs: 1e9 };
    const socket = socketEvent({ ...send, operation: SocketOperation.send });
    const orders = [
      (tracker: ExchangeTracker) => {
        tracker.onSocket(socket);
        for (const packet of packets) tracker.onPacket(packet);
      },
      (tracker: ExchangeTracker) => {
        for (const packet of packets) tracker.onPacket(packet);
        tracker.advance(1e9 + 60_000);
        tracker.onSocket(socket);
      },
    ];
    for (const order of orders) {
      expect(track(order).exchanges).toMatchObject([
        { side: 'client', pid: 100, endpoint: 'shop.test', responseCode: 3 },
      ]);
    }
    const tooLate = (tracker: ExchangeTracker): void => {
      for (const packet of packets) tracker.onPacket(packet);
      tracker.advance(2e9);
      tracker.onSocket(socket);
    };
    expect(track(tooLate).exchanges).toEqual([]);
  });

  it('says timeout after 30 seconds of event time', () => {
    const { exchanges } = track((tracker) => {
      tracker.onSocket(
        socketEvent({ operation: SocketOperation.send, timestampNs: 1e9, length: REQUEST.length, payload: REQUEST })
      );
      tracker.advance(30e9);
      tracker.advance(32e9);
    });
    expect(exchanges).toMatchObject([{ failure: 'timeout', status: 'error', startNs: 1e9 }]);
  });

  it('keeps a bounded number of connections, and counts those it gave up', () => {
    const { counters } = track(
      (tracker) => {
        for (let i = 0; i < 50; i++) {
          tracker.onSocket(socketEvent({ operation: SocketOperation.connect, timestampNs: i, socketId: i + 1 }));
        }
        expect(tracker.sizes()['connections']).toBe(10);
      },
      { maxConnections: 10 }
    );
    expect(counters['connections_evicted']).toBe(40);
  });
});
