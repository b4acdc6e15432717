import { type Notice, type QueryAnswer } from '@throughline/grafana-backend';
import { type EdgeQuery, edgeOutcomesFrame, edgeSegmentsFrame, type FrameRow, type Side } from '@throughline/query';
import { type QueryContext } from '../context.ts';
import { toFrame, traceLinks } from '../frames.ts';
import { type ComparedRange, comparedRange, comparisonMeta, countedRows, namesCte, PEER_NAME } from '../rollup.ts';
import { tenantCondition, timeCondition } from '../scope.ts';
import { Parameters, type Statement } from '../statement.ts';

/** One edge of the map: where its calls' time goes by segment, and how the calls end, now and before. */
export async function answerEdge(query: EdgeQuery, context: QueryContext): Promise<QueryAnswer> {
  const { store, run, settings } = context;
  const compared = await comparedRange(context);
  const segments = segmentsStatement(query, compared, context);
  const outcomes = outcomesStatement(query, compared, context);
  const [pairs, ends] = await Promise.all([store.rows<PairsRow>(segments, run), store.rows<OutcomeRow>(outcomes, run)]);
  const notices: Notice[] = [];
  if (pairs.some(({ Calls }) => Number(Calls) >= MAX_SAMPLED_CALLS)) {
    const text = `The times are of ${MAX_SAMPLED_CALLS.toLocaleString('en-US')} calls of each window at most, chosen at random.`;
    notices.push({ severity: 'info', text });
  }
  const custom = comparisonMeta(compared);
  return {
    frames: [
      toFrame(edgeSegmentsFrame, buildSegments(pairs, ends), {
        meta: { executedQueryString: segments.sql, custom, ...(notices.length > 0 && { notices }) },
      }),
      toFrame(edgeOutcomesFrame, ends.map(toOutcome), {
        meta: { executedQueryString: outcomes.sql, custom },
        config: { exampleId: traceLinks(settings) },
      }),
    ],
  };
}

const MAX_SAMPLED_CALLS = 20_000;
/** Between clocks of hosts, and from a call's start to its arrival. */
const MARGIN_MS = 60_000;

/** Sums of the calls of one window. Durations nest: each of the chain lies within the one before it. */
export interface PairsRow {
  readonly IsNow: 0 | 1;
  /** The client's rows that were read. */
  readonly Calls: string;
  /** … whose server's row was found. */
  readonly Pairs: string;
  /** … of which every interface saw the response. */
  readonly Full: string;
  /** Sums over full pairs: client, its first and last interface, the server's first and last, server. */
  readonly Chain: readonly string[];
  /** Sums over full pairs of the segments seen again at those four interfaces that were not at the next. */
  readonly Lost: readonly string[];
  /** Sums over pairs: client, server. */
  readonly Ends: readonly string[];
  readonly Retransmissions: string;
  readonly ClientHost: string;
  readonly ServerHost: string;
  readonly ClientInterfaces: readonly string[];
  readonly ServerInterfaces: readonly string[];
}

interface EdgeConditions {
  readonly tenant: string;
  readonly source: string;
  readonly target: string;
  readonly endpoint: string;
  /** Whether a row's owner has the name. */
  readonly isOwnedBy: (name: string) => string;
}

/** Names of the ends, as `rollupRows` resolves them. */
function edgeConditions(query: EdgeQuery, { settings }: QueryContext, parameters: Parameters): EdgeConditions {
  return {
    tenant: tenantCondition(settings, parameters),
    source: parameters.bind(query.source, 'String'),
    target: parameters.bind(query.target, 'String'),
    endpoint: query.endpoint === '' ? '1' : `spans.Endpoint = ${parameters.bind(query.endpoint, 'String')}`,
    isOwnedBy: (name) =>
      `(spans.EntityId IN (SELECT Id FROM names WHERE Name = ${name})
      OR (${name} = 'unknown' AND spans.EntityId NOT IN (SELECT Id FROM names WHERE Name != '')))`,
  };
}

