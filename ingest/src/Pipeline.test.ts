import { describe, expect, it, vi } from 'vitest';
import { mapIPv4 } from '@throughline/core';
import { SpanBatchBuilder, SpanBatchReader, type SpanRow } from '@throughline/wire';
import { IngestMetrics } from './admin/metrics.ts';
import { EntityDirectories } from './enrich/EntityDirectory.ts';
import { Pipeline } from './Pipeline.ts';
import { CLIENT, row } from './testRow.ts';
import { Writer } from './writer/Writer.ts';

const ORIGIN = { tenant: 'default', environment: 'test', agentId: 'a' };

function setUp(holdMs: number) {
  const metrics = new IngestMetrics();
  const store = { url: 'http://127.0.0.1:1', database: 'none' };
  const writer = new Writer({ store, metrics, queueBytes: 1 << 20, timeoutMs: 1 });
  const write = vi.spyOn(writer, 'write').mockResolvedValue();
  const directories = new EntityDirectories();
  const directory = directories.of(ORIGIN);
  const farEnd = vi.spyOn(directory, 'farEnd');
  const pipeline = new Pipeline({ directories, writer, holdMs });
  const storeRow = (each: SpanRow, token: string): Promise<void> => {
    const builder = new SpanBatchBuilder();
    builder.append(each);
    return pipeline.storeSpans(new SpanBatchReader(builder.take()), ORIGIN, ['host'], token);
  };
  return { directory, write, storeRow, evidence: () => farEnd.mock.results.map(({ value }) => value.evidence) };
}

describe('rows that lack their other side', () => {
  it('wait for it, and no longer than that', async () => {
    const { storeRow, evidence } = setUp(3_600_000);
    await Promise.all([storeRow(row(1n, 'server'), '1'), storeRow(row(1n, 'client'), '2')]);
    expect(evidence()).toEqual(['exchange', 'exchange']);
  });

  it('wait longer where others from there had one, so that a busy host is not taken for a strange one', async () => {
    const { directory, write, storeRow, evidence } = setUp(60);
    await Promise.all([storeRow(row(1n, 'server'), '1'), storeRow(row(1n, 'client'), '2')]);
    write.mockImplementation((_table, _batch, token) => {
      if (token === 'stranger') directory.see(2n, 'client', CLIENT);
      return Promise.resolve();
    });
    const stranger = row(4n, 'server', { clientAddress: mapIPv4(Uint8Array.of(10, 0, 0, 77)) });
    await Promise.all([storeRow(row(2n, 'server'), 'late'), storeRow(stranger, 'stranger')]);
    expect(write.mock.calls.map(([, , token]) => token).slice(2)).toEqual(['stranger', 'late']);
    expect(evidence().slice(2)).toEqual(['address', 'exchange']);
  });

  it('are stored where it never comes', async () => {
    const { storeRow, evidence } = setUp(20);
    await Promise.all([storeRow(row(1n, 'server'), '1'), storeRow(row(1n, 'client'), '2')]);
    await Promise.all([2n, 3n, 4n, 5n].map((exchange) => storeRow(row(exchange, 'server'), String(exchange))));
    expect(evidence().slice(2)).toEqual(['learned', 'learned', 'learned', 'learned']);
  });
});
