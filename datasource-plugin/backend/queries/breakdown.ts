import { type Frame, type Notice, type QueryAnswer } from '@throughline/grafana-backend';
import {
  BREAKDOWN_PARTS,
  breakdownFrame,
  type BreakdownPart,
  type BreakdownQuery,
  type FrameRow,
} from '@throughline/query';
import { type QueryContext } from '../context.ts';
import { type PointCondition, pointLinks, toFrame } from '../frames.ts';
import { calleeKind } from '../nodes.ts';
import { chartRange, namesCte, type RollupRange, rollupRows } from '../rollup.ts';
import { tenantCondition, timeCondition } from '../scope.ts';
import { Parameters, type Statement } from '../statement.ts';

/**
 * Where the time of a service's requests goes. Of all its requests the rollups tell; of one endpoint's only the spans,
 * since a rollup does not say which request a call was made for.
 */
export async function answerBreakdown(query: BreakdownQuery, context: QueryContext): Promise<QueryAnswer> {
  const range = chartRange(context);
  const { statement, rows, notices } =
    query.endpoint === '' ? await ofAllRequests(query, range, context) : await ofOneEndpoint(query, range, context);
  const byBucket = buildBreakdown(rows);
  const meta = {
    ...breakdownFrame.meta,
    executedQueryString: statement.sql,
    ...(notices.length > 0 && { notices }),
  };
  // Typed, so that an alert rule reads "no data" and not an error.
  if (byBucket.size === 0) return { frames: [{ name: breakdownFrame.name, meta, fields: [] }] };
  return {
    frames: BREAKDOWN_PARTS.map((part): Frame => {
      const points: FrameRow<typeof breakdownFrame>[] = [];
      for (let second = range.fromMs / 1_000; second < range.toMs / 1_000; second += range.stepSeconds) {
        points.push({ time: BigInt(second) * 1_000_000_000n, value: byBucket.get(second)?.[part] ?? null });
      }
      const { service, endpoint } = query;
      const conditions: PointCondition[] = [{ key: 'service', label: 'service' }];
      if (endpoint !== '') conditions.push({ key: 'endpoint', value: endpoint });
      return toFrame(breakdownFrame, points, {
        meta,
        rename: { value: part },
        labels: { value: { service, part } },
        config: {
          value: {
            displayNameFromDS: PART_TITLES[part],
            links: pointLinks(context.settings, range.stepSeconds, 'requests', conditions),
          },
        },
      });
    }),
  };
}

const PART_TITLES: Readonly<Record<BreakdownPart, string>> = {
  own: 'Own time',
  database: 'Databases',
  cache: 'Caches',
  dns: 'DNS',
  rpc: 'Other services',
  network: 'Network',
};

/** Of one bucket: what arrived (request), what was called (call), and what the callee said of it (answer). */
export interface BreakdownRow {
  readonly Bucket: string;
  readonly Role: 'request' | 'call' | 'answer';
  readonly Far: string;
  readonly Protocol: string;
  readonly Requests: string;
  readonly DurationSum: string;
}

interface Found {
  readonly statement: Statement;
  readonly rows: readonly BreakdownRow[];
  readonly notices: readonly Notice[];
}

async function ofAllRequests(query: BreakdownQuery, range: RollupRange, context: QueryContext): Promise<Found> {
  const parameters = new Parameters();
  const names = namesCte(context.settings, parameters);
  const filters = [{ key: 'service', operator: '=', value: query.service }] as const;
  const rows = rollupRows(range, { filters, isMap: true }, context.settings, parameters);
  const service = parameters.bind(query.service, 'String');
  // A service that calls itself has rows of two roles.
  const statement = parameters.statement(`WITH ${names},
rows AS ${rows}
SELECT
  ${bucket('Time', range, parameters)} AS Bucket,
  arrayJoin(arrayConcat(
    if(Side = 'server' AND Own = ${service}, ['request'], []),
    if(Side = 'client' AND Own = ${service}, ['call'], []),
    if(Side = 'server' AND Peer = ${service}, ['answer'], [])
  )) AS Role,
  multiIf(Role = 'call', Peer, Role = 'answer', Own, '') AS Far,
  if(Role = 'request', '', rows.Protocol) AS Protocol,
  sum(rows.Requests) AS Requests,
  sum(rows.DurationSum) AS DurationSum
FROM rows
GROUP BY Bucket, Role, Far, Protocol`);
  return { statement, rows: await context.store.rows<BreakdownRow>(statement, context.run), notices: [] };
}