function segmentsStatement(query: EdgeQuery, compared: ComparedRange, context: QueryContext): Statement {
  const parameters = new Parameters();
  const names = namesCte(context.settings, parameters);
  const { tenant, source, target, endpoint, isOwnedBy } = edgeConditions(query, context, parameters);
  const { fromMs, toMs } = compared.range;
  const within = timeCondition('spans.Timestamp', fromMs, toMs, parameters);
  const around = timeCondition('spans.Timestamp', fromMs - MARGIN_MS, toMs + MARGIN_MS, parameters);
  const nowFrom = parameters.bind(BigInt(compared.nowFromMs), 'Int64');
  return parameters.statement(`WITH ${names},
calls AS (
  SELECT
    spans.SpanId AS Id, spans.Timestamp >= fromUnixTimestamp64Milli(${nowFrom}) AS IsNow,
    spans.Duration AS Took, spans.HostId AS Host,
    spans.\`Hops.Interface\` AS Interfaces, spans.\`Hops.Duration\` AS HopsTook, spans.\`Hops.Retransmissions\` AS Again
  FROM spans
  LEFT JOIN names AS peer ON peer.Id = spans.PeerEntityId
  WHERE ${tenant} AND ${within} AND spans.SpanKind = 'Client' AND spans.Layer = 'process'
    AND ${isOwnedBy(source)} AND ${PEER_NAME} = ${target} AND ${endpoint}
  ORDER BY cityHash64(spans.SpanId)
  LIMIT ${parameters.bind(MAX_SAMPLED_CALLS, 'UInt32')} BY IsNow
),
answers AS (
  SELECT
    spans.ParentSpanId AS Id, any(spans.Duration) AS Took, any(spans.HostId) AS Host,
    any(spans.\`Hops.Interface\`) AS Interfaces, any(spans.\`Hops.Duration\`) AS HopsTook,
    any(spans.\`Hops.Retransmissions\`) AS Again
  FROM spans
  WHERE ${tenant} AND ${around} AND spans.SpanKind = 'Server' AND spans.Layer = 'process'
    AND ${isOwnedBy(target)} AND spans.ParentSpanId IN (SELECT Id FROM calls)
  GROUP BY spans.ParentSpanId
),
pairs AS (
  SELECT
    calls.IsNow AS IsNow,
    answers.Id != toFixedString('', 8) AS IsPair,
    IsPair AND notEmpty(calls.HopsTook) AND notEmpty(answers.HopsTook)
      AND NOT has(calls.HopsTook, 0) AND NOT has(answers.HopsTook, 0) AS IsFull,
    calls.Host AS ClientHost, answers.Host AS ServerHost,
    calls.Interfaces AS ClientInterfaces, answers.Interfaces AS ServerInterfaces,
    toInt64(calls.Took) AS Client,
    -- Late stamps must not show as time that nobody spent: each lies within the one before it, and around the server's.
    least(toInt64(answers.Took), Client) AS Server,
    greatest(Server, least(Client, toInt64(calls.HopsTook[1]))) AS ClientFirst,
    greatest(Server, least(ClientFirst, toInt64(calls.HopsTook[-1]))) AS ClientLast,
    greatest(Server, least(ClientLast, toInt64(answers.HopsTook[1]))) AS ServerFirst,
    greatest(Server, least(ServerFirst, toInt64(answers.HopsTook[-1]))) AS ServerLast,
    -- What one interface saw again and the next did not was lost between them.
    arrayMap(
      (again, next) -> greatest(0, toInt32(again) - toInt32(next)),
      [calls.Again[1], calls.Again[-1], answers.Again[1], answers.Again[-1]],
      [calls.Again[-1], answers.Again[1], answers.Again[-1], 0]
    ) AS Lost,
    toUInt64(arrayMax(arrayPushBack(if(empty(calls.Again), answers.Again, calls.Again), 0))) AS Retransmissions
  FROM calls
  LEFT JOIN answers ON answers.Id = calls.Id
)
SELECT
  IsNow,
  count() AS Calls,
  countIf(IsPair) AS Pairs,
  countIf(IsFull) AS Full,
  sumForEachIf([Client, ClientFirst, ClientLast, ServerFirst, ServerLast, Server], IsFull) AS Chain,
  sumForEachIf(pairs.Lost, IsFull) AS Lost,
  sumForEachIf([Client, Server], IsPair) AS Ends,
  sumIf(pairs.Retransmissions, IsPair) AS Retransmissions,
  topKIf(1)(pairs.ClientHost, IsPair)[1] AS ClientHost,
  topKIf(1)(pairs.ServerHost, IsPair)[1] AS ServerHost,
  topKIf(1)(pairs.ClientInterfaces, IsFull)[1] AS ClientInterfaces,
  topKIf(1)(pairs.ServerInterfaces, IsFull)[1] AS ServerInterfaces
FROM pairs
GROUP BY IsNow
ORDER BY IsNow DESC`);
}

