import { Readable } from 'node:stream';
import {
  type ClickHouseClient,
  type ClickHouseClientConfigOptions,
  ClickHouseError,
  ClickHouseLogLevel,
  createClient as createLoggingClient,
  type DataFormat,
  TupleParam,
} from '@clickhouse/client';
import { type RunningStore, startStore } from '@throughline/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** Errors are expected here, so the client need not print them. */
const createClient = (options: NonNullable<ClickHouseClientConfigOptions>): ClickHouseClient =>
  createLoggingClient({ ...options, log: { level: ClickHouseLogLevel.OFF } });

let store: RunningStore;
let admin: ClickHouseClient;
let reader: ClickHouseClient;

beforeAll(async () => {
  store = await startStore();
  admin = createClient({ url: store.url, username: 'admin', password: store.adminToken });
  reader = createClient({ url: store.url, username: 'read', password: store.readToken, max_open_connections: 16 });
  await admin.command({
    query:
      'CREATE TABLE events (t DateTime64(6), service LowCardinality(String), n UInt64, m Map(String, String), a Array(String)) ENGINE = MergeTree ORDER BY (service, t)',
  });
});
afterAll(async () => {
  await admin.close();
  await reader.close();
  expect(await store.stop()).toBe(0);
});

const event = (service: string, n: string | number = 1) => ({
  t: '2026-01-01 00:00:00.123456',
  service,
  n,
  m: { x: "y'\\\n\n" },
  a: ['q'],
});

async function rows<T>(query: string, options: Record<string, unknown> = {}): Promise<T[]> {
  const result = await reader.query({ query, format: 'JSONEachRow', ...options });
  return result.json<T>();
}

async function failure(promise: Promise<unknown>): Promise<ClickHouseError> {
  const error = await promise.then(
    () => undefined,
    (cause: unknown) => cause
  );
  expect(error).toBeInstanceOf(ClickHouseError);
  return error as ClickHouseError;
}

describe('inserts', () => {
  const count = async (service: string) =>
    (await rows<{ c: string }>(`SELECT toString(count()) AS c FROM events WHERE service = '${service}'`))[0]?.c;

  it('values', async () => {
    const { summary } = await admin.insert({
      table: 'events',
      values: [event('values'), event('values', '18446744073709551615')],
      format: 'JSONEachRow',
    });
    expect(summary?.written_rows).toBe('2');
    const read = await rows<{ n: string; m: unknown }>(
      "SELECT toString(n) AS n, m FROM events WHERE service = 'values' ORDER BY n"
    );
    expect(read).toEqual([
      { n: '1', m: { x: "y'\\\n\n" } },
      { n: '18446744073709551615', m: { x: "y'\\\n\n" } },
    ]);
  });

  it('a stream of objects', async () => {
    const values = Readable.from(
      (function* () {
        for (let i = 0; i < 10_000; i++) yield event('stream', i);
      })(),
      { objectMode: true }
    );
    await admin.insert({ table: 'events', values, format: 'JSONEachRow' });
    expect(await count('stream')).toBe('10000');
  });

  it.each(['gzip', 'zstd'] as const)('compressed with %s, answers too', async (codec) => {
    const client = createClient({
      url: store.url,
      username: 'admin',
      password: store.adminToken,
      compression: { request: { codec }, response: { codec } },
    });
    await client.insert({ table: 'events', values: [event(codec)], format: 'JSONEachRow' });
    const result = await client.query({
      query: 'SELECT number, toString(number) s FROM numbers(50000)',
      format: 'JSONEachRow',
    });
    expect((await result.json()).length).toBe(50_000);
    await client.close();
    expect(await count(codec)).toBe('1');
  });

  it('nothing at all', async () => {
    await admin.insert({ table: 'events', values: Readable.from([], { objectMode: true }), format: 'JSONEachRow' });
  });

  it.each(['Parquet', 'ArrowStream', 'Native', 'RowBinary'])('%s as bytes, and back', async (format) => {
    const { stream } = await reader.exec({
      query: `SELECT toDateTime64('2026-01-01 00:00:00', 6) t, '${format}' service, toUInt64(number) n, map('a', repeat('\\n', 10)) m, ['x'] a FROM numbers(30000) FORMAT ${format}`,
    });
    const chunks: Buffer[] = [];
    for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
    const inserted = await admin.exec({
      query: `INSERT INTO events FORMAT ${format}`,
      values: Readable.from([Buffer.concat(chunks)]),
    });
    inserted.stream.resume();
    await new Promise((resolve) => inserted.stream.once('close', resolve));
    expect(
      await rows(
        `SELECT toUInt32(count()) c, toUInt32(sum(n)) s, toUInt32(countIf(m['a'] = repeat('\\n', 10))) ok FROM events WHERE service = '${format}'`
      )
    ).toEqual([{ c: 30_000, s: (30_000 * 29_999) / 2, ok: 30_000 }]);
  });

  it('drops a repeat of the same deduplication token', async () => {
    await admin.command({
      query:
        'CREATE TABLE once (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 100',
    });
    for (const [token, n] of [
      ['a', 1],
      ['a', 2],
      ['b', 3],
    ] as const) {
      await admin.insert({
        table: 'once',
        values: [{ n }],
        format: 'JSONEachRow',
        clickhouse_settings: { insert_deduplication_token: token },
      });
    }
    expect(await rows('SELECT toUInt32(n) AS n FROM once ORDER BY n')).toEqual([{ n: 1 }, { n: 3 }]);
  });

  it('reports what is wrong with the data', async () => {
    const error = await failure(
      admin.insert({ table: 'events', values: [{ n: 'not a number' }], format: 'JSONEachRow' })
    );
    expect(['27', '72', '117', '6']).toContain(error.code);
  });
});

