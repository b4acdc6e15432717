import { createHash } from 'node:crypto';
import { parseAddress } from '@throughline/core';
import { SPANS_TTL_DAYS } from '@throughline/schema';
import { SpanBatchBuilder, SpanBatchReader, type otlpCommon, type otlpTrace } from '@throughline/wire';
import { redactAttribute } from '../../enrich/redact.ts';

/** From OTLP's resource spans to rows of `spans`, layer application. */

export interface OtlpResource {
  readonly serviceName: string;
  readonly hostName: string;
  readonly hostId: string;
  readonly pid: number;
}

/** The process of a resource: as its agent reported it, else as the SDK describes it. */
export interface OtlpProcess {
  readonly entityId: bigint;
  readonly hostId: string;
}

export interface OtlpRows {
  readonly reader: SpanBatchReader;
  /** Of each row. */
  readonly hostId: readonly string[];
  /** Refused spans by reason, for partial success. */
  readonly rejected: ReadonlyMap<string, number>;
}

type Attributes = readonly otlpCommon.KeyValue[];
export type FindProcess = (resource: OtlpResource) => OtlpProcess;

const SPAN_KINDS = ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer'] as const;
const STATUS_CODES = ['Unset', 'Ok', 'Error'] as const;
const DAY_NS = 86_400_000_000_000n;
/** What `spans` keeps; an older span would be acknowledged and removed at once. */
const PAST_NS = BigInt(SPANS_TTL_DAYS) * DAY_NS;
const MAX_BUILT_BYTES = 128 << 20;

export function resourceOf(attributes: Attributes): OtlpResource {
  const values = new Map(attributes.map(({ key, value }) => [key, value] as const));
  const text = (key: string): string => valueText(values.get(key));
  return {
    serviceName: text('service.name') || 'unknown_service',
    hostName: text('host.name'),
    hostId: text('host.id'),
    pid: Number(text('process.pid')) || 0,
  };
}

/**
 * @param nowNs wall clock; spans older than the table keeps, or in the future, are refused
 * @throws Error where the rows would take too much memory
 */
export function otlpRows(
  resourceSpans: readonly otlpTrace.ResourceSpans[],
  nowNs: bigint,
  findProcess: FindProcess
): OtlpRows {
  const rejected = new Map<string, number>();
  const builder = new SpanBatchBuilder();
  const hostId: string[] = [];
  for (const { resource: given, scopeSpans } of resourceSpans) {
    const attributes = given?.attributes ?? [];
    const resource = resourceOf(attributes);
    const process = findProcess(resource);
    const resourceAttributes = plain(attributes);
    assertFits(resourceAttributes, scopeSpans);
    for (const { scope, spans } of scopeSpans) {
      for (const span of spans) {
        const refusal = refuse(span, nowNs);
        if (refusal !== undefined) {
          rejected.set(refusal, (rejected.get(refusal) ?? 0) + 1);
          continue;
        }
        appendSpan(builder, span, scope, resource, process.entityId, resourceAttributes);
        hostId.push(process.hostId);
        if (builder.approximateBytes > MAX_BUILT_BYTES) throw tooLarge();
      }
    }
  }
  return { reader: new SpanBatchReader(builder.take()), hostId, rejected };
}

/** Before the work is done: attributes of a resource stand in each of its rows. @throws Error */
function assertFits(
  resourceAttributes: readonly (readonly [string, string])[],
  scopeSpans: readonly otlpTrace.ScopeSpans[]
): void {
  const spans = scopeSpans.reduce((sum, scope) => sum + scope.spans.length, 0);
  const bytes = resourceAttributes.reduce((sum, [key, value]) => sum + 16 + key.length + value.length, 0);
  if (spans * bytes > MAX_BUILT_BYTES) throw tooLarge();
}

function tooLarge(): Error {
  return new Error(`its rows take more than ${MAX_BUILT_BYTES} bytes; send smaller requests`);
}

/** @returns why the span is not stored; undefined where it is fine */
function refuse(span: otlpTrace.Span, nowNs: bigint): string | undefined {
  if (!isId(span.traceId, 16)) return 'trace id is not 16 bytes or is zero';
  if (!isId(span.spanId, 8)) return 'span id is not 8 bytes or is zero';
  const start = span.startTimeUnixNano;
  if (start < nowNs - PAST_NS) return `start time is more than ${SPANS_TTL_DAYS} days ago`;
  if (start > nowNs + DAY_NS) return 'start time is more than a day in the future';
  return undefined;
}

function isId(bytes: Uint8Array, length: number): boolean {
  return bytes.length === length && bytes.some((byte) => byte !== 0);
}

