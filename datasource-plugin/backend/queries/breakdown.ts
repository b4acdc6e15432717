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
import { CALLEE_KINDS, calleeKind } from '../nodes.ts';
import { chartRange, namesCte, type RollupRange, rollupRows } from '../rollup.ts';
import { NO_SDK_EXPORT, tenantCondition, timeCondition } from '../scope.ts';
import { Parameters, type Statement } from '../statement.ts';

/**
 * Where the time of a service's requests goes. The spans tell which calls a request made, and which of them at once; where
 * they are too many or too old, the rollups tell how long a service called in all, whatever for.
 */
export async function answerBreakdown(query: BreakdownQuery, context: QueryContext): Promise<QueryAnswer> {
  const range = chartRange(context);
  const [counted] = await context.store.rows<{ Requests: string }>(countStatement(query, range, context), context.run);
  const requests = Number(counted?.Requests ?? 0);
  const isRecent = Date.now() - range.fromMs <= SPANS_KEPT_MS;
  // A rollup does not say which request a call was made for: an endpoint's calls are known from spans alone.
  const fromSpans = query.endpoint !== '' || (isRecent && requests <= MAX_READ_REQUESTS);
  const { statement, byBucket, notices } = fromSpans
    ? await ofSpans(query, requests, range, context)
    : await ofRollups(query, range, context);
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
            color: { mode: 'fixed', fixedColor: PART_COLOURS[part] },
            links: pointLinks(context.settings, range.stepSeconds, 'requests', conditions),
          },
        },
      });
    }),
  };
}

/** Of Grafana's palette, without red and orange, which mean failure and warning. */
const PART_COLOURS: Readonly<Record<BreakdownPart, string>> = {
  own: 'blue',
  database: 'yellow',
  cache: 'light-blue',
  dns: 'super-light-purple',
  rpc: 'purple',
  network: 'green',
};

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
  readonly byBucket: ReadonlyMap<number, Readonly<Record<BreakdownPart, number>>>;
  readonly notices: readonly Notice[];
}

/** As long as spans are kept (libs/schema, spans), less a margin. */
const SPANS_KEPT_MS = 6.5 * 86_400_000;
/** Requests of a service whose spans are looked through; beyond that, rollups are read. */
const MAX_READ_REQUESTS = 2_000_000;
const MAX_SAMPLED_REQUESTS = 20_000;
/** Calls of a request, and what the callee saw of them, start after it did. */
const AFTER_MS = 60_000;
/** An SDK's clock of whole milliseconds may show its span before the request came. */
const SDK_TOLERANCE_NS = 2_000_000n;

async function ofRollups(query: BreakdownQuery, range: RollupRange, context: QueryContext): Promise<Found> {
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
  const sums = await context.store.rows<BreakdownRow>(statement, context.run);
  const text = 'Summed from rollups: calls made at once, or for no request, count in full.';
  return { statement, byBucket: buildBreakdown(sums), notices: [{ severity: 'info', text }] };
}

interface SpansRow {
  readonly Bucket: string;
  readonly Requests: string;
  /** Sums over the bucket's requests, ns, in the order of BREAKDOWN_PARTS. */
  readonly Parts: readonly number[];
}

async function ofSpans(
  query: BreakdownQuery,
  requests: number,
  range: RollupRange,
  context: QueryContext
): Promise<Found> {
  const oneOf = Math.max(1, Math.ceil(requests / MAX_SAMPLED_REQUESTS));
  const statement = spansStatement(query, oneOf, range, context);
  const rows = await context.store.rows<SpansRow>(statement, context.run);
  const notices: Notice[] = [];
  if (oneOf > 1) notices.push({ severity: 'info', text: `One of ${oneOf} requests was read, chosen at random.` });
  if (requests > 0 && rows.length === 0) {
    const text = 'No agent sees this process: which calls its requests made is not known.';
    notices.push({ severity: 'warning', text });
  }
  const byBucket = new Map(
    rows.map((row) => {
      const [own = 0, database = 0, cache = 0, dns = 0, rpc = 0, network = 0] = row.Parts.map(
        (sum) => sum / Number(row.Requests)
      );
      return [Number(row.Bucket), { own, database, cache, dns, rpc, network }];
    })
  );
  return { statement, byBucket, notices };
}

function countStatement(query: BreakdownQuery, range: RollupRange, { settings }: QueryContext): Statement {
  const parameters = new Parameters();
  const names = namesCte(settings, parameters);
  const filters = [
    { key: 'service', operator: '=', value: query.service },
    ...(query.endpoint === '' ? [] : [{ key: 'endpoint', operator: '=', value: query.endpoint } as const]),
  ] as const;
  const rows = rollupRows(range, { side: 'server', filters }, settings, parameters);
  return parameters.statement(`WITH ${names} SELECT sum(Requests) AS Requests FROM ${rows}`);
}

/**
 * Each request's time, divided among what it waited for. Calls at once share the time in which any of them ran.
 * A call is a request's by its link, or by the trace of the SDK's span inside the request.
 * @param oneOf of so many requests is read
 */
