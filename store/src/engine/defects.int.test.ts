/*
 * Defects of the embedded engine that the store keeps from its clients, each as it was first seen. A new version of the
 * engine may change them either way.
 */
import http from 'node:http';
import { type RunningStore, startStore } from '@throughline/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';

let store: RunningStore;

beforeAll(async () => {
  // One connection, so that whatever one statement leaves behind the next one meets.
  store = await startStore({ environment: { THROUGHLINE_STORE_CONNECTIONS: '1' } });
  await admin('CREATE TABLE t (s String) ENGINE = MergeTree ORDER BY tuple()');
});
afterAll(async () => {
  expect(await store.stop()).toBe(0);
});

async function post(token: string, query: string, body: string | Uint8Array<ArrayBuffer>): Promise<string> {
  const response = await fetch(`${store.url}/?${query}`, {
    method: 'POST',
    body,
    headers: { Authorization: `Bearer ${token}` },
  });
  return response.text().catch((error: unknown) => `broken off: ${String(error)}`);
}
const admin = (sql: string, query = '') => post(store.adminToken, query, sql);
const insert = (sql: string, body: string | Uint8Array<ArrayBuffer>) =>
  post(store.writeToken, `query=${encodeURIComponent(sql)}`, body);

it.each([
  ['an exception in the middle', 'SELECT number, throwIf(number = 1500000) FROM numbers(2000000) FORMAT TSV', ''],
  ['the time limit', 'SELECT number FROM system.numbers FORMAT JSON', 'max_execution_time=1'],
  ['the row limit', 'SELECT number FROM numbers(1000000) FORMAT JSON', 'max_result_rows=1000'],
  ['the memory limit', 'SELECT groupArray(number) FROM numbers(100000000) FORMAT JSON', 'max_memory_usage=10000000'],
])('1: output of a statement that fails by %s does not reach the next', async (_, sql, query) => {
  const failed = await post(store.readToken, query, sql);
  expect(failed).toMatch(/DB::Exception|broken off/);
  for (let i = 0; i < 3; i++) expect(await post(store.readToken, '', 'SELECT 42')).toBe('42\n');
});

it('2: a blank line does not end the data of an INSERT, and what follows is not run', async () => {
  await insert('INSERT INTO t FORMAT JSONEachRow', '{"s":"a"}\n\nCREATE TABLE injected (x UInt8) ENGINE = Memory');
  await insert('INSERT INTO t FORMAT JSONEachRow', '{"s":"b"}\n\n{"s":"c"}');
  await post(store.writeToken, '', 'INSERT INTO t FORMAT JSONEachRow\n{"s":"d"}\n\n{"s":"e"}');
  expect(await admin('EXISTS TABLE injected')).toBe('0\n');
  expect(await admin('SELECT arrayStringConcat(arraySort(groupArray(s))) FROM t')).toBe('bcde\n');
});

it('2: binary data may hold any bytes', async () => {
  await admin('TRUNCATE TABLE t');
  const value = Buffer.from('\n\n;\n\nDROP TABLE t;\n\n\0\xff', 'latin1');
  const row = Buffer.concat([Buffer.from([value.length]), value]);
  await insert('INSERT INTO t FORMAT RowBinary', Buffer.concat(Array.from({ length: 1_000 }, () => row)));
  expect(await admin('SELECT count(), any(hex(s)), uniq(s) FROM t')).toBe(
    `1000\t${value.toString('hex').toUpperCase()}\t1\n`
  );
});

it('3: parameters of statements that run at once stay apart', async () => {
  const shared = await startStore({ environment: { THROUGHLINE_STORE_CONNECTIONS: '4' } });
  try {
    const wrong: string[] = [];
    await Promise.all(
      Array.from({ length: 8 }, async (_, worker) => {
        for (let i = 0; i < 50; i++) {
          const response = await fetch(`${shared.url}/?param_x=${worker}-${i}&param_y=${i}`, {
            method: 'POST',
            body: 'SELECT {x:String}, {y:UInt32}',
            headers: { Authorization: `Bearer ${shared.readToken}` },
          });
          const text = await response.text();
          if (text !== `${worker}-${i}\t${i}\n`) wrong.push(text);
        }
      })
    );
    expect(wrong).toEqual([]);
  } finally {
    await shared.stop();
  }
});

it('3: a parameter of one request is not set in the next', async () => {
  expect(await post(store.readToken, 'param_secret=x', 'SELECT {secret:String}')).toBe('x\n');
  expect(await post(store.readToken, '', 'SELECT {secret:String}')).toContain('UNKNOWN_QUERY_PARAMETER');
});

it('4: settings and the database of one request are not those of the next', async () => {
  await admin('CREATE DATABASE other');
  expect(
    await post(
      store.readToken,
      'database=other&max_block_size=99',
      "SELECT currentDatabase(), getSetting('max_block_size')"
    )
  ).toBe('other\t99\n');
  expect(await post(store.readToken, '', "SELECT currentDatabase(), getSetting('max_block_size') = 99")).toBe(
    'default\t0\n'
  );
});

it('5: a statement whose client leaves ends, and the store with it still stops', async () => {
  const heavy = 'SELECT (SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = 1)';
  const request = http.request(store.url, { method: 'POST', headers: { Authorization: `Bearer ${store.readToken}` } });
  request.on('error', () => undefined);
  request.end(heavy);
  await new Promise((resolve) => setTimeout(resolve, 500));
  // A scalar subquery runs while the statement is analysed; the interface answers meanwhile.
  expect(await (await fetch(`${store.url}/ping`)).text()).toBe('Ok.\n');
  request.destroy();
  // With one connection this only answers once the other has ended.
  expect(await post(store.readToken, '', 'SELECT 1')).toBe('1\n');
  expect(await (await fetch(`${store.url}/metrics`)).text()).toMatch(/store_cancelled_statements_total 1\n/);
});
