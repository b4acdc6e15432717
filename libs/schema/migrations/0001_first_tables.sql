CREATE DATABASE IF NOT EXISTS throughline;

CREATE TABLE IF NOT EXISTS throughline.spans (
  Tenant LowCardinality(String),
  Environment LowCardinality(String),
  Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
  Duration UInt64 CODEC(T64, ZSTD(1)),
  TraceId FixedString(16) CODEC(ZSTD(1)),
  SpanId FixedString(8) CODEC(ZSTD(1)),
  ParentSpanId FixedString(8) CODEC(ZSTD(1)),
  WireParentSpanId FixedString(8) CODEC(ZSTD(1)),
  TraceState String CODEC(ZSTD(1)),
  Layer LowCardinality(String),
  SpanKind LowCardinality(String),
  SpanName LowCardinality(String),
  ServiceName LowCardinality(String),
  EntityId UInt64 CODEC(ZSTD(1)),
  PeerEntityId UInt64 CODEC(ZSTD(1)),
  PeerName LowCardinality(String),
  PeerEvidence LowCardinality(String),
  HostId LowCardinality(String),
  AgentId LowCardinality(String),
  Pid UInt32 CODEC(ZSTD(1)),
  Tid UInt32 CODEC(ZSTD(1)),
  Protocol LowCardinality(String),
  Method LowCardinality(String),
  Endpoint LowCardinality(String),
  Target String CODEC(ZSTD(1)),
  Host LowCardinality(String),
  ResponseCode Int32 CODEC(T64, ZSTD(1)),
  StatusCode LowCardinality(String),
  StatusMessage String CODEC(ZSTD(1)),
  Failure LowCardinality(String),
  Truncated Bool,
  ClientAddress IPv6 CODEC(ZSTD(1)),
  ClientPort UInt16 CODEC(ZSTD(1)),
  ServerAddress IPv6 CODEC(ZSTD(1)),
  ServerPort UInt16 CODEC(ZSTD(1)),
  RequestSequence UInt32 CODEC(ZSTD(1)),
  ResponseSequence UInt32 CODEC(ZSTD(1)),
  RequestBytes UInt64 CODEC(T64, ZSTD(1)),
  ResponseBytes UInt64 CODEC(T64, ZSTD(1)),
  RequestId String CODEC(ZSTD(1)),
  ResponseRequestId String CODEC(ZSTD(1)),
  LinkEvidence LowCardinality(String),
  LinkProbability Float32 CODEC(ZSTD(1)),
  LinkCandidateCount UInt16 CODEC(T64, ZSTD(1)),
  LinkCandidates Array(FixedString(8)) CODEC(ZSTD(1)),
  LinkCandidateProbabilities Array(Float32) CODEC(ZSTD(1)),
  `Hops.Interface` Array(LowCardinality(String)),
  `Hops.InterfaceIndex` Array(UInt32) CODEC(ZSTD(1)),
  `Hops.Netns` Array(UInt32) CODEC(ZSTD(1)),
  `Hops.Direction` Array(LowCardinality(String)),
  `Hops.Offset` Array(Int64) CODEC(T64, ZSTD(1)),
  `Hops.Duration` Array(UInt64) CODEC(T64, ZSTD(1)),
  `Hops.Retransmissions` Array(UInt16) CODEC(ZSTD(1)),
  ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  SpanAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  ScopeName LowCardinality(String),
  ScopeVersion LowCardinality(String),
  `Events.Timestamp` Array(DateTime64(9)) CODEC(ZSTD(1)),
  `Events.Name` Array(LowCardinality(String)),
  `Events.Attributes` Array(Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
  `Links.TraceId` Array(FixedString(16)) CODEC(ZSTD(1)),
  `Links.SpanId` Array(FixedString(8)) CODEC(ZSTD(1)),
  `Links.TraceState` Array(String) CODEC(ZSTD(1)),
  `Links.Attributes` Array(Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
  INDEX trace_id TraceId TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX span_id SpanId TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX parent_span_id ParentSpanId TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX timestamp Timestamp TYPE minmax GRANULARITY 1
) ENGINE = MergeTree
PARTITION BY (Tenant, Environment, toDate(Timestamp))
ORDER BY (Tenant, Environment, EntityId, SpanKind, Endpoint, Timestamp)
TTL toDateTime(Timestamp) + INTERVAL 7 DAY
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS throughline.red_1s (
  Tenant LowCardinality(String),
  Environment LowCardinality(String),
  Time DateTime CODEC(Delta(4), ZSTD(1)),
  Layer LowCardinality(String),
  Side LowCardinality(String),
  EntityId UInt64 CODEC(ZSTD(1)),
  PeerEntityId UInt64 CODEC(ZSTD(1)),
  PeerName LowCardinality(String),
  Protocol LowCardinality(String),
  Endpoint LowCardinality(String),
  Requests SimpleAggregateFunction(sum, UInt64),
  Errors SimpleAggregateFunction(sum, UInt64),
  Timeouts SimpleAggregateFunction(sum, UInt64),
  Resets SimpleAggregateFunction(sum, UInt64),
  DurationSum SimpleAggregateFunction(sum, UInt64),
  DurationQuantiles AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), UInt64) CODEC(ZSTD(1)),
  RequestBytes SimpleAggregateFunction(sum, UInt64),
  ResponseBytes SimpleAggregateFunction(sum, UInt64),
  Slowest SimpleAggregateFunction(max, Tuple(Duration UInt64, SpanId FixedString(8), TraceId FixedString(16))) CODEC(ZSTD(1)),
  Failed SimpleAggregateFunction(max, Tuple(Duration UInt64, SpanId FixedString(8), TraceId FixedString(16))) CODEC(ZSTD(1))
) ENGINE = AggregatingMergeTree
PARTITION BY (Tenant, Environment, toDate(Time))
ORDER BY (Tenant, Environment, EntityId, Side, Layer, PeerEntityId, PeerName, Protocol, Endpoint, Time)
TTL Time + INTERVAL 1 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS throughline.red_1m (
  Tenant LowCardinality(String),
  Environment LowCardinality(String),
  Time DateTime CODEC(Delta(4), ZSTD(1)),
  Layer LowCardinality(String),
  Side LowCardinality(String),
  EntityId UInt64 CODEC(ZSTD(1)),
  PeerEntityId UInt64 CODEC(ZSTD(1)),
  PeerName LowCardinality(String),
  Protocol LowCardinality(String),
  Endpoint LowCardinality(String),
  Requests SimpleAggregateFunction(sum, UInt64),
  Errors SimpleAggregateFunction(sum, UInt64),
  Timeouts SimpleAggregateFunction(sum, UInt64),
  Resets SimpleAggregateFunction(sum, UInt64),
  DurationSum SimpleAggregateFunction(sum, UInt64),
  DurationQuantiles AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), UInt64) CODEC(ZSTD(1)),
  RequestBytes SimpleAggregateFunction(sum, UInt64),
  ResponseBytes SimpleAggregateFunction(sum, UInt64),
  Slowest SimpleAggregateFunction(max, Tuple(Duration UInt64, SpanId FixedString(8), TraceId FixedString(16))) CODEC(ZSTD(1)),
  Failed SimpleAggregateFunction(max, Tuple(Duration UInt64, SpanId FixedString(8), TraceId FixedString(16))) CODEC(ZSTD(1))
) ENGINE = AggregatingMergeTree
PARTITION BY (Tenant, Environment, toDate(Time))
ORDER BY (Tenant, Environment, EntityId, Side, Layer, PeerEntityId, PeerName, Protocol, Endpoint, Time)
TTL Time + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS throughline.trace_index (
  Tenant LowCardinality(String),
  Environment LowCardinality(String),
  TraceId FixedString(16) CODEC(ZSTD(1)),
  Day Date,
  Start SimpleAggregateFunction(min, DateTime64(9)),
  End SimpleAggregateFunction(max, DateTime64(9)),
  Spans SimpleAggregateFunction(sum, UInt64),
  Errors SimpleAggregateFunction(sum, UInt64),
  Root SimpleAggregateFunction(min, Tuple(Start DateTime64(9), SpanId FixedString(8), EntityId UInt64))
) ENGINE = AggregatingMergeTree
PARTITION BY (Tenant, Environment, Day)
ORDER BY (Tenant, Environment, TraceId, Day)
TTL Day + INTERVAL 7 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS throughline.entities (
  Tenant LowCardinality(String),
  Environment LowCardinality(String),
  EntityId UInt64,
  Kind LowCardinality(String),
  Name String,
  NameSource LowCardinality(String),
  HostId LowCardinality(String),
  ValidFrom DateTime64(9),
  ValidTo DateTime64(9),
  Attributes Map(LowCardinality(String), String),
  UpdatedAt DateTime64(3)
) ENGINE = ReplacingMergeTree(UpdatedAt)
PARTITION BY (Tenant, Environment)
ORDER BY (Tenant, Environment, EntityId)
TTL toDateTime(UpdatedAt) + INTERVAL 30 DAY;

