import {
  type LaterLink,
  type LinkEvidence,
  type ProcessInterval,
  type SpanFetcher,
  type TraceSpan,
} from '@throughline/tracing';
import { namesCte } from './rollup.ts';
import { tenantCondition } from './scope.ts';
import { type Settings } from './settings.ts';
import { Parameters, type Statement } from './statement.ts';
import { type RunOptions, type Store } from './store.ts';

/** Spans of a trace from the store, one statement per question. Every statement is bound to the tenant. */

/** Rows of one answer; more of them and the search would not end in time anyway. */
const MAX_ROWS = 200_000;
/** A server's span may start this long before the SDK's span inside it: the process was busy. */
const QUEUE_MARGIN_NS = 60_000_000_000n;

interface SpanRow {
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly wireParentSpanId: string;
  readonly traceId: string;
  readonly layer: TraceSpan['layer'];
  readonly kind: string;
  readonly name: string;
  readonly service: string;
  readonly entityId: string;
  readonly peerName: string;
  readonly peerEvidence: string;
  readonly hostId: string;
  readonly startNs: string;
  readonly durationNs: string;
  readonly protocol: string;
  readonly target: string;
  readonly responseCode: number;
  readonly status: TraceSpan['status'];
  readonly statusMessage: string;
  readonly failure: string;
  readonly truncated: boolean;
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly serverAddress: string;
  readonly serverPort: number;
  readonly requestSequence: number;
  readonly responseSequence: number;
  readonly linkEvidence: LinkEvidence;
  readonly linkProbability: number;
  readonly candidateCount: number;
  readonly candidateIds: readonly string[];
  readonly candidateProbabilities: readonly number[];
  readonly hopInterfaces: readonly string[];
  readonly hopNetns: readonly number[];
  readonly hopDirections: readonly string[];
  readonly hopOffsets: readonly string[];
  readonly hopDurations: readonly string[];
  readonly hopRetransmissions: readonly number[];
  readonly attributes: Readonly<Record<string, string>>;
  readonly eventTimes: readonly string[];
  readonly eventNames: readonly string[];
  readonly eventAttributes: readonly Readonly<Record<string, string>>[];
  readonly linkTraceIds: readonly string[];
  readonly linkSpanIds: readonly string[];
}

const id = (column: string, bytes: 8 | 16): string =>
  `if(spans.${column} = toFixedString('', ${bytes}), '', lower(hex(spans.${column})))`;
const address = (column: string): string => `replaceOne(toString(spans.${column}), '::ffff:', '')`;

const COLUMNS = `
  lower(hex(spans.SpanId)) AS spanId,
  ${id('ParentSpanId', 8)} AS parentSpanId,
  ${id('WireParentSpanId', 8)} AS wireParentSpanId,
  ${id('TraceId', 16)} AS traceId,
  spans.Layer AS layer, spans.SpanKind AS kind, spans.SpanName AS name,
  if(own.Name != '', own.Name, spans.ServiceName) AS service,
  toString(spans.EntityId) AS entityId,
  if(peer.Name != '', peer.Name, spans.PeerName) AS peerName,
  spans.PeerEvidence AS peerEvidence, spans.HostId AS hostId,
  toString(toUnixTimestamp64Nano(spans.Timestamp)) AS startNs, toString(spans.Duration) AS durationNs,
  spans.Protocol AS protocol, spans.Target AS target, spans.ResponseCode AS responseCode,
  spans.StatusCode AS status, spans.StatusMessage AS statusMessage, spans.Failure AS failure, spans.Truncated AS truncated,
  ${address('ClientAddress')} AS clientAddress, spans.ClientPort AS clientPort,
  ${address('ServerAddress')} AS serverAddress, spans.ServerPort AS serverPort,
  spans.RequestSequence AS requestSequence, spans.ResponseSequence AS responseSequence,
  spans.LinkEvidence AS linkEvidence, spans.LinkProbability AS linkProbability,
  spans.LinkCandidateCount AS candidateCount,
  arrayMap(candidate -> lower(hex(candidate)), spans.LinkCandidates) AS candidateIds,
  spans.LinkCandidateProbabilities AS candidateProbabilities,
  spans.\`Hops.Interface\` AS hopInterfaces, spans.\`Hops.Netns\` AS hopNetns, spans.\`Hops.Direction\` AS hopDirections,
  arrayMap(offset -> toString(offset), spans.\`Hops.Offset\`) AS hopOffsets,
  arrayMap(duration -> toString(duration), spans.\`Hops.Duration\`) AS hopDurations,
  spans.\`Hops.Retransmissions\` AS hopRetransmissions,
  spans.SpanAttributes AS attributes,
  arrayMap(at -> toString(toUnixTimestamp64Nano(at)), spans.\`Events.Timestamp\`) AS eventTimes,
  spans.\`Events.Name\` AS eventNames, spans.\`Events.Attributes\` AS eventAttributes,
  arrayMap(trace -> lower(hex(trace)), spans.\`Links.TraceId\`) AS linkTraceIds,
  arrayMap(span -> lower(hex(span)), spans.\`Links.SpanId\`) AS linkSpanIds`;

