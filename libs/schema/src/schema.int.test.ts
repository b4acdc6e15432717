import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClickHouseClient } from '@throughline/clickhouse';
import { type RunningStore, startStore } from '@throughline/testkit';
import { DATABASE, type MigrationClient, materializedViews, migrate, migrations, tables, views } from './index.ts';

let store: RunningStore;
let client: ReturnType<typeof createClickHouseClient>;
let migrating: MigrationClient;

beforeAll(async () => {
  store = await startStore();
  client = createClickHouseClient({
    url: store.url,
    username: 'admin',
    password: store.adminToken,
    database: 'default',
  });
  migrating = { command: (options) => client.command(options), select };
  const starting = await Promise.all([migrate(migrating), migrate(migrating), migrate(migrating)]);
  expect(new Set(starting.flat())).toEqual(new Set(migrations.map(({ version }) => version)));
});
afterAll(async () => {
  await client?.close();
  await store?.stop();
});

async function select(query: string): Promise<Record<string, unknown>[]> {
  return (await client.query({ query, format: 'JSONEachRow' })).json<Record<string, unknown>>();
}

describe('migrations', () => {
  it('are applied once, though several services started at once', async () => {
    expect(await migrate(migrating)).toEqual([]);
    const applied = await select(`SELECT Version, Name FROM ${DATABASE}.schema_migrations FINAL ORDER BY Version`);
    expect(applied).toEqual(migrations.map(({ version, name }) => ({ Version: version, Name: name })));
  });

  it.each(tables.map((table) => [table.name, table] as const))(
    'give %s the columns it defines',
    async (name, table) => {
      const described = await select(`DESCRIBE TABLE ${DATABASE}.${name}`);
      expect(Object.fromEntries(described.map((column) => [column['name'], column['type']]))).toEqual(
        Object.fromEntries(Object.entries(table.columns).map(([column, { type }]) => [column, type]))
      );
    }
  );

  it.each([...materializedViews, ...views].map(({ name }) => [name]))('make the view %s', async (name) => {
    expect((await select(`DESCRIBE TABLE ${DATABASE}.${name}`)).length).toBeGreaterThan(0);
  });

  it('make otel_traces with the columns of the Collector exporter', async () => {
    const described = await select(`DESCRIBE TABLE ${DATABASE}.otel_traces`);
    // As the exporter 0.161 creates them.
    expect(described.map((column) => [column['name'], column['type']])).toEqual(
      expect.arrayContaining([
        ['Timestamp', 'DateTime64(9)'],
        ['TraceId', 'String'],
        ['SpanId', 'String'],
        ['ParentSpanId', 'String'],
        ['TraceState', 'String'],
        ['SpanName', 'LowCardinality(String)'],
        ['SpanKind', 'LowCardinality(String)'],
        ['ServiceName', 'LowCardinality(String)'],
        ['ResourceAttributes', 'Map(LowCardinality(String), String)'],
        ['ScopeName', expect.stringContaining('String')],
        ['ScopeVersion', expect.stringContaining('String')],
        ['SpanAttributes', 'Map(LowCardinality(String), String)'],
        ['Duration', 'UInt64'],
        ['StatusCode', 'LowCardinality(String)'],
        ['StatusMessage', 'String'],
        ['Events.Timestamp', 'Array(DateTime64(9))'],
        ['Events.Name', 'Array(LowCardinality(String))'],
        ['Events.Attributes', 'Array(Map(LowCardinality(String), String))'],
        ['Links.TraceId', 'Array(String)'],
        ['Links.SpanId', 'Array(String)'],
        ['Links.TraceState', 'Array(String)'],
        ['Links.Attributes', 'Array(Map(LowCardinality(String), String))'],
      ])
    );
  });
});

describe('otel_traces', () => {
  it("shows ids as hex, and each attribute once, the SDK's own before ours", async () => {
    await client.command({
      query: `INSERT INTO ${DATABASE}.spans (Timestamp, TraceId, SpanId, ServiceName, HostId, Layer, ResourceAttributes)
        SELECT now64(9), unhex('0af7651916cd43dd8448eb211c80319c'), unhex('b7ad6b7169203331'), 'orders', '', 'application',
          map('service.name', 'orders-sdk', 'k', 'v')`,
    });
    expect(
      await select(
        `SELECT TraceId, SpanId, ParentSpanId, ResourceAttributes AS attributes FROM ${DATABASE}.otel_traces`
      )
    ).toEqual([
      {
        TraceId: '0af7651916cd43dd8448eb211c80319c',
        SpanId: 'b7ad6b7169203331',
        ParentSpanId: '',
        attributes: { 'service.name': 'orders-sdk', k: 'v' },
      },
    ]);
    expect(await select(`SELECT length(mapKeys(ResourceAttributes)) AS n FROM ${DATABASE}.otel_traces`)).toEqual([
      { n: expect.toSatisfy((n) => Number(n) === 2) as unknown },
    ]);
  });
});

describe('every table', () => {
  const ours = tables.filter(({ name }) => name !== 'schema_migrations');
  it.each(ours.map((table) => [table.name, table] as const))('%s keeps tenants apart and ends', (_name, table) => {
    expect(table.orderBy.slice(0, 2)).toEqual(['Tenant', 'Environment']);
    expect(table.partitionBy).toMatch(/^\(Tenant, Environment\b/);
    expect(table.ttl).toMatch(/ \+ INTERVAL \d+ DAY$/);
  });
});
