import { type ClickHouseClient } from '@clickhouse/client';
import { createClickHouseClient } from '@throughline/clickhouse';
import { migrate, spans } from '@throughline/schema';
import { startStore } from '@throughline/testkit';
import { type Figure, publish, quantile } from './report.ts';

/**
 * Two layouts on the same traffic: one row per side of an exchange with its hops nested (`spans`), and one row per
 * observation point, as peers store it. The rows are real: captured from a running instance, then repeated with fresh ids
 * and later times.
 *
 *   node bench/layouts.ts --from http://127.0.0.1:4301 --token READ_TOKEN [--exchanges 1000000] [--deep 10000000]
 */

const argument = (name: string, fallback: string): string => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : (process.argv[at + 1] ?? fallback);
};
const exchanges = Number(argument('exchanges', '1000000'));
const deep = Number(argument('deep', '10000000'));

/** Native keeps ids as the bytes they are. */
const LIMIT = 20_000;
const exported = await fetch(`${argument('from', 'http://127.0.0.1:4301')}/?database=throughline`, {
  method: 'POST',
  headers: { authorization: `Bearer ${argument('token', '')}` },
  body: `SELECT * FROM spans WHERE Layer = 'process' ORDER BY Timestamp LIMIT ${LIMIT} FORMAT Native`,
});
if (!exported.ok) throw new Error(await exported.text());
const sample = Buffer.from(await exported.arrayBuffer());
if (sample.length === 0) throw new Error('the instance has no captured rows yet; start the demo first');

const store = await startStore({
  environment: {
    THROUGHLINE_STORE_MAX_EXECUTION_SECONDS: '3600',
    THROUGHLINE_STORE_MAX_MEMORY_BYTES: String(8 * 2 ** 30),
  },
});
const admin = createClickHouseClient({
  url: store.url,
  username: 'admin',
  password: store.adminToken,
  database: 'default',
  timeoutMs: 3_600_000,
});
await migrate({
  command: (options) => admin.command(options),
  select: async (query) => (await admin.query({ query, format: 'JSONEachRow' })).json(),
});
await admin.close();
const client = createClickHouseClient({
  url: store.url,
  username: 'admin',
  password: store.adminToken,
  timeoutMs: 3_600_000,
});

async function select<Row>(query: string): Promise<Row[]> {
  return (await client.query({ query, format: 'JSONEachRow' })).json<Row>();
}

const HOPS = Object.keys(spans.columns).filter((column) => column.startsWith('Hops.'));
const PLAIN = Object.keys(spans.columns).filter((column) => !column.startsWith('Hops.'));
const quoted = (columns: readonly string[]): string => columns.map((column) => `\`${column}\``).join(', ');

/** The table of `spans` without its views, so that only the layout is measured. */
async function tableLike(name: string, columns: string): Promise<void> {
  await client.command({
    query: `CREATE TABLE ${name} (${columns}, ${Object.entries(spans.indexes ?? {})
      .map(([index, definition]) => `INDEX ${index} ${definition}`)
      .join(', ')})
      ENGINE = MergeTree PARTITION BY (Tenant, Environment) ORDER BY (${spans.orderBy.join(', ')})`,
  });
}
const definition = (columns: readonly string[]): string =>
  columns
    .map(
      (column) =>
        `\`${column}\` ${spans.columns[column]!.type}${spans.columns[column]!.codec ? ` CODEC(${spans.columns[column]!.codec})` : ''}`
    )
    .join(', ');

