import { parseAddress } from '@throughline/core';
import { describe, expect, it } from 'vitest';
import { type PacketEvent } from '../events.ts';
import { type Flow, FlowTable, type FlowTableOptions } from './FlowTable.ts';

const FIN = 1;
const SYN = 2;
const RST = 4;
const ACK = 16;

const client = { sourceAddress: parseAddress('10.0.0.1')!, sourcePort: 40000 };
const server = { sourceAddress: parseAddress('10.0.0.2')!, sourcePort: 80 };

function packet(from: 'client' | 'server', over: Partial<PacketEvent>): PacketEvent {
  const [source, destination] = from === 'client' ? [client, server] : [server, client];
  return {
    timestampNs: 0,
    netns: 1,
    interfaceIndex: 1,
    interfaceName: 'eth0',
    direction: 'receive',
    protocol: 6,
    ...source,
    destinationAddress: destination.sourceAddress,
    destinationPort: destination.sourcePort,
    sequence: 0,
    acknowledgement: 0,
    tcpFlags: ACK,
    payloadLength: 0,
    payload: new Uint8Array(0),
    ...over,
  };
}

const handshake = [
  packet('client', { tcpFlags: SYN, sequence: 0xffffffff, timestampNs: 100 }),
  packet('server', { tcpFlags: SYN | ACK, sequence: 500, timestampNs: 130 }),
  packet('client', { timestampNs: 145 }),
];

function flowsOf(packets: readonly PacketEvent[], options: FlowTableOptions = {}): Flow[] {
  const flows: Flow[] = [];
  const table = new FlowTable((flow) => flows.push(flow), options);
  for (const each of packets) table.onPacket(each);
  table.advance(Infinity);
  return flows;
}

describe('FlowTable', () => {
  it('measures the handshake, and counts bytes and packets of each side over the wrap of sequence numbers', () => {
    const flows = flowsOf([
      ...handshake,
      packet('client', { sequence: 0, payloadLength: 10, timestampNs: 200 }),
      packet('server', { sequence: 501, payloadLength: 1000, timestampNs: 300 }),
    ]);
    expect(flows).toMatchObject([
      {
        protocol: 'tcp',
        clientPort: 40000,
        serverPort: 80,
        startNs: 100,
        lastNs: 300,
        serverRttNs: 30,
        clientRttNs: 15,
        client: { packets: 3, bytes: 10, retransmissions: 0 },
        server: { packets: 2, bytes: 1000, retransmissions: 0 },
        end: 'open',
      },
    ]);
  });

  it('counts what was sent again, but not keep-alives', () => {
    const segment = packet('client', { sequence: 0, payloadLength: 10 });
    const keepAlive = packet('client', { sequence: 9, payloadLength: 1 });
    const [flow] = flowsOf([handshake[0]!, ...handshake, segment, segment, keepAlive]);
    expect(flow!.client).toMatchObject({ retransmissions: 1, repeatedSyns: 1 });
  });

  it.each<[Flow['end'], PacketEvent[]]>([
    ['no_answer', [handshake[0]!]],
    ['reset_by_server', [handshake[0]!, packet('server', { tcpFlags: RST | ACK })]],
    ['reset_by_client', [...handshake, packet('client', { tcpFlags: RST })]],
    [
      'closed_by_server',
      [...handshake, packet('server', { tcpFlags: FIN | ACK }), packet('client', { tcpFlags: FIN })],
    ],
    ['closed_by_client', [packet('client', { tcpFlags: FIN | ACK })]],
  ])('says %s', (end, packets) => {
    expect(flowsOf(packets)).toMatchObject([{ end }]);
  });

  it('begins a new flow when the ports are used again', () => {
    const again = packet('client', { tcpFlags: SYN, sequence: 77 });
    const closed = packet('server', { tcpFlags: FIN | ACK });
    expect(flowsOf([...handshake, again])).toHaveLength(2);
    expect(flowsOf([...handshake, closed, handshake[0]!])).toHaveLength(2);
  });

  it('takes a SYN that was captured after its answer for the same flow', () => {
    expect(flowsOf([handshake[1]!, handshake[0]!, handshake[2]!])).toHaveLength(1);
  });

  it('takes the lower port for the server where no handshake was seen', () => {
    const [flow] = flowsOf([packet('server', { protocol: 17, payloadLength: 5 })]);
    expect(flow).toMatchObject({ protocol: 'udp', serverPort: 80, server: { bytes: 5 } });
  });

  it('keeps a bounded number of flows, and forgets idle ones', () => {
    const flows: Flow[] = [];
    const table = new FlowTable((flow) => flows.push(flow), { maxFlows: 2, idleNs: 1000 });
    for (let port = 1; port <= 3; port++) table.onPacket(packet('client', { sourcePort: 40000 + port }));
    expect(flows.map(({ clientPort }) => clientPort)).toEqual([40001]);
    expect(table.evicted).toBe(1);
    table.advance(1001);
    expect(flows).toHaveLength(3);
  });
});
