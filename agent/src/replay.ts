import { bytesToHex, formatAddress, idToHex } from '@throughline/core';
import { PcapSource } from './capture/PcapSource.ts';
import { type PacketEvent } from './events.ts';
import { type Roles } from './exchanges/Connection.ts';
import { type Exchange } from './exchanges/exchange.ts';
import { ExchangeTracker, type TrackerSink } from './exchanges/ExchangeTracker.ts';
import { type Flow, FlowTable } from './flows/FlowTable.ts';
import { type Message } from './protocols/message.ts';
import { spanIdOf, spanName } from './rows.ts';

/**
 * Reads a capture file through the same flows, parsers and pairing as live traffic, and prints what they say; no service needed.
 */

export type ReplayMode = 'messages' | 'flows' | 'spans';

/** What could not be read or understood, by reason; empty where all went well. */
export type ReplayCounts = Readonly<Record<string, number>>;

/** Messages of which repeats at other interfaces are known. */
const MESSAGE_MEMORY = 20_000;
const ADVANCE_INTERVAL_NS = 10e6;
/** A capture file names no host; spans of packets are told apart by who saw them. */
const OBSERVER = 'capture';

/**
 * @param write gets one line of JSON without its line end
 * @throws CaptureError where the file cannot be opened, or is no capture file
 */
export function replay(path: string, mode: ReplayMode, write: (line: string) => void): ReplayCounts {
  const source = PcapSource.open(path);
  try {
    const toTime = (ns: number): string => isoTime(source.baseWallNs + BigInt(Math.round(ns)));
    const print = (line: object): void => write(JSON.stringify(line));
    return mode === 'flows' ? replayFlows(source, toTime, print) : replayExchanges(source, mode, toTime, print);
  } finally {
    source.close();
  }
}

type ToTime = (ns: number) => string;
type Print = (line: object) => void;

function replayExchanges(source: PcapSource, mode: 'messages' | 'spans', toTime: ToTime, print: Print): ReplayCounts {
  const isNew = memory();
  const sink: TrackerSink =
    mode === 'spans'
      ? { onExchange: (exchange) => print(spanLine(exchange, toTime)) }
      : {
          onExchange: () => {},
          onMessage: (message, roles, exchange) => {
            // Commands that are never answered are complete by themselves.
            if (message.bytes === 0) return;
            // A capture of several interfaces holds a message several times.
            const identity = `${roles.clientPort}/${roles.serverPort}/${message.type}/${message.sequence}/${message.pairId}/${bytesToHex(message.prefix)}`;
            if (isNew(identity)) print(messageLine(message, roles, exchange, toTime));
          },
        };
  const tracker = new ExchangeTracker({ packetsOnly: true }, sink);
  let advancedNs = 0;
  drain(source, (event) => {
    tracker.onPacket(event);
    if (event.timestampNs - advancedNs < ADVANCE_INTERVAL_NS) return;
    advancedNs = event.timestampNs;
    tracker.advance(advancedNs);
  });
  tracker.advance(Infinity);
  return nonZero({ ...source.drops(), ...tracker.counters });
}

function replayFlows(source: PcapSource, toTime: ToTime, print: Print): ReplayCounts {
  const flows = new FlowTable((flow) => print(flowLine(flow, toTime)));
  drain(source, (event) => {
    flows.onPacket(event);
  });
  flows.advance(Infinity);
  return nonZero({ ...source.drops(), flows_evicted: flows.evicted });
}

function drain(source: PcapSource, onPacket: (event: PacketEvent) => void): void {
  while (!source.ended) source.poll(() => {}, onPacket);
}

/** @returns whether a key is new, among the latest */
function memory(): (key: string) => boolean {
  const seen = new Set<string>();
  return (key) => {
    if (seen.has(key)) return false;
    seen.add(key);
    if (seen.size > MESSAGE_MEMORY) seen.delete(seen.values().next().value as string);
    return true;
  };
}