await tableLike('sample', definition(Object.keys(spans.columns)));
await tableLike('per_side', definition(Object.keys(spans.columns)));
await tableLike(
  'per_observation',
  `${definition(PLAIN)}, Point LowCardinality(String), Interface LowCardinality(String), InterfaceIndex UInt32, Netns UInt32, Direction LowCardinality(String), Retransmissions UInt16`
);
const imported = await fetch(
  `${store.url}/?database=throughline&query=${encodeURIComponent('INSERT INTO sample FORMAT Native')}`,
  {
    method: 'POST',
    headers: { authorization: `Bearer ${store.adminToken}` },
    body: sample,
  }
);
if (!imported.ok) throw new Error(await imported.text());
const [shape] = await select<{ rows: string; exchanges: string; hops: string; seconds: string }>(
  `SELECT count() AS rows, uniqExact(if(SpanKind = 'Client', SpanId, ParentSpanId)) AS exchanges, sum(length(\`Hops.Interface\`)) AS hops,
     greatest(1, dateDiff('second', min(Timestamp), max(Timestamp))) AS seconds FROM sample`
);
const perCopy = Number(shape!.exchanges);

/** Fresh ids that keep who is whose parent; later times. */
const fresh = (id: string): string =>
  `if(${id} = toFixedString('', 8), ${id}, CAST(unhex(leftPad(hex(sipHash64(${id}, number)), 16, '0')), 'FixedString(8)'))`;
const expanded = (columns: readonly string[]): string =>
  columns
    .map((column) => {
      if (column === 'SpanId' || column === 'ParentSpanId') return `${fresh(column)} AS ${column}`;
      if (column === 'Timestamp') return `Timestamp + toIntervalSecond(number * ${shape!.seconds}) AS Timestamp`;
      if (column === 'RequestSequence' || column === 'ResponseSequence')
        return `toUInt32(sipHash64(${column}, number)) AS ${column}`;
      return `\`${column}\``;
    })
    .join(', ');

async function fill(table: string, from: number, to: number): Promise<number> {
  const started = performance.now();
  const numbers = `(SELECT number FROM numbers(${from}, ${to - from})) AS copies`;
  if (table === 'per_side') {
    await client.command({
      query: `INSERT INTO per_side (${quoted([...PLAIN, ...HOPS])}) SELECT ${expanded([...PLAIN, ...HOPS])} FROM sample CROSS JOIN ${numbers}`,
    });
  } else {
    // The process itself is one observation, each interface another.
    const points = `arrayConcat([('process', '', toUInt32(0), toUInt32(0), '', toUInt16(0))], arrayZip(\`Hops.Interface\`, \`Hops.Interface\`, \`Hops.InterfaceIndex\`, \`Hops.Netns\`, \`Hops.Direction\`, \`Hops.Retransmissions\`))`;
    await client.command({
      query: `INSERT INTO per_observation (${quoted(PLAIN)}, Point, Interface, InterfaceIndex, Netns, Direction, Retransmissions)
        SELECT ${expanded(PLAIN)}, p.1, p.2, p.3, p.4, p.5, p.6 FROM sample CROSS JOIN ${numbers} ARRAY JOIN ${points} AS p`,
    });
  }
  return performance.now() - started;
}

async function settle(table: string): Promise<void> {
  await client.command({ query: `OPTIMIZE TABLE ${table} FINAL` });
}

async function latencies(table: string, isDeep: boolean): Promise<{ id: number[]; red: number[] }> {
  const ids = await select<{ id: string }>(
    `SELECT lower(hex(SpanId)) AS id FROM ${table} WHERE rand() % 1000 = 0 LIMIT 60`
  );
  const id: number[] = [];
  for (const each of ids) {
    const started = performance.now();
    await select(
      `SELECT SpanId, ParentSpanId, Timestamp, Duration, EntityId FROM ${table} WHERE SpanId = unhex('${each.id}') OR ParentSpanId = unhex('${each.id}')`
    );
    id.push(performance.now() - started);
  }
  const red: number[] = [];
  const once = table === 'per_side' ? '' : `WHERE Point = 'process'`;
  for (let i = 0; i < (isDeep ? 3 : 7); i++) {
    const started = performance.now();
    await select(
      `SELECT EntityId, SpanKind, count(), countIf(StatusCode = 'Error'), quantileTDigest(0.95)(Duration) FROM ${table} ${once} GROUP BY EntityId, SpanKind`
    );
    red.push(performance.now() - started);
  }
  return { id, red };
}