function spansStatement(
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
  const ofService = `EntityId IN (SELECT Id FROM names WHERE Name = ${parameters.bind(query.service, 'String')})`;
  const ofEndpoint = query.endpoint === '' ? '1' : `Endpoint = ${parameters.bind(query.endpoint, 'String')}`;
  const share = parameters.bind(oneOf, 'UInt32');
  const tolerance = parameters.bind(SDK_TOLERANCE_NS, 'Int64');
  const protocols = parameters.bind(Object.keys(CALLEE_KINDS), 'Array(String)');
  const kinds = parameters.bind(Object.values(CALLEE_KINDS), 'Array(String)');
  const kindSums = ['database', 'cache', 'dns', 'rpc'].map((kind) => `sumIf(Took - Network, Kind = '${kind}')`);
  return parameters.statement(`WITH ${names},
requests AS (
  SELECT SpanId, TraceId, EntityId, ClientPort, toUnixTimestamp64Nano(Timestamp) AS From, From + toInt64(Duration) AS To,
    ${bucket('Timestamp', range, parameters)} AS Bucket
  FROM spans
  WHERE ${tenant} AND ${within} AND ${ofService} AND SpanKind = 'Server' AND Layer = 'process'
    AND ${ofEndpoint} AND cityHash64(SpanId) % ${share} = 0
),
contexts AS (
  SELECT EntityId, TraceId, SpanId AS Request FROM requests WHERE TraceId != toFixedString('', 16)
  UNION ALL
  SELECT sdk.EntityId, sdk.TraceId, requests.SpanId AS Request
  FROM (
    SELECT EntityId, ClientPort, TraceId, toUnixTimestamp64Nano(Timestamp) + ${tolerance} AS At
    FROM spans
    WHERE ${tenant} AND ${after} AND ${ofService} AND SpanKind = 'Server' AND Layer = 'application' AND ClientPort != 0
  ) AS sdk
  ASOF INNER JOIN requests
    ON requests.EntityId = sdk.EntityId AND requests.ClientPort = sdk.ClientPort AND sdk.At >= requests.From
  WHERE sdk.At <= requests.To + ${tolerance}
),
later AS (
  SELECT SpanId, argMax(ParentSpanId, UpdatedAt) AS Parent FROM links WHERE ${tenant} AND ${after} GROUP BY SpanId
),
calls AS (
  SELECT spans.SpanId AS Id, spans.EntityId AS EntityId, spans.TraceId AS TraceId,
    toUnixTimestamp64Nano(spans.Timestamp) AS From, From + toInt64(spans.Duration) AS To,
    transform(toString(spans.Protocol), ${protocols}, ${kinds}, 'rpc') AS Kind,
    if(later.Parent = toFixedString('', 8), spans.ParentSpanId, later.Parent) AS Parent
  FROM spans
  LEFT JOIN later ON later.SpanId = spans.SpanId
  WHERE ${tenant} AND ${after} AND ${ofService} AND SpanKind = 'Client' AND Layer = 'process'
    AND ${NO_SDK_EXPORT}
),
caused AS (
  SELECT Request, Id, Kind, From, To
  FROM (
    SELECT requests.SpanId AS Request, calls.Id AS Id, calls.Kind AS Kind, calls.From AS From, calls.To AS To, 0 AS Rank
    FROM calls INNER JOIN requests ON requests.SpanId = calls.Parent
    UNION ALL
    SELECT contexts.Request AS Request, calls.Id AS Id, calls.Kind AS Kind, calls.From AS From, calls.To AS To, 1 AS Rank
    FROM calls INNER JOIN contexts ON contexts.EntityId = calls.EntityId AND contexts.TraceId = calls.TraceId
  )
  ORDER BY Rank
  LIMIT 1 BY Id
),
answers AS (
  SELECT ParentSpanId AS Id, toInt64(any(Duration)) AS Took
  FROM spans
  WHERE ${tenant} AND ${after} AND SpanKind = 'Server' AND Layer = 'process' AND ParentSpanId IN (SELECT Id FROM caused)
  GROUP BY ParentSpanId
),
waits AS (
  SELECT caused.Request AS Request, caused.Kind AS Kind,
    -- A call may outlast its request: only while that waits does it count.
    greatest(caused.From, requests.From) AS Start, greatest(Start, least(caused.To, requests.To)) AS End, End - Start AS Took,
    if(answers.Id = toFixedString('', 8), 0, greatest(0, Took - answers.Took)) AS Network
  FROM caused
  INNER JOIN requests ON requests.SpanId = caused.Request
  LEFT JOIN answers ON answers.Id = caused.Id
),
divided AS (
  SELECT Request, intervalLengthSum(Start, End) AS Waited, Waited / greatest(1, sum(Took)) AS Share,
    [${kindSums.join(', ')}, sum(Network)] AS Sums
  FROM waits
  GROUP BY Request
)
SELECT
  requests.Bucket AS Bucket,
  count() AS Requests,
  sumForEach(arrayConcat(
    [toFloat64(requests.To - requests.From - divided.Waited)],
    if(empty(divided.Sums), [0., 0., 0., 0., 0.], arrayMap(each -> each * divided.Share, divided.Sums))
  )) AS Parts
FROM requests
LEFT JOIN divided ON divided.Request = requests.SpanId
GROUP BY Bucket`);
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