CREATE TABLE IF NOT EXISTS throughline.events (
  Tenant LowCardinality(String),
  Environment LowCardinality(String),
  Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
  Kind LowCardinality(String),
  EntityId UInt64,
  HostId LowCardinality(String),
  Title String CODEC(ZSTD(1)),
  Attributes Map(LowCardinality(String), String) CODEC(ZSTD(1))
) ENGINE = MergeTree
PARTITION BY (Tenant, Environment, toYYYYMM(Timestamp))
ORDER BY (Tenant, Environment, Kind, Timestamp)
TTL toDateTime(Timestamp) + INTERVAL 90 DAY
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS throughline.links (
  Tenant LowCardinality(String),
  Environment LowCardinality(String),
  SpanId FixedString(8),
  Timestamp DateTime64(9),
  ParentSpanId FixedString(8),
  Evidence LowCardinality(String),
  Probability Float32,
  UpdatedAt DateTime64(3)
) ENGINE = ReplacingMergeTree(UpdatedAt)
PARTITION BY (Tenant, Environment, toDate(Timestamp))
ORDER BY (Tenant, Environment, SpanId, Timestamp)
TTL toDateTime(Timestamp) + INTERVAL 7 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS throughline.schema_migrations (
  Version UInt32,
  Name String,
  AppliedAt DateTime64(3)
) ENGINE = ReplacingMergeTree(AppliedAt)
ORDER BY (Version)
TTL toDateTime(AppliedAt) + INTERVAL 50 YEAR;