function appendSpan(
  builder: SpanBatchBuilder,
  span: otlpTrace.Span,
  scope: otlpCommon.InstrumentationScope | undefined,
  resource: OtlpResource,
  entityId: bigint,
  resourceAttributes: readonly (readonly [string, string])[]
): void {
  const attributes = plain(span.attributes);
  const values = new Map(attributes);
  const first = (...keys: string[]): string => {
    for (const key of keys) {
      const value = values.get(key);
      if (value !== undefined) return value;
    }
    return '';
  };
  const kind = SPAN_KINDS[span.kind] ?? 'Unspecified';
  const isClient = kind === 'Client';
  const peerAddress = parseAddress(first('network.peer.address', 'net.sock.peer.addr', 'net.peer.ip'));
  const peerPort = port(first('network.peer.port', 'net.sock.peer.port', 'net.peer.port'));
  const hasParent = isId(span.parentSpanId, 8);
  const duration = span.endTimeUnixNano > span.startTimeUnixNano ? span.endTimeUnixNano - span.startTimeUnixNano : 0n;
  const method = first('http.request.method', 'http.method', 'db.operation.name', 'db.operation', 'rpc.method');
  const route = first('http.route', 'db.query.summary');
  builder.append({
    timestamp: span.startTimeUnixNano,
    duration,
    traceId: span.traceId.toString('hex'),
    spanId: span.spanId,
    parentSpanId: hasParent ? span.parentSpanId : undefined,
    wireParentSpanId: undefined,
    traceState: span.traceState,
    layer: 'application',
    spanKind: kind,
    spanName: span.name,
    serviceName: resource.serviceName,
    entityId,
    peerEntityId: 0n,
    peerName: isClient ? first('server.address', 'net.peer.name', 'peer.service', 'db.name') : '',
    peerEvidence: '',
    pid: resource.pid,
    tid: Number(first('thread.id')) || 0,
    protocol: protocolOf(values),
    method,
    endpoint: route || span.name,
    target: first('url.path', 'http.target', 'db.query.text', 'db.statement', 'url.full', 'http.url'),
    host: first('server.address', 'http.host', 'db.namespace'),
    responseCode: Number(first('http.response.status_code', 'http.status_code', 'rpc.grpc.status_code')) || 0,
    statusCode: STATUS_CODES[span.status?.code ?? 0] ?? 'Unset',
    statusMessage: span.status?.message ?? '',
    failure: '',
    truncated: 0,
    clientAddress: isClient ? undefined : peerAddress,
    clientPort: isClient ? 0 : peerPort,
    serverAddress: isClient ? peerAddress : undefined,
    serverPort: isClient ? peerPort : port(first('server.port', 'net.host.port')),
    netns: 0,
    requestSequence: 0,
    responseSequence: 0,
    requestBytes: BigInt(Number(first('http.request.body.size')) || 0),
    responseBytes: BigInt(Number(first('http.response.body.size')) || 0),
    requestId: '',
    responseRequestId: '',
    linkEvidence: hasParent ? 'trace_context' : 'none',
    linkProbability: hasParent ? 1 : 0,
    linkCandidateCount: 0,
    scopeName: scope?.name ?? '',
    scopeVersion: scope?.version ?? '',
  });
  for (const [key, value] of resourceAttributes) builder.add('resourceAttributes', { key, value });
  for (const [key, value] of attributes) builder.add('spanAttributes', { key, value });
  for (const event of span.events) {
    builder.add('events', { timestamp: event.timeUnixNano, name: event.name });
    for (const [key, value] of plain(event.attributes)) builder.add('eventAttributes', { key, value });
  }
  for (const link of span.links) {
    if (link.traceId.length !== 16 || link.spanId.length !== 8) continue;
    builder.add('links', { traceId: link.traceId, spanId: link.spanId, traceState: link.traceState });
    for (const [key, value] of plain(link.attributes)) builder.add('linkAttributes', { key, value });
  }
}

/** The process that an SDK describes where no agent reports it. */
export function sdkEntityId({ serviceName, hostName, pid }: OtlpResource): bigint {
  const hash = createHash('sha256').update(['sdk', serviceName, hostName, pid].join('\u0000')).digest();
  return hash.readBigUInt64BE(0) | 1n;
}

function protocolOf(values: ReadonlyMap<string, string>): string {
  if (values.has('http.request.method') || values.has('http.method')) return 'http';
  const system = values.get('db.system.name') ?? values.get('db.system') ?? values.get('rpc.system') ?? '';
  return system === 'mariadb' ? 'mysql' : system;
}

function port(text: string): number {
  const value = Number(text);
  return Number.isInteger(value) && value > 0 && value < 65536 ? value : 0;
}

function plain(attributes: Attributes): (readonly [string, string])[] {
  return attributes.map(({ key, value }) => [key, redactAttribute(key, valueText(value))] as const);
}

/** OTLP's values as text, as the Collector's exporter writes them: arrays and maps as JSON. */
export function valueText(value: otlpCommon.AnyValue | undefined): string {
  if (value === undefined) return '';
  if (value.stringValue !== undefined) return value.stringValue;
  const json = valueJson(value, 0);
  return typeof json === 'string' ? json : JSON.stringify(json);
}

/** Deeper values than this are cut: a hostile sender must not exhaust the stack. */
const MAX_DEPTH = 16;

function valueJson(value: otlpCommon.AnyValue, depth: number): unknown {
  if (depth > MAX_DEPTH) return '…';
  if (value.stringValue !== undefined) return value.stringValue;
  if (value.boolValue !== undefined) return value.boolValue;
  if (value.intValue !== undefined) {
    return value.intValue >= -(2n ** 53n) && value.intValue <= 2n ** 53n
      ? Number(value.intValue)
      : String(value.intValue);
  }
  if (value.doubleValue !== undefined) return value.doubleValue;
  if (value.bytesValue !== undefined) return value.bytesValue.toString('base64');
  if (value.arrayValue !== undefined) return value.arrayValue.values.map((item) => valueJson(item, depth + 1));
  if (value.kvlistValue !== undefined) {
    return Object.fromEntries(
      value.kvlistValue.values.map((item) => [item.key, item.value ? valueJson(item.value, depth + 1) : null])
    );
  }
  return null;
}
