import { countRows, type FrameMeta, type Notice, type QueryAnswer } from '@throughline/grafana-backend';
import { type SqlQuery } from '@throughline/query';
import { type Catalog, checkSelect } from '../sqlGuard.ts';
import { type QueryContext } from '../context.ts';
import { DatasourceError } from '../errors.ts';
import { expandMacros } from '../macros.ts';
import { readCatalog, tenantFilters } from '../scope.ts';
import { type Column, toColumn } from '../sqlColumns.ts';
import { quoteIdentifier } from '../statement.ts';

/** A viewer's SELECT: macros → guard → column types → casts around it → ClickHouse's Arrow, passed through. */
export async function answerSql(query: SqlQuery, context: QueryContext): Promise<QueryAnswer> {
  const { store, settings, run } = context;
  const sql = expandMacros(query.rawSql, context).replace(/[;\s]+$/, '');
  const scoped = { ...run, settings: { additional_table_filters: tenantFilters(settings) } };

  const catalog: Catalog = await readCatalog(context);
  const tree = await store.rows<{ explain: string }>({ sql: `EXPLAIN AST ${sql}\n`, parameters: {} }, run);
  checkSelect(
    tree.map(({ explain }) => explain),
    catalog
  );

  const described = await store.rows<{ name: string; type: string }>(
    { sql: `DESCRIBE TABLE (\n${sql}\n)`, parameters: {} },
    scoped
  );
  const columns = described.map(({ name, type }) => toColumn(name, type) ?? unfinished(name, type));
  const shape = shapeOf(columns, query.format);
  const order = shape.timeColumn ? `\nORDER BY ${quoteIdentifier(shape.timeColumn)}` : '';
  const wrapped = `SELECT ${columns.map((column) => column.expression).join(', ')}\nFROM (\n${sql}\n) AS q${order}\nLIMIT ${settings.rowLimit}`;
  const arrowStream = await store.arrowStream({ sql: wrapped, parameters: {} }, context.format === 'arrow', scoped);

  const notices: Notice[] = [];
  if (countRows(arrowStream) >= settings.rowLimit) {
    notices.push({ severity: 'warning', text: `Only the first ${settings.rowLimit} rows are shown (row limit).` });
  }
  const meta: FrameMeta = {
    type: shape.type,
    typeVersion: [0, 1],
    executedQueryString: sql,
    ...(notices.length > 0 && { notices }),
  };
  const json = columns.filter(({ kind }) => kind === 'json').map(({ name }) => [name, { as: 'json' }] as const);
  return { frames: [{ arrowStream, options: { name: context.refId, meta, columns: new Map(json) } }] };
}

interface Shape {
  readonly type: 'table' | 'timeseries-wide' | 'timeseries-long' | 'numeric-wide' | 'numeric-long';
  /** Series must ascend in time. */
  readonly timeColumn?: string;
}

/**
 * Alerting and SQL expressions read a frame only by its declared shape. A column named "time" declares a series, as in
 * Grafana's other SQL data sources; another time column is data of a table, whose order is the author's.
 */
export function shapeOf(columns: readonly Column[], format: SqlQuery['format']): Shape {
  const table: Shape = { type: 'table' };
  if (format === 'table') return table;
  const times = columns.filter(({ kind }) => kind === 'time');
  const numbers = columns.filter(({ kind }) => kind === 'number').length;
  const strings = columns.filter(({ kind }) => kind === 'string').length;
  if (numbers === 0 || times.length + numbers + strings !== columns.length) return table;
  if (times.length === 0)
    return format === 'timeseries' ? table : { type: strings > 0 ? 'numeric-long' : 'numeric-wide' };
  const time = times[0]!;
  const isSeries = times.length === 1 && !time.nullable && (format === 'timeseries' || /^time$/i.test(time.name));
  if (!isSeries) return table;
  return { type: strings > 0 ? 'timeseries-long' : 'timeseries-wide', timeColumn: time.name };
}

function unfinished(name: string, type: string): never {
  throw new DatasourceError('DATASOURCE_QUERY', `column ${name} is ${type}`, 'finish it with the -Merge combinator');
}
