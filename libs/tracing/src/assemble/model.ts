import { type Layer, type LinkEvidence } from '../model.ts';

/** One row of `spans` as assembling reads it. Ids are lower-case hex, '' for none; times ns. */
export interface TraceSpan {
  readonly spanId: string;
  readonly parentSpanId: string;
  /** Span id that the request carried on the wire. */
  readonly wireParentSpanId: string;
  readonly traceId: string;
  readonly layer: Layer;
  /** Client, Server, Internal, Producer, Consumer, Unspecified. */
  readonly kind: string;
  readonly name: string;
  /** Best name known of the process. */
  readonly service: string;
  /** Decimal; '0' where unknown. */
  readonly entityId: string;
  readonly peerName: string;
  readonly peerEvidence: string;
  readonly hostId: string;
  /** Wall clock of its host, ns since the epoch. */
  readonly startNs: bigint;
  readonly durationNs: number;
  readonly protocol: string;
  readonly target: string;
  readonly responseCode: number;
  readonly status: 'Unset' | 'Ok' | 'Error';
  readonly statusMessage: string;
  readonly failure: string;
  readonly truncated: boolean;
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly serverAddress: string;
  readonly serverPort: number;
  readonly requestSequence: number;
  readonly responseSequence: number;
  readonly linkEvidence: LinkEvidence;
  readonly linkProbability: number;
  readonly candidateCount: number;
  readonly candidates: readonly { readonly spanId: string; readonly probability: number }[];
  readonly hops: readonly SpanHop[];
  readonly attributes: Readonly<Record<string, string>>;
  /** What an SDK reported beside the span. */
  readonly events?: readonly SpanEvent[];
  readonly spanLinks?: readonly { readonly traceId: string; readonly spanId: string }[];
}

export interface SpanEvent {
  readonly atNs: bigint;
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface SpanHop {
  readonly interfaceName: string;
  readonly netns: number;
  readonly direction: string;
  /** From the span's start; may be negative, since a send is stamped when the call returns. */
  readonly offsetNs: number;
  /** To the last response packet; 0 where none was seen. */
  readonly durationNs: number;
  readonly retransmissions: number;
}

export interface TraceLink {
  readonly evidence: LinkEvidence;
  readonly probability: number;
  /** In words, for a person. */
  readonly reason: string;
  readonly alternatives: readonly { readonly spanId: string; readonly probability: number }[];
}

/** One observation on the way of a request, clocks brought together. */
export interface HopPoint {
  /** client process, interface, server process. */
  readonly point: string;
  readonly hostId: string;
  readonly kind: 'process' | 'interface';
  /** From the start of the trace, ns; never before the point before it. */
  readonly requestAtNs: number;
  /** undefined where this point saw no response. */
  readonly responseAtNs: number | undefined;
  readonly retransmissions: number;
  /** Of the time since the point before it, ns: above 0 where that was another host's clock. */
  readonly uncertaintyNs: number;
}

export interface TraceNode {
  readonly span: TraceSpan;
  /** From the start of the trace, ns, clocks brought together. */
  readonly startNs: number;
  /** undefined for a root. */
  readonly link: TraceLink | undefined;
  readonly children: readonly TraceNode[];
  /** On the client's side of an exchange (the server's where no client was seen): its way, from process to process. */
  readonly hops: readonly HopPoint[];
  /** What is known to be missing above this node. */
  readonly gap: string | undefined;
}

export interface ClockOffset {
  readonly hostId: string;
  /** Added to this host's times, ns. */
  readonly offsetNs: number;
  /** Half the width of what the exchanges allow, ns; Infinity where nothing bounds it. */
  readonly uncertaintyNs: number;
}

export interface Trace {
  /** The id on the wire or from an SDK; '' where the trace has none of its own. */
  readonly traceId: string;
  /** Wall clock of the first root's host, ns. */
  readonly startNs: bigint;
  readonly durationNs: number;
  readonly roots: readonly TraceNode[];
  readonly spanCount: number;
  readonly errorCount: number;
  readonly clocks: readonly ClockOffset[];
  readonly completeness: {
    /** Calls that are "one of N": drawn under no parent. */
    readonly oneOf: number;
    readonly gaps: number;
    readonly truncated: number;
    /** What was cut, and why. */
    readonly cut: readonly string[];
  };
}
