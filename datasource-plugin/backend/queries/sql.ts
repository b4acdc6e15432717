import { countRows, type FrameMeta, type Notice, type QueryAnswer } from '@throughline/grafana-backend';
import { type SqlQuery } from '@throughline/query';
import { type QueryContext } from '../context.ts';
import { DatasourceError } from '../errors.ts';
import { expandMacros } from '../macros.ts';
import { DATABASE, readCatalog, tenantTables, VIEWER_DATABASE } from '../scope.ts';
import { type Column, toColumn } from '../sqlColumns.ts';
import { checkSelect } from '../sqlGuard.ts';
import { dropDatabase } from '../sqlText.ts';
import { Parameters, quoteIdentifier } from '../statement.ts';

/** A viewer's SELECT: macros → guard → column types → casts around it → ClickHouse's Arrow, passed through. */
export async function answerSql(query: SqlQuery, context: QueryContext): Promise<QueryAnswer> {
  const { store, settings } = context;
  const run = { ...context.run, database: VIEWER_DATABASE } as const;
  const catalog = await readCatalog(context);
  const expanded = expandMacros(query.rawSql, context).replace(/[;\s]+$/, '');
  const sql = dropDatabase(expanded, DATABASE, catalog.readable);

  checkSelect(await store.lines(`EXPLAIN AST ${sql}\n`, run), catalog);

  const parameters = new Parameters();
  const tables = tenantTables(settings, parameters);
  const within = (select: string, rest = '') => `WITH ${tables}\nSELECT ${select}\nFROM (\n${sql}\n) AS q${rest}`;
  const described = await store.rows<{ name: string; type: string }>(
    parameters.statement(`DESCRIBE TABLE (${within('*')})`),
    run
  );
  const columns = described.map(({ name, type }) => toColumn(name, type) ?? unfinished(name, type));
  const { type, timeColumn } = shapeOf(columns, query.format);
  const order = timeColumn === undefined ? '' : `\nORDER BY ${quoteIdentifier(timeColumn)}`;
  const casts = columns.map(({ expression }) => expression).join(', ');
  const statement = parameters.statement(within(casts, `${order}\nLIMIT ${settings.rowLimit}`));
  const arrowStream = await store.arrowStream(statement, context.format === 'arrow', run);

  const rows = countRows(arrowStream);
  const notices: Notice[] = [];
  if (rows >= settings.rowLimit) {
    notices.push({ severity: 'warning', text: `Only the first ${settings.rowLimit} rows are shown (row limit).` });
  }
  const meta: FrameMeta = {
    // One number per name: several rows of numbers alone are a table.
    type: type === 'numeric-wide' && rows !== 1 ? 'table' : type,
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
