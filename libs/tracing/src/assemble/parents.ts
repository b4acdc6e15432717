import { type LinkEvidence } from '../model.ts';
import { type TraceLink, type TraceSpan } from './model.ts';

/** Who is whose parent: hop chains by exchange id, causal links, SDK spans woven in. */

export interface Parent {
  readonly parent: TraceSpan | undefined;
  readonly link: TraceLink | undefined;
  /** What is known to be missing above. */
  readonly gap: string | undefined;
}

/** A later link from table `links`. */
export interface LaterLink {
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly evidence: LinkEvidence;
  readonly probability: number;
}

/** Stamps of one host may be this much apart for one event: sends are stamped when the call returns. */
const TOLERANCE_NS = 2_000_000n;
/** An SDK's own clock (a start time plus a monotonic one, or milliseconds only) may be this far off its host's. */
const SDK_CLOCK_NS = 50_000_000n;

export class Parents {
  private readonly bySpanId = new Map<string, TraceSpan[]>();
  private readonly applicationByEntity = new Map<string, Intervals>();
  private readonly serversByEntity = new Map<string, Intervals>();
  private readonly later: ReadonlyMap<string, LaterLink>;

  constructor(spans: readonly TraceSpan[], later: readonly LaterLink[]) {
    const push = (map: Map<string, TraceSpan[]>, key: string, span: TraceSpan): void => {
      const list = map.get(key);
      if (list) list.push(span);
      else map.set(key, [span]);
    };
    for (const span of spans) {
      push(this.bySpanId, span.spanId, span);
    }
    for (const [index, isWanted] of [
      [this.applicationByEntity, (span: TraceSpan) => span.layer === 'application'],
      [this.serversByEntity, (span: TraceSpan) => span.layer === 'process' && span.kind === 'Server'],
    ] as const) {
      const byEntity = new Map<string, TraceSpan[]>();
      for (const span of spans) if (isWanted(span)) push(byEntity, span.entityId, span);
      for (const [entityId, list] of byEntity) index.set(entityId, new Intervals(list));
    }
    this.later = new Map(later.map((link) => [link.spanId, link]));
  }

  of(span: TraceSpan): Parent {
    const later = this.later.get(span.spanId);
    if (later) {
      const parent = this.closest(later.parentSpanId, span);
      if (parent) return { parent, link: linkOf(later.evidence, later.probability, span), gap: undefined };
    }
    if (span.layer === 'application') return this.ofApplication(span);
    if (span.layer === 'network' || span.kind === 'Server') return this.ofServer(span);
    return this.ofClient(span);
  }

  /** The client's side of the same exchange; else the SDK's span that the request names. */
  private ofServer(span: TraceSpan): Parent {
    const client = this.closest(
      span.parentSpanId,
      span,
      (other) => other.layer === 'process' && other.kind === 'Client'
    );
    if (client) return { parent: client, link: linkOf('exchange', 1, span), gap: undefined };
    const caller = this.closest(span.wireParentSpanId, span);
    if (caller)
      return { parent: caller, link: linkOf('trace_context', 1, span), gap: "the caller's socket was not captured" };
    const gap =
      span.wireParentSpanId === '' ? undefined : `span ${span.wireParentSpanId}, which called, was not received`;
    return { parent: undefined, link: undefined, gap };
  }

  private ofClient(span: TraceSpan): Parent {
    const sdk = this.enclosingSdkCall(span);
    if (sdk) return sdk;
    if (span.parentSpanId === '') return { parent: undefined, link: oneOfLink(span), gap: undefined };
    const parent = this.closest(span.parentSpanId, span);
    if (parent) return { parent, link: linkOf(span.linkEvidence, span.linkProbability, span), gap: undefined };
    return {
      parent: undefined,
      link: undefined,
      gap: `span ${span.parentSpanId}, its cause by ${span.linkEvidence}, was not received`,
    };
  }

  /** An SDK's call span that carried no ids on the wire (a database's) encloses the exchange that it made. */
  private enclosingSdkCall(span: TraceSpan): Parent | undefined {
    if (span.linkEvidence === 'trace_context') return undefined;
    const calls = (this.applicationByEntity.get(span.entityId)?.enclosing(span, TOLERANCE_NS) ?? []).filter(
      (call) => call.kind === 'Client' && (call.serverPort === 0 || call.serverPort === span.serverPort)
    );
    if (calls.length !== 1 || span.entityId === '0') return undefined;
    return {
      parent: calls[0],
      link: linkOf('exchange', calls[0]!.serverPort === 0 ? 0.8 : 0.95, span),
      gap: undefined,
    };
  }

  private ofApplication(span: TraceSpan): Parent {
    const own = this.closest(
      span.parentSpanId,
      span,
      (other) => other.layer === 'application' && other.entityId === span.entityId
    );
    if (own) return { parent: own, link: linkOf('trace_context', 1, span), gap: undefined };
    const exchange = span.kind === 'Server' || span.kind === 'Consumer' ? this.ownExchange(span) : undefined;
    if (exchange) return exchange;
    const remote = this.closest(span.parentSpanId, span);
    if (remote) return { parent: remote, link: linkOf('trace_context', 1, span), gap: undefined };
    const gap = span.parentSpanId === '' ? undefined : `span ${span.parentSpanId}, its parent, was not received`;
    return { parent: undefined, link: undefined, gap };
  }