export interface OutcomeRow {
  readonly Side: Side;
  readonly Failed: 0 | 1;
  readonly Failure: string;
  readonly Code: number;
  readonly Message: string;
  readonly Now: string;
  readonly Before: string;
  readonly DurationNow: string;
  readonly DurationBefore: string;
  readonly RetransmissionsNow: string;
  readonly RetransmissionsBefore: string;
  readonly ExampleId: string;
  readonly Host: string;
}

const MAX_OUTCOMES = 1_000;

function outcomesStatement(query: EdgeQuery, compared: ComparedRange, context: QueryContext): Statement {
  const parameters = new Parameters();
  const names = namesCte(context.settings, parameters);
  const { tenant, source, target, endpoint, isOwnedBy } = edgeConditions(query, context, parameters);
  const { range } = compared;
  const within = timeCondition('spans.Timestamp', range.fromMs, range.toMs, parameters);
  const isNow = `spans.Timestamp >= fromUnixTimestamp64Milli(${parameters.bind(BigInt(compared.nowFromMs), 'Int64')})`;
  return parameters.statement(`WITH ${names}
SELECT
  if(spans.SpanKind = 'Client', 'client', 'server') AS Side,
  spans.StatusCode = 'Error' OR spans.Failure != '' AS Failed,
  toString(spans.Failure) AS Failure,
  spans.ResponseCode AS Code,
  anyIf(spans.StatusMessage, spans.StatusMessage != '') AS Message,
  countIf(${isNow}) AS Now,
  countIf(NOT (${isNow})) AS Before,
  sumIf(spans.Duration, ${isNow}) AS DurationNow,
  sumIf(spans.Duration, NOT (${isNow})) AS DurationBefore,
  sumIf(arrayMax(arrayPushBack(spans.\`Hops.Retransmissions\`, 0)), ${isNow}) AS RetransmissionsNow,
  sumIf(arrayMax(arrayPushBack(spans.\`Hops.Retransmissions\`, 0)), NOT (${isNow})) AS RetransmissionsBefore,
  if(Now = 0, '', lower(hex(argMaxIf(spans.SpanId, spans.Duration, ${isNow})))) AS ExampleId,
  topK(1)(toString(spans.HostId))[1] AS Host
FROM spans
LEFT JOIN names AS peer ON peer.Id = spans.PeerEntityId
WHERE ${tenant} AND ${within}
  AND ${countedRows('spans', range, tenant, parameters)}
  AND (
    (spans.SpanKind = 'Client' AND ${isOwnedBy(source)} AND ${PEER_NAME} = ${target})
    OR (spans.SpanKind = 'Server' AND ${isOwnedBy(target)} AND ${PEER_NAME} = ${source})
  )
  AND ${endpoint}
GROUP BY Side, Failed, Failure, Code
ORDER BY Now DESC, Before DESC, Side, Failed, Failure, Code
LIMIT ${parameters.bind(MAX_OUTCOMES, 'UInt32')}`);
}

function toOutcome(row: OutcomeRow): FrameRow<typeof edgeOutcomesFrame> {
  const calls = Number(row.Now);
  return {
    side: row.Side,
    failed: Boolean(row.Failed),
    failure: row.Failure,
    code: row.Code,
    message: row.Message,
    calls,
    callsBefore: Number(row.Before),
    mean: calls === 0 ? null : Number(row.DurationNow) / calls,
    exampleId: row.ExampleId,
  };
}

type SegmentRow = FrameRow<typeof edgeSegmentsFrame>;

/** What a segment had in one window: sums over its calls. */
interface SegmentSums {
  readonly ns: number;
  readonly retransmissions: number;
  readonly calls: number;
}

const NO_CALLS: SegmentSums = { ns: 0, retransmissions: 0, calls: 0 };