/** Names as OpenTelemetry's semantic conventions have them; a field that says nothing is left out. */
function messageLine(message: Message, roles: Roles, exchange: Exchange | undefined, toTime: ToTime): object {
  const isResponse = message.type === 'response';
  return omitEmpty({
    time: toTime(message.startNs),
    durationNs: Math.round(message.endNs - message.startNs),
    type: message.type,
    ...endpoints(roles),
    'network.protocol.name': roles.protocol,
    'network.protocol.version': message.version,
    method: message.method || exchange?.method,
    target: message.target,
    endpoint: message.endpoint || exchange?.endpoint,
    host: message.host,
    responseCode: isResponse ? message.responseCode : undefined,
    status: isResponse ? (message.isError ? 'error' : 'ok') : undefined,
    statusMessage: message.statusMessage,
    /** From the first byte of the request to the first of the response. */
    responseTimeNs: isResponse && exchange ? Math.round(message.startNs - exchange.startNs) : undefined,
    exchangeId: exchange && idToHex(exchange.exchangeId),
    traceId: message.traceId,
    parentSpanId: message.parentSpanId,
    requestId: message.requestId,
    id: roles.protocol === 'dns' ? message.pairId : undefined,
    sequence: message.sequence === 0 ? undefined : [message.sequence, message.sequenceEnd],
    bytes: message.bytes,
    truncated: message.truncated || undefined,
    attributes: message.attributes,
  });
}

function flowLine(flow: Flow, toTime: ToTime): object {
  const side = ({ packets, bytes, retransmissions, repeatedSyns }: Flow['client']): object => ({
    packets,
    bytes,
    retransmissions,
    ...(flow.protocol === 'tcp' && { repeatedSyns }),
  });
  return omitEmpty({
    time: toTime(flow.startNs),
    durationNs: Math.round(flow.lastNs - flow.startNs),
    'network.transport': flow.protocol,
    ...endpoints(flow),
    'network.interface.name': flow.interfaceName,
    client: side(flow.client),
    server: side(flow.server),
    serverRttNs: flow.serverRttNs,
    clientRttNs: flow.clientRttNs,
    end: flow.protocol === 'tcp' ? flow.end : undefined,
  });
}

function spanLine(exchange: Exchange, toTime: ToTime): object {
  return omitEmpty({
    name: spanName(exchange),
    kind: exchange.side,
    traceId: exchange.traceId,
    spanId: idToHex(spanIdOf(exchange, OBSERVER)),
    /** The client's span, which every observer of the exchange knows. */
    parentSpanId: idToHex(exchange.exchangeId),
    wireParentSpanId: exchange.parentSpanId,
    startTime: toTime(exchange.startNs),
    endTime: toTime(exchange.endNs),
    durationNs: Math.round(exchange.endNs - exchange.startNs),
    status: omitEmpty({ code: exchange.status, message: exchange.statusMessage }),
    failure: exchange.failure,
    truncated: exchange.truncated || undefined,
    attributes: omitEmpty({
      ...endpoints(exchange),
      'network.protocol.name': exchange.protocol,
      'network.protocol.version': exchange.version,
      ...protocolAttributes(exchange),
      'throughline.request.id': exchange.requestId,
      'throughline.request.bytes': exchange.requestBytes,
      'throughline.response.bytes': exchange.responseBytes,
      ...exchange.attributes,
    }),
    hops: exchange.hops.map((hop) => omitEmpty({ ...hop })),
  });
}

function protocolAttributes(exchange: Exchange): object {
  const { protocol, method, target, endpoint, host, responseCode, status } = exchange;
  switch (protocol) {
    case 'http': {
      const query = target.indexOf('?');
      return {
        'http.request.method': method,
        'url.path': query < 0 ? target : target.slice(0, query),
        'url.query': query < 0 ? '' : target.slice(query + 1),
        'http.route': endpoint,
        'server.name': host,
        'http.response.status_code': responseCode || undefined,
      };
    }
    case 'mysql':
    case 'redis':
      return {
        'db.system.name': protocol,
        'db.operation.name': method,
        'db.query.text': target,
        'db.query.summary': protocol === 'mysql' ? endpoint : undefined,
        'db.namespace': host,
        'db.response.status_code': responseCode || undefined,
      };
    case 'dns':
      return {
        'dns.question.name': target,
        'dns.question.type': method,
        'dns.response_code': status === 'unset' ? undefined : responseCode,
      };
  }
}

function endpoints(roles: Omit<Roles, 'protocol'>): object {
  return {
    'client.address': formatAddress(roles.clientAddress),
    'client.port': roles.clientPort,
    'server.address': formatAddress(roles.serverAddress),
    'server.port': roles.serverPort,
  };
}

function omitEmpty(fields: object): object {
  return Object.fromEntries(
    Object.entries(fields).filter(
      ([, value]) =>
        value !== undefined && value !== '' && !(typeof value === 'object' && Object.keys(value as object).length === 0)
    )
  );
}

function nonZero(counts: Record<string, number>): ReplayCounts {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

/** ISO 8601 with nanoseconds. @param wallNs since 1970 */
function isoTime(wallNs: bigint): string {
  const seconds = new Date(Number(wallNs / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${(wallNs % 1_000_000_000n).toString().padStart(9, '0')}Z`;
}
