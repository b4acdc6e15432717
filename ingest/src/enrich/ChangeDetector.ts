import { RecentMap } from '@throughline/core';
import { type agent } from '@throughline/wire';
import { type KnownEntity } from './EntityDirectory.ts';

/**
 * What changed, from what agents report: processes that started and ended while their agent watched, agents that
 * started, and rows that they dropped. Held in memory, bounded: after a restart of ingest an agent counts as watching
 * from its next batch on, so nothing that went before is told again.
 */

export interface ChangeEvent {
  readonly timestampNs: bigint;
  readonly kind: 'process_start' | 'process_end' | 'agent_start' | 'rows_dropped';
  /** 0n for none. */
  readonly entityId: bigint;
  readonly hostId: string;
  readonly title: string;
  readonly attributes: ReadonlyMap<string, string>;
}

export interface Changes {
  readonly events: readonly ChangeEvent[];
  /** They were not stored: the repeat of the batch finds them again. */
  readonly undo: () => void;
}

export type WatchedBatch = Pick<
  agent.Batch,
  'agentId' | 'bootId' | 'batchNumber' | 'hostId' | 'hostName' | 'clockSamples' | 'drops'
>;

interface Watch {
  /** The agent's clock at its first batch, ns. */
  sinceNs: bigint;
  /** Last told of each reason; the counts are cumulative. */
  readonly drops: Map<string, bigint>;
  dropsToldNs: bigint;
}

const AGENTS = 10_000;
const ENTITIES = 200_000;
/** An agent reads processes before it sends its first batch; what starts meanwhile is a change nevertheless. */
const START_MARGIN_NS = 5_000_000_000n;
/** Long, and kept with the entity. */
const COMMAND_LINE = 'process.command_line';
const DROPS_INTERVAL_NS = 60_000_000_000n;

export class ChangeDetector {
  private readonly watches = new RecentMap<string, Watch>(AGENTS);
  private readonly started = new RecentMap<bigint, true>(ENTITIES);
  private readonly ended = new RecentMap<bigint, true>(ENTITIES);

  /** @param entities the batch's, with the best names known */
  changesOf(batch: WatchedBatch, entities: readonly KnownEntity[], nowMs: number = Date.now()): Changes {
    const wallNs = batch.clockSamples.reduce((latest, sample) => (sample.wallNs > latest ? sample.wallNs : latest), 0n);
    const atNs = wallNs === 0n ? BigInt(nowMs) * 1_000_000n : wallNs;
    const key = JSON.stringify([batch.agentId, batch.bootId]);
    const known = this.watches.get(key);
    const isFirst = batch.batchNumber === 1n;
    // What an agent dropped before its first batch is new; what one dropped before ingest started is not.
    const watch: Watch = known ?? { sinceNs: atNs, drops: new Map(isFirst ? [] : batch.drops), dropsToldNs: 0n };
    this.watches.set(key, watch);
    // Batches are sent several at a time.
    if (atNs < watch.sinceNs) watch.sinceNs = atNs;
    const undos: (() => void)[] = [];
    const events: ChangeEvent[] = [];
    if (isFirst) events.push(agentStart(batch, atNs));
    for (const entity of entities) {
      if (entity.kind !== 'process') continue;
      events.push(...this.processChanges(entity, watch.sinceNs - START_MARGIN_NS, undos));
    }
    const dropped = dropsOf(batch, watch, atNs, undos);
    if (dropped) events.push(dropped);
    return { events, undo: () => undos.forEach((undo) => undo()) };
  }

  private processChanges(entity: KnownEntity, sinceNs: bigint, undos: (() => void)[]): ChangeEvent[] {
    const changes: ChangeEvent[] = [];
    const tell = (kind: 'process_start' | 'process_end', told: RecentMap<bigint, true>, atNs: bigint): void => {
      if (atNs <= sinceNs || told.has(entity.id)) return;
      told.set(entity.id, true);
      undos.push(() => told.delete(entity.id));
      const name = entity.name || `process ${entity.pid}`;
      changes.push({
        timestampNs: atNs,
        kind,
        entityId: entity.id,
        hostId: entity.hostId,
        title: kind === 'process_start' ? `${name} started` : `${name} ended`,
        attributes: new Map([...entity.attributes].filter(([name]) => name !== COMMAND_LINE)),
      });
    };
    tell('process_start', this.started, entity.validFromNs);
    if (entity.validToNs !== 0n) tell('process_end', this.ended, entity.validToNs);
    return changes;
  }
}

function agentStart({ agentId, hostId, hostName }: WatchedBatch, atNs: bigint): ChangeEvent {
  return {
    timestampNs: atNs,
    kind: 'agent_start',
    entityId: 0n,
    hostId,
    title: `agent started on ${hostName || hostId}`,
    attributes: new Map([['throughline.agent.id', agentId]]),
  };
}

/** Growth since it was last told, at most once a minute: a busy agent drops in every batch. */
function dropsOf(batch: WatchedBatch, watch: Watch, atNs: bigint, undos: (() => void)[]): ChangeEvent | undefined {
  if (atNs - watch.dropsToldNs < DROPS_INTERVAL_NS) return undefined;
  const grown: [reason: string, count: bigint][] = [];
  for (const [reason, count] of batch.drops) {
    const told = watch.drops.get(reason) ?? 0n;
    if (count > told) grown.push([reason, count - told]);
  }
  if (grown.length === 0) return undefined;
  const toldNs = watch.dropsToldNs;
  const told = new Map(watch.drops);
  watch.dropsToldNs = atNs;
  for (const [reason, count] of batch.drops) watch.drops.set(reason, count);
  undos.push(() => {
    watch.dropsToldNs = toldNs;
    for (const [reason] of batch.drops) watch.drops.set(reason, told.get(reason) ?? 0n);
  });
  grown.sort(([, a], [, b]) => (a < b ? 1 : a > b ? -1 : 0));
  const total = grown.reduce((sum, [, count]) => sum + count, 0n);
  const [first] = grown;
  return {
    timestampNs: atNs,
    kind: 'rows_dropped',
    entityId: 0n,
    hostId: batch.hostId,
    title: `agent on ${batch.hostName || batch.hostId} dropped ${total}: ${grown.map(([reason]) => reason).join(', ')}`,
    attributes: new Map([
      ['throughline.agent.id', batch.agentId],
      ['throughline.dropped.reason', first![0]],
      ['throughline.dropped.count', String(total)],
      ...grown.map(([reason, count]) => [`throughline.dropped.${reason}`, String(count)] as const),
    ]),
  };
}
