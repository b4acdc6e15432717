import { col, type Column, type Materialized, type Table } from '../table.ts';

const tag = 'LowCardinality(String)';
const exemplar = 'Tuple(Duration UInt64, SpanId FixedString(8), TraceId FixedString(16))';
/** Quantiles can be read at any level from the sketch; these are only the levels its type names. */
const sketch = 'quantilesTDigest(0.5, 0.95, 0.99)';

const columns = (time: string): Record<string, Column> => ({
  Tenant: col(tag, { role: 'tag', doc: 'Whose data this is.' }),
  Environment: col(tag, { role: 'tag', doc: 'Production, staging …' }),
  Time: col('DateTime', {
    role: 'time',
    doc: `Start of the ${time} in which the request started.`,
    codec: 'Delta(4), ZSTD(1)',
  }),
  Layer: col(tag, {
    role: 'tag',
    doc: "process or application. An entity's application rows count only where it has no process rows.",
  }),
  Side: col(tag, { role: 'tag', doc: 'client or server: each exchange counts once per side.' }),
  EntityId: col('UInt64', { role: 'id', doc: 'Process that owns this side.', codec: 'ZSTD(1)' }),
  PeerEntityId: col('UInt64', { role: 'id', doc: 'Process at the far end; 0 where unknown.', codec: 'ZSTD(1)' }),
  PeerName: col(tag, { role: 'tag', doc: 'Name of the far end where it is no entity.' }),
  Protocol: col(tag, { role: 'tag', doc: 'http, mysql, redis, dns.' }),
  Endpoint: col(tag, { role: 'tag', doc: 'As in spans.' }),
  Requests: col('SimpleAggregateFunction(sum, UInt64)', { role: 'metric', unit: 'count', doc: 'Exchanges.' }),
  Errors: col('SimpleAggregateFunction(sum, UInt64)', {
    role: 'metric',
    unit: 'count',
    doc: 'StatusCode Error, failures included.',
  }),
  Timeouts: col('SimpleAggregateFunction(sum, UInt64)', { role: 'metric', unit: 'count', doc: 'Failure timeout.' }),
  Resets: col('SimpleAggregateFunction(sum, UInt64)', { role: 'metric', unit: 'count', doc: 'Failure reset_by_…' }),
  DurationSum: col('SimpleAggregateFunction(sum, UInt64)', { role: 'metric', unit: 'ns', doc: 'Sum of durations.' }),
  DurationQuantiles: col(`AggregateFunction(${sketch}, UInt64)`, {
    role: 'metric',
    unit: 'ns',
    doc: 'Sketch of durations.',
    codec: 'ZSTD(1)',
  }),
  RequestBytes: col('SimpleAggregateFunction(sum, UInt64)', { role: 'metric', unit: 'bytes', doc: 'Sum.' }),
  ResponseBytes: col('SimpleAggregateFunction(sum, UInt64)', { role: 'metric', unit: 'bytes', doc: 'Sum.' }),
  Slowest: col(`SimpleAggregateFunction(max, ${exemplar})`, {
    role: 'id',
    doc: 'Exemplar: the slowest exchange.',
    codec: 'ZSTD(1)',
  }),
  Failed: col(`SimpleAggregateFunction(max, ${exemplar})`, {
    role: 'id',
    doc: 'Exemplar: the slowest failed exchange; zeros for none.',
    codec: 'ZSTD(1)',
  }),
});

const orderBy = [
  'Tenant',
  'Environment',
  'EntityId',
  'Side',
  'Layer',
  'PeerEntityId',
  'PeerName',
  'Protocol',
  'Endpoint',
  'Time',
];

const rollup = (name: string, time: string, ttl: string): Table => ({
  name,
  doc: `Requests, errors and durations of each entity, peer and endpoint, by ${time}.`,
  columns: columns(time),
  engine: 'AggregatingMergeTree',
  partitionBy: '(Tenant, Environment, toDate(Time))',
  orderBy,
  ttl,
  settings: { ttl_only_drop_parts: 1, non_replicated_deduplication_window: 10000 },
});

export const red1s = rollup('red_1s', 'second', 'Time + INTERVAL 1 DAY');
export const red1m = rollup('red_1m', 'minute', 'Time + INTERVAL 90 DAY');

const select = (bucket: string): string => `SELECT
  Tenant, Environment, ${bucket}(Timestamp) AS Time, Layer,
  if(SpanKind = 'Client', 'client', 'server') AS Side,
  EntityId, PeerEntityId, if(PeerEntityId = 0, PeerName, '') AS PeerName, Protocol, Endpoint,
  count() AS Requests,
  countIf(StatusCode = 'Error') AS Errors,
  countIf(Failure = 'timeout') AS Timeouts,
  countIf(Failure IN ('reset_by_client', 'reset_by_server')) AS Resets,
  sum(Duration) AS DurationSum,
  ${sketch.replace('quantilesTDigest', 'quantilesTDigestState')}(Duration) AS DurationQuantiles,
  sum(RequestBytes) AS RequestBytes,
  sum(ResponseBytes) AS ResponseBytes,
  max(CAST((Duration, SpanId, TraceId), '${exemplar}')) AS Slowest,
  maxIf(CAST((Duration, SpanId, TraceId), '${exemplar}'), StatusCode = 'Error') AS Failed
FROM throughline.spans
WHERE Layer IN ('process', 'application') AND SpanKind IN ('Client', 'Server')
GROUP BY Tenant, Environment, Time, Layer, Side, EntityId, PeerEntityId, PeerName, Protocol, Endpoint`;

export const redViews: readonly Materialized[] = [
  { name: 'red_1s_from_spans', target: 'red_1s', select: select('toStartOfSecond') },
  { name: 'red_1m_from_spans', target: 'red_1m', select: select('toStartOfMinute') },
];
