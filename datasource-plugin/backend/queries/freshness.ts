import { type QueryAnswer } from '@throughline/grafana-backend';
import { freshnessFrame, type FreshnessQuery, type FrameRow } from '@throughline/query';
import { type QueryContext } from '../context.ts';
import { toFrame } from '../frames.ts';
import { tenantCondition, timeCondition } from '../scope.ts';
import { Parameters, type Statement } from '../statement.ts';

/** How old the newest row of every agent is. An agent that was started again is the same one: its host's. */
export async function answerFreshness(_query: FreshnessQuery, context: QueryContext): Promise<QueryAnswer> {
  const statement = freshnessStatement(context);
  const found = await context.store.rows<FreshnessRow>(statement, context.run);
  const rows = found.map((row): FrameRow<typeof freshnessFrame> => ({
    agent: row.Agent,
    host: row.Host,
    newest: BigInt(row.Newest),
    behind: Number(row.Behind),
    rows: Number(row.Rows),
    dropped: Number(row.Dropped),
    truncated: Number(row.Cut),
    processes: Number(row.Processes),
  }));
  return { frames: [toFrame(freshnessFrame, rows, { meta: { executedQueryString: statement.sql } })] };
}

interface FreshnessRow {
  readonly Agent: string;
  readonly Host: string;
  readonly Newest: string;
  readonly Behind: string;
  readonly Rows: string;
  readonly Dropped: string;
  readonly Cut: string;
  readonly Processes: string;
}

/** Agents tell again of all that lives within this; what they no longer tell of has ended unseen. */
const REPORTED_WITHIN = 'INTERVAL 5 MINUTE';

function freshnessStatement({ settings, fromMs, toMs }: QueryContext): Statement {
  const parameters = new Parameters();
  const tenant = tenantCondition(settings, parameters);
  const inRange = timeCondition('Timestamp', fromMs, toMs, parameters);
  return parameters.statement(`WITH
latest AS (
  SELECT
    EntityId, argMax(HostId, UpdatedAt) AS Host, argMax(Kind, UpdatedAt) AS LatestKind,
    argMax(ValidTo, UpdatedAt) AS EndedAt, max(UpdatedAt) AS ToldAt
  FROM entities
  WHERE ${tenant}
  GROUP BY EntityId
),
alive AS (
  SELECT Host, countIf(LatestKind = 'process' AND toUnixTimestamp(EndedAt) = 0 AND ToldAt >= HostToldAt - ${REPORTED_WITHIN}) AS Count
  FROM (SELECT *, max(ToldAt) OVER (PARTITION BY Host) AS HostToldAt FROM latest)
  GROUP BY Host
),
dropped AS (
  SELECT HostId AS Host, sum(Told) AS Count
  FROM (
    SELECT DISTINCT HostId, Timestamp, Title, toUInt64OrZero(Attributes['throughline.dropped.count']) AS Told
    FROM events
    WHERE ${tenant} AND ${inRange} AND Kind = 'rows_dropped'
  )
  GROUP BY HostId
),
reported AS (
  SELECT
    HostId AS Host, AgentId != '' AS IsAgent,
    argMax(AgentId, Timestamp) AS Agent,
    max(Timestamp) AS Newest,
    countIf(${inRange}) AS Rows,
    countIf(Truncated AND ${inRange}) AS Cut
  FROM spans
  WHERE ${tenant} AND Timestamp >= now() - INTERVAL 1 DAY
  GROUP BY HostId, IsAgent
)
SELECT
  Agent, reported.Host AS Host,
  toUnixTimestamp64Nano(Newest) AS Newest,
  greatest(0, toUnixTimestamp64Nano(now64(9)) - toUnixTimestamp64Nano(reported.Newest)) AS Behind,
  Rows, Cut,
  if(IsAgent, dropped.Count, 0) AS Dropped,
  if(IsAgent, alive.Count, 0) AS Processes
FROM reported
LEFT JOIN dropped ON dropped.Host = reported.Host
LEFT JOIN alive ON alive.Host = reported.Host
ORDER BY Host, Agent`);
}
