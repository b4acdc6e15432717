import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningStore, startStore } from '@throughline/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';

const batchRows = 5_000;
let path: string;

beforeAll(async () => {
  path = await mkdtemp(join(tmpdir(), 'throughline-crash-'));
});
afterAll(async () => {
  await rm(path, { recursive: true, force: true });
});

async function post(store: RunningStore, sql: string, body?: string): Promise<string> {
  const url = body === undefined ? store.url : `${store.url}/?query=${encodeURIComponent(sql)}`;
  const response = await fetch(url, {
    method: 'POST',
    body: body ?? sql,
    headers: { Authorization: `Bearer ${store.adminToken}` },
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(text);
  return text;
}

it('keeps everything acknowledged through kill -9 in the middle of inserts', async () => {
  let store = await startStore({ path });
  await post(
    store,
    'CREATE TABLE k (id UInt64, b UInt32, s String) ENGINE = MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 1000'
  );
  const acknowledged = new Set<number>();
  let next = 0;
  const reopen: number[] = [];
  for (let round = 0; round < 3; round++) {
    const running = store;
    let stop = false;
    const inserters = Array.from({ length: 4 }, async () => {
      while (!stop) {
        const batch = next++;
        const rows = Array.from(
          { length: batchRows },
          (_, i) => `${batch * batchRows + i}\t${batch}\t${'x'.repeat(30)}`
        );
        const inserted = await post(running, 'INSERT INTO k FORMAT TSV', rows.join('\n')).then(
          () => true,
          () => false
        );
        if (!inserted) return;
        acknowledged.add(batch);
      }
    });
    await new Promise((resolve) => setTimeout(resolve, 1_000 + 150 * round));
    await running.kill();
    stop = true;
    await Promise.all(inserters);
    store = await startStore({ path });
    reopen.push(Math.round(store.readyMs));
    const counts = new Map(
      (await post(store, 'SELECT b, count() FROM k GROUP BY b'))
        .trim()
        .split('\n')
        .map((line) => line.split('\t').map(Number) as [number, number])
    );
    expect([...acknowledged].filter((batch) => counts.get(batch) !== batchRows)).toEqual([]);
    expect([...counts].filter(([, rows]) => rows !== batchRows)).toEqual([]);
    expect(await readdir(join(path, 'spool'))).toEqual([]);
  }
  expect(acknowledged.size).toBeGreaterThan(0);
  console.log(
    `reopened after kill -9 in ${reopen.join(', ')} ms; ${acknowledged.size} batches acknowledged, none lost`
  );
  expect(await store.stop()).toBe(0);
});

it('refuses a folder another store uses, and says so', async () => {
  const first = await startStore({ path });
  await expect(startStore({ path })).rejects.toThrow(/STORE_PATH_LOCKED|STORE_PATH_UNUSABLE/);
  expect(await first.stop()).toBe(0);
});

it.each<[string, Record<string, string>, RegExp]>([
  ['an address other machines reach', { THROUGHLINE_STORE_HOST: '0.0.0.0' }, /THROUGHLINE_STORE_HOST.*ALLOW_REMOTE/],
  ['a port that is none', { THROUGHLINE_STORE_PORT: 'http' }, /THROUGHLINE_STORE_PORT is/],
  [
    'no token',
    { THROUGHLINE_STORE_READ_TOKEN: '', THROUGHLINE_STORE_WRITE_TOKEN: '', THROUGHLINE_STORE_ADMIN_TOKEN: '' },
    /set at least one/,
  ],
])('does not start with %s', async (_, environment, message) => {
  await expect(startStore({ path, environment })).rejects.toThrow(message);
});

it('names a taken port', async () => {
  const first = await startStore();
  const port = new URL(first.url).port;
  await expect(startStore({ path, environment: { THROUGHLINE_STORE_PORT: port } })).rejects.toThrow(
    /STORE_PORT_TAKEN.*in use/
  );
  expect(await first.stop()).toBe(0);
});

it('serves a unix socket', async () => {
  const socketPath = join(path, 'store.sock');
  const store = await startStore({
    path,
    environment: { THROUGHLINE_STORE_PORT: '', THROUGHLINE_STORE_SOCKET: socketPath },
  });
  expect(store.url).toBe(`unix:${socketPath}`);
  expect(await store.stop()).toBe(0);
});
