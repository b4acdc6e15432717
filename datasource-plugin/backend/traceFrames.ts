import { type Frame, type Notice } from '@throughline/grafana-backend';
import {
  type FrameRow,
  type TraceFrameCustom,
  type TraceHop,
  type TraceIdQuery,
  type TraceKeyValue,
  traceEdgesFrame,
  traceFrame,
  traceNodesFrame,
} from '@throughline/query';
import { type HopPoint, type Trace, type TraceNode } from '@throughline/tracing';
import { edgeLink, nodeLink, toFrame } from './frames.ts';

type TraceRow = FrameRow<typeof traceFrame>;

/** An assembled trace in the shape of Grafana's trace view, and its services as a node graph. Pure. */
export function buildTraceFrames(trace: Trace, hops: TraceIdQuery['hops'], nowMs: number): Frame[] {
  return [traceToFrame(trace, hops, nowMs), ...graphFrames(trace)];
}

const STATUS = { Unset: 0, Ok: 1, Error: 2 } as const;

function traceToFrame(trace: Trace, hops: TraceIdQuery['hops'], nowMs: number): Frame {
  const traceID = trace.traceId || trace.roots[0]!.span.spanId;
  const originMs = Number(trace.startNs / 1_000_000n) + Number(trace.startNs % 1_000_000n) / 1e6;
  const rows: TraceRow[] = [];
  const seen = new Map<string, number>();
  // Parents first, without recursion: a trace may be deeper than the stack.
  const stack: { node: TraceNode; parentID: string | null }[] = trace.roots
    .map((node) => ({ node, parentID: null }))
    .reverse();
  for (let next = stack.pop(); next; next = stack.pop()) {
    const { node, parentID } = next;
    // Equal ids exist, of different exchanges; in a frame each row has its own.
    const repeats = seen.get(node.span.spanId) ?? 0;
    seen.set(node.span.spanId, repeats + 1);
    const spanID = repeats === 0 ? node.span.spanId : `${node.span.spanId}-${repeats + 1}`;
    rows.push(spanRow(node, traceID, spanID, parentID, originMs, hops === 'tags'));
    if (hops === 'rows') rows.push(...hopRows(node, traceID, spanID, originMs));
    for (let i = node.children.length - 1; i >= 0; i--) stack.push({ node: node.children[i]!, parentID: spanID });
  }
  const { oneOf, gaps, truncated, cut } = trace.completeness;
  const missing = [
    ...cut,
    ...(gaps > 0 ? [`${gaps} spans are missing`] : []),
    ...(oneOf > 0 ? [`${oneOf} calls are one of several open requests and have no parent here`] : []),
    ...(truncated > 0 ? [`${truncated} messages were longer than the capture`] : []),
  ];
  const custom: TraceFrameCustom = {
    spans: trace.spanCount,
    roots: trace.roots.length,
    complete: missing.length === 0,
    gaps: missing,
    ageMs: Math.max(0, Math.round(nowMs - originMs - trace.durationNs / 1e6)),
  };
  const notices = missing.map((text): Notice => ({ severity: 'info', text }));
  return toFrame(traceFrame, rows, { meta: { custom: { ...custom }, ...(notices.length > 0 && { notices }) } });
}

function spanRow(
  node: TraceNode,
  traceID: string,
  spanID: string,
  parentSpanID: string | null,
  originMs: number,
  withHops: boolean
): TraceRow {
  const { span, link, gap } = node;
  return {
    traceID,
    spanID,
    parentSpanID,
    operationName: span.name,
    serviceName: span.layer === 'network' ? `host ${span.hostId}` : span.service || 'unknown',
    serviceTags: pairs({ 'host.id': span.hostId, 'throughline.entity.id': span.entityId }),
    startTime: originMs + node.startNs / 1e6,
    duration: span.durationNs / 1e6,
    kind: span.kind.toLowerCase(),
    statusCode: STATUS[span.status],
    statusMessage: span.statusMessage,
    tags: [
      ...pairs({
        'throughline.layer': span.layer,
        'throughline.link.evidence': link?.evidence,
        'throughline.link.probability': link?.probability,
        'throughline.link.reason': link?.reason,
        'throughline.failure': span.failure,
        'throughline.peer.name': span.peerName,
        'throughline.peer.evidence': span.peerEvidence,
        'throughline.protocol': span.protocol,
        'throughline.target': span.target,
        'throughline.response_code': span.responseCode === 0 ? '' : span.responseCode,
        'client.address': span.clientAddress === '::' ? '' : span.clientAddress,
        'client.port': span.clientPort === 0 ? '' : span.clientPort,
        'server.address': span.serverAddress === '::' ? '' : span.serverAddress,
        'server.port': span.serverPort === 0 ? '' : span.serverPort,
        ...span.attributes,
      }),
      ...(withHops ? node.hops.map((hop, i) => ({ key: `throughline.hop.${i}`, value: hopText(hop) })) : []),
    ],
    logs: (span.events ?? []).map(({ atNs, name, attributes }) => ({
      timestamp: Number(atNs / 1_000_000n),
      name,
      fields: pairs(attributes),
    })),
    references: [
      ...(span.spanLinks ?? []).map((each) => ({ traceID: each.traceId, spanID: each.spanId })),
      ...(link?.evidence === 'one_of' ? link.alternatives : []).map(({ spanId, probability }) => ({
        traceID,
        spanID: spanId,
        tags: pairs({ 'throughline.link.evidence': 'one_of', 'throughline.link.probability': probability }),
      })),
    ],
    warnings: [
      ...(gap === undefined ? [] : [gap]),
      ...(link?.evidence === 'one_of' ? [`its cause is ${link.reason}`] : []),
      ...(span.truncated ? ['the message was longer than the capture'] : []),
    ],
    hops: traceHops(node),
    traceState: '',
    instrumentationLibraryName: span.layer === 'application' ? 'opentelemetry' : 'throughline',
    instrumentationLibraryVersion: '',
  };
}

