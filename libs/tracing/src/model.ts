/** Shared vocabulary of join (causes, in windows) and assemble (trees, at read time). Pure data. */

export type Layer = 'application' | 'process' | 'network';

/** Evidence for a parent link, strongest first. Users read these names; they are documented in docs/semantics.md. */
export type LinkEvidence =
  | 'exchange' // the other side of the same exchange
  | 'trace_context' // ids on the wire (W3C, B3) or reported by an SDK
  | 'request_id' // X-Request-ID carried on
  | 'ingress' // last message the sending thread received
  | 'answer' // ingress id of the last downstream answer
  | 'birth' // ingress id at connect()
  | 'only_open' // exactly one request was open in the process
  | 'one_of' // several were open and nothing tells them apart: no link, candidates kept
  | 'none'; // no request was open: the call has no cause here

/** A link as decided in a window. `parentSpanId` is 0n for one_of and none. */
export interface CauseLink {
  parentSpanId: bigint;
  evidence: LinkEvidence;
  /** 0..1, calibrated where ids give truth. */
  probability: number;
  /** Requests open when the call started. */
  candidateCount: number;
  /** Up to 4 kept candidates, likeliest first, with their probabilities. */
  candidates: readonly { spanId: bigint; probability: number }[];
}

/** One exchange of one process as join sees it. Times in ns of one clock. */
export interface JoinExchange {
  spanId: bigint;
  /** SpanId of the client's side. */
  exchangeId: bigint;
  side: 'client' | 'server';
  startNs: number;
  endNs: number;
  /** Process on this boot. Joining never crosses processes. */
  processKey: string;
  /** Thread that received the request (server) or sent it (client); 0 unknown. */
  tid: number;
  /** Thread that sent the answer (server) or received it (client); 0 unknown. */
  responseTid: number;
  /** Low-cardinality names: reliability tables are kept per (process, server endpoint, client endpoint). */
  endpoint: string;
  /** Hex ids from the wire or '' . On the server's side parentSpanId is what the request carried; on the client's what the call carried. */
  traceId: string;
  parentSpanId: string;
  requestId: string;
  responseRequestId: string;
  requestIngressId: number;
  responseIngressId: number;
  answerId: number;
  birthId: number;
}

/** A request that arrived and is not answered yet: joining must know it before the calls it causes are decided. */
export type OpenRequest = Pick<
  JoinExchange,
  | 'spanId'
  | 'startNs'
  | 'processKey'
  | 'tid'
  | 'endpoint'
  | 'traceId'
  | 'parentSpanId'
  | 'requestId'
  | 'requestIngressId'
>;
