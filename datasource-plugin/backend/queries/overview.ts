import { type FrameMeta, type Notice, type QueryAnswer } from '@throughline/grafana-backend';
import {
  type FrameRow,
  overviewEdgesFrame,
  overviewOperationsFrame,
  type OverviewQuery,
  overviewServicesFrame,
  type Side,
} from '@throughline/query';
import { type QueryContext } from '../context.ts';
import { edgeLink, nodeLink, toFrame } from '../frames.ts';
import { iconOf, kindOf } from '../nodes.ts';
import {
  type ComparedRange,
  comparedRange,
  comparisonMeta,
  namesCte,
  QUANTILES,
  rollupRows,
  type RollupRange,
} from '../rollup.ts';
import { Parameters, type Statement } from '../statement.ts';

/** Every service, edge and operation, now and before, in one scan of the rollup. */
export async function answerOverview(query: OverviewQuery, context: QueryContext): Promise<QueryAnswer> {
  const compared = await comparedRange(context);
  const statement = overviewStatement(query, compared, context);
  const rows = await context.store.rows<OverviewRow>(statement, context.run);
  const { services, edges, operations } = buildOverview(rows, compared);
  const meta = (rowsName: string, total: number): Partial<FrameMeta> => {
    const notices: Notice[] =
      total > query.limit
        ? [{ severity: 'warning', text: `The ${query.limit} busiest of ${total} ${rowsName} are shown.` }]
        : [];
    return {
      executedQueryString: statement.sql,
      custom: comparisonMeta(compared),
      ...(notices.length > 0 && { notices }),
    };
  };
  const byService = { links: [nodeLink('service')] };
  const byEdge = { links: [edgeLink] };
  return {
    frames: [
      toFrame(overviewServicesFrame, services.slice(0, query.limit), {
        meta: meta('services', services.length),
        config: { service: byService },
      }),
      toFrame(overviewEdgesFrame, edges.slice(0, query.limit), {
        meta: meta('edges', edges.length),
        config: { source: byEdge, target: byEdge },
      }),
      toFrame(overviewOperationsFrame, operations.slice(0, query.limit), {
        meta: meta('operations', operations.length),
        config: { source: byEdge, target: byEdge, endpoint: byEdge },
      }),
    ],
  };
}

/** A name as the owner of its rows or as their far end, a pair of names, or one endpoint of a pair. */
export interface OverviewRow {
  readonly Grouping: 'own' | 'peer' | 'pair' | 'endpoint';
  readonly Side: Side;
  readonly Own: string;
  readonly Peer: string;
  readonly Endpoint: string;
  readonly Protocols: readonly string[];
  readonly Now: WindowSums;
  readonly Before: WindowSums;
}

/** Requests, errors, timeouts, resets, sum of durations, quantiles; the quantiles of nothing are null. */
type WindowSums = readonly [string, string, string, string, string, readonly (number | null)[]];

function overviewStatement(query: OverviewQuery, compared: ComparedRange, { settings }: QueryContext): Statement {
  const parameters = new Parameters();
  const names = namesCte(settings, parameters);
  const range: RollupRange = compared.range;
  const rows = rollupRows(range, { filters: query.filters, isMap: true }, settings, parameters);
  const isNow = `Time >= fromUnixTimestamp64Milli(${parameters.bind(BigInt(compared.nowFromMs), 'Int64')})`;
  const sums = (condition: string): string =>
    `(
    ${['Requests', 'Errors', 'Timeouts', 'Resets', 'DurationSum'].map((column) => `sumIf(rows.${column}, ${condition})`).join(', ')},
    quantilesTDigestMergeIf(${QUANTILES.join(', ')})(DurationQuantiles, ${condition})
  )`;
  return parameters.statement(`WITH ${names},
rows AS ${rows}
SELECT
  multiIf(grouping(Endpoint) = 0, 'endpoint', grouping(Peer) = 1, 'own', grouping(Own) = 1, 'peer', 'pair') AS Grouping,
  Side, Own, Peer, Endpoint,
  arraySort(groupUniqArray(Protocol)) AS Protocols,
  ${sums(isNow)} AS Now,
  ${sums(`NOT (${isNow})`)} AS Before
FROM rows
GROUP BY GROUPING SETS ((Side, Own), (Side, Peer), (Side, Own, Peer), (Side, Own, Peer, Endpoint))`);
}