export function createSpanFetcher(store: Store, settings: Settings, run: RunOptions): SpanFetcher {
  async function spans(condition: (parameters: Parameters) => string): Promise<readonly TraceSpan[]> {
    const rows = await store.rows<SpanRow>(spansStatement(settings, condition), run);
    return rows.map(toSpan);
  }
  return {
    bySpanIds: (ids) => spans((parameters) => `spans.SpanId IN ${idList(ids, 8, parameters)}`),
    byParentSpanIds: (ids) =>
      spans((parameters) => {
        const parents = idList(ids, 8, parameters);
        // A later link names another parent than the row does.
        const linked = `SELECT SpanId FROM links WHERE ${tenantCondition(settings, parameters)} AND ParentSpanId IN ${parents}`;
        return `(spans.ParentSpanId IN ${parents} OR spans.SpanId IN (${linked}))`;
      }),
    byTraceIds: (ids) => spans((parameters) => `spans.TraceId IN ${idList(ids, 16, parameters)}`),
    byProcessTimes: async (intervals, layer) => {
      const found = await spans((parameters) => processCondition(intervals, layer, parameters));
      return found.filter((span) => intervals.some((interval) => isWithin(span, interval)));
    },
    linksOf: async (ids) => {
      const parameters = new Parameters();
      const statement = parameters.statement(`SELECT
  lower(hex(SpanId)) AS spanId,
  lower(hex(argMax(ParentSpanId, UpdatedAt))) AS parentSpanId,
  argMax(Evidence, UpdatedAt) AS evidence,
  argMax(Probability, UpdatedAt) AS probability
FROM links
WHERE ${tenantCondition(settings, parameters)} AND SpanId IN ${idList(ids, 8, parameters)}
GROUP BY SpanId`);
      return store.rows<LaterLink>(statement, run);
    },
  };
}

function spansStatement(settings: Settings, condition: (parameters: Parameters) => string): Statement {
  const parameters = new Parameters();
  return parameters.statement(`WITH ${namesCte(settings, parameters)}
SELECT ${COLUMNS}
FROM spans
LEFT JOIN names AS own ON own.Id = spans.EntityId
LEFT JOIN names AS peer ON peer.Id = spans.PeerEntityId
WHERE ${tenantCondition(settings, parameters)} AND ${condition(parameters)}
LIMIT ${parameters.bind(MAX_ROWS, 'UInt32')}`);
}

/** As an array of constants, which the bloom filters of the ids can use. */
function idList(ids: readonly string[], bytes: 8 | 16, parameters: Parameters): string {
  return `arrayMap(id -> toFixedString(unhex(id), ${bytes}), ${parameters.bind(ids, 'Array(String)')})`;
}

/** One range over all intervals; what lies between them is left out afterwards. */
function processCondition(
  intervals: readonly ProcessInterval[],
  layer: 'application' | 'process',
  parameters: Parameters
): string {
  const entities = [...new Set(intervals.map(({ entityId }) => entityId))].map(BigInt);
  const from = intervals.reduce((least, { fromNs }) => (fromNs < least ? fromNs : least), intervals[0]!.fromNs);
  const to = intervals.reduce((most, { toNs }) => (toNs > most ? toNs : most), intervals[0]!.toNs);
  const margin = layer === 'process' ? QUEUE_MARGIN_NS : 0n;
  return [
    `spans.EntityId IN ${parameters.bind(entities, 'Array(UInt64)')}`,
    `spans.SpanKind = 'Server'`,
    `spans.Layer = ${parameters.bind(layer, 'String')}`,
    `spans.Timestamp >= fromUnixTimestamp64Nano(${parameters.bind(from - margin, 'Int64')})`,
    `spans.Timestamp <= fromUnixTimestamp64Nano(${parameters.bind(to, 'Int64')})`,
  ].join(' AND ');
}

function isWithin(span: TraceSpan, { entityId, fromNs, toNs, clientPort }: ProcessInterval): boolean {
  if (span.entityId !== entityId) return false;
  if (clientPort !== 0 && span.clientPort !== 0 && clientPort !== span.clientPort) return false;
  return span.startNs <= toNs && span.startNs + BigInt(span.durationNs) >= fromNs;
}

function toSpan(row: SpanRow): TraceSpan {
  const {
    candidateIds,
    candidateProbabilities,
    hopInterfaces,
    hopNetns,
    hopDirections,
    hopOffsets,
    hopDurations,
    hopRetransmissions,
    eventTimes,
    eventNames,
    eventAttributes,
    linkTraceIds,
    linkSpanIds,
    ...plain
  } = row;
  return {
    ...plain,
    startNs: BigInt(row.startNs),
    durationNs: Number(row.durationNs),
    candidates: candidateIds.map((spanId, i) => ({ spanId, probability: candidateProbabilities[i] ?? 0 })),
    hops: hopInterfaces.map((interfaceName, i) => ({
      interfaceName,
      netns: hopNetns[i]!,
      direction: hopDirections[i]!,
      offsetNs: Number(hopOffsets[i]),
      durationNs: Number(hopDurations[i]),
      retransmissions: hopRetransmissions[i]!,
    })),
    events: eventNames.map((name, i) => ({ atNs: BigInt(eventTimes[i]!), name, attributes: eventAttributes[i] ?? {} })),
    spanLinks: linkSpanIds.map((spanId, i) => ({ traceId: linkTraceIds[i] ?? '', spanId })),
  };
}