describe('queries', () => {
  it('ping', async () => {
    expect(await reader.ping()).toEqual({ success: true });
    expect(await reader.ping({ select: true })).toEqual({ success: true });
  });

  it.each<[DataFormat, (text: string) => unknown]>([
    ['JSON', (text) => (JSON.parse(text) as { rows: number }).rows],
    ['JSONEachRow', (text) => text.trim().split('\n').length],
    ['JSONCompact', (text) => (JSON.parse(text) as { data: unknown[] }).data.length],
    ['TabSeparated', (text) => text.trim().split('\n').length],
    ['CSVWithNames', (text) => text.trim().split('\n').length - 1],
  ])('in %s, large enough to come in pieces', async (format, size) => {
    const result = await reader.query({ query: 'SELECT number, toString(number) s FROM numbers(300000)', format });
    expect(size(await result.text())).toBe(300_000);
  });

  it('as a stream of rows', async () => {
    const result = await reader.query({ query: 'SELECT number FROM numbers(100000)', format: 'JSONEachRow' });
    let read = 0;
    for await (const chunk of result.stream()) read += chunk.length;
    expect(read).toBe(100_000);
  });

  it('with parameters of every kind', async () => {
    const tricky = "x'; DROP TABLE events; --\n\t\\";
    const [row] = await rows<Record<string, unknown>>(
      "SELECT {s:String} s, {i:Int32} i, {f:Float64} f, {b:Bool} b, {arr:Array(UInt8)} arr, {m:Map(String, String)} m, {nn:Nullable(String)} nn, toString({d:DateTime64(3)}, 'UTC') d, {names:Array(String)} names, {t:Tuple(UInt8, String)} t, (SELECT count() > 0 FROM {table:Identifier}) present",
      {
        query_params: {
          s: tricky,
          i: -7,
          f: 1.5,
          b: true,
          arr: [1, 2],
          m: { a: "b'c" },
          nn: null,
          d: new Date(1_767_323_045_123),
          names: ["it's", 'b'],
          t: new TupleParam([1, 'x']),
          table: 'events',
        },
      }
    );
    expect(row).toEqual({
      s: tricky,
      i: -7,
      f: 1.5,
      b: true,
      arr: [1, 2],
      m: { a: "b'c" },
      nn: null,
      d: '2026-01-02 03:04:05.123',
      names: ["it's", 'b'],
      t: [1, 'x'],
      present: 1,
    });
  });

  it('with parameters in a multipart body', async () => {
    expect(
      await rows('SELECT toUInt32(length({big:String})) AS l', {
        query_params: { big: 'x'.repeat(100_000) },
        use_multipart_params: true,
      })
    ).toEqual([{ l: 100_000 }]);
  });

  it('with settings that do not stay behind', async () => {
    const asked = await rows("SELECT toString(getSetting('max_block_size')) v", {
      clickhouse_settings: { max_block_size: '777' },
    });
    expect(asked).toEqual([{ v: '777' }]);
    const later = await Promise.all(
      Array.from({ length: 32 }, () => rows<{ v: string }>("SELECT toString(getSetting('max_block_size')) v"))
    );
    expect(new Set(later.map(([row]) => row?.v))).not.toContain('777');
  });

  it('with the database of the client', async () => {
    await admin.command({ query: 'CREATE DATABASE other' });
    const other = createClient({ url: store.url, username: 'read', password: store.readToken, database: 'other' });
    const result = await other.query({ query: 'SELECT currentDatabase() d', format: 'JSONEachRow' });
    expect(await result.json()).toEqual([{ d: 'other' }]);
    await other.close();
    expect(await rows('SELECT currentDatabase() d')).toEqual([{ d: 'default' }]);
  });

  it('with a temporary table in a session', async () => {
    const session = createClient({ url: store.url, username: 'admin', password: store.adminToken, session_id: 'one' });
    await session.command({ query: 'CREATE TEMPORARY TABLE temporary (x UInt8)' });
    await session.insert({ table: 'temporary', values: [{ x: 5 }], format: 'JSONEachRow' });
    const result = await session.query({ query: 'SELECT * FROM temporary', format: 'JSONEachRow' });
    expect(await result.json()).toEqual([{ x: 5 }]);
    await session.close();
    expect((await failure(rows('SELECT * FROM temporary'))).code).toBe('60');
  });

  it('eight at once, each with its own parameters', async () => {
    const results = await Promise.all(
      Array.from({ length: 64 }, (_, i) => rows('SELECT {i:UInt32} AS i', { query_params: { i } }))
    );
    expect(results).toEqual(Array.from({ length: 64 }, (_, i) => [{ i }]));
    const running = Array.from({ length: 8 }, () =>
      rows('SELECT sleepEachRow(0.5), count() c FROM numbers(1) GROUP BY 1')
    );
    await Promise.all(running);
  });

  it.each([
    ['SELEC 1', '62', 'SYNTAX_ERROR'],
    ['SELECT * FROM nowhere', '60', 'UNKNOWN_TABLE'],
    ['SELECT nothing', '47', 'UNKNOWN_IDENTIFIER'],
    ['SELECT {x:UInt8}', '456', 'UNKNOWN_QUERY_PARAMETER'],
    ['SELECT throwIf(number = 2) FROM numbers(3)', '395', 'FUNCTION_THROW_IF_VALUE_IS_NON_ZERO'],
  ])('that fail: %s', async (query, code, type) => {
    expect(await failure(rows(query))).toMatchObject({ code, type });
  });

  it('that name an unknown setting', async () => {
    const settings = { nonsense_setting: 1 };
    expect(await failure(rows('SELECT 1', { clickhouse_settings: settings }))).toMatchObject({ code: '115' });
  });

  it('that take too long', async () => {
    const settings = { max_execution_time: 1 };
    expect(
      await failure(
        rows('SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = 1', { clickhouse_settings: settings })
      )
    ).toMatchObject({ code: '159' });
  });

  it('whose client leaves: they end in the engine', async () => {
    const left = new AbortController();
    setTimeout(() => left.abort(), 300);
    await expect(
      rows('SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = 1', { abort_signal: left.signal })
    ).rejects.toThrow();
    await expect
      .poll(
        async () => {
          const result = await admin.query({
            query:
              "SELECT count() AS c FROM system.processes WHERE query LIKE '%sipHash64%' AND query NOT LIKE '%system.processes%'",
            format: 'JSONEachRow',
          });
          return (await result.json<{ c: number | string }>()).map(({ c }) => Number(c));
        },
        { timeout: 10_000 }
      )
      .toEqual([0]);
  });
});