const MAX_SAMPLED_REQUESTS = 50_000;
/** Calls of a request, and what the callee saw of them, start after it did. */
const AFTER_MS = 60_000;

async function ofOneEndpoint(query: BreakdownQuery, range: RollupRange, context: QueryContext): Promise<Found> {
  const { store, run } = context;
  const [counted] = await store.rows<{ Requests: string }>(countStatement(query, range, context), run);
  const requests = Number(counted?.Requests ?? 0);
  const oneOf = Math.max(1, Math.ceil(requests / MAX_SAMPLED_REQUESTS));
  const statement = endpointStatement(query, oneOf, range, context);
  const rows = await store.rows<BreakdownRow>(statement, run);
  const notices: Notice[] = [];
  if (oneOf > 1) notices.push({ severity: 'info', text: `One of ${oneOf} requests was read.` });
  if (requests > 0 && rows.length === 0) {
    const text = 'No agent sees the process of this endpoint: which calls its requests made is not known.';
    notices.push({ severity: 'warning', text });
  }
  return { statement, rows, notices };
}

function countStatement(query: BreakdownQuery, range: RollupRange, { settings }: QueryContext): Statement {
  const parameters = new Parameters();
  const names = namesCte(settings, parameters);
  const filters = [
    { key: 'service', operator: '=', value: query.service },
    { key: 'endpoint', operator: '=', value: query.endpoint },
  ] as const;
  const rows = rollupRows(range, { side: 'server', filters }, settings, parameters);
  return parameters.statement(`WITH ${names} SELECT sum(Requests) AS Requests FROM ${rows}`);
}

/** @param oneOf of so many requests is read */
function endpointStatement(
  query: BreakdownQuery,
  oneOf: number,
  range: RollupRange,
  { settings }: QueryContext
): Statement {
  const parameters = new Parameters();
  const names = namesCte(settings, parameters);
  const tenant = tenantCondition(settings, parameters);
  const within = timeCondition('Timestamp', range.fromMs, range.toMs, parameters);
  const after = timeCondition('Timestamp', range.fromMs, range.toMs + AFTER_MS, parameters);
  const entities = `(SELECT Id FROM names WHERE Name = ${parameters.bind(query.service, 'String')})`;
  const endpoint = parameters.bind(query.endpoint, 'String');
  const share = parameters.bind(oneOf, 'UInt32');
  return parameters.statement(`WITH ${names},
requests AS (
  SELECT SpanId, Duration, ${bucket('Timestamp', range, parameters)} AS Bucket
  FROM spans
  WHERE ${tenant} AND ${within} AND EntityId IN ${entities} AND SpanKind = 'Server' AND Layer = 'process'
    AND Endpoint = ${endpoint} AND cityHash64(SpanId) % ${share} = 0
),
later AS (
  SELECT SpanId, argMax(ParentSpanId, UpdatedAt) AS Parent FROM links WHERE ${tenant} AND ${after} GROUP BY SpanId
),
calls AS (
  SELECT requests.Bucket AS Bucket, call.SpanId AS SpanId, call.Duration AS Duration, call.Protocol AS Protocol,
    multiIf(peer.Name != '', peer.Name, call.PeerName) AS Far
  FROM (
    SELECT spans.SpanId AS SpanId, spans.Duration AS Duration, Protocol, PeerName, PeerEntityId,
      if(later.Parent = toFixedString('', 8), spans.ParentSpanId, later.Parent) AS Parent
    FROM spans
    LEFT JOIN later ON later.SpanId = spans.SpanId
    WHERE ${tenant} AND ${after} AND EntityId IN ${entities} AND SpanKind = 'Client' AND Layer = 'process'
  ) AS call
  INNER JOIN requests ON requests.SpanId = call.Parent
  LEFT JOIN names AS peer ON peer.Id = call.PeerEntityId
)
SELECT toString(Bucket) AS Bucket, 'request' AS Role, '' AS Far, '' AS Protocol, count() AS Requests, sum(Duration) AS DurationSum
FROM requests GROUP BY Bucket
UNION ALL
SELECT toString(Bucket) AS Bucket, 'call' AS Role, Far, toString(Protocol), count(), sum(Duration)
FROM calls GROUP BY Bucket, Far, Protocol
UNION ALL
SELECT toString(Bucket) AS Bucket, 'answer' AS Role, calls.Far AS Far, toString(calls.Protocol), count(), sum(answer.Duration)
FROM spans AS answer
INNER JOIN calls ON calls.SpanId = answer.ParentSpanId
WHERE ${tenant} AND ${after} AND answer.SpanKind = 'Server' AND answer.Layer = 'process'
GROUP BY Bucket, Far, calls.Protocol`);
}

