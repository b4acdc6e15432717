import { col, type Table } from '../table.ts';

const tag = 'LowCardinality(String)';
const attributes = 'Map(LowCardinality(String), String)';

/** How long spans are kept; senders of older ones are told. */
export const SPANS_TTL_DAYS = 7;

/**
 * One row is one side of one exchange (a client's or a server's process, or a host in between that saw only packets), or
 * one span that an SDK reported. Columns that mean what the OpenTelemetry Collector's ClickHouse exporter means by them
 * have its names.
 */
export const spans: Table = {
  name: 'spans',
  doc: 'One side of one exchange, or one span that an SDK reported.',
  columns: {
    Tenant: col(tag, { role: 'tag', doc: 'Whose data this is; every query is bound to one.' }),
    Environment: col(tag, { role: 'tag', doc: 'Production, staging …', semconv: 'deployment.environment.name' }),
    Timestamp: col('DateTime64(9)', {
      role: 'time',
      doc: 'Start of the request: the earliest observation on this host.',
      codec: 'Delta(8), ZSTD(1)',
    }),
    Duration: col('UInt64', {
      role: 'metric',
      unit: 'ns',
      doc: 'From Timestamp to the last byte of the response, or to the failure.',
      codec: 'T64, ZSTD(1)',
    }),
    TraceId: col('FixedString(16)', {
      role: 'id',
      doc: 'Id on the wire or from the SDK; zeros where there is none.',
      codec: 'ZSTD(1)',
    }),
    SpanId: col('FixedString(8)', {
      role: 'id',
      doc: "The exchange's id on the client's side, a fixed function of it on the server's; the SDK's for its spans.",
      codec: 'ZSTD(1)',
    }),
    ParentSpanId: col('FixedString(8)', {
      role: 'id',
      doc: "Server and network: the exchange's id. Client: the SpanId of its cause, zeros for none.",
      codec: 'ZSTD(1)',
    }),
    WireParentSpanId: col('FixedString(8)', {
      role: 'id',
      doc: 'Span id that the request carried (W3C, B3).',
      codec: 'ZSTD(1)',
    }),
    TraceState: col('String', { role: 'text', doc: 'W3C tracestate.', codec: 'ZSTD(1)' }),
    Layer: col(tag, { role: 'tag', doc: 'application, process or network.' }),
    SpanKind: col(tag, { role: 'tag', doc: 'Client, Server, Internal, Producer, Consumer or Unspecified.' }),
    SpanName: col(tag, { role: 'tag', doc: 'Method and endpoint, or the name the SDK gave.' }),
    ServiceName: col(tag, {
      role: 'tag',
      doc: 'Name known when the row was written; entities has the best one.',
      semconv: 'service.name',
    }),
    EntityId: col('UInt64', { role: 'id', doc: 'Process that owns this side; 0 where unknown.', codec: 'ZSTD(1)' }),
    PeerEntityId: col('UInt64', { role: 'id', doc: 'Process at the far end; 0 where unknown.', codec: 'ZSTD(1)' }),
    PeerName: col(tag, { role: 'tag', doc: 'Name of the far end: service, else DNS name, else address.' }),
    PeerEvidence: col(tag, {
      role: 'tag',
      doc: 'How the far end is known: exchange, listener, learned, dns or address.',
    }),
    HostId: col(tag, { role: 'tag', doc: 'Host that observed.', semconv: 'host.id' }),
    AgentId: col(tag, { role: 'tag', doc: 'Agent that observed; empty for SDK spans.' }),
    Pid: col('UInt32', { role: 'tag', doc: 'Process id on its host.', semconv: 'process.pid', codec: 'ZSTD(1)' }),
    Tid: col('UInt32', {
      role: 'tag',
      doc: 'Thread that sent or received the request.',
      semconv: 'thread.id',
      codec: 'ZSTD(1)',
    }),
    Protocol: col(tag, { role: 'tag', doc: 'http, mysql, redis, dns; empty for SDK spans.' }),
    Method: col(tag, { role: 'tag', doc: 'HTTP method, MySQL or Redis command, DNS record type.' }),
    Endpoint: col(tag, { role: 'tag', doc: 'Route template, SQL fingerprint, command, name: of low cardinality.' }),
    Target: col('String', { role: 'text', doc: 'Path, statement, key or name, redacted by rule.', codec: 'ZSTD(1)' }),
    Host: col(tag, { role: 'tag', doc: 'HTTP Host or database.', semconv: 'server.address' }),
    ResponseCode: col('Int32', {
      role: 'tag',
      doc: 'HTTP status, MySQL error, DNS RCODE; 0 for none.',
      codec: 'T64, ZSTD(1)',
    }),
    StatusCode: col(tag, { role: 'tag', doc: 'Unset, Ok or Error.' }),
    StatusMessage: col('String', { role: 'text', doc: 'Error text, redacted.', codec: 'ZSTD(1)' }),
    Failure: col(tag, {
      role: 'tag',
      doc: 'timeout, reset_by_client, reset_by_server, closed_by_client, closed_by_server or empty.',
    }),
    Truncated: col('Bool', { role: 'tag', doc: 'Bytes that the parser needed were not captured.' }),
    ClientAddress: col('IPv6', {
      role: 'tag',
      doc: 'IPv4 as ::ffff:a.b.c.d.',
      semconv: 'client.address',
      codec: 'ZSTD(1)',
    }),
    ClientPort: col('UInt16', { role: 'tag', doc: 'Port of the client.', semconv: 'client.port', codec: 'ZSTD(1)' }),
    ServerAddress: col('IPv6', {
      role: 'tag',
      doc: 'As the observer saw it: before or after translation.',
      codec: 'ZSTD(1)',
    }),
    ServerPort: col('UInt16', { role: 'tag', doc: 'Port of the server.', semconv: 'server.port', codec: 'ZSTD(1)' }),
    RequestSequence: col('UInt32', {
      role: 'id',
      doc: 'TCP sequence number of the first request byte.',
      codec: 'ZSTD(1)',
    }),
    ResponseSequence: col('UInt32', {
      role: 'id',
      doc: 'TCP sequence number of the first response byte.',
      codec: 'ZSTD(1)',
    }),
    RequestBytes: col('UInt64', {
      role: 'metric',
      unit: 'bytes',
      doc: 'On the connection, headers included.',
      codec: 'T64, ZSTD(1)',
    }),
    ResponseBytes: col('UInt64', {
      role: 'metric',
      unit: 'bytes',
      doc: 'On the connection, headers included.',
      codec: 'T64, ZSTD(1)',
    }),
    RequestId: col('String', { role: 'id', doc: 'X-Request-ID of the request.', codec: 'ZSTD(1)' }),
    ResponseRequestId: col('String', { role: 'id', doc: 'X-Request-ID of the response.', codec: 'ZSTD(1)' }),
    LinkEvidence: col(tag, { role: 'tag', doc: 'Why ParentSpanId is the parent; see docs/semantics.md.' }),
    LinkProbability: col('Float32', { role: 'metric', doc: '0 to 1.', codec: 'ZSTD(1)' }),
    LinkCandidateCount: col('UInt16', {
      role: 'metric',
      unit: 'count',
      doc: 'Requests open when this call started.',
      codec: 'T64, ZSTD(1)',
    }),
    LinkCandidates: col('Array(FixedString(8))', {
      role: 'nested',
      doc: 'Up to 4 kept candidates, likeliest first.',
      codec: 'ZSTD(1)',
    }),
    LinkCandidateProbabilities: col('Array(Float32)', {
      role: 'nested',
      doc: 'Their probabilities.',
      codec: 'ZSTD(1)',
    }),
    'Hops.Interface': col(`Array(${tag})`, {
      role: 'nested',
      doc: 'Interfaces of this host that saw the exchange, by time.',
    }),
    'Hops.InterfaceIndex': col('Array(UInt32)', { role: 'nested', doc: 'Their indexes.', codec: 'ZSTD(1)' }),
    'Hops.Netns': col('Array(UInt32)', {
      role: 'nested',
      doc: 'Inodes of their network namespaces.',
      codec: 'ZSTD(1)',
    }),
    'Hops.Direction': col(`Array(${tag})`, { role: 'nested', doc: 'receive or transmit, of the request.' }),
    'Hops.Offset': col('Array(Int64)', {
      role: 'nested',
      unit: 'ns',
      doc: 'First request packet, from Timestamp.',
      codec: 'T64, ZSTD(1)',
    }),
    'Hops.Duration': col('Array(UInt64)', {
      role: 'nested',
      unit: 'ns',
      doc: 'To the last response packet; 0 where none was seen.',
      codec: 'T64, ZSTD(1)',
    }),
    'Hops.Retransmissions': col('Array(UInt16)', {
      role: 'nested',
      unit: 'count',
      doc: 'Bytes seen again here, in segments.',
      codec: 'ZSTD(1)',
    }),
    ResourceAttributes: col(attributes, { role: 'nested', doc: 'Of the resource, for SDK spans.', codec: 'ZSTD(1)' }),
    SpanAttributes: col(attributes, { role: 'nested', doc: 'Beyond the columns above.', codec: 'ZSTD(1)' }),
    ScopeName: col(tag, { role: 'tag', doc: 'Instrumentation scope of an SDK span.' }),
    ScopeVersion: col(tag, { role: 'tag', doc: 'Its version.' }),
    'Events.Timestamp': col('Array(DateTime64(9))', {
      role: 'nested',
      doc: 'Events of an SDK span.',
      codec: 'ZSTD(1)',
    }),
    'Events.Name': col(`Array(${tag})`, { role: 'nested', doc: 'Their names.' }),
    'Events.Attributes': col(`Array(${attributes})`, { role: 'nested', doc: 'Their attributes.', codec: 'ZSTD(1)' }),
    'Links.TraceId': col('Array(FixedString(16))', {
      role: 'nested',
      doc: 'Span links of an SDK span.',
      codec: 'ZSTD(1)',
    }),
    'Links.SpanId': col('Array(FixedString(8))', { role: 'nested', doc: 'Their span ids.', codec: 'ZSTD(1)' }),
    'Links.TraceState': col('Array(String)', { role: 'nested', doc: 'Their trace states.', codec: 'ZSTD(1)' }),
    'Links.Attributes': col(`Array(${attributes})`, { role: 'nested', doc: 'Their attributes.', codec: 'ZSTD(1)' }),
  },
  engine: 'MergeTree',
  partitionBy: '(Tenant, Environment, toDate(Timestamp))',
  orderBy: ['Tenant', 'Environment', 'EntityId', 'SpanKind', 'Endpoint', 'Timestamp'],
  ttl: `toDateTime(Timestamp) + INTERVAL ${SPANS_TTL_DAYS} DAY`,
  indexes: {
    trace_id: 'TraceId TYPE bloom_filter(0.01) GRANULARITY 1',
    span_id: 'SpanId TYPE bloom_filter(0.01) GRANULARITY 1',
    parent_span_id: 'ParentSpanId TYPE bloom_filter(0.01) GRANULARITY 1',
    timestamp: 'Timestamp TYPE minmax GRANULARITY 1',
  },
  settings: { index_granularity: 8192, ttl_only_drop_parts: 1, non_replicated_deduplication_window: 10000 },
};
