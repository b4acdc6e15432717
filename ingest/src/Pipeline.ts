import { setTimeout as delay } from 'node:timers/promises';
import { type IngestMetrics } from './admin/metrics.ts';
import { type EntityDirectory, type KnownEntity } from './enrich/EntityDirectory.ts';
import { type Origin, announceExchanges, enrichSpans, lacksOtherSides } from './enrich/enrichSpans.ts';
import { type SpanBatchReader } from '@throughline/wire';
import { entityTableBatch } from './writer/entityTable.ts';
import { spanTableBatch } from './writer/spanTable.ts';
import { type Writer } from './writer/Writer.ts';

export interface PipelineOptions {
  readonly directory: EntityDirectory;
  readonly writer: Writer;
  readonly metrics: IngestMetrics;
  readonly holdMs: number;
}

/** From a checked batch to rows in the store; every receiver ends here. */
export class Pipeline {
  readonly directory: EntityDirectory;
  private readonly writer: Writer;
  private readonly holdMs: number;

  constructor({ directory, writer, holdMs }: PipelineOptions) {
    this.directory = directory;
    this.writer = writer;
    this.holdMs = holdMs;
  }

  /** Resolves when the rows are stored. @param token unique per batch; a repeat is dropped by the store */
  async storeSpans(reader: SpanBatchReader, origin: Origin, token: string, bytes: number): Promise<void> {
    if (reader.rows === 0) return;
    announceExchanges(reader, this.directory);
    // The other sides come in batches of their own hosts, about as late as ours.
    if (this.holdMs > 0 && lacksOtherSides(reader, this.directory)) await delay(this.holdMs);
    const enrichment = enrichSpans(reader, this.directory, origin);
    await this.writer.write('spans', spanTableBatch(reader, enrichment), token, bytes);
  }

  async storeEntities(known: readonly KnownEntity[], origin: Origin, token: string): Promise<void> {
    if (known.length === 0) return;
    const batch = entityTableBatch(known, origin.tenant, origin.environment, Date.now());
    await this.writer.write('entities', batch, token, known.length * 256);
  }
}
