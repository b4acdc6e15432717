import { QUERY_VERSION } from '@throughline/query';
import { dashboard, sql, STACKED_BARS } from '../panels.ts';
import { UIDS } from './links.ts';
import { ROLLUP_STEP } from './sqlParts.ts';

const DROPPED = sql(
  `
SELECT $__timeInterval(Timestamp) AS time, Attributes['reason'] AS reason, sum(toFloat64OrZero(Attributes['count'])) AS rows
FROM events
WHERE $__timeFilter(Timestamp) AND Kind = 'rows_dropped'
GROUP BY time, reason
ORDER BY time, reason`,
  'timeseries'
);

const TRUNCATED = sql(
  `
SELECT $__timeInterval(Timestamp) AS time, Protocol, countIf(Truncated) / count() AS share
FROM spans
WHERE $__timeFilter(Timestamp) AND Layer = 'process'
GROUP BY time, Protocol
ORDER BY time, Protocol`,
  'timeseries'
);

// Client rows: a server row's link to its own exchange says nothing about what caused it.
const EVIDENCE = sql(
  `
SELECT LinkEvidence AS evidence, count() AS calls, count() / sum(count()) OVER () AS share, avg(LinkProbability) AS certainty
FROM spans
WHERE $__timeFilter(Timestamp) AND Layer = 'process' AND SpanKind = 'Client'
GROUP BY evidence
ORDER BY calls DESC`,
  'table'
);

const UNSURE = sql(
  `
SELECT $__timeInterval(Timestamp) AS time,
  countIf(LinkEvidence IN ('one_of', 'none')) / count() AS unjoined,
  countIf(LinkEvidence NOT IN ('one_of', 'none') AND LinkProbability < toFloat32(0.9)) / count() AS unsure
FROM spans
WHERE $__timeFilter(Timestamp) AND Layer = 'process' AND SpanKind = 'Client'
GROUP BY time
ORDER BY time`,
  'timeseries'
);

const ROWS = sql(
  `
SELECT $__timeInterval(Timestamp) AS time, if(AgentId = '', 'SDKs', HostId) AS source, count() / $__interval_s AS rows
FROM spans
WHERE $__timeFilter(Timestamp)
GROUP BY time, source
ORDER BY time, source`,
  'timeseries'
);

// The newest row of each source against the end of the time range, which is now for a range that ends there.
const LAG = sql(
  `
SELECT if(AgentId = '', concat('SDKs ', HostId), HostId) AS source, dateDiff('millisecond', max(Timestamp), now64(3)) / 1000 AS behind
FROM spans
WHERE $__timeFilter(Timestamp)
GROUP BY source
ORDER BY behind DESC`,
  'table'
);

const FAR_ENDS = sql(
  `
SELECT PeerEvidence AS evidence, count() AS rows, count() / sum(count()) OVER () AS share
FROM spans
WHERE $__timeFilter(Timestamp) AND Layer = 'process'
GROUP BY evidence
ORDER BY rows DESC`,
  'table'
);

export const pipeline = dashboard({
  uid: UIDS.pipeline,
  title: 'Throughline: pipeline and loss',
  description: 'How far to trust what the other dashboards say: what is late, was dropped, was cut or was not joined.',
  rows: [
    {
      panels: [
        {
          type: 'table',
          title: 'Agents',
          description:
            'Every source that reported within the last day: its newest row, and what it lost in the time range.',
          width: 16,
          queries: [{ queryType: 'freshness', version: QUERY_VERSION }],
        },
        {
          type: 'bargauge',
          title: 'Lag',
          description: 'Time from the newest row of each source to now. Choose a time range that ends now.',
          width: 8,
          unit: 's',
          queries: [LAG],
          defaults: { min: 0 },
        },
      ],
    },
    {
      panels: [
        {
          type: 'timeseries',
          title: 'Rows that arrived',
          description: 'Rows per second, by host that observed, and of SDKs.',
          width: 8,
          unit: 'rowsps',
          queries: [ROWS],
          defaults: { displayName: '${__field.labels.source}', min: 0 },
        },
        {
          type: 'timeseries',
          title: 'Dropped',
          description: 'Rows that agents dropped, by reason. Nothing is drawn where nothing was dropped.',
          width: 8,
          unit: 'short',
          interval: ROLLUP_STEP,
          queries: [DROPPED],
          defaults: { displayName: '${__field.labels.reason}', min: 0 },
          custom: STACKED_BARS,
        },
        {
          type: 'timeseries',
          title: 'Cut by the capture',
          description: 'Share of requests of which bytes that the parser needed were not captured, by protocol.',
          width: 8,
          unit: 'percentunit',
          queries: [TRUNCATED],
          defaults: { displayName: '${__field.labels.Protocol}', min: 0 },
        },
      ],
    },
    {
      panels: [
        {
          type: 'table',
          title: 'Why calls are linked to their cause',
          description: 'Outgoing calls by the evidence of their link. What each word means: docs/semantics.md.',
          width: 8,
          unit: 'short',
          queries: [EVIDENCE],
          overrides: [{ field: '/^(share|certainty)$/', properties: { unit: 'percentunit', decimals: 1 } }],
        },
        {
          type: 'timeseries',
          title: 'Calls without a sure link',
          description:
            'Share of outgoing calls that are joined to no request (none was open, or one of several), and joined with less than 90 %.',
          width: 8,
          unit: 'percentunit',
          queries: [UNSURE],
          defaults: { min: 0 },
        },
        {
          type: 'table',
          title: 'How far ends are known',
          description:
            'Rows by how the process at the far end was found. An address alone means that no agent is there.',
          width: 8,
          unit: 'short',
          queries: [FAR_ENDS],
          overrides: [{ field: 'share', properties: { unit: 'percentunit', decimals: 1 } }],
        },
      ],
    },
    {
      panels: [
        {
          type: 'table',
          title: 'What changed',
          description: 'Agents and processes that started or ended, and rows that were dropped.',
          width: 24,
          queries: [{ queryType: 'events', version: QUERY_VERSION, limit: 200 }],
        },
      ],
    },
  ],
});
