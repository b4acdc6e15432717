import { type Frame, type FrameMeta, type Notice, type QueryAnswer } from '@throughline/grafana-backend';
import {
  exemplarFrame,
  type FrameRow,
  METRIC_UNITS,
  type RedMetric,
  type RedQuery,
  redSeriesFrame,
} from '@throughline/query';
import { type QueryContext } from '../context.ts';
import { type PointCondition, pointLinks, toFrame, traceLinks } from '../frames.ts';
import { chartRange, namesCte, QUANTILES_SQL, type RollupRange, rollupRows } from '../rollup.ts';
import { type Settings } from '../settings.ts';
import { Parameters, type Statement } from '../statement.ts';

/** Rate, errors and durations over time, one series per service, endpoint or edge. */
export async function answerRed(query: RedQuery, context: QueryContext): Promise<QueryAnswer> {
  const { store, run, settings } = context;
  const range = chartRange(context);
  const statement = seriesStatement(query, range, context);
  // An exemplar is a duration: over a chart of anything else it would stand at a height that means nothing.
  const withExemplars = query.exemplars && query.metrics.some((metric) => metric in QUANTILE_INDEX);
  const [rows, exemplars] = await Promise.all([
    store.rows<SeriesRow>(statement, run),
    withExemplars ? store.rows<ExemplarRow>(exemplarStatement(query, range, context), run) : [],
  ]);
  const series = groupSeries(rows, query);
  const notices: Notice[] = [];
  const total = Number(rows[0]?.SeriesTotal ?? 0);
  if (total > series.size) {
    notices.push({ severity: 'info', text: `The ${series.size} busiest of ${total} series are shown.` });
  }
  const frames = query.metrics.flatMap((metric) =>
    Array.from(series.values(), (points) => seriesFrame(metric, points, range, query, statement, notices, settings))
  );
  // No series is an answer too: typed, so that an alert rule reads "no data" and not an error.
  if (frames.length === 0) {
    frames.push({ name: redSeriesFrame.name, meta: meta(statement, notices), fields: [] });
  }
  if (withExemplars) frames.push(exemplarsFrame(exemplars, context));
  return { frames };
}

interface SeriesRow {
  readonly Bucket: string;
  readonly Labels: readonly string[];
  readonly Requests: string;
  readonly Errors: string;
  readonly Quantiles: readonly [number, number, number];
  readonly SeriesTotal: string;
}

const LABEL_NAMES = {
  service: ['service'],
  endpoint: ['service', 'endpoint'],
  edge: ['source', 'target'],
} as const;

/** The columns that a series is one value of, in the order of LABEL_NAMES. */
function labelColumns({ groupBy, side }: RedQuery): string {
  if (groupBy === 'service') return '[Own]';
  if (groupBy === 'endpoint') return '[Own, Endpoint]';
  return side === 'client' ? '[Own, Peer]' : '[Peer, Own]';
}

function seriesStatement(query: RedQuery, range: RollupRange, { settings }: QueryContext): Statement {
  const parameters = new Parameters();
  const names = namesCte(settings, parameters);
  const rows = rollupRows(range, query, settings, parameters);
  const labels = labelColumns(query);
  return parameters.statement(`WITH ${names},
rows AS ${rows},
series AS (
  SELECT ${labels} AS Labels, sum(Requests) AS Total, count() OVER () AS SeriesTotal
  FROM rows
  GROUP BY Labels
  ORDER BY Total DESC, Labels
  LIMIT ${parameters.bind(query.limit, 'UInt32')}
)
SELECT
  toUnixTimestamp(toStartOfInterval(Time, toIntervalSecond(${parameters.bind(range.stepSeconds, 'UInt32')}))) AS Bucket,
  ${labels} AS Labels,
  sum(rows.Requests) AS Requests,
  sum(rows.Errors) AS Errors,
  ${QUANTILES_SQL} AS Quantiles,
  any(series.SeriesTotal) AS SeriesTotal
FROM rows
INNER JOIN series ON series.Labels = ${labels}
GROUP BY Bucket, Labels
ORDER BY any(series.Total) DESC, Labels, Bucket`);
}

function groupSeries(rows: readonly SeriesRow[], query: RedQuery): Map<string, readonly SeriesRow[]> {
  const series = new Map<string, SeriesRow[]>();
  for (const row of rows) {
    const key = JSON.stringify(row.Labels);
    const points = series.get(key);
    if (points) points.push(row);
    else if (series.size < query.limit) series.set(key, [row]);
  }
  return series;
}

