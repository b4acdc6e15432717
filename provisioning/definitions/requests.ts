import { dashboard, sql, sqlVariable, STACKED_BARS, textVariable } from '../panels.ts';
import { asOverride, serviceLink, traceLink, UIDS } from './links.ts';
import { NAMES, OWN_AND_PEER, serviceNames, withNames } from './sqlParts.ts';

const CONDITIONS = `$__timeFilter_ms(Timestamp)
    AND Layer = 'process'
    AND $__conditionalAll(SpanKind IN ($side), $side)
    AND $__conditionalAll(Protocol IN ($protocol), $protocol)
    AND $__conditionalAll(StatusCode IN ($status), $status)
    AND ('$text' = '' OR positionCaseInsensitive(concat(SpanName, ' ', Target, ' ', StatusMessage), '$text') > 0)`;

const OF_SERVICE = `$__conditionalAll(Own IN ($service), $service)`;

/** IPv4 as people write it. */
const address = (column: string): string => `replaceOne(toString(${column}), '::ffff:', '')`;

const REQUESTS = sql(
  `
WITH ${NAMES}
SELECT *
FROM (
  SELECT
    Timestamp AS Time, ${OWN_AND_PEER}, SpanKind AS Side, Protocol, Method, Endpoint, Target, Host,
    Duration, ResponseCode AS Code, StatusCode AS Status, Failure, StatusMessage AS Message,
    RequestBytes AS Request, ResponseBytes AS Response,
    arraySum(row.\`Hops.Retransmissions\`) AS Retransmissions, length(row.\`Hops.Interface\`) AS Interfaces,
    ${address('ClientAddress')} AS ClientIp, ClientPort, ${address('ServerAddress')} AS ServerIp, ServerPort,
    HostId AS ObservedBy, Pid, Tid, LinkEvidence AS Link, LinkProbability AS Certainty, Truncated, RequestId,
    SpanId AS Trace
  ${withNames('spans')}
  WHERE ${CONDITIONS}
)
WHERE ${OF_SERVICE}
ORDER BY Time DESC
LIMIT 1000`,
  'table'
);

const PER_STATUS = sql(
  `
WITH ${NAMES}
SELECT time, Status, count() AS requests
FROM (
  SELECT $__timeInterval(Timestamp) AS time, ${OWN_AND_PEER}, if(Failure != '', Failure, StatusCode) AS Status
  ${withNames('spans')}
  WHERE ${CONDITIONS}
)
WHERE ${OF_SERVICE}
GROUP BY time, Status
ORDER BY time, Status`,
  'timeseries'
);

const distinct = (column: string): string => `
SELECT ${column} FROM spans
WHERE $__timeFilter(Timestamp) AND Layer = 'process' AND ${column} != ''
GROUP BY ${column}
ORDER BY count() DESC
LIMIT 100`;

export const requests = dashboard({
  uid: UIDS.requests,
  title: 'Throughline: request log',
  description: 'Every exchange as one of its sides saw it: the newest thousand that match.',
  from: 'now-15m',
  variables: [
    sqlVariable({ name: 'service', label: 'Service', rawSql: serviceNames('server'), all: 'several' }),
    sqlVariable({ name: 'side', label: 'Seen by', rawSql: distinct('SpanKind'), all: 'several' }),
    sqlVariable({ name: 'protocol', label: 'Protocol', rawSql: distinct('Protocol'), all: 'several' }),
    sqlVariable({ name: 'status', label: 'Status', rawSql: distinct('StatusCode'), all: 'several' }),
    textVariable('text', 'Text'),
  ],
  rows: [
    {
      panels: [
        {
          type: 'timeseries',
          title: 'Requests by outcome',
          description: 'Requests that match, in each step of the chart; a failure is named by its kind.',
          width: 24,
          height: 6,
          unit: 'short',
          queries: [PER_STATUS],
          defaults: { displayName: '${__field.labels.Status}', min: 0 },
          custom: STACKED_BARS,
        },
      ],
    },
    {
      panels: [
        {
          type: 'table',
          title: 'Requests',
          description:
            'Newest first, at most 1,000. A request has two rows where both ends are watched: one of each side. Click the id for the whole trace.',
          width: 24,
          height: 20,
          unit: 'short',
          queries: [REQUESTS],
          overrides: [
            { field: 'Duration', properties: { unit: 'ns' } },
            { field: '/^(Request|Response)$/', properties: { unit: 'bytes' } },
            { field: 'Certainty', properties: { unit: 'percentunit' } },
            // Numbers that name something are not rounded.
            { field: '/^(Code|Pid|Tid|ClientPort|ServerPort)$/', properties: { unit: 'none', decimals: 0 } },
            {
              field: 'Own',
              properties: { displayName: 'Service', ...asOverride(serviceLink('${__value.raw:percentencode}')) },
            },
            { field: 'Trace', properties: asOverride(traceLink()) },
          ],
        },
      ],
    },
  ],
});
