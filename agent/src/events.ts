/**
 * What every rung of the capability ladder yields, in one shape, so that flows and parsers never know which rung ran.
 *
 * Objects are reused: a consumer copies what it keeps before its callback returns. Times are CLOCK_MONOTONIC
 * nanoseconds as `number` (exact for 104 days of uptime, to 2 ns after); `Clock` turns them into wall time.
 */

export const SocketOperation = { send: 1, receive: 2, connect: 3, accept: 4, close: 5, reset: 6 } as const;
export type SocketOperation = (typeof SocketOperation)[keyof typeof SocketOperation];

/** One send, receive or state change of one socket, seen in the process that made it. */
export interface SocketEvent {
  operation: SocketOperation;
  timestampNs: number;
  /** Identity of the socket on this boot, below 2^53: socket cookie, else kernel address with its birth. Never reused while alive. */
  socketId: number;
  /** Process and thread; 0 where the event did not run in the owner's context (state changes in softirq). */
  pid: number;
  tid: number;
  /** Inode number of the network namespace. */
  netns: number;
  cgroupId: number;
  /** IP protocol: 6 TCP, 17 UDP. */
  protocol: number;
  /** 16 bytes, IPv4 mapped; host-order ports. Local is the side of this process. */
  localAddress: Uint8Array;
  localPort: number;
  remoteAddress: Uint8Array;
  remotePort: number;
  /** TCP sequence number of the first byte of this call, on the wire's numbering; 0 for UDP. */
  sequence: number;
  /** Bytes sent or received by this call, which may exceed payload.length. */
  length: number;
  /** Captured prefix; empty where the kernel saw no user buffer (sendfile, io_uring, kTLS). */
  payload: Uint8Array;
  /** True where length > 0 but no payload could be read for a reason other than the cap. */
  payloadMissing: boolean;
  /** Ids of received messages, 0 = none; see tracing.md "Evidence": on send, last message this thread received. On receive: this message's own id. */
  ingressId: number;
  /** On send: id of the last downstream answer this thread received. */
  answerId: number;
  /** On send: ingress id at connect() of this socket. */
  birthId: number;
  /** For operation reset: which side reset. */
  resetBy: 'local' | 'remote' | undefined;
}

/** One packet at one interface. From BPF's packet tracer the payload is empty; from AF_PACKET and pcap it is there. */
export interface PacketEvent {
  timestampNs: number;
  netns: number;
  interfaceIndex: number;
  interfaceName: string;
  direction: 'receive' | 'transmit';
  protocol: number;
  sourceAddress: Uint8Array;
  sourcePort: number;
  destinationAddress: Uint8Array;
  destinationPort: number;
  sequence: number;
  acknowledgement: number;
  /** TCP flag bits as on the wire: FIN 1, SYN 2, RST 4, PSH 8, ACK 16. */
  tcpFlags: number;
  /** L4 payload bytes in the packet; may exceed payload.length (snap length), and the MTU (segmentation offload). */
  payloadLength: number;
  payload: Uint8Array;
}

/** A rung of the ladder that could be opened. `poll` drains what is there and returns the number of events. */
export interface EventSource {
  readonly name: string;
  poll(onSocket: (event: SocketEvent) => void, onPacket: (event: PacketEvent) => void): number;
  /** Events lost before they reached JavaScript, by reason, since the start. */
  drops(): Readonly<Record<string, number>>;
  close(): void;
}