async function size(client_: ClickHouseClient, table: string): Promise<{ bytes: number; rows: number }> {
  const result = await client_.query({
    query: `SELECT sum(bytes_on_disk) AS bytes, sum(rows) AS rows FROM system.parts WHERE active AND database = 'throughline' AND table = '${table}'`,
    format: 'JSONEachRow',
  });
  const [row] = await result.json<{ bytes: string; rows: string }>();
  return { bytes: Number(row!.bytes), rows: Number(row!.rows) };
}

const copies = Math.max(1, Math.round(exchanges / perCopy));
const figures: Figure[] = [
  { name: 'Hops per exchange in the traffic', value: (Number(shape!.hops) / perCopy).toFixed(1), unit: '' },
];
const TABLES = ['per_side', 'per_observation'] as const;
const insertMs = { per_side: 0, per_observation: 0 };
const timings = {
  per_side: { id: [] as number[], red: [] as number[] },
  per_observation: { id: [] as number[], red: [] as number[] },
};
// Turn by turn, so that what else the machine does meets both.
const ROUNDS = 4;
for (let round = 0; round < ROUNDS; round++) {
  for (const table of TABLES) {
    const [from, to] = [Math.round((copies * round) / ROUNDS), Math.round((copies * (round + 1)) / ROUNDS)];
    if (to > from) insertMs[table] += await fill(table, from, to);
  }
}
for (const table of TABLES) await settle(table);
for (let round = 0; round < ROUNDS; round++) {
  for (const table of TABLES) {
    const { id, red } = await latencies(table, false);
    timings[table].id.push(...id);
    timings[table].red.push(...red);
  }
}
for (const table of TABLES) {
  const { bytes, rows: stored } = await size(client, table);
  const { id, red } = timings[table];
  const label = table === 'per_side' ? 'one row per side' : 'one row per observation';
  const isOurs = table === 'per_side';
  figures.push(
    {
      name: `${label}: bytes per exchange`,
      value: (bytes / (copies * perCopy)).toFixed(1),
      unit: 'B',
      ...(isOurs && { target: '≤ 80' }),
    },
    { name: `${label}: rows per exchange`, value: (stored / (copies * perCopy)).toFixed(1), unit: '' },
    {
      name: `${label}: exchanges inserted`,
      value: Math.round((copies * perCopy) / (insertMs[table] / 1000)),
      unit: '/s',
    },
    {
      name: `${label}: by span id, P50 / P90`,
      value: `${quantile(id, 0.5).toFixed(1)} / ${quantile(id, 0.9).toFixed(1)}`,
      unit: 'ms',
    },
    { name: `${label}: RED over all rows, median`, value: quantile(red, 0.5).toFixed(0), unit: 'ms' }
  );
}
if (deep > copies * perCopy) {
  const all = Math.round(deep / perCopy);
  await client.command({ query: 'DROP TABLE per_observation' });
  const chunk = Math.max(1, Math.round(1_000_000 / perCopy));
  for (let from = copies; from < all; from += chunk) await fill('per_side', from, Math.min(all, from + chunk));
  const { rows: stored } = await size(client, 'per_side');
  const { id, red } = await latencies('per_side', true);
  figures.push(
    {
      name: `one row per side, ${stored} rows: by span id, P50 / P90`,
      value: `${quantile(id, 0.5).toFixed(1)} / ${quantile(id, 0.9).toFixed(1)}`,
      unit: 'ms',
      target: '≤ 50 / 150 at 100 M',
    },
    { name: `one row per side, ${stored} rows: RED over all rows`, value: quantile(red, 0.5).toFixed(0), unit: 'ms' }
  );
}
await client.close();
await store.stop();
publish({
  bench: 'layouts',
  input: `${shape!.rows} captured rows (${perCopy} exchanges) of the demo, repeated ${copies} times with fresh ids`,
  figures,
});
