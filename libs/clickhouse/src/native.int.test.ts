import { type RunningStore, startStore } from '@throughline/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ClickHouseOptions,
  type Column,
  type ColumnBatch,
  ClickHouseError,
  createClickHouseClient,
  encodeNative,
  insertBatch,
} from './index.ts';

let store: RunningStore;
let options: ClickHouseOptions;

beforeAll(async () => {
  store = await startStore();
  options = { url: store.url, username: 'admin', password: store.adminToken, database: 'default' };
});
afterAll(async () => {
  expect(await store.stop()).toBe(0);
});

async function native(sql: string): Promise<Buffer> {
  const response = await fetch(`${store.url}/?default_format=Native`, {
    method: 'POST',
    body: sql,
    headers: { Authorization: `Bearer ${store.adminToken}` },
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  if (response.status !== 200) throw new Error(bytes.toString());
  return bytes;
}

async function command(sql: string): Promise<string> {
  return (await native(`${sql} FORMAT TSV`)).toString().trim();
}

const one = (type: string, data: Column['data'], rows: number): ColumnBatch => ({
  rows,
  columns: [{ name: 'c', type, data }],
});
/** Values of one column as rows of a SELECT, in order and in one block. */
const select = (type: string, values: readonly string[]) =>
  `SELECT CAST(tupleElement(arrayJoin([${values.map((value, i) => `(${i}, ${value})`).join(', ')}]), 2), '${type}') AS c`;

const cases: readonly [type: string, data: Column['data'], values: readonly string[]][] = [
  ['UInt8', Uint8Array.of(0, 255), ['0', '255']],
  ['UInt16', Uint16Array.of(0, 65_535, 258), ['0', '65535', '258']],
  ['UInt32', Uint32Array.of(7, 4_294_967_295), ['7', '4294967295']],
  ['UInt64', BigUint64Array.of(1n, 2n ** 64n - 1n), ['1::UInt64', '18446744073709551615']],
  ['Int8', Int8Array.of(-128, 127), ['-128', '127']],
  ['Int16', Int16Array.of(-32_768, 5), ['-32768', '5']],
  ['Int32', Int32Array.of(-5, 2_147_483_647), ['-5', '2147483647']],
  ['Int64', BigInt64Array.of(-(2n ** 63n), 9n), ['-9223372036854775808', '9']],
  ['Float32', Float32Array.of(0.5, -1.25), ['0.5', '-1.25']],
  ['Float64', Float64Array.of(1e300, -0.1), ['1e300', '-0.1']],
  ['Bool', Uint8Array.of(1, 0), ['true', 'false']],
  ['DateTime', Uint32Array.of(1_700_000_000), ['1700000000']],
  ['FixedString(4)', Buffer.from('ab\0\0\n\n;x'), ["'ab'", "'\\n\\n;x'"]],
  ['String', ['', 'é€😀', 'x'.repeat(300), 'a\n\nb'], ["''", "'é€😀'", `'${'x'.repeat(300)}'`, "'a\\n\\nb'"]],
  [
    'String',
    { kind: 'bytes', bytes: Uint8Array.of(255, 0, 10), ends: Uint32Array.of(1, 1, 3) },
    ["unhex('FF')", "''", "unhex('000A')"],
  ],
  [
    'IPv6',
    new Uint8Array([...Array<number>(10).fill(0), 255, 255, 10, 0, 0, 1, 32, 1, ...Array<number>(13).fill(0), 1]),
    ["'::ffff:10.0.0.1'", "'2001::1'"],
  ],
  [
    'Array(UInt16)',
    { kind: 'array', ends: Uint32Array.of(2, 2, 3), values: Uint16Array.of(1, 2, 3) },
    ['[1, 2]', '[]', '[3]'],
  ],
  [
    'Array(String)',
    { kind: 'array', ends: Uint32Array.of(0, 2), values: ['a', ''] },
    ['[]::Array(String)', "['a', '']"],
  ],
  [
    'Array(Array(UInt8))',
    {
      kind: 'array',
      ends: Uint32Array.of(2),
      values: { kind: 'array', ends: Uint32Array.of(1, 3), values: Uint8Array.of(1, 2, 3) },
    },
    ['[[1], [2, 3]]'],
  ],
  [
    'Map(String, String)',
    { kind: 'map', ends: Uint32Array.of(2, 2), keys: ['a', 'b'], values: ['1', '2'] },
    ["map('a', '1', 'b', '2')", 'map()::Map(String, String)'],
  ],
];

describe('encodeNative', () => {
  it.each(cases)('writes %s as ClickHouse does', async (type, data, values) => {
    const expected = await native(select(type, values));
    expect(Buffer.from(encodeNative(one(type, data, values.length))).toString('hex')).toBe(expected.toString('hex'));
  });

  it('writes DateTime64(9) as ClickHouse does', async () => {
    const expected = await native('SELECT fromUnixTimestamp64Nano(1700000000123456789::Int64) AS c');
    const written = encodeNative(one('DateTime64(9)', BigInt64Array.of(1_700_000_000_123_456_789n), 1));
    expect(Buffer.from(written).toString('hex')).toBe(expected.toString('hex'));
  });

  it('writes several columns as ClickHouse does', async () => {
    const expected = await native("SELECT 1::UInt8 AS a, 'x' AS `b c`, [1::UInt8] AS `n.x`");
    const written = encodeNative({
      rows: 1,
      columns: [
        { name: 'a', type: 'UInt8', data: Uint8Array.of(1) },
        { name: 'b c', type: 'String', data: ['x'] },
        {
          name: 'n.x',
          type: 'Array(UInt8)',
          data: { kind: 'array', ends: Uint32Array.of(1), values: Uint8Array.of(1) },
        },
      ],
    });
    expect(Buffer.from(written).toString('hex')).toBe(expected.toString('hex'));
  });

  it.each<[string, Column['data'], number]>([
    ['UInt16', Uint8Array.of(1, 2), 1],
    ['UInt8', Uint8Array.of(1, 2), 1],
    ['String', ['a'], 2],
    ['FixedString(3)', Uint8Array.of(1, 2), 1],
    ['Array(UInt8)', Uint8Array.of(1), 1],
    ['Array(UInt8)', { kind: 'array', ends: Uint32Array.of(2, 1), values: Uint8Array.of(1) }, 2],
    ['Map(String, String)', ['a'], 1],
    ['Nullable(UInt8)', Uint8Array.of(1), 1],
  ])('refuses data that does not fit %s', (type, data, rows) => {
    expect(() => encodeNative(one(type, data, rows))).toThrow(/CLICKHOUSE_(COLUMN_MISMATCH|TYPE_UNKNOWN): column c/);
  });
});

describe('insertBatch', () => {
  const rows = 5_000;
  const ends = Uint32Array.from({ length: rows }, (_, i) => i + 1);
  const labels = Array.from({ length: rows }, (_, i) => `label ${i % 7}`);
  const batch: ColumnBatch = {
    rows,
    columns: [
      { name: 'Id', type: 'UInt64', data: BigUint64Array.from({ length: rows }, (_, i) => BigInt(i)) },
      { name: 'Timestamp', type: 'DateTime64(9)', data: BigInt64Array.from({ length: rows }, (_, i) => BigInt(i)) },
      { name: 'Label', type: 'LowCardinality(String)', data: labels },
      {
        name: 'Attributes',
        type: 'Map(LowCardinality(String), String)',
        data: { kind: 'map', ends, keys: labels, values: labels },
      },
      { name: 'Hops.Name', type: 'Array(LowCardinality(String))', data: { kind: 'array', ends, values: labels } },
      {
        name: 'Hops.Offset',
        type: 'Array(Int64)',
        data: { kind: 'array', ends, values: BigInt64Array.from({ length: rows }, (_, i) => BigInt(-i)) },
      },
      { name: 'Ok', type: 'Bool', data: new Uint8Array(rows).fill(1) },
    ],
  };

  beforeAll(async () => {
    const client = createClickHouseClient(options);
    await client.command({
      query:
        'CREATE TABLE b (Id UInt64, Timestamp DateTime64(9), Label LowCardinality(String), Attributes Map(LowCardinality(String), String), Hops Nested(Name LowCardinality(String), Offset Int64), Ok Bool) ENGINE = MergeTree ORDER BY Id SETTINGS non_replicated_deduplication_window = 100',
    });
    await client.command({
      query:
        'CREATE TABLE byLabel (Label LowCardinality(String), n UInt64) ENGINE = SummingMergeTree ORDER BY Label SETTINGS non_replicated_deduplication_window = 100',
    });
    await client.command({
      query: 'CREATE MATERIALIZED VIEW toByLabel TO byLabel AS SELECT Label, count() AS n FROM b GROUP BY Label',
    });
    await client.close();
  });

  it('writes every column, LowCardinality and Nested included', async () => {
    await insertBatch(options, 'b', batch, { deduplicationToken: 'first' });
    expect(
      await command(
        "SELECT count(), sum(Id), sum(toUnixTimestamp64Nano(Timestamp)), countIf(Label = concat('label ', toString(Id % 7))), countIf(Attributes[Label] = Label), sum(Hops.Offset[1]), countIf(Hops.Name[1] = Label), countIf(Ok) FROM b"
      )
    ).toBe([rows, 12_497_500, 12_497_500, rows, rows, -12_497_500, rows, rows].join('\t'));
  });

  it('writes a repeated token once, in materialized views too', async () => {
    await insertBatch(options, 'b', batch, { deduplicationToken: 'first' });
    expect(await command('SELECT count(), (SELECT sum(n) FROM byLabel) FROM b')).toBe(`${rows}\t${rows}`);
    await insertBatch(options, 'b', batch, { deduplicationToken: 'second' });
    expect(await command('SELECT count(), (SELECT sum(n) FROM byLabel) FROM b')).toBe(`${2 * rows}\t${2 * rows}`);
  });

  it('says whether a retry makes sense', async () => {
    const failure = async (promise: Promise<unknown>): Promise<unknown> =>
      promise.then(
        () => undefined,
        (error: unknown) => error
      );
    const missing = await failure(insertBatch(options, 'nowhere', batch));
    expect(missing).toBeInstanceOf(ClickHouseError);
    expect(missing).toMatchObject({ code: 'CLICKHOUSE_EXCEPTION', clickhouseCode: 60, retryable: false });
    const away = await failure(insertBatch({ ...options, url: 'http://127.0.0.1:1' }, 'b', batch));
    expect(away).toMatchObject({ code: 'CLICKHOUSE_UNREACHABLE', clickhouseCode: undefined, retryable: true });
    const denied = await failure(insertBatch({ ...options, username: 'read', password: store.readToken }, 'b', batch));
    expect(denied).toMatchObject({ clickhouseCode: 497, retryable: false });
  });
});
