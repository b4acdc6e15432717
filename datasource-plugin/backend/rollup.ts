import { type ComparisonCustom, type QueryFilter, type Side } from '@throughline/query';
import { type QueryContext } from './context.ts';
import { filterCondition, tenantCondition, timeCondition } from './scope.ts';
import { type Settings } from './settings.ts';
import { Parameters } from './statement.ts';

/** Reading the RED rollups: which table, whose rows, and the names of their entities. */

/** Quantiles of a merged sketch, in this order. */
export const QUANTILES = [0.5, 0.95, 0.99] as const;
export const QUANTILES_SQL = `quantilesTDigestMerge(${QUANTILES.join(', ')})(DurationQuantiles)`;

export interface RollupRange {
  readonly table: 'red_1s' | 'red_1m';
  /** Whole steps: the range is widened, so that the same question asked a second later reads the same buckets. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepSeconds: number;
}

const STEPS_SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400];

/** Seconds are kept for a day (libs/schema, red_1s); a margin keeps a running chart from losing its start. */
const SECONDS_KEPT_MS = 23 * 3_600_000;

/** Buckets of a chart: not finer than its interval, not more than its points. */
export function chartRange(context: QueryContext): RollupRange {
  const { fromMs, toMs, intervalMs, maxDataPoints } = context;
  const finest = Date.now() - fromMs <= SECONDS_KEPT_MS ? 1 : 60;
  const wanted = Math.max(finest, intervalMs / 1_000, (toMs - fromMs) / 1_000 / maxDataPoints);
  const stepSeconds = STEPS_SECONDS.find((step) => step >= wanted) ?? STEPS_SECONDS.at(-1)!;
  return aligned(fromMs, toMs, stepSeconds);
}

/** Sums over the whole range are read from seconds as long as that is cheap. */
const SECONDS_UP_TO_MS = 2 * 3_600_000;

export function sumRange({ fromMs, toMs }: Pick<QueryContext, 'fromMs' | 'toMs'>): RollupRange {
  const inSeconds = toMs - fromMs <= SECONDS_UP_TO_MS && Date.now() - fromMs <= SECONDS_KEPT_MS;
  return aligned(fromMs, toMs, inSeconds ? 1 : 60);
}

/** The end of a range, now, and the rest of it, before; rounded to whole steps of one table. */
export interface ComparedRange extends ComparisonCustom {
  readonly range: RollupRange;
}

const NOW_AT_LEAST_MS = 30_000;
const NOW_AT_MOST_MS = 5 * 60_000;
const NOW_SHARE = 1 / 4;

/** The range from where there is data on: the time before an agent ran would make every rate look risen. */
export async function comparedRange(context: QueryContext): Promise<ComparedRange> {
  const { table, fromMs, toMs } = sumRange(context);
  const parameters = new Parameters();
  const tenant = tenantCondition(context.settings, parameters);
  const within = timeCondition('Time', fromMs, toMs, parameters);
  const [first] = await context.store.rows<{ Second: string }>(
    parameters.statement(
      `SELECT toUnixTimestamp(min(Time)) AS Second FROM ${table} WHERE ${tenant} AND ${within} HAVING count() > 0`
    ),
    context.run
  );
  return splitRange(first ? Math.max(fromMs, Number(first.Second) * 1_000) : fromMs, toMs);
}

/** @param fromMs start of the first bucket with data */
function splitRange(fromMs: number, toMs: number): ComparedRange {
  const range = sumRange({ fromMs, toMs });
  const stepMs = range.stepSeconds * 1_000;
  const wanted = Math.max(NOW_AT_LEAST_MS, Math.min(NOW_AT_MOST_MS, (range.toMs - range.fromMs) * NOW_SHARE));
  const nowFromMs = Math.max(range.fromMs, range.toMs - Math.ceil(wanted / stepMs) * stepMs);
  return {
    range,
    nowFromMs,
    // A step that is not over yet has no more seconds than those gone by.
    nowToMs: Math.max(nowFromMs + 1_000, Math.min(range.toMs, Date.now())),
    beforeFromMs: range.fromMs,
    beforeToMs: nowFromMs,
  };
}

/** `meta.custom` of frames that compare. */
export function comparisonMeta({
  nowFromMs,
  nowToMs,
  beforeFromMs,
  beforeToMs,
}: ComparisonCustom): Readonly<Record<string, number>> {
  return { nowFromMs, nowToMs, beforeFromMs, beforeToMs };
}

function aligned(fromMs: number, toMs: number, stepSeconds: number): RollupRange {
  const stepMs = stepSeconds * 1_000;
  const from = Math.floor(fromMs / stepMs) * stepMs;
  const to = Math.max(from + stepMs, Math.ceil(toMs / stepMs) * stepMs);
  return { table: stepSeconds % 60 === 0 ? 'red_1m' : 'red_1s', fromMs: from, toMs: to, stepSeconds };
}

/** The best name known of every entity, as a CTE; a renamed entity has its new name over all of its time. */
export function namesCte(settings: Settings, parameters: Parameters): string {
  return `names AS (
  SELECT EntityId AS Id, argMax(Name, UpdatedAt) AS Name
  FROM entities
  WHERE ${tenantCondition(settings, parameters)}
  GROUP BY EntityId
)`;
}

/** Name of the far end where `peer` is its row of `names`. */
export const PEER_NAME = "multiIf(peer.Name != '', peer.Name, PeerName != '', PeerName, 'unknown')";

/**
 * Rows that count an exchange once per side: those of processes, and an SDK's where no agent saw its process.
 * @param source alias of the table that is read
 */
export function countedRows(
  source: string,
  range: Pick<RollupRange, 'table' | 'fromMs' | 'toMs'>,
  tenant: string,
  parameters: Parameters
): string {
  const within = timeCondition('Time', range.fromMs, range.toMs, parameters);
  return `(${source}.Layer = 'process' OR (${source}.Layer = 'application' AND ${source}.EntityId NOT IN (
      SELECT EntityId FROM ${range.table} WHERE ${tenant} AND ${within} AND Layer = 'process'
    )))`;
}

/** Columns of `rollupRows`. Own: whose rows these are. Peer: the far end, its entity's name if one is known. */
const FILTER_COLUMNS: ReadonlyMap<string, readonly string[]> = new Map([
  ['service', ['Own']],
  ['peer', ['Peer']],
  ['endpoint', ['Endpoint']],
  ['protocol', ['Protocol']],
]);

/** On a map a service is either end of an edge. */
const MAP_FILTER_COLUMNS = new Map([...FILTER_COLUMNS, ['service', ['Own', 'Peer']] as const]);

export interface RollupRowsOptions {
  readonly side?: Side;
  readonly filters: readonly QueryFilter[];
  readonly isMap?: boolean;
}

/**
 * Rollup rows with names, as a subquery. Rows of layer network repeat what processes saw, and an SDK's repeat its
 * process's: an exchange counts once per side.
 */
export function rollupRows(
  range: RollupRange,
  { side, filters, isMap = false }: RollupRowsOptions,
  settings: Settings,
  parameters: Parameters
): string {
  const tenant = tenantCondition(settings, parameters);
  const within = `${tenant} AND ${timeCondition('Time', range.fromMs, range.toMs, parameters)}`;
  const ofSide = side ? `\n    AND Side = ${parameters.bind(side, 'String')}` : '';
  const filter = filterCondition(filters, isMap ? MAP_FILTER_COLUMNS : FILTER_COLUMNS, parameters);
  return `(
  SELECT
    Time, Side, Protocol, Endpoint, Requests, Errors, Timeouts, Resets, DurationSum, DurationQuantiles, Slowest, Failed,
    if(own.Name != '', own.Name, 'unknown') AS Own,
    ${PEER_NAME} AS Peer
  FROM ${range.table} AS red
  LEFT JOIN names AS own ON own.Id = red.EntityId
  LEFT JOIN names AS peer ON peer.Id = red.PeerEntityId
  WHERE ${within}${ofSide}
    AND ${countedRows('red', range, tenant, parameters)}
    AND ${filter}
)`;
}