function bucket(column: string, range: RollupRange, parameters: Parameters): string {
  const step = parameters.bind(range.stepSeconds, 'UInt32');
  return `toUnixTimestamp(toStartOfInterval(${column}, toIntervalSecond(${step})))`;
}

interface Sums {
  requests: number;
  durationSum: number;
}

/** Pure: sums of each bucket → time per request in each part, ns. Buckets without a request have none. */
export function buildBreakdown(rows: readonly BreakdownRow[]): Map<number, Readonly<Record<BreakdownPart, number>>> {
  const requests = new Map<number, Sums>();
  const calls = new Map<number, Map<string, { protocol: string; call?: Sums; answer?: Sums }>>();
  for (const row of rows) {
    const bucketSecond = Number(row.Bucket);
    const sums = { requests: Number(row.Requests), durationSum: Number(row.DurationSum) };
    if (row.Role === 'request') {
      requests.set(bucketSecond, sums);
      continue;
    }
    const edges = calls.get(bucketSecond) ?? new Map<string, { protocol: string; call?: Sums; answer?: Sums }>();
    calls.set(bucketSecond, edges);
    const key = JSON.stringify([row.Far, row.Protocol]);
    const edge = edges.get(key) ?? { protocol: row.Protocol };
    edges.set(key, edge);
    edge[row.Role] = sums;
  }
  const parts = new Map<number, Readonly<Record<BreakdownPart, number>>>();
  for (const [bucketSecond, total] of requests) {
    if (total.requests === 0) continue;
    const sum = { own: total.durationSum, database: 0, cache: 0, dns: 0, rpc: 0, network: 0 };
    for (const { protocol, call, answer } of calls.get(bucketSecond)?.values() ?? []) {
      if (!call) continue;
      const network = answer ? networkTime(call, answer) : 0;
      sum[calleeKind(protocol)] += call.durationSum - network;
      sum.network += network;
      sum.own -= call.durationSum;
    }
    sum.own = Math.max(0, sum.own);
    parts.set(bucketSecond, {
      own: sum.own / total.requests,
      database: sum.database / total.requests,
      cache: sum.cache / total.requests,
      dns: sum.dns / total.requests,
      rpc: sum.rpc / total.requests,
      network: sum.network / total.requests,
    });
  }
  return parts;
}

/** What the caller waited beyond what the callee took; of the calls that both saw, where one missed some. */
function networkTime(call: Sums, answer: Sums): number {
  if (call.requests === 0 || answer.requests === 0) return 0;
  const perCall = call.durationSum / call.requests - answer.durationSum / answer.requests;
  return Math.max(0, perCall) * Math.min(call.requests, answer.requests);
}
