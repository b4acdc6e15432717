import { QUERY_VERSION, type QueryInput, type RedMetric, type Side } from '@throughline/query';
import { dashboard, type PanelInput, sql, sqlVariable, STACKED_BARS } from '../panels.ts';
import { asOverride, edgeLink, traceLink, UIDS } from './links.ts';
import { calleesOf, NAMES, OWN_AND_PEER, ROLLUP_STEP, serviceNames, withNames } from './sqlParts.ts';

const EDGE = {
  queryType: 'edge',
  version: QUERY_VERSION,
  source: '$source',
  target: '$target',
} as const satisfies QueryInput;

/** The same calls as their caller saw them and as their callee did: what differs is between them. */
function bothSides(metric: RedMetric): QueryInput[] {
  const [caller, callee] = ['$source', '$target'];
  const view = (side: Side, own: string, peer: string): QueryInput => ({
    queryType: 'red',
    version: QUERY_VERSION,
    metrics: [metric],
    groupBy: 'edge',
    side,
    filters: [
      { key: 'service', operator: '=', value: own },
      { key: 'peer', operator: '=', value: peer },
    ],
    limit: 1,
  });
  return [view('client', caller!, callee!), view('server', callee!, caller!)];
}

const BY_SIDE = { displayName: 'seen by the ${__field.labels.side}', min: 0 };

/** Sum of a column of the rollups by edge, as callers saw it. */
function callsByEdge(column: 'Timeouts' | 'Resets'): QueryInput {
  return sql(
    `
WITH ${NAMES}
SELECT time, concat(Own, ' → ', Peer) AS edge, sum(Value) AS calls
FROM (
  SELECT $__timeInterval(Time) AS time, ${OWN_AND_PEER}, ${column} AS Value
  ${withNames('red_1m')}
  WHERE $__timeFilter(Time) AND Side = 'client' AND Layer = 'process' AND ${column} > 0
)
GROUP BY time, edge
ORDER BY time, edge`,
    'timeseries'
  );
}

// The interface that saw the most of them: one lost segment is seen again at every interface after the loss.
const RETRANSMISSIONS = sql(
  `
WITH ${NAMES}
SELECT time, concat(Own, ' → ', Peer) AS edge, sum(Value) AS segments
FROM (
  SELECT $__timeInterval(Timestamp) AS time, ${OWN_AND_PEER}, arrayMax(row.\`Hops.Retransmissions\`) AS Value
  ${withNames('spans')}
  WHERE $__timeFilter(Timestamp) AND Layer = 'process' AND SpanKind = 'Client'
    AND notEmpty(row.\`Hops.Retransmissions\`) AND arrayMax(row.\`Hops.Retransmissions\`) > 0
)
GROUP BY time, edge
ORDER BY time, edge`,
  'timeseries'
);

const BY_EDGE = { displayName: '${__field.labels.edge}', min: 0 };

const sides = (title: string, metric: RedMetric, unit: string, description: string): PanelInput => ({
  type: 'timeseries',
  title,
  description,
  width: 8,
  unit,
  queries: bothSides(metric),
  defaults: BY_SIDE,
});

export const network = dashboard({
  uid: UIDS.network,
  title: 'Throughline: network',
  description: 'Every edge as its two ends see it: how much of a call is the network, and what the network lost.',
  variables: [
    sqlVariable({ name: 'source', label: 'Caller', rawSql: serviceNames('client') }),
    sqlVariable({ name: 'target', label: 'Callee', rawSql: calleesOf('source') }),
  ],
  rows: [
    {
      title: 'All edges',
      panels: [
        {
          type: 'table',
          title: 'Edges',
          description:
            'One row per edge and side that saw it. Where the client saw more time or more failures than the server, the difference is between them.',
          width: 24,
          height: 10,
          queries: [{ queryType: 'overview', version: QUERY_VERSION, limit: 500 }],
          // Frames of an overview: services, edges, operations.
          options: { frameIndex: 1, sortBy: [{ displayName: 'Requests', desc: true }] },
          overrides: [
            {
              field: '/^(Caller|Callee)$/',
              properties: asOverride(
                edgeLink('${__data.fields.source:percentencode}', '${__data.fields.target:percentencode}')
              ),
            },
          ],
        },
      ],
    },
    {
      panels: [
        {
          type: 'timeseries',
          title: 'Retransmissions by edge',
          description:
            'TCP segments of requests and answers that were sent again, as seen on the hosts of the callers.',
          width: 8,
          unit: 'short',
          interval: ROLLUP_STEP,
          queries: [RETRANSMISSIONS],
          defaults: BY_EDGE,
          custom: STACKED_BARS,
        },
        {
          type: 'timeseries',
          title: 'Resets by edge',
          description: 'Calls that ended because one end reset the connection.',
          width: 8,
          unit: 'short',
          interval: ROLLUP_STEP,
          queries: [callsByEdge('Resets')],
          defaults: BY_EDGE,
          custom: STACKED_BARS,
        },
        {
          type: 'timeseries',
          title: 'Timeouts by edge',
          description: 'Calls that their caller gave up on.',
          width: 8,
          unit: 'short',
          interval: ROLLUP_STEP,
          queries: [callsByEdge('Timeouts')],
          defaults: BY_EDGE,
          custom: STACKED_BARS,
        },
      ],
    },
    {
      title: '$source → $target',
      panels: [
        sides('Requests, both views', 'rate', 'reqps', 'Calls per second as the caller and as the callee saw them.'),
        sides('Errors, both views', 'errorShare', 'percentunit', 'Failures that only the caller saw are between both.'),
        sides('P95, both views', 'p95', 'ns', 'Durations as the caller and as the callee saw them.'),
      ],
    },
    {
      panels: [
        {
          type: 'table',
          title: 'Where a call spends its time, now and before',
          description:
            'Mean time by segment, in the order of the way there. Differences of nested durations, so that no clock of one host is compared with that of another.',
          width: 24,
          height: 10,
          queries: [EDGE],
          // Frames of an edge: segments, outcomes.
          options: { frameIndex: 0 },
          overrides: [
            { field: '/^Mean/', properties: { min: 0, 'custom.cellOptions': { type: 'gauge', mode: 'basic' } } },
          ],
        },
      ],
    },
    {
      panels: [
        {
          type: 'table',
          title: 'How the calls end',
          description: 'Answers and failures by side, most frequent first, each with an example.',
          width: 24,
          height: 8,
          queries: [EDGE],
          options: { frameIndex: 1 },
          overrides: [{ field: 'exampleId', properties: asOverride(traceLink()) }],
        },
      ],
    },
  ],
});
