import { type QueryFilter } from '@throughline/query';
import { TENANT_RELATIONS } from '@throughline/schema';
import { type QueryContext } from './context.ts';
import { DatasourceError } from './errors.ts';
import { type Settings } from './settings.ts';
import { type Catalog } from './sqlGuard.ts';
import { type Parameters } from './statement.ts';
import { type Store } from './store.ts';

/** Whose rows, from when, and which of them: the conditions that every statement of ours carries. */

export const DATABASE = 'throughline';

export function tenantCondition(settings: Settings, parameters: Parameters): string {
  const tenant = parameters.bind(settings.tenant, 'String');
  const environment = parameters.bind(settings.environment, 'String');
  return `Tenant = ${tenant} AND Environment = ${environment}`;
}

/** Half-open: a moment belongs to one of two adjacent ranges. */
export function timeCondition(column: string, fromMs: number, toMs: number, parameters: Parameters): string {
  const from = parameters.bind(BigInt(Math.floor(fromMs)), 'Int64');
  const to = parameters.bind(BigInt(Math.ceil(toMs)), 'Int64');
  return `${column} >= fromUnixTimestamp64Milli(${from}) AND ${column} < fromUnixTimestamp64Milli(${to})`;
}

/**
 * @param columns what each key reads, as SQL. A key with several columns matches where any does, and a negated one
 *   where none does: "service" of a map is either end of an edge.
 */
export function filterCondition(
  filters: readonly QueryFilter[],
  columns: ReadonlyMap<string, readonly string[]>,
  parameters: Parameters
): string {
  const conditions = filters.map((filter) => {
    const expressions = columns.get(filter.key) ?? attributeColumns(filter.key, columns, parameters);
    if (!expressions) {
      const known = [...columns.keys()].join(', ');
      throw new DatasourceError('DATASOURCE_QUERY', `nothing here is filtered by ${filter.key}`, `use one of ${known}`);
    }
    const positive = expressions.map((expression) => `(${comparison(expression, filter, parameters)})`).join(' OR ');
    return filter.operator.startsWith('!') ? `NOT (${positive})` : `(${positive})`;
  });
  return conditions.length === 0 ? '1' : conditions.join(' AND ');
}

/** The comparison without its negation. Several values of = mean any of them. */
function comparison(expression: string, filter: QueryFilter, parameters: Parameters): string {
  if (filter.operator.endsWith('~')) return `match(${expression}, ${parameters.bind(filter.value, 'String')})`;
  const values = filter.values?.length ? filter.values : [filter.value];
  return `${expression} IN ${parameters.bind(values, 'Array(String)')}`;
}

/** Leaves out what an SDK sends of its own spans: no call that a service makes for anybody. */
export const NO_SDK_EXPORT =
  "NOT (SpanKind = 'Client' AND spans.Endpoint IN ('/v1/traces', '/v1/metrics', '/v1/logs'))";

/** Keys of attribute maps, where the table at hand has them. */
export const ATTRIBUTES = 'attribute.<name>';
export const RESOURCE_ATTRIBUTES = 'resource.<name>';

function attributeColumns(
  key: string,
  columns: ReadonlyMap<string, readonly string[]>,
  parameters: Parameters
): string[] | undefined {
  for (const pattern of [ATTRIBUTES, RESOURCE_ATTRIBUTES]) {
    const prefix = pattern.slice(0, pattern.indexOf('<'));
    const maps = columns.get(pattern);
    if (maps && key.startsWith(prefix)) {
      const name = parameters.bind(key.slice(prefix.length), 'String');
      return maps.map((map) => `${map}[${name}]`);
    }
  }
  return undefined;
}

/** Where the latest row of a key holds, earlier ones are left out. */
const LATEST_ROW_HOLDS = new Set(['entities', 'links']);

/**
 * Tenant and environment for statements that are not ours: CTEs with the names of the tables, holding the tenant's rows.
 * A viewer's statement runs inside them, in a database without tables (VIEWER_DATABASE), so these are all the tables it
 * can name; sqlGuard.ts refuses qualified names. A CTE of the viewer's own that hides one of these reads from it too.
 */
export function tenantTables(settings: Settings, parameters: Parameters): string {
  const condition = tenantCondition(settings, parameters);
  return TENANT_RELATIONS.map((name) => {
    const final = LATEST_ROW_HOLDS.has(name) ? ' FINAL' : '';
    return `${name} AS (SELECT * FROM ${DATABASE}.${name}${final} WHERE ${condition})`;
  }).join(',\n');
}

/** Every ClickHouse has it, and unqualified names of a viewer's statement are looked up in it. */
export const VIEWER_DATABASE = 'default';

const CATALOG_TTL_MS = 30_000;
const catalogs = new WeakMap<Store, { catalog: Promise<Catalog>; readAt: number }>();

export async function readCatalog({ store, run }: Pick<QueryContext, 'store' | 'run'>): Promise<Catalog> {
  const known = catalogs.get(store);
  if (known && Date.now() - known.readAt < CATALOG_TTL_MS) return known.catalog;
  const catalog = store
    // Shared by queries that may be cancelled one by one: no signal.
    .rows<{ name: string }>(
      { sql: `SELECT name FROM system.tables WHERE database = '${VIEWER_DATABASE}'`, parameters: {} },
      { comment: run.comment }
    )
    .then((tables) => ({
      readable: new Set(TENANT_RELATIONS),
      others: new Set(tables.map(({ name }) => name)),
    }));
  catalogs.set(store, { catalog, readAt: Date.now() });
  catalog.catch(() => catalogs.delete(store));
  return catalog;
}