/** The way of the request, where an interface saw it: the ends alone are what the spans say already. */
function traceHops({ hops, startNs }: TraceNode): TraceHop[] {
  if (!hops.some(({ kind }) => kind === 'interface')) return [];
  return hops.map(({ kind, point, hostId, requestAtNs, responseAtNs, retransmissions, uncertaintyNs }) => ({
    kind,
    point: kind === 'process' ? point.replace(/ (client|server)$/, '') : point,
    host: hostId,
    requestNs: requestAtNs - startNs,
    ...(responseAtNs !== undefined && { responseNs: responseAtNs - startNs }),
    retransmissions,
    // JSON has no Infinity, which an unbounded clock has.
    ...(uncertaintyNs > 0 && { clockUncertaintyNs: Math.min(uncertaintyNs, Number.MAX_SAFE_INTEGER) }),
  }));
}

/** Each interface on the way as a child row, from its first request packet to its last response packet. */
function hopRows(node: TraceNode, traceID: string, parentSpanID: string, originMs: number): TraceRow[] {
  return node.hops.flatMap((hop, i) => {
    if (hop.kind !== 'interface') return [];
    const endNs = hop.responseAtNs ?? hop.requestAtNs;
    return [
      {
        traceID,
        spanID: `${parentSpanID}-hop-${i}`,
        parentSpanID,
        operationName: hop.point,
        serviceName: 'network',
        serviceTags: pairs({ 'host.id': hop.hostId }),
        startTime: originMs + hop.requestAtNs / 1e6,
        duration: Math.max(0, endNs - hop.requestAtNs) / 1e6,
        kind: 'internal',
        statusCode: 0,
        statusMessage: '',
        tags: pairs({
          'throughline.layer': 'network',
          'throughline.hop.interface': hop.point,
          'throughline.hop.retransmissions': hop.retransmissions,
        }),
        logs: [],
        references: [],
        warnings: hop.responseAtNs === undefined ? ['no response was seen here'] : [],
        hops: [],
        traceState: '',
        instrumentationLibraryName: 'throughline',
        instrumentationLibraryVersion: '',
      } satisfies TraceRow,
    ];
  });
}

function hopText({ point, hostId, requestAtNs, responseAtNs, retransmissions }: HopPoint): string {
  const back =
    responseAtNs === undefined ? 'no response' : `response +${((responseAtNs - requestAtNs) / 1e6).toFixed(3)} ms`;
  return `${point} on ${hostId}: +${(requestAtNs / 1e6).toFixed(3)} ms, ${back}, ${retransmissions} retransmissions`;
}

function pairs(values: Readonly<Record<string, string | number | undefined>>): TraceKeyValue[] {
  return Object.entries(values).flatMap(([key, value]) =>
    value === undefined || value === '' ? [] : [{ key, value }]
  );
}

interface ServiceSum {
  spans: number;
  errors: number;
  selfNs: number;
  slowest: number;
  operation: string;
}

/** Services of the trace and the calls between them. An SDK's span and its process's are one service. */
function graphFrames(trace: Trace): Frame[] {
  const services = new Map<string, ServiceSum>();
  const edges = new Map<string, { source: string; target: string; calls: number; ns: number }>();
  const stack: TraceNode[] = [...trace.roots];
  for (let node = stack.pop(); node; node = stack.pop()) {
    const { span, children } = node;
    stack.push(...children);
    const source = span.service || 'unknown';
    const sum = services.get(source) ?? { spans: 0, errors: 0, selfNs: 0, slowest: -1, operation: '' };
    services.set(source, sum);
    sum.spans++;
    if (span.status === 'Error') sum.errors++;
    sum.selfNs += selfTime(node);
    if (span.durationNs > sum.slowest) {
      sum.slowest = span.durationNs;
      sum.operation = span.name;
    }
    for (const child of children) {
      const target = child.span.service || 'unknown';
      if (target === source) continue;
      const id = `${source} → ${target}`;
      const edge = edges.get(id) ?? { source, target, calls: 0, ns: 0 };
      edges.set(id, edge);
      edge.calls++;
      edge.ns += child.span.durationNs;
    }
  }
  const nodes = [...services].map(([id, sum]): FrameRow<typeof traceNodesFrame> => ({
    id,
    title: id,
    subtitle: sum.operation,
    mainstat: sum.spans,
    secondarystat: sum.selfNs,
    arc__ok: (sum.spans - sum.errors) / sum.spans,
    arc__error: sum.errors / sum.spans,
  }));
  const edgeRows = [...edges].map(([id, { source, target, calls, ns }]): FrameRow<typeof traceEdgesFrame> => ({
    id,
    source,
    target,
    mainstat: calls,
    secondarystat: ns,
  }));
  return [
    toFrame(traceNodesFrame, nodes, { config: { title: { links: [nodeLink('id')] } } }),
    toFrame(traceEdgesFrame, edgeRows, { config: { id: { links: [edgeLink] } } }),
  ];
}

/** Time of a span in which none of its children ran. */
function selfTime({ span, startNs, children }: TraceNode): number {
  let covered = 0;
  let until = startNs;
  const end = startNs + span.durationNs;
  for (const child of children) {
    const from = Math.max(child.startNs, until);
    const to = Math.min(child.startNs + child.span.durationNs, end);
    if (to > from) {
      covered += to - from;
      until = to;
    }
  }
  return Math.max(0, span.durationNs - covered);
}
