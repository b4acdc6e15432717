import { QUERY_VERSION, type QueryInput, type RedMetric } from '@throughline/query';
import { dashboard, sql, sqlVariable } from '../panels.ts';
import { asOverride, edgeLink, traceLink, UIDS } from './links.ts';
import { NAMES, OWN_AND_PEER, withNames } from './sqlParts.ts';

/** Protocols of stores; DNS and HTTP have dashboards of their own. */
const STORES = "Protocol IN ('mysql', 'redis')";

const SERVERS = `
WITH ${NAMES}
SELECT Peer AS server
FROM (
  SELECT ${OWN_AND_PEER}, Requests
  ${withNames('red_1m')}
  WHERE $__timeFilter(Time) AND Side = 'client' AND Layer = 'process' AND ${STORES}
)
GROUP BY server
ORDER BY sum(Requests) DESC, server
LIMIT 1000`;

const byCaller = (metric: RedMetric): QueryInput => ({
  queryType: 'red',
  version: QUERY_VERSION,
  metrics: [metric],
  groupBy: 'edge',
  side: 'client',
  filters: [{ key: 'peer', operator: '=', value: '$server' }],
  limit: 20,
});

// Callers see every store, with or without an agent on its host.
const OPERATIONS = sql(
  `
WITH ${NAMES}
SELECT
  Endpoint AS Operation, Own AS Caller, Peer AS Server, Protocol,
  sum(Requests) AS Calls,
  sum(Requests) / $__range_s AS Rate,
  sum(DurationSum) AS Time,
  sum(DurationSum) / sum(Requests) AS Mean,
  quantilesTDigestMerge(0.5, 0.95, 0.99)(DurationQuantiles)[2] AS P95,
  sum(Errors) / sum(Requests) AS Errors,
  sum(Timeouts) AS Timeouts,
  sum(ResponseBytes) / sum(Requests) AS Answer,
  lower(hex(tupleElement(max(Slowest), 2))) AS Slowest
FROM (
  SELECT
    ${OWN_AND_PEER}, Endpoint, Protocol, Requests, DurationSum, DurationQuantiles,
    row.Errors AS Errors, row.Timeouts AS Timeouts, ResponseBytes, row.Slowest AS Slowest
  ${withNames('red_1m')}
  WHERE $__timeFilter(Time) AND Side = 'client' AND Layer = 'process' AND ${STORES}
)
WHERE Peer = '$server'
GROUP BY Operation, Caller, Server, Protocol
ORDER BY Time DESC
LIMIT 500`,
  'table'
);

const STATEMENTS = sql(
  `
WITH ${NAMES}
SELECT *
FROM (
  SELECT
    Timestamp AS Time, Duration, ${OWN_AND_PEER}, Protocol, Host AS Database, Target AS Statement,
    StatusCode AS Status, Failure, StatusMessage AS Message, ResponseBytes AS Answer, SpanId AS Trace
  ${withNames('spans')}
  WHERE $__timeFilter_ms(Timestamp) AND Layer = 'process' AND SpanKind = 'Client' AND ${STORES}
)
WHERE Peer = '$server'
ORDER BY Duration DESC
LIMIT 100`,
  'table'
);

const BY_EDGE = { displayName: '${__field.labels.source} → ${__field.labels.target}', min: 0 };

export const databases = dashboard({
  uid: UIDS.databases,
  title: 'Throughline: databases and caches',
  description: 'What is asked of MySQL and Redis, by fingerprint: who asks, how often, and how long it takes.',
  variables: [sqlVariable({ name: 'server', label: 'Server', rawSql: SERVERS })],
  rows: [
    {
      panels: [
        {
          type: 'timeseries',
          title: 'Calls by caller',
          description: 'Commands and statements per second, by the service that sent them.',
          width: 8,
          unit: 'reqps',
          queries: [byCaller('rate')],
          defaults: BY_EDGE,
        },
        {
          type: 'timeseries',
          title: 'Errors by caller',
          description: 'Share of calls that failed, by the service that sent them.',
          width: 8,
          unit: 'percentunit',
          queries: [byCaller('errorShare')],
          defaults: BY_EDGE,
        },
        {
          type: 'timeseries',
          title: 'P95 by caller',
          description: '95th percentile as the caller saw it: the way there and back is part of it.',
          width: 8,
          unit: 'ns',
          queries: [byCaller('p95')],
          defaults: BY_EDGE,
        },
      ],
    },
    {
      panels: [
        {
          type: 'table',
          title: 'Operations, by the time they take in all',
          description:
            'Statements with their values taken out, and commands. Click the id of the slowest for its trace.',
          width: 24,
          height: 12,
          unit: 'short',
          queries: [OPERATIONS],
          overrides: [
            { field: 'Rate', properties: { unit: 'reqps' } },
            { field: '/^(Time|Mean|P95)$/', properties: { unit: 'ns' } },
            { field: 'Errors', properties: { unit: 'percentunit' } },
            { field: 'Answer', properties: { unit: 'bytes' } },
            { field: 'Slowest', properties: asOverride(traceLink()) },
            {
              field: 'Caller',
              properties: asOverride(
                edgeLink('${__data.fields.Caller:percentencode}', '${__data.fields.Server:percentencode}')
              ),
            },
          ],
        },
      ],
    },
    {
      panels: [
        {
          type: 'table',
          title: 'Slowest statements',
          description: 'Single calls of the time range, redacted as they were captured. Click the id for the trace.',
          width: 24,
          height: 12,
          unit: 'short',
          queries: [STATEMENTS],
          overrides: [
            { field: 'Duration', properties: { unit: 'ns' } },
            { field: 'Answer', properties: { unit: 'bytes' } },
            { field: 'Own', properties: { displayName: 'Caller' } },
            { field: 'Peer', properties: { displayName: 'Server' } },
            { field: 'Trace', properties: asOverride(traceLink()) },
          ],
        },
      ],
    },
  ],
});
