import { type Notice, type QueryAnswer } from '@throughline/grafana-backend';
import { type FrameRow, mapEdgesFrame, mapNodesFrame, type ServiceMapQuery } from '@throughline/query';
import { type QueryContext } from '../context.ts';
import { type DataLink, edgeLink, exploreLink, nodeLink, toFrame } from '../frames.ts';
import { edgeId, iconOf, kindOf } from '../nodes.ts';
import { namesCte, QUANTILES_SQL, type RollupRange, rollupRows, sumRange } from '../rollup.ts';
import { Parameters, type Statement } from '../statement.ts';

/** Who calls whom: a node per service name, a node per far end that no agent knows, an edge per pair. */
export async function answerServiceMap(query: ServiceMapQuery, context: QueryContext): Promise<QueryAnswer> {
  const range = sumRange(context);
  const statement = mapStatement(query, range, context);
  const rows = await context.store.rows<MapRow>(statement, context.run);
  const map = buildMap(rows, (range.toMs - range.fromMs) / 1_000, query.limit);
  const notices: Notice[] = [];
  if (map.edgesCut > 0) {
    notices.push({
      severity: 'warning',
      text: `The ${map.edges.length} busiest edges are shown, ${map.edgesCut} are not.`,
    });
  }
  const meta = { executedQueryString: statement.sql, ...(notices.length > 0 && { notices }) };
  const byService: DataLink = exploreLink(context.settings, 'Requests of ${__data.fields.title}', {
    queryType: 'red',
    version: query.version,
    groupBy: 'endpoint',
    filters: [{ key: 'service', operator: '=', value: '${__data.fields.title}' }],
  });
  return {
    frames: [
      toFrame(mapNodesFrame, map.nodes, { meta, config: { title: { links: [nodeLink('id'), byService] } } }),
      toFrame(mapEdgesFrame, map.edges, { meta, config: { id: { links: [edgeLink] } } }),
    ],
  };
}

/** One pair as one side saw it (Grouping 0), or a name as the server (1) or as the target of calls (2). */
export interface MapRow {
  readonly Grouping: 'pair' | 'own' | 'peer';
  readonly Side: 'client' | 'server';
  readonly Own: string;
  readonly Peer: string;
  readonly Requests: string;
  readonly Errors: string;
  readonly P95: number;
  readonly Protocols: readonly string[];
}

function mapStatement(query: ServiceMapQuery, range: RollupRange, { settings }: QueryContext): Statement {
  const parameters = new Parameters();
  const names = namesCte(settings, parameters);
  const rows = rollupRows(range, { filters: query.filters, isMap: true }, settings, parameters);
  return parameters.statement(`WITH ${names},
rows AS ${rows}
SELECT
  multiIf(grouping(Peer) = 1, 'own', grouping(Own) = 1, 'peer', 'pair') AS Grouping,
  Side, Own, Peer,
  sum(rows.Requests) AS Requests,
  sum(rows.Errors) AS Errors,
  ${QUANTILES_SQL}[2] AS P95,
  arraySort(groupUniqArray(Protocol)) AS Protocols
FROM rows
GROUP BY GROUPING SETS ((Side, Own, Peer), (Side, Own), (Side, Peer))`);
}

interface SideStats {
  readonly requests: bigint;
  readonly errors: bigint;
  readonly p95: number;
}

interface Edge {
  readonly source: string;
  readonly target: string;
  readonly protocols: Set<string>;
  client?: SideStats;
  server?: SideStats;
}

export interface ServiceMap {
  readonly nodes: FrameRow<typeof mapNodesFrame>[];
  readonly edges: FrameRow<typeof mapEdgesFrame>[];
  readonly edgesCut: number;
}

