import { setTimeout as delay } from 'node:timers/promises';
import { type SpanBatchReader } from '@throughline/wire';
import { type WatchedBatch } from './enrich/ChangeDetector.ts';
import { type EntityDirectories, type EntityDirectory, type KnownEntity } from './enrich/EntityDirectory.ts';
import { type Origin, announceExchanges, enrichSpans, halfExchanges } from './enrich/enrichSpans.ts';
import { entityTableBatch } from './writer/entityTable.ts';
import { eventTableBatch } from './writer/eventTable.ts';
import { spanTableBatch } from './writer/spanTable.ts';
import { type Writer } from './writer/Writer.ts';

export interface PipelineOptions {
  readonly directories: EntityDirectories;
  readonly writer: Writer;
  readonly holdMs: number;
}

const HOLD_STEP_MS = 50;
/** Batches that wait for a side which is late, at once: an agent sends few at a time, and must go on sending. */
const MAX_WAITING_LONGER = 2;
const LONGER = 3;
const BYTES_PER_ENTITY = 256;
const BYTES_PER_EVENT = 256;

/** From a checked batch to rows in the store; every receiver ends here. */
export class Pipeline {
  private readonly directories: EntityDirectories;
  private readonly writer: Writer;
  private readonly holdMs: number;
  private waitingLonger = 0;

  constructor({ directories, writer, holdMs }: PipelineOptions) {
    this.directories = directories;
    this.writer = writer;
    this.holdMs = holdMs;
  }

  directory(origin: Pick<Origin, 'tenant' | 'environment'>): EntityDirectory {
    return this.directories.of(origin);
  }

  /** @throws IngestError OVERLOADED; asked before a body is read, so that refusing costs nothing */
  assertRoom(): void {
    this.writer.assertRoom();
  }

  /**
   * Resolves when the rows are stored.
   * @param hostId of each row
   * @param token unique per batch; a repeat is dropped by the store
   */
  async storeSpans(reader: SpanBatchReader, origin: Origin, hostId: readonly string[], token: string): Promise<void> {
    if (reader.rows === 0) return;
    // Taken before the hold: what waits there takes memory as well.
    const release = this.writer.reserve(reader.expandedBytes);
    try {
      const directory = this.directory(origin);
      announceExchanges(reader, directory);
      await this.awaitOtherSides(reader, directory);
      await this.writer.write('spans', spanTableBatch(reader, enrichSpans(reader, directory, origin, hostId)), token);
    } finally {
      release();
    }
  }

  /** The other sides come in batches of their own hosts, about as late as ours; later where that host is busy. */
  private async awaitOtherSides(reader: SpanBatchReader, directory: EntityDirectory): Promise<void> {
    if (this.holdMs === 0) return;
    let halves = halfExchanges(reader, directory);
    const startMs = performance.now();
    let isLonger = false;
    while (halves.length > 0) {
      const waitedMs = performance.now() - startMs;
      if (waitedMs >= this.holdMs * (isLonger ? LONGER : 1)) {
        if (isLonger || this.waitingLonger >= MAX_WAITING_LONGER || !halves.some(({ isExpected }) => isExpected)) break;
        isLonger = true;
        this.waitingLonger++;
      }
      await delay(Math.min(HOLD_STEP_MS, this.holdMs));
      halves = halves.filter(({ id, side }) => directory.otherSide(id, side) === 0n);
      if (isLonger) halves = halves.filter(({ isExpected }) => isExpected);
    }
    if (isLonger) this.waitingLonger--;
  }

  async storeEntities(known: readonly KnownEntity[], origin: Origin, token: string): Promise<void> {
    if (known.length === 0) return;
    const release = this.writer.reserve(known.length * BYTES_PER_ENTITY);
    try {
      const batch = entityTableBatch(known, origin.tenant, origin.environment, Date.now());
      await this.writer.write('entities', batch, token);
    } finally {
      release();
    }
  }

  /** Stores what changed by the batch's report. @param entities the batch's, as the directory knows them */
  async storeChanges(
    batch: WatchedBatch,
    entities: readonly KnownEntity[],
    origin: Origin,
    token: string
  ): Promise<void> {
    const { events, undo } = this.directories.changes(origin).changesOf(batch, entities);
    if (events.length === 0) return;
    try {
      const release = this.writer.reserve(events.length * BYTES_PER_EVENT);
      try {
        await this.writer.write('events', eventTableBatch(events, origin.tenant, origin.environment), token);
      } finally {
        release();
      }
    } catch (error) {
      undo();
      throw error;
    }
  }
}