  /** The process span of the same exchange: by the ids that the request carried, else by connection and times. */
  private ownExchange(span: TraceSpan): Parent | undefined {
    if (span.entityId === '0') return undefined;
    const servers = this.serversByEntity.get(span.entityId);
    if (!servers) return undefined;
    const about = servers.enclosing(span, SDK_CLOCK_NS);
    const byIds = about.filter((server) => span.parentSpanId !== '' && server.wireParentSpanId === span.parentSpanId);
    if (byIds.length === 1) return { parent: byIds[0], link: linkOf('trace_context', 1, span), gap: undefined };
    // A connection carries one exchange at a time, as a rule: the one that began nearest.
    const onConnection = about.filter((server) => span.clientPort !== 0 && server.clientPort === span.clientPort);
    if (onConnection.length > 0) {
      const nearest = onConnection.reduce((a, b) => (apart(b, span) < apart(a, span) ? b : a));
      return {
        parent: nearest,
        link: linkOf('exchange', onConnection.length === 1 ? 0.99 : 0.95, span),
        gap: undefined,
      };
    }
    const byTimes = servers
      .enclosing(span, TOLERANCE_NS)
      .filter((server) => span.clientPort === 0 || server.clientPort === 0);
    if (byTimes.length === 1) return { parent: byTimes[0], link: linkOf('only_open', 0.9, span), gap: undefined };
    return undefined;
  }

  /** Ids can be equal by chance; times and addresses tell which span is meant. */
  private closest(
    spanId: string,
    child: TraceSpan,
    isFit: (span: TraceSpan) => boolean = () => true
  ): TraceSpan | undefined {
    if (spanId === '') return undefined;
    let best: TraceSpan | undefined;
    let bestScore = -Infinity;
    for (const span of this.bySpanId.get(spanId) ?? []) {
      if (span === child || !isFit(span)) continue;
      const isSameConnection =
        span.clientPort !== 0 && span.clientPort === child.clientPort && span.serverPort === child.serverPort;
      const distanceMs = Math.abs(Number(span.startNs - child.startNs)) / 1e6;
      const score = (isSameConnection ? 1e12 : 0) - distanceMs;
      if (score > bestScore) {
        best = span;
        bestScore = score;
      }
    }
    return best;
  }
}

/** Spans of one process by start, so that those around a moment are found without looking at all. */
class Intervals {
  private readonly byStart: readonly TraceSpan[];
  private readonly longestNs: bigint;

  constructor(spans: TraceSpan[]) {
    this.byStart = spans.sort((a, b) => (a.startNs < b.startNs ? -1 : a.startNs > b.startNs ? 1 : 0));
    this.longestNs = BigInt(spans.reduce((most, { durationNs }) => Math.max(most, durationNs), 0));
  }

  enclosing(inner: TraceSpan, toleranceNs: bigint): TraceSpan[] {
    const latest = inner.startNs + toleranceNs;
    const earliest = inner.startNs - this.longestNs - toleranceNs;
    let low = 0;
    for (let high = this.byStart.length; low < high;) {
      const middle = (low + high) >> 1;
      if (this.byStart[middle]!.startNs < earliest) low = middle + 1;
      else high = middle;
    }
    const found: TraceSpan[] = [];
    for (; low < this.byStart.length && this.byStart[low]!.startNs <= latest; low++) {
      if (encloses(this.byStart[low]!, inner, toleranceNs)) found.push(this.byStart[low]!);
    }
    return found;
  }
}

function encloses(outer: TraceSpan, inner: TraceSpan, toleranceNs: bigint): boolean {
  return (
    outer.startNs - toleranceNs <= inner.startNs &&
    outer.startNs + BigInt(outer.durationNs) + toleranceNs >= inner.startNs + BigInt(inner.durationNs)
  );
}

function apart(a: TraceSpan, b: TraceSpan): number {
  return Math.abs(Number(a.startNs - b.startNs));
}

const WORDS: Readonly<Record<LinkEvidence, string>> = {
  exchange: 'same exchange',
  trace_context: 'ids on the wire',
  request_id: 'same X-Request-ID',
  ingress: 'last message its thread received',
  answer: 'its answer was the last before the reply',
  birth: 'what its thread had received when it connected',
  only_open: 'only open request',
  one_of: 'one of several open requests',
  none: 'no request was open',
};

function linkOf(evidence: LinkEvidence, probability: number, span: TraceSpan): TraceLink {
  return { evidence, probability, reason: WORDS[evidence], alternatives: span.candidates };
}

function oneOfLink(span: TraceSpan): TraceLink | undefined {
  if (span.linkEvidence === 'none') return { evidence: 'none', probability: 1, reason: WORDS.none, alternatives: [] };
  if (span.linkEvidence !== 'one_of') return undefined;
  const reason = `one of ${span.candidateCount} open requests`;
  return { evidence: 'one_of', probability: span.linkProbability, reason, alternatives: span.candidates };
}