/** Pure: rows of mapStatement → nodes and edges. */
export function buildMap(rows: readonly MapRow[], seconds: number, limit: number): ServiceMap {
  const edges = new Map<string, Edge>();
  const owned = new Set<string>();
  const asServer = new Map<string, SideStats>();
  const asTarget = new Map<string, SideStats>();
  const served = new Map<string, Set<string>>();
  for (const row of rows) {
    const stats = { requests: BigInt(row.Requests), errors: BigInt(row.Errors), p95: row.P95 };
    if (row.Grouping === 'own') {
      owned.add(row.Own);
      if (row.Side === 'server') asServer.set(row.Own, stats);
    } else if (row.Grouping === 'peer') {
      if (row.Side === 'client') asTarget.set(row.Peer, stats);
    } else {
      const [source, target] = row.Side === 'client' ? [row.Own, row.Peer] : [row.Peer, row.Own];
      const key = edgeId(source, target);
      const edge = edges.get(key) ?? { source, target, protocols: new Set<string>() };
      edges.set(key, edge);
      edge[row.Side] = stats;
      const protocols = served.get(target) ?? new Set<string>();
      served.set(target, protocols);
      for (const protocol of row.Protocols) {
        edge.protocols.add(protocol);
        protocols.add(protocol);
      }
    }
  }
  const busiest = [...edges.values()].sort((a, b) => requestsOf(b) - requestsOf(a)).slice(0, limit);
  const names = new Set(busiest.flatMap(({ source, target }) => [source, target]));
  return {
    nodes: [...names].sort().map((name) => {
      // Its own view first: callers may be blind to some of its requests.
      const stats = asServer.get(name) ?? asTarget.get(name);
      return toNode(name, owned.has(name), stats, served.get(name) ?? new Set(), seconds);
    }),
    edges: busiest.map((edge) => toEdge(edge, seconds)),
    edgesCut: edges.size - busiest.length,
  };
}

function requestsOf({ client, server }: Edge): number {
  return Number(client?.requests ?? server?.requests ?? 0n);
}

function toNode(
  name: string,
  isService: boolean,
  stats: SideStats | undefined,
  protocols: ReadonlySet<string>,
  seconds: number
): FrameRow<typeof mapNodesFrame> {
  const requests = stats?.requests ?? 0n;
  const errors = stats?.errors ?? 0n;
  const errorShare = requests === 0n ? 0 : Number(errors) / Number(requests);
  const kind = kindOf(isService);
  return {
    id: name,
    title: name,
    subtitle: [kind, ...[...protocols].sort()].join(' '),
    mainstat: stats ? Number(requests) / seconds : null,
    secondarystat: stats ? stats.p95 : null,
    arc__ok: requests === 0n ? 0 : 1 - errorShare,
    arc__error: errorShare,
    icon: iconOf(isService, protocols),
    isInstrumented: isService,
    detail__kind: kind,
    detail__requests: requests,
    detail__errors: errors,
  };
}

function toEdge(edge: Edge, seconds: number): FrameRow<typeof mapEdgesFrame> {
  const { source, target, client, server } = edge;
  const rate = requestsOf(edge) / seconds;
  const hasErrors = (client?.errors ?? 0n) > 0n || (server?.errors ?? 0n) > 0n;
  const rateOf = (stats: SideStats | undefined) => (stats ? Number(stats.requests) / seconds : null);
  return {
    id: edgeId(source, target),
    source,
    target,
    mainstat: rate,
    secondarystat: client?.p95 ?? server?.p95 ?? null,
    color: hasErrors ? 'red' : 'gray',
    thickness: Math.min(5, 1 + Math.log10(1 + rate)),
    detail__protocols: [...edge.protocols].sort().join(', '),
    detail__evidence: [client && 'client', server && 'server'].filter(Boolean).join(' and '),
    detail__client_requests: client?.requests ?? null,
    detail__client_errors: client?.errors ?? null,
    detail__client_rate: rateOf(client),
    detail__client_p95: client?.p95 ?? null,
    detail__server_requests: server?.requests ?? null,
    detail__server_errors: server?.errors ?? null,
    detail__server_rate: rateOf(server),
    detail__server_p95: server?.p95 ?? null,
  };
}
