import { serverSpanId } from '@throughline/core';
import { type SpanBatchReader } from '@throughline/wire';
import { type Enrichment } from '../writer/spanTable.ts';
import { type EntityDirectory } from './EntityDirectory.ts';

export interface Origin {
  readonly tenant: string;
  readonly environment: string;
  readonly agentId: string;
}

/** Where a loopback address means something. */
export function localScope(hostId: string, netns: number): string {
  return `${hostId}/${netns}`;
}

function idAt(ids: Uint8Array, row: number): bigint {
  return new DataView(ids.buffer, ids.byteOffset + row * 8, 8).getBigUint64(0);
}

/** Exchange of a captured row, 0n for SDK spans: the client's SpanId, for the server from its own. */
function exchangeAt(reader: SpanBatchReader, layers: readonly string[], kinds: readonly string[], row: number): bigint {
  if (layers[row] !== 'process') return 0n;
  const id = idAt(reader.raw('spanId'), row);
  return kinds[row] === 'Client' ? id : serverSpanId(id);
}

/** Tells the directory which processes were seen at which end of the batch's exchanges. */
export function announceExchanges(reader: SpanBatchReader, directory: EntityDirectory): void {
  const layers = reader.strings('layer');
  const kinds = reader.strings('spanKind');
  const entityId = reader.u64('entityId');
  for (let row = 0; row < reader.rows; row++) {
    const exchange = exchangeAt(reader, layers, kinds, row);
    if (exchange !== 0n) directory.see(exchange, kinds[row] === 'Client' ? 'client' : 'server', entityId[row]!);
  }
}

/** An exchange of which one side is known only. */
export interface HalfExchange {
  readonly id: bigint;
  readonly side: 'client' | 'server';
  /** Calls from there had another side before: this one's is late, not missing. */
  readonly isExpected: boolean;
}

/** Exchanges of the batch that still lack their other side, which may be in a batch of another host. */
export function halfExchanges(reader: SpanBatchReader, directory: EntityDirectory): HalfExchange[] {
  const layers = reader.strings('layer');
  const kinds = reader.strings('spanKind');
  const clients = reader.raw('clientAddress');
  const halves: HalfExchange[] = [];
  for (let row = 0; row < reader.rows; row++) {
    const id = exchangeAt(reader, layers, kinds, row);
    if (id === 0n) continue;
    const side = kinds[row] === 'Client' ? 'client' : 'server';
    if (directory.otherSide(id, side) !== 0n) continue;
    const isExpected = side === 'server' && directory.isSeenClient(clients.subarray(row * 16, row * 16 + 16));
    halves.push({ id, side, isExpected });
  }
  return halves;
}

/** Names and far ends of the batch's rows, with what is known now. @param hostId of each row */
export function enrichSpans(
  reader: SpanBatchReader,
  directory: EntityDirectory,
  origin: Origin,
  hostId: readonly string[]
): Enrichment {
  const { rows } = reader;
  const layers = reader.strings('layer');
  const kinds = reader.strings('spanKind');
  const entityId = reader.u64('entityId');
  const givenNames = reader.strings('serviceName');
  const givenPeers = reader.strings('peerName');
  const givenEvidence = reader.strings('peerEvidence');
  const netns = reader.u32('netns');
  const timestamp = reader.i64('timestamp');
  const peerEntityId = new BigUint64Array(reader.u64('peerEntityId'));
  const serviceName = new Array<string>(rows);
  const peerName = new Array<string>(rows);
  const peerEvidence = new Array<string>(rows);
  for (let row = 0; row < rows; row++) {
    serviceName[row] = directory.get(entityId[row]!)?.name || givenNames[row]!;
    peerName[row] = givenPeers[row]!;
    peerEvidence[row] = givenEvidence[row]!;
    const exchange = exchangeAt(reader, layers, kinds, row);
    if (exchange === 0n) continue;
    const isClient = kinds[row] === 'Client';
    const addresses = reader.raw(isClient ? 'serverAddress' : 'clientAddress');
    const ports = reader.u16(isClient ? 'serverPort' : 'clientPort');
    const peer = directory.farEnd(
      exchange,
      isClient ? 'client' : 'server',
      localScope(hostId[row]!, netns[row]!),
      addresses.subarray(row * 16, row * 16 + 16),
      ports[row]!,
      timestamp[row]!
    );
    peerEntityId[row] = peer.entityId;
    peerName[row] = peer.name;
    peerEvidence[row] = peer.evidence;
  }
  return { ...origin, hostId, serviceName, entityId, peerEntityId, peerName, peerEvidence };
}
