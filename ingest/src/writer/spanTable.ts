import { type ColumnBatch, type ColumnData } from '@throughline/clickhouse';
import { spans } from '@throughline/schema';
import { type SpanBatchReader } from '@throughline/wire';

/** What ingest knows about a batch beyond its columns; per-row arrays replace those of the batch. */
export interface Enrichment {
  readonly tenant: string;
  readonly environment: string;
  readonly agentId: string;
  readonly hostId: readonly string[];
  readonly serviceName: readonly string[];
  readonly entityId: BigUint64Array;
  readonly peerEntityId: BigUint64Array;
  readonly peerName: readonly string[];
  readonly peerEvidence: readonly string[];
}

/** Columns of table `spans` from a batch: names and types are the table's. */
export function spanTableBatch(reader: SpanBatchReader, enrichment: Enrichment): ColumnBatch {
  const constant = (value: string): string[] => Array<string>(reader.rows).fill(value);
  const group = (ends: Uint32Array, values: ColumnData): ColumnData => ({ kind: 'array', ends, values });
  const map = (name: 'resourceAttributes' | 'spanAttributes' | 'eventAttributes' | 'linkAttributes'): ColumnData => ({
    kind: 'map',
    ends: reader.ends(name),
    keys: reader.strings(`${name}.key`),
    values: reader.strings(`${name}.value`),
  });
  const data: Record<keyof typeof spans.columns, ColumnData> = {
    Tenant: constant(enrichment.tenant),
    Environment: constant(enrichment.environment),
    Timestamp: reader.i64('timestamp'),
    Duration: reader.u64('duration'),
    TraceId: reader.raw('traceId'),
    SpanId: reader.raw('spanId'),
    ParentSpanId: reader.raw('parentSpanId'),
    WireParentSpanId: reader.raw('wireParentSpanId'),
    TraceState: reader.strings('traceState'),
    Layer: reader.strings('layer'),
    SpanKind: reader.strings('spanKind'),
    SpanName: reader.strings('spanName'),
    ServiceName: enrichment.serviceName,
    EntityId: enrichment.entityId,
    PeerEntityId: enrichment.peerEntityId,
    PeerName: enrichment.peerName,
    PeerEvidence: enrichment.peerEvidence,
    HostId: enrichment.hostId,
    AgentId: constant(enrichment.agentId),
    Pid: reader.u32('pid'),
    Tid: reader.u32('tid'),
    Protocol: reader.strings('protocol'),
    Method: reader.strings('method'),
    Endpoint: reader.strings('endpoint'),
    Target: reader.strings('target'),
    Host: reader.strings('host'),
    ResponseCode: reader.i32('responseCode'),
    StatusCode: reader.strings('statusCode'),
    StatusMessage: reader.strings('statusMessage'),
    Failure: reader.strings('failure'),
    Truncated: reader.u8('truncated'),
    ClientAddress: reader.raw('clientAddress'),
    ClientPort: reader.u16('clientPort'),
    ServerAddress: reader.raw('serverAddress'),
    ServerPort: reader.u16('serverPort'),
    RequestSequence: reader.u32('requestSequence'),
    ResponseSequence: reader.u32('responseSequence'),
    RequestBytes: reader.u64('requestBytes'),
    ResponseBytes: reader.u64('responseBytes'),
    RequestId: reader.strings('requestId'),
    ResponseRequestId: reader.strings('responseRequestId'),
    LinkEvidence: reader.strings('linkEvidence'),
    LinkProbability: reader.f32('linkProbability'),
    LinkCandidateCount: reader.u16('linkCandidateCount'),
    LinkCandidates: group(reader.ends('linkCandidates'), reader.raw('linkCandidates.spanId')),
    LinkCandidateProbabilities: group(reader.ends('linkCandidates'), reader.f32('linkCandidates.probability')),
    'Hops.Interface': group(reader.ends('hops'), reader.strings('hops.interface')),
    'Hops.InterfaceIndex': group(reader.ends('hops'), reader.u32('hops.interfaceIndex')),
    'Hops.Netns': group(reader.ends('hops'), reader.u32('hops.netns')),
    'Hops.Direction': group(reader.ends('hops'), reader.strings('hops.direction')),
    'Hops.Offset': group(reader.ends('hops'), reader.i64('hops.offset')),
    'Hops.Duration': group(reader.ends('hops'), reader.u64('hops.duration')),
    'Hops.Retransmissions': group(reader.ends('hops'), reader.u16('hops.retransmissions')),
    ResourceAttributes: map('resourceAttributes'),
    SpanAttributes: map('spanAttributes'),
    ScopeName: reader.strings('scopeName'),
    ScopeVersion: reader.strings('scopeVersion'),
    'Events.Timestamp': group(reader.ends('events'), reader.i64('events.timestamp')),
    'Events.Name': group(reader.ends('events'), reader.strings('events.name')),
    'Events.Attributes': group(reader.ends('events'), map('eventAttributes')),
    'Links.TraceId': group(reader.ends('links'), reader.raw('links.traceId')),
    'Links.SpanId': group(reader.ends('links'), reader.raw('links.spanId')),
    'Links.TraceState': group(reader.ends('links'), reader.strings('links.traceState')),
    'Links.Attributes': group(reader.ends('links'), map('linkAttributes')),
  };
  return {
    rows: reader.rows,
    columns: Object.entries(spans.columns).map(([name, { type }]) => ({ name, type, data: data[name]! })),
  };
}
