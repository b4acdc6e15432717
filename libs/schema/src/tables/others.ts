import { col, type Materialized, type Table, type View } from '../table.ts';

const tag = 'LowCardinality(String)';
const attributes = 'Map(LowCardinality(String), String)';

export const traceIndex: Table = {
  name: 'trace_index',
  doc: 'Time range of every trace id, so that reading one trace touches few partitions.',
  columns: {
    Tenant: col(tag, { role: 'tag', doc: 'Whose data this is.' }),
    Environment: col(tag, { role: 'tag', doc: 'Production, staging …' }),
    TraceId: col('FixedString(16)', { role: 'id', doc: 'Trace id on the wire or from an SDK.', codec: 'ZSTD(1)' }),
    Day: col('Date', { role: 'time', doc: 'Day on which spans of it started.' }),
    Start: col('SimpleAggregateFunction(min, DateTime64(9))', { role: 'time', doc: 'Start of its first span.' }),
    End: col('SimpleAggregateFunction(max, DateTime64(9))', { role: 'time', doc: 'End of its last span.' }),
    Spans: col('SimpleAggregateFunction(sum, UInt64)', { role: 'metric', unit: 'count', doc: 'Rows.' }),
    Errors: col('SimpleAggregateFunction(sum, UInt64)', {
      role: 'metric',
      unit: 'count',
      doc: 'Rows with StatusCode Error.',
    }),
    Root: col('SimpleAggregateFunction(min, Tuple(Start DateTime64(9), SpanId FixedString(8), EntityId UInt64))', {
      role: 'id',
      doc: 'Earliest span.',
    }),
  },
  engine: 'AggregatingMergeTree',
  partitionBy: '(Tenant, Environment, Day)',
  orderBy: ['Tenant', 'Environment', 'TraceId', 'Day'],
  ttl: 'Day + INTERVAL 7 DAY',
  settings: { ttl_only_drop_parts: 1, non_replicated_deduplication_window: 10000 },
};

export const traceIndexView: Materialized = {
  name: 'trace_index_from_spans',
  target: 'trace_index',
  select: `SELECT
  Tenant, Environment, TraceId, toDate(Timestamp) AS Day,
  min(Timestamp) AS Start,
  max(addNanoseconds(Timestamp, Duration)) AS End,
  count() AS Spans,
  countIf(StatusCode = 'Error') AS Errors,
  min(CAST((Timestamp, SpanId, EntityId), 'Tuple(Start DateTime64(9), SpanId FixedString(8), EntityId UInt64)')) AS Root
FROM throughline.spans
WHERE TraceId != toFixedString('', 16)
GROUP BY Tenant, Environment, TraceId, Day`,
};

export const entities: Table = {
  name: 'entities',
  doc: 'Processes, listeners and hosts, each with the best name known and the time it was seen.',
  columns: {
    Tenant: col(tag, { role: 'tag', doc: 'Whose data this is.' }),
    Environment: col(tag, { role: 'tag', doc: 'Production, staging …' }),
    EntityId: col('UInt64', {
      role: 'id',
      doc: 'Hash of the identity: host, boot, pid and start time, or what the kind has.',
    }),
    Kind: col(tag, { role: 'tag', doc: 'process, listener or host.' }),
    Name: col('String', { role: 'text', doc: 'Service name.', semconv: 'service.name' }),
    NameSource: col(tag, { role: 'tag', doc: 'sdk, environment, labels, unit, command, executable or port.' }),
    HostId: col(tag, { role: 'tag', doc: 'Host it runs on.', semconv: 'host.id' }),
    ValidFrom: col('DateTime64(9)', { role: 'time', doc: 'Started, or first seen.' }),
    ValidTo: col('DateTime64(9)', { role: 'time', doc: 'Ended; 1970 while it runs.' }),
    Attributes: col(attributes, {
      role: 'nested',
      doc: 'process.executable.path, container.id, listener address and port …',
    }),
    UpdatedAt: col('DateTime64(3)', { role: 'time', doc: 'When this was learned; the latest row of an entity holds.' }),
  },
  engine: 'ReplacingMergeTree(UpdatedAt)',
  partitionBy: '(Tenant, Environment)',
  orderBy: ['Tenant', 'Environment', 'EntityId'],
  ttl: 'toDateTime(UpdatedAt) + INTERVAL 30 DAY',
};

