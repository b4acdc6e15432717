import { setTimeout as delay } from 'node:timers/promises';
import { ClickHouseError, type ClickHouseOptions, type ColumnBatch, insertBatch } from '@throughline/clickhouse';
import { type IngestMetrics } from '../admin/metrics.ts';
import { IngestError } from '../errors.ts';

export interface WriterOptions {
  readonly store: ClickHouseOptions;
  readonly metrics: IngestMetrics;
  /** Bytes that may wait; beyond it `reserve` refuses. */
  readonly queueBytes: number;
  readonly timeoutMs: number;
  /** Inserts at once. @default 4 */
  readonly parallel?: number;
}

/**
 * Writes batches to the store, a few at a time. A batch is acknowledged to its sender when `write` resolves, which is when
 * the store has it; its token makes a repeat harmless.
 */
export class Writer {
  private readonly options: WriterOptions;
  private waitingBytes = 0;
  private running = 0;
  private readonly waiters: (() => void)[] = [];

  constructor(options: WriterOptions) {
    this.options = options;
  }

  /** @throws IngestError OVERLOADED where as much waits as may */
  assertRoom(): void {
    if (this.waitingBytes >= this.options.queueBytes) throw this.overloaded();
  }

  /**
   * Takes room for a batch in memory; one batch always has room, however large.
   * @returns gives the room back, to be called once
   * @throws IngestError OVERLOADED
   */
  reserve(bytes: number): () => void {
    const { metrics, queueBytes } = this.options;
    if (this.waitingBytes > 0 && this.waitingBytes + bytes > queueBytes) throw this.overloaded();
    this.waitingBytes += bytes;
    metrics.queueBytes.set(this.waitingBytes);
    return () => {
      this.waitingBytes -= bytes;
      metrics.queueBytes.set(this.waitingBytes);
    };
  }

  /** @throws IngestError STORE_UNAVAILABLE after the time limit, STORE_REFUSED where a retry cannot help */
  async write(table: string, batch: ColumnBatch, token: string): Promise<void> {
    await this.enter();
    try {
      await this.insert(table, batch, token);
      this.options.metrics.stored.inc({ table }, batch.rows);
    } finally {
      this.leave();
    }
  }

  private overloaded(): IngestError {
    return new IngestError('INGEST_OVERLOADED', `${this.waitingBytes} bytes wait for the store; send again later`);
  }

  private async insert(table: string, batch: ColumnBatch, token: string): Promise<void> {
    const { store, metrics, timeoutMs } = this.options;
    const until = Date.now() + timeoutMs;
    for (let attempt = 0; ; attempt++) {
      const stop = metrics.insertSeconds.startTimer({ table });
      try {
        await insertBatch(store, table, batch, { deduplicationToken: token });
        return;
      } catch (cause) {
        if (!(cause instanceof ClickHouseError) || !cause.retryable) {
          metrics.dropped.inc({ table, reason: 'store_refused' }, batch.rows);
          throw new IngestError('INGEST_STORE_REFUSED', `table ${table}: ${String(cause)}`, { cause });
        }
        const waitMs = Math.min(2_000, 50 * 2 ** attempt);
        if (Date.now() + waitMs > until) {
          throw new IngestError('INGEST_STORE_UNAVAILABLE', `table ${table}: ${cause.message}; send again later`, {
            cause,
          });
        }
        metrics.retries.inc({ table });
        await delay(waitMs);
      } finally {
        stop();
      }
    }
  }

  private async enter(): Promise<void> {
    if (this.running >= (this.options.parallel ?? 4)) await new Promise<void>((resolve) => this.waiters.push(resolve));
    else this.running++;
  }

  private leave(): void {
    const next = this.waiters.shift();
    if (next) next();
    else this.running--;
  }
}
