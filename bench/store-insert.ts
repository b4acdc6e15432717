import { type Column, type ColumnBatch, createClickHouseClient, insertBatch } from '@throughline/clickhouse';
import { migrate } from '@throughline/schema';
import { startStore } from '@throughline/testkit';
import { SpanBatchReader } from '@throughline/wire';
import { spanTableBatch } from '../ingest/src/writer/spanTable.ts';
import { cpuSeconds, publish, quantile, residentMiB } from './report.ts';
import { shopBatch } from './rows.ts';

/**
 * Sustained inserts into `spans` with its materialized views, as ingest writes: Native batches over HTTP, several at once.
 *
 *   node bench/store-insert.ts [--seconds 20] [--rows 50000] [--parallel 4]
 */

const argument = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const SECONDS = argument('seconds', 20);
const ROWS = argument('rows', 50_000);
const PARALLEL = argument('parallel', 4);
const WINDOW_MS = 2_000;

const store = await startStore();
try {
  const admin = { url: store.url, username: 'admin', password: store.adminToken };
  const client = createClickHouseClient({ ...admin, database: 'default' });
  const select = async <Row>(query: string): Promise<Row[]> =>
    (await client.query({ query, format: 'JSONEachRow' })).json<Row>();
  await migrate({ command: (options) => client.command(options), select });

  const startNs = BigInt(Date.now() - 3_600_000) * 1_000_000n;
  const samples = [1, 2, 3, 4].map((seed) => {
    const reader = new SpanBatchReader(shopBatch(ROWS, seed, startNs));
    const none = Array<string>(reader.rows).fill('');
    return spanTableBatch(reader, {
      tenant: 'default',
      environment: 'default',
      agentId: 'bench',
      hostId: Array<string>(reader.rows).fill('host-0'),
      serviceName: reader.strings('serviceName'),
      entityId: reader.u64('entityId'),
      peerEntityId: reader.u64('peerEntityId'),
      peerName: none,
      peerEvidence: none,
    });
  });
  /** The sample half a second later each time, as traffic goes on. */
  const later = (sample: ColumnBatch, number: number): ColumnBatch => ({
    rows: sample.rows,
    columns: sample.columns.map((column): Column => {
      if (column.name !== 'Timestamp') return column;
      const shiftNs = BigInt(number) * 500_000_000n;
      return { ...column, data: (column.data as BigInt64Array).map((ns) => ns + shiftNs) };
    }),
  });

  let number = 0;
  let inserted = 0;
  let bytes = 0;
  const insertMs: number[] = [];
  const windows: number[] = [];
  const until = performance.now() + SECONDS * 1000;
  const cpuBefore = cpuSeconds(store.pid);
  const started = performance.now();
  const worker = async (): Promise<void> => {
    while (performance.now() < until) {
      const batch = later(samples[number % samples.length]!, number++);
      const before = performance.now();
      const { bytesSent } = await insertBatch(admin, 'spans', batch, { deduplicationToken: `bench-${number}` });
      insertMs.push(performance.now() - before);
      inserted += batch.rows;
      bytes += bytesSent;
      const window = Math.floor((performance.now() - started) / WINDOW_MS);
      windows[window] = (windows[window] ?? 0) + batch.rows;
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  const seconds = (performance.now() - started) / 1000;
  const cpu = cpuSeconds(store.pid) - cpuBefore;
  const [parts] = await select<{ parts: string }>(
    `SELECT count() AS parts FROM system.parts WHERE active AND database = 'throughline' AND table = 'spans'`
  );
  const [stored] = await select<{ rows: string; requests: string }>(
    `SELECT (SELECT count() FROM throughline.spans) AS rows, (SELECT sum(Requests) FROM throughline.red_1m) AS requests`
  );
  const rates = windows
    .slice(0, Math.floor(SECONDS / (WINDOW_MS / 1000)))
    .map((rows) => (rows ?? 0) / (WINDOW_MS / 1000));
  publish({
    bench: 'store-insert',
    input: `${inserted} rows in Native batches of ${ROWS}, ${PARALLEL} at once, ${seconds.toFixed(0)} s, ${(bytes / inserted).toFixed(0)} B a row as sent; sender, merges and views on the same processors`,
    figures: [
      {
        name: 'Spans inserted, sustained',
        value: Math.round(inserted / seconds),
        unit: 'spans/s',
        target: '≥ 150,000',
        note: `windows of ${WINDOW_MS / 1000} s: median ${Math.round(quantile(rates, 0.5))}, from ${Math.round(Math.min(...rates))} to ${Math.round(Math.max(...rates))}`,
      },
      {
        name: 'Spans per CPU second of the store',
        value: Math.round(inserted / cpu),
        unit: 'spans/s',
        note: `merges and materialized views included; the store had ${(cpu / seconds).toFixed(2)} cores`,
      },
      {
        name: 'Insert of one batch, P50 / P99',
        value: `${quantile(insertMs, 0.5).toFixed(0)} / ${quantile(insertMs, 0.99).toFixed(0)}`,
        unit: 'ms',
      },
      {
        name: 'Active parts of spans at the end',
        value: Number(parts!.parts),
        unit: 'parts',
        note: `of ${insertMs.length} inserts`,
      },
      {
        name: 'Rows stored of rows inserted; counted by red_1m',
        value: `${stored!.rows} of ${inserted}; ${stored!.requests}`,
        unit: 'rows',
      },
      { name: 'Resident memory of the store', value: Math.round(residentMiB(store.pid)), unit: 'MiB' },
    ],
  });
  await client.close();
} finally {
  await store.stop();
}