CREATE MATERIALIZED VIEW IF NOT EXISTS throughline.red_1s_from_spans TO throughline.red_1s AS
SELECT
  Tenant, Environment, toStartOfSecond(Timestamp) AS Time, Layer,
  if(SpanKind = 'Client', 'client', 'server') AS Side,
  EntityId, PeerEntityId, if(PeerEntityId = 0, PeerName, '') AS PeerName, Protocol, Endpoint,
  count() AS Requests,
  countIf(StatusCode = 'Error') AS Errors,
  countIf(Failure = 'timeout') AS Timeouts,
  countIf(Failure IN ('reset_by_client', 'reset_by_server')) AS Resets,
  sum(Duration) AS DurationSum,
  quantilesTDigestState(0.5, 0.95, 0.99)(Duration) AS DurationQuantiles,
  sum(RequestBytes) AS RequestBytes,
  sum(ResponseBytes) AS ResponseBytes,
  max(CAST((Duration, SpanId, TraceId), 'Tuple(Duration UInt64, SpanId FixedString(8), TraceId FixedString(16))')) AS Slowest,
  maxIf(CAST((Duration, SpanId, TraceId), 'Tuple(Duration UInt64, SpanId FixedString(8), TraceId FixedString(16))'), StatusCode = 'Error') AS Failed
