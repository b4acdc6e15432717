/** A request with its response, as one observer saw it. Everything downstream (join, export, replay) reads this. */

export type Protocol = 'http' | 'mysql' | 'redis' | 'dns';

/** client, server: seen at that process's socket. network: only packets were seen, no process of this host is an end. */
export type Side = 'client' | 'server' | 'network';

/** Why an exchange has no, or no whole, response. Which side is meant is the TCP peer's role. */
export type Failure = 'timeout' | 'reset_by_client' | 'reset_by_server' | 'closed_by_client' | 'closed_by_server';

/** One point on the way that saw this exchange's packets. Offsets relative to Exchange.startNs; durations in ns. */
export interface Hop {
  netns: number;
  interfaceIndex: number;
  interfaceName: string;
  direction: 'receive' | 'transmit';
  /** First packet holding a byte of the request. May be negative: a send is stamped when the call returns. */
  offsetNs: number;
  /** From that packet to the last packet holding a byte of the response; undefined where none was seen. */
  durationNs: number | undefined;
  retransmissions: number;
}

export interface Exchange {
  /** 64 bit, see libs/core ids. */
  exchangeId: bigint;
  side: Side;
  protocol: Protocol;
  /** Earliest byte of the request, latest of the response (or of the failure), CLOCK_MONOTONIC ns. */
  startNs: number;
  endNs: number;

  /** Owner of the socket; 0 for side network. */
  pid: number;
  /** Thread that sent or received the request, and the response; 0 unknown. */
  tid: number;
  responseTid: number;
  netns: number;
  cgroupId: number;
  socketId: number;
  /** 16 bytes each, IPv4 mapped. Client and server as roles of this exchange, whatever side observed it. */
  clientAddress: Uint8Array;
  clientPort: number;
  serverAddress: Uint8Array;
  serverPort: number;
  /** TCP ranges, half-open, u32 with wrap-around; all 0 for UDP. */
  requestSequence: number;
  requestSequenceEnd: number;
  responseSequence: number;
  responseSequenceEnd: number;
  /** Bytes on the connection, headers included. */
  requestBytes: number;
  responseBytes: number;

  /** Protocol version as text, e.g. "1.1"; '' where the protocol has none. */
  version: string;
  /** http method, MySQL command (COM_QUERY …), Redis command, DNS record type. Upper case. */
  method: string;
  /** http path with query, SQL text, Redis command with its key, DNS name. Redacted by rule before it leaves the host. */
  target: string;
  /** Low-cardinality name of the operation: http route template, SQL fingerprint, Redis command, DNS type + domain. */
  endpoint: string;
  /** http Host; MySQL database where known; '' else. */
  host: string;
  /** http status, MySQL error code, DNS RCODE; 0 where there is none (Redis: 0, error text in statusMessage). */
  responseCode: number;
  status: 'ok' | 'error' | 'unset';
  statusMessage: string;
  failure: Failure | undefined;
  /** True where bytes that the parser needed were beyond the capture or lost. */
  truncated: boolean;

  /** Lower-case hex; '' where the wire carried none. spanId: the sender's span, parent of the receiver's. */
  traceId: string;
  parentSpanId: string;
  /** X-Request-ID of the request and of the response, '' where none. */
  requestId: string;
  responseRequestId: string;

  /** Kernel evidence, 0 = none. requestIngressId: on the server's side the id of this received request; on the client's side the id of the last message the sending thread received. */
  requestIngressId: number;
  /** Client's side: id this exchange's answer got when it was received. Server's side: ingress id carried by the answer sent. */
  responseIngressId: number;
  answerId: number;
  birthId: number;

  hops: Hop[];
  /** OpenTelemetry attributes beyond the fields above, by their semantic-convention names. */
  attributes: Record<string, string>;
}