interface WindowStats {
  readonly requests: number;
  readonly errors: number;
  readonly timeouts: number;
  readonly resets: number;
  readonly mean: number | null;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

interface Stats {
  readonly now: WindowStats;
  readonly before: WindowStats;
}

export interface Overview {
  readonly services: FrameRow<typeof overviewServicesFrame>[];
  readonly edges: FrameRow<typeof overviewEdgesFrame>[];
  readonly operations: FrameRow<typeof overviewOperationsFrame>[];
}

/** Pure: rows of the statement → rows of the frames, busiest first. */
export function buildOverview(rows: readonly OverviewRow[], compared: Omit<ComparedRange, 'range'>): Overview {
  const nodes = new Map<string, { isService: boolean; protocols: Set<string>; server?: Stats; client?: Stats }>();
  const nodeOf = (name: string) => {
    const node = nodes.get(name) ?? { isService: false, protocols: new Set<string>() };
    nodes.set(name, node);
    return node;
  };
  const edges: FrameRow<typeof overviewEdgesFrame>[] = [];
  const operations: FrameRow<typeof overviewOperationsFrame>[] = [];
  for (const row of rows) {
    const stats = { now: windowStats(row.Now), before: windowStats(row.Before) };
    if (row.Grouping === 'own') {
      const node = nodeOf(row.Own);
      node.isService = true;
      if (row.Side === 'server') node.server = stats;
    } else if (row.Grouping === 'peer') {
      const node = nodeOf(row.Peer);
      if (row.Side === 'client') node.client = stats;
    } else {
      const [source, target] = row.Side === 'client' ? [row.Own, row.Peer] : [row.Peer, row.Own];
      const sideRow = toSideRow(row, stats);
      if (row.Grouping === 'endpoint') operations.push({ source, target, endpoint: row.Endpoint, ...sideRow });
      else {
        edges.push({ source, target, ...sideRow });
        for (const protocol of row.Protocols) nodeOf(target).protocols.add(protocol);
      }
    }
  }
  const services = Array.from(nodes, ([service, { isService, protocols, server, client }]) => {
    const seenBy = seeingSide(server, client);
    const stats = seenBy === 'server' ? server : seenBy === 'client' ? client : undefined;
    return {
      service,
      kind: kindOf(isService),
      icon: iconOf(isService, protocols),
      seenBy,
      ...toServiceStats(stats, compared),
    };
  });
  return {
    services: services.sort((a, b) => b.requests - a.requests || compare(a.service, b.service)),
    edges: edges.sort(busiestFirst),
    operations: operations.sort((a, b) => busiestFirst(a, b) || compare(a.endpoint, b.endpoint)),
  };
}

/** Its own view first, callers may be blind to some requests; but not where that view ended, with its agent. */
function seeingSide(server: Stats | undefined, client: Stats | undefined): 'server' | 'client' | 'none' {
  if (server && (server.now.requests > 0 || !client || client.now.requests === 0)) return 'server';
  return client ? 'client' : 'none';
}

function windowStats([requests, errors, timeouts, resets, durationSum, quantiles]: WindowSums): WindowStats {
  const count = Number(requests);
  const quantile = (index: number) => (count === 0 ? null : (quantiles[index] ?? null));
  return {
    requests: count,
    errors: Number(errors),
    timeouts: Number(timeouts),
    resets: Number(resets),
    mean: count === 0 ? null : Number(durationSum) / count,
    p50: quantile(0),
    p95: quantile(1),
    p99: quantile(2),
  };
}

function toServiceStats(stats: Stats | undefined, compared: Omit<ComparedRange, 'range'>) {
  const now = stats?.now;
  const before = stats?.before;
  const rate = (window: WindowStats | undefined, fromMs: number, toMs: number) =>
    window && window.requests > 0 ? (window.requests * 1_000) / (toMs - fromMs) : null;
  const errorShare = (window: WindowStats | undefined) =>
    window && window.requests > 0 ? window.errors / window.requests : null;
  return {
    requests: now?.requests ?? 0,
    rate: rate(now, compared.nowFromMs, compared.nowToMs),
    errors: now?.errors ?? 0,
    errorShare: errorShare(now),
    mean: now?.mean ?? null,
    p50: now?.p50 ?? null,
    p95: now?.p95 ?? null,
    p99: now?.p99 ?? null,
    rateBefore: rate(before, compared.beforeFromMs, compared.beforeToMs),
    errorShareBefore: errorShare(before),
    meanBefore: before?.mean ?? null,
    p95Before: before?.p95 ?? null,
  };
}

function toSideRow({ Side, Protocols }: OverviewRow, { now, before }: Stats) {
  return {
    side: Side,
    protocol: Protocols.join(', '),
    requests: now.requests,
    errors: now.errors,
    timeouts: now.timeouts,
    resets: now.resets,
    mean: now.mean,
    p95: now.p95,
    requestsBefore: before.requests,
    errorsBefore: before.errors,
    meanBefore: before.mean,
    p95Before: before.p95,
  };
}

interface EdgeRank {
  readonly source: string;
  readonly target: string;
  readonly side: string;
  readonly requests: number;
  readonly requestsBefore: number;
}

function busiestFirst(a: EdgeRank, b: EdgeRank): number {
  return (
    b.requests - a.requests ||
    b.requestsBefore - a.requestsBefore ||
    compare(a.source, b.source) ||
    compare(a.target, b.target) ||
    compare(a.side, b.side)
  );
}

/** By code points, the same in every locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