export const events: Table = {
  name: 'events',
  doc: 'What changed: processes started and ended, agents, alerts, deployments.',
  columns: {
    Tenant: col(tag, { role: 'tag', doc: 'Whose data this is.' }),
    Environment: col(tag, { role: 'tag', doc: 'Production, staging …' }),
    Timestamp: col('DateTime64(9)', { role: 'time', doc: 'When it happened.', codec: 'Delta(8), ZSTD(1)' }),
    Kind: col(tag, { role: 'tag', doc: 'process_start, process_end, agent_start …' }),
    EntityId: col('UInt64', { role: 'id', doc: 'What it happened to; 0 for none.' }),
    HostId: col(tag, { role: 'tag', doc: 'Where.', semconv: 'host.id' }),
    Title: col('String', { role: 'text', doc: 'One line.', codec: 'ZSTD(1)' }),
    Attributes: col(attributes, { role: 'nested', doc: 'Details.', codec: 'ZSTD(1)' }),
  },
  engine: 'MergeTree',
  partitionBy: '(Tenant, Environment, toYYYYMM(Timestamp))',
  orderBy: ['Tenant', 'Environment', 'Kind', 'Timestamp'],
  ttl: 'toDateTime(Timestamp) + INTERVAL 90 DAY',
  settings: { non_replicated_deduplication_window: 10000 },
};

export const links: Table = {
  name: 'links',
  doc: "Parents found after a row's window; reading prefers them. Rows of spans are never rewritten.",
  columns: {
    Tenant: col(tag, { role: 'tag', doc: 'Whose data this is.' }),
    Environment: col(tag, { role: 'tag', doc: 'Production, staging …' }),
    SpanId: col('FixedString(8)', { role: 'id', doc: 'The child.' }),
    Timestamp: col('DateTime64(9)', { role: 'time', doc: "The child's." }),
    ParentSpanId: col('FixedString(8)', { role: 'id', doc: 'Its parent.' }),
    Evidence: col(tag, { role: 'tag', doc: 'As LinkEvidence in spans.' }),
    Probability: col('Float32', { role: 'metric', doc: '0 to 1.' }),
    UpdatedAt: col('DateTime64(3)', { role: 'time', doc: 'When this was found; the latest holds.' }),
  },
  engine: 'ReplacingMergeTree(UpdatedAt)',
  partitionBy: '(Tenant, Environment, toDate(Timestamp))',
  orderBy: ['Tenant', 'Environment', 'SpanId', 'Timestamp'],
  ttl: 'toDateTime(Timestamp) + INTERVAL 7 DAY',
  settings: { ttl_only_drop_parts: 1 },
};

export const schemaMigrations: Table = {
  name: 'schema_migrations',
  doc: 'Migrations that were applied.',
  columns: {
    Version: col('UInt32', { role: 'id', doc: 'Number of the migration.' }),
    Name: col('String', { role: 'text', doc: 'Its file.' }),
    AppliedAt: col('DateTime64(3)', { role: 'time', doc: 'When.' }),
  },
  engine: 'ReplacingMergeTree(AppliedAt)',
  orderBy: ['Version'],
  // One row per migration: kept as long as any server lives.
  ttl: 'toDateTime(AppliedAt) + INTERVAL 50 YEAR',
};

/** Columns of the OpenTelemetry Collector's ClickHouse exporter, so that tools made for it can read our spans. */
export const otelTraces: View = {
  name: 'otel_traces',
  doc: "Our spans with the columns of the Collector exporter's otel_traces.",
  select: `SELECT
  Timestamp,
  if(TraceId = toFixedString('', 16), '', lower(hex(TraceId))) AS TraceId,
  lower(hex(SpanId)) AS SpanId,
  if(ParentSpanId = toFixedString('', 8), '', lower(hex(ParentSpanId))) AS ParentSpanId,
  TraceState, SpanName, SpanKind, ServiceName,
  CAST(mapUpdate(mapFilter((k, v) -> v != '', map('service.name', toString(ServiceName), 'host.id', toString(HostId))), CAST(ResourceAttributes, 'Map(String, String)')), '${attributes}') AS ResourceAttributes,
  ScopeName, ScopeVersion,
  CAST(mapUpdate(map('throughline.layer', toString(Layer), 'throughline.link.evidence', toString(LinkEvidence)), CAST(SpanAttributes, 'Map(String, String)')), '${attributes}') AS SpanAttributes,
  Duration, StatusCode, StatusMessage,
  Events.Timestamp AS \`Events.Timestamp\`, Events.Name AS \`Events.Name\`, Events.Attributes AS \`Events.Attributes\`,
  arrayMap(id -> lower(hex(id)), Links.TraceId) AS \`Links.TraceId\`,
  arrayMap(id -> lower(hex(id)), Links.SpanId) AS \`Links.SpanId\`,
  Links.TraceState AS \`Links.TraceState\`, Links.Attributes AS \`Links.Attributes\`,
  Tenant, Environment
FROM throughline.spans`,
};