const QUANTILE_INDEX = { p50: 0, p95: 1, p99: 2 } as const;

function valueOf(metric: RedMetric, row: SeriesRow | undefined, stepSeconds: number): number | null {
  const requests = Number(row?.Requests ?? 0);
  if (metric === 'rate') return requests / stepSeconds;
  if (!row || requests === 0) return null;
  if (metric === 'errorShare') return Number(row.Errors) / requests;
  return row.Quantiles[QUANTILE_INDEX[metric]];
}

function seriesFrame(
  metric: RedMetric,
  points: readonly SeriesRow[],
  range: RollupRange,
  query: RedQuery,
  statement: Statement,
  notices: readonly Notice[],
  settings: Settings
): Frame {
  const byBucket = new Map(points.map((row) => [Number(row.Bucket), row]));
  const rows: FrameRow<typeof redSeriesFrame>[] = [];
  for (let second = range.fromMs / 1_000; second < range.toMs / 1_000; second += range.stepSeconds) {
    const value = valueOf(metric, byBucket.get(second), range.stepSeconds);
    rows.push({ time: BigInt(second) * 1_000_000_000n, value });
  }
  const names = LABEL_NAMES[query.groupBy];
  const values = points[0]!.Labels;
  const labels = Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']));
  return {
    ...toFrame(redSeriesFrame, rows, {
      meta: meta(statement, notices),
      rename: { value: metric },
      labels: { value: { ...labels, side: query.side } },
      config: {
        value: {
          unit: METRIC_UNITS[metric],
          displayNameFromDS: `${metric} ${values.join(' → ')}`,
          links: pointLinks(
            settings,
            range.stepSeconds,
            query.side === 'client' ? 'calls' : 'requests',
            conditions(query)
          ),
        },
      },
    }),
    name: metric,
  };
}

/** What finds the rows that a series counts: those of its own side, whose owner is the service. */
function conditions({ groupBy, side }: RedQuery): PointCondition[] {
  if (groupBy === 'edge') {
    const [own, peer] = side === 'client' ? ['source', 'target'] : ['target', 'source'];
    return [
      { key: 'service', label: own },
      { key: 'peer', label: peer },
    ];
  }
  return LABEL_NAMES[groupBy].map((label) => ({ key: label, label }));
}

function meta(statement: Statement, notices: readonly Notice[]): FrameMeta {
  return { ...redSeriesFrame.meta, executedQueryString: statement.sql, ...(notices.length > 0 && { notices }) };
}

interface ExemplarRow {
  readonly Time: string;
  readonly SpanId: string;
  readonly TraceId: string;
  readonly Duration: string;
  readonly Reason: string;
  readonly Service: string;
  readonly Endpoint: string;
}

const MAX_EXEMPLARS = 100;
const NO_TRACE = '0'.repeat(32);

function exemplarStatement(query: RedQuery, range: RollupRange, { settings }: QueryContext): Statement {
  const parameters = new Parameters();
  const names = namesCte(settings, parameters);
  const rows = rollupRows(range, query, settings, parameters);
  return parameters.statement(`WITH ${names},
rows AS ${rows}
SELECT
  toUnixTimestamp(rows.Time) AS Time,
  lower(hex(exemplar.1.SpanId)) AS SpanId,
  lower(hex(exemplar.1.TraceId)) AS TraceId,
  exemplar.1.Duration AS Duration,
  exemplar.2 AS Reason,
  Own AS Service,
  Endpoint
FROM rows
ARRAY JOIN [(Slowest, 'slowest'), (Failed, 'error')] AS exemplar
WHERE exemplar.1.SpanId != toFixedString('', 8)
ORDER BY Reason = 'error' DESC, Duration DESC
LIMIT ${parameters.bind(MAX_EXEMPLARS, 'UInt32')}`);
}

function exemplarsFrame(exemplars: readonly ExemplarRow[], { settings }: QueryContext): Frame {
  const rows = exemplars.map((row): FrameRow<typeof exemplarFrame> => ({
    Time: BigInt(row.Time) * 1_000_000_000n,
    Value: Number(row.Duration),
    spanId: row.SpanId,
    traceId: row.TraceId === NO_TRACE ? '' : row.TraceId,
    reason: row.Reason,
    service: row.Service,
    endpoint: row.Endpoint,
  }));
  rows.sort((a, b) => Number(a.Time - b.Time));
  const link = traceLinks(settings);
  return toFrame(exemplarFrame, rows, { config: { spanId: link, traceId: link } });
}