FROM throughline.spans
WHERE Layer IN ('process', 'application') AND SpanKind IN ('Client', 'Server')
GROUP BY Tenant, Environment, Time, Layer, Side, EntityId, PeerEntityId, PeerName, Protocol, Endpoint;

CREATE MATERIALIZED VIEW IF NOT EXISTS throughline.red_1m_from_spans TO throughline.red_1m AS
SELECT
  Tenant, Environment, toStartOfMinute(Timestamp) AS Time, Layer,
  if(SpanKind = 'Client', 'client', 'server') AS Side,
  EntityId, PeerEntityId, if(PeerEntityId = 0, PeerName, '') AS PeerName, Protocol, Endpoint,
  count() AS Requests,
  countIf(StatusCode = 'Error') AS Errors,
  countIf(Failure = 'timeout') AS Timeouts,
  countIf(Failure IN ('reset_by_client', 'reset_by_server')) AS Resets,
  sum(Duration) AS DurationSum,
  quantilesTDigestState(0.5, 0.95, 0.99)(Duration) AS DurationQuantiles,
  sum(RequestBytes) AS RequestBytes,
  sum(ResponseBytes) AS ResponseBytes,
  max(CAST((Duration, SpanId, TraceId), 'Tuple(Duration UInt64, SpanId FixedString(8), TraceId FixedString(16))')) AS Slowest,
  maxIf(CAST((Duration, SpanId, TraceId), 'Tuple(Duration UInt64, SpanId FixedString(8), TraceId FixedString(16))'), StatusCode = 'Error') AS Failed
FROM throughline.spans
WHERE Layer IN ('process', 'application') AND SpanKind IN ('Client', 'Server')
GROUP BY Tenant, Environment, Time, Layer, Side, EntityId, PeerEntityId, PeerName, Protocol, Endpoint;

CREATE MATERIALIZED VIEW IF NOT EXISTS throughline.trace_index_from_spans TO throughline.trace_index AS
SELECT
  Tenant, Environment, TraceId, toDate(Timestamp) AS Day,
  min(Timestamp) AS Start,
  max(addNanoseconds(Timestamp, Duration)) AS End,
  count() AS Spans,
  countIf(StatusCode = 'Error') AS Errors,
  min(CAST((Timestamp, SpanId, EntityId), 'Tuple(Start DateTime64(9), SpanId FixedString(8), EntityId UInt64)')) AS Root
FROM throughline.spans
WHERE TraceId != toFixedString('', 16)
GROUP BY Tenant, Environment, TraceId, Day;

CREATE VIEW IF NOT EXISTS throughline.otel_traces AS
SELECT
  Timestamp,
  if(TraceId = toFixedString('', 16), '', lower(hex(TraceId))) AS TraceId,
  lower(hex(SpanId)) AS SpanId,
  if(ParentSpanId = toFixedString('', 8), '', lower(hex(ParentSpanId))) AS ParentSpanId,
  TraceState, SpanName, SpanKind, ServiceName,
  CAST(mapUpdate(mapFilter((k, v) -> v != '', map('service.name', toString(ServiceName), 'host.id', toString(HostId))), CAST(ResourceAttributes, 'Map(String, String)')), 'Map(LowCardinality(String), String)') AS ResourceAttributes,
  ScopeName, ScopeVersion,
  CAST(mapUpdate(map('throughline.layer', toString(Layer), 'throughline.link.evidence', toString(LinkEvidence)), CAST(SpanAttributes, 'Map(String, String)')), 'Map(LowCardinality(String), String)') AS SpanAttributes,
  Duration, StatusCode, StatusMessage,
  Events.Timestamp AS `Events.Timestamp`, Events.Name AS `Events.Name`, Events.Attributes AS `Events.Attributes`,
  arrayMap(id -> lower(hex(id)), Links.TraceId) AS `Links.TraceId`,
  arrayMap(id -> lower(hex(id)), Links.SpanId) AS `Links.SpanId`,
  Links.TraceState AS `Links.TraceState`, Links.Attributes AS `Links.Attributes`,
  Tenant, Environment
FROM throughline.spans;
