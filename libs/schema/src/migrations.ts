import { DATABASE, createMaterializedView, createTable, createView } from './ddl.ts';
import { entities, events, links, otelTraces, schemaMigrations, traceIndex, traceIndexView } from './tables/others.ts';
import { red1m, red1s, redViews } from './tables/red.ts';
import { spans } from './tables/spans.ts';
import { type Table } from './table.ts';

/** All tables, in the order in which they are made: targets of views before the views. */
export const tables: readonly Table[] = [spans, red1s, red1m, traceIndex, entities, events, links, schemaMigrations];
export const materializedViews = [...redViews, traceIndexView];
export const views = [otelTraces];

export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly statements: readonly string[];
}

/**
 * Numbered and forward-only: a released one is never changed, the next is added. The first is made from the
 * definitions; a test applies all of them and compares DESCRIBE with the definitions.
 */
export const migrations: readonly Migration[] = [
  {
    version: 1,
    name: 'first_tables',
    statements: [
      `CREATE DATABASE IF NOT EXISTS ${DATABASE}`,
      ...tables.map(createTable),
      ...materializedViews.map(createMaterializedView),
      ...views.map(createView),
    ],
  },
];

/** The part of a ClickHouse client that migrating needs; `@clickhouse/client` fits. */
export interface MigrationClient {
  command(options: { query: string }): Promise<unknown>;
  /** Rows of a SELECT as objects. */
  select(query: string): Promise<readonly Record<string, unknown>[]>;
}

/**
 * Applies what is missing. Several services may run this at once: every statement is idempotent, and the record of a
 * migration replaces itself.
 * @returns versions applied now
 */
export async function migrate(client: MigrationClient): Promise<number[]> {
  const applied = new Set<number>();
  const existing = await client.select(
    `SELECT count() AS n FROM system.tables WHERE database = '${DATABASE}' AND name = '${schemaMigrations.name}'`
  );
  if (Number(existing[0]?.['n'] ?? 0) > 0) {
    const rows = await client.select(`SELECT DISTINCT Version FROM ${DATABASE}.${schemaMigrations.name}`);
    for (const row of rows) applied.add(Number(row['Version']));
  }
  const done: number[] = [];
  for (const { version, name, statements } of migrations) {
    if (applied.has(version)) continue;
    for (const query of statements) await client.command({ query });
    await client.command({
      query: `INSERT INTO ${DATABASE}.${schemaMigrations.name} SELECT ${version}, '${name}', now64(3)`,
    });
    done.push(version);
  }
  return done;
}

/** Tables and views whose rows belong to a tenant and an environment: what a reader may be shown, filtered by both. */
export const TENANT_RELATIONS: readonly string[] = [
  ...tables.filter(({ columns }) => 'Tenant' in columns && 'Environment' in columns).map(({ name }) => name),
  ...views.map(({ name }) => name),
];