/** Pure: the finest form that at least half of the calls allow. */
export function buildSegments(pairs: readonly PairsRow[], outcomes: readonly OutcomeRow[]): SegmentRow[] {
  const now = pairs.find(({ IsNow }) => Boolean(IsNow));
  const before = pairs.find(({ IsNow }) => !IsNow);
  const total = (read: (row: PairsRow) => string) => pairs.reduce((sum, row) => sum + Number(read(row)), 0);
  const pairCount = total((row) => row.Pairs);
  if (pairCount === 0) return callSegment(outcomes);
  const latest = now && Number(now.Pairs) > 0 ? now : before!;
  if (total((row) => row.Full) * 2 < pairCount) return coarseSegments(now, before, latest);
  return fineSegments(now, before, now && Number(now.Full) > 0 ? now : before!);
}

const FINE_SEGMENTS = ['clientStack', 'clientHost', 'wire', 'serverHost', 'serverStack', 'server'] as const;

function fineSegments(now: PairsRow | undefined, before: PairsRow | undefined, known: PairsRow): SegmentRow[] {
  const { ClientHost: client, ServerHost: server, ClientInterfaces: out, ServerInterfaces: in_ } = known;
  const places = [
    placeOf(client, out.slice(0, 1)),
    placeOf(client, out),
    `${placeOf(client, out.slice(-1))} → ${placeOf(server, in_.slice(0, 1))}`,
    placeOf(server, in_),
    placeOf(server, in_.slice(-1)),
    placeOf(server, []),
  ];
  const sums = (row: PairsRow | undefined, index: number): SegmentSums => {
    if (!row) return NO_CALLS;
    const chain = row.Chain.map(Number);
    return {
      ns: (chain[index] ?? 0) - (chain[index + 1] ?? 0),
      // The first segment, before any interface, has none; the server's own time neither.
      retransmissions: index === 0 ? 0 : Number(row.Lost[index - 1] ?? 0),
      calls: Number(row.Full),
    };
  };
  return FINE_SEGMENTS.map((segment, index) =>
    toSegment(segment, places[index]!, sums(now, index), sums(before, index))
  );
}

function coarseSegments(now: PairsRow | undefined, before: PairsRow | undefined, known: PairsRow): SegmentRow[] {
  const sums = (row: PairsRow | undefined): { network: SegmentSums; server: SegmentSums } => {
    if (!row) return { network: NO_CALLS, server: NO_CALLS };
    const [client = 0, server = 0] = row.Ends.map(Number);
    const calls = Number(row.Pairs);
    return {
      network: { ns: client - server, retransmissions: Number(row.Retransmissions), calls },
      server: { ns: server, retransmissions: 0, calls },
    };
  };
  const place = `${known.ClientHost} → ${known.ServerHost}`;
  return [
    toSegment('network', place, sums(now).network, sums(before).network),
    toSegment('server', known.ServerHost, sums(now).server, sums(before).server),
  ];
}

/** One side alone: the time of the whole call, as the client saw it if it did. */
function callSegment(outcomes: readonly OutcomeRow[]): SegmentRow[] {
  const side = outcomes.some(({ Side }) => Side === 'client') ? 'client' : 'server';
  const rows = outcomes.filter(({ Side }) => Side === side);
  const [first] = rows;
  if (!first) return [];
  const sum = (read: (row: OutcomeRow) => string) => rows.reduce((total, row) => total + Number(read(row)), 0);
  return [
    toSegment(
      'call',
      first.Host,
      {
        ns: sum((row) => row.DurationNow),
        retransmissions: sum((row) => row.RetransmissionsNow),
        calls: sum((row) => row.Now),
      },
      {
        ns: sum((row) => row.DurationBefore),
        retransmissions: sum((row) => row.RetransmissionsBefore),
        calls: sum((row) => row.Before),
      }
    ),
  ];
}

function toSegment(segment: string, place: string, now: SegmentSums, before: SegmentSums): SegmentRow {
  return {
    segment,
    place,
    mean: now.calls === 0 ? null : now.ns / now.calls,
    meanBefore: before.calls === 0 ? null : before.ns / before.calls,
    retransmissions: now.retransmissions,
    retransmissionsBefore: before.retransmissions,
    calls: now.calls,
    callsBefore: before.calls,
  };
}

function placeOf(host: string, interfaces: readonly string[]): string {
  return interfaces.length === 0 ? host : `${host} · ${interfaces.join(' → ')}`;
}
