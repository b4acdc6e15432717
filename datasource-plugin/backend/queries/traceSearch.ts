import { type QueryAnswer } from '@throughline/grafana-backend';
import { type FrameRow, traceListFrame, type TraceSearchQuery } from '@throughline/query';
import { type QueryContext } from '../context.ts';
import { nodeLink, toFrame, traceLinks } from '../frames.ts';
import { countedRows, namesCte, PEER_NAME, sumRange } from '../rollup.ts';
import {
  ATTRIBUTES,
  filterCondition,
  NO_SDK_EXPORT,
  RESOURCE_ATTRIBUTES,
  tenantCondition,
  timeCondition,
} from '../scope.ts';
import { Parameters, type Statement } from '../statement.ts';

/** Requests as a list, each opening its trace: roots, whatever a service was asked, or whatever it called. */
export async function answerTraceSearch(query: TraceSearchQuery, context: QueryContext): Promise<QueryAnswer> {
  const statement = searchStatement(query, context);
  const found = await context.store.rows<FoundRow>(statement, context.run);
  const rows = found.map((row): FrameRow<typeof traceListFrame> => ({
    traceID: row.TraceId === NO_TRACE ? row.SpanId : row.TraceId,
    spanID: row.SpanId,
    startTime: BigInt(row.Start),
    service: row.Service,
    name: row.Name,
    duration: Number(row.Duration),
    status: row.Status,
    code: row.Code,
    failure: row.Failure,
    protocol: row.Protocol,
    caller: row.Caller,
  }));
  const meta = { executedQueryString: statement.sql, uniqueRowIdFields: [0] };
  return {
    frames: [
      toFrame(traceListFrame, rows, {
        meta,
        config: { traceID: traceLinks(context.settings), service: { links: [nodeLink('service')] } },
      }),
    ],
  };
}

interface FoundRow {
  readonly SpanId: string;
  readonly TraceId: string;
  readonly Start: string;
  readonly Service: string;
  readonly Name: string;
  readonly Duration: string;
  readonly Status: string;
  readonly Code: number;
  readonly Failure: string;
  readonly Protocol: string;
  readonly Caller: string;
}

const NO_TRACE = '0'.repeat(32);
/** A caller's row starts before its callee's: it can lie just outside the range. */
const CALLER_MARGIN_MS = 60_000;

const ORDER_BY = {
  recent: 'Timestamp DESC',
  slowest: 'spans.Duration DESC',
  failedFirst: "StatusCode = 'Error' DESC, spans.Duration DESC",
} as const satisfies Record<TraceSearchQuery['order'], string>;

const FILTER_COLUMNS: ReadonlyMap<string, readonly string[]> = new Map([
  ['service', ['Own']],
  ['peer', ['Peer']],
  ['endpoint', ['Endpoint']],
  ['protocol', ['spans.Protocol']],
  ['layer', ['Layer']],
  ['host', ['HostId']],
  ['method', ['Method']],
  ['status', ['StatusCode']],
  ['failure', ['spans.Failure']],
  [ATTRIBUTES, ['SpanAttributes']],
  [RESOURCE_ATTRIBUTES, ['ResourceAttributes']],
]);

function searchStatement(query: TraceSearchQuery, { settings, fromMs, toMs }: QueryContext): Statement {
  const parameters = new Parameters();
  const names = namesCte(settings, parameters);
  const tenant = tenantCondition(settings, parameters);
  const within = timeCondition('Timestamp', fromMs, toMs, parameters);
  const around = timeCondition('Timestamp', fromMs - CALLER_MARGIN_MS, toMs, parameters);
  const range = sumRange({ fromMs, toMs });
  const subject =
    query.of === 'roots'
      ? rootCondition(tenant, around)
      : `SpanKind = ${parameters.bind(SPAN_KINDS[query.of], 'String')} AND ${countedRows('spans', range, tenant, parameters)}`;
  const filter = filterCondition(query.filters, FILTER_COLUMNS, parameters);
  const durations = [
    query.minDurationMs === undefined ? [] : `spans.Duration >= ${nanoseconds(query.minDurationMs, parameters)}`,
    query.maxDurationMs === undefined ? [] : `spans.Duration <= ${nanoseconds(query.maxDurationMs, parameters)}`,
  ].flat();
  return parameters.statement(`WITH ${names}
SELECT
  lower(hex(SpanId)) AS SpanId,
  lower(hex(TraceId)) AS TraceId,
  toUnixTimestamp64Nano(Timestamp) AS Start,
  multiIf(own.Name != '', own.Name, ServiceName != '', ServiceName, 'unknown') AS Own,
  ${PEER_NAME} AS Peer,
  Own AS Service,
  SpanName AS Name,
  spans.Duration AS Duration,
  StatusCode AS Status,
  ResponseCode AS Code,
  spans.Failure AS Failure,
  spans.Protocol AS Protocol,
  if(SpanKind = 'Server', Peer, Own) AS Caller
FROM spans
LEFT JOIN names AS own ON own.Id = spans.EntityId
LEFT JOIN names AS peer ON peer.Id = spans.PeerEntityId
WHERE ${tenant} AND ${within}
  AND Layer != 'network'
  AND ${NO_SDK_EXPORT}
  AND ${subject}
  AND ${[filter, ...durations].join(' AND ')}
ORDER BY ${ORDER_BY[query.order]}
LIMIT ${parameters.bind(query.limit, 'UInt32')}`);
}

const SPAN_KINDS = { requests: 'Server', calls: 'Client' } as const;

/** What came from outside of everything seen, or was started by a process of its own accord. */
function rootCondition(tenant: string, around: string): string {
  return `(
    (SpanKind = 'Server' AND Layer = 'process' AND spans.ParentSpanId NOT IN (
      SELECT SpanId FROM spans WHERE ${tenant} AND ${around} AND SpanKind = 'Client' AND Layer = 'process'
    ))
    OR (SpanKind = 'Client' AND Layer = 'process' AND spans.LinkEvidence = 'none' AND spans.SpanId NOT IN (
      SELECT SpanId FROM links WHERE ${tenant}
    ))
    OR (Layer = 'application' AND spans.ParentSpanId = toFixedString('', 8) AND spans.EntityId NOT IN (
      SELECT EntityId FROM spans WHERE ${tenant} AND ${around} AND Layer = 'process'
    ))
  )`;
}

function nanoseconds(ms: number, parameters: Parameters): string {
  return parameters.bind(BigInt(Math.round(ms * 1e6)), 'UInt64');
}
