import { expect, it } from 'vitest';
import { agent } from '@throughline/wire';
import { Exporter } from './Exporter.ts';

const batch = (batchNumber: bigint, rows: number) =>
  agent.Batch.fromPartial({ protocolVersion: 1, batchNumber, rows, hostName: 'h'.repeat(10) });

it('counts what it drops: the oldest where the queue is full, the rest when it closes', async () => {
  const exporter = new Exporter({
    // Nobody listens there.
    url: 'unix:/nonexistent/ingest.sock',
    token: '',
    agentId: 'a',
    agentVersion: '1',
    queueBytes: 100,
  });
  for (let number = 1n; number <= 20n; number++) await exporter.push(batch(number, Number(number)));
  expect(exporter.sizes()['export_queue_bytes']).toBeLessThanOrEqual(100);
  await exporter.push(batch(21n, 21));
  await exporter.close(10);
  await exporter.push(batch(22n, 22));
  const { export_queue_full: full, export_closed: closed } = exporter.drops;
  expect(full).toBeGreaterThan(closed!);
  expect(closed).toBeGreaterThanOrEqual(21 + 22);
  expect(full! + closed!).toBe((22 * 23) / 2);
  expect(exporter.counts).toEqual({ rows: (22 * 23) / 2, acknowledgedRows: 0, rejectedRows: 0 });
  expect(exporter.sizes()).toEqual({ export_queue_batches: 0, export_queue_bytes: 0 });
});
