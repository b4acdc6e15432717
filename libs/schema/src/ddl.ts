import { type Materialized, type Table, type View } from './table.ts';

/** Statements are idempotent, so that several services may apply them at once. */

export const DATABASE = 'throughline';

const name = (identifier: string): string => (/^\w+$/.test(identifier) ? identifier : `\`${identifier}\``);

export function createTable(table: Table): string {
  const columns = Object.entries(table.columns).map(
    ([column, { type, codec }]) => `  ${name(column)} ${type}${codec ? ` CODEC(${codec})` : ''}`
  );
  const indexes = Object.entries(table.indexes ?? {}).map(([index, definition]) => `  INDEX ${index} ${definition}`);
  const settings = Object.entries(table.settings ?? {}).map(([key, value]) => `${key} = ${value}`);
  return [
    `CREATE TABLE IF NOT EXISTS ${DATABASE}.${table.name} (`,
    [...columns, ...indexes].join(',\n'),
    `) ENGINE = ${table.engine}`,
    ...(table.partitionBy ? [`PARTITION BY ${table.partitionBy}`] : []),
    `ORDER BY (${table.orderBy.join(', ')})`,
    `TTL ${table.ttl}`,
    ...(settings.length > 0 ? [`SETTINGS ${settings.join(', ')}`] : []),
  ].join('\n');
}

export function createMaterializedView({ name: view, target, select }: Materialized): string {
  return `CREATE MATERIALIZED VIEW IF NOT EXISTS ${DATABASE}.${view} TO ${DATABASE}.${target} AS\n${select}`;
}

export function createView({ name: view, select }: View): string {
  return `CREATE VIEW IF NOT EXISTS ${DATABASE}.${view} AS\n${select}`;
}
