import { quoteIdentifier } from './statement.ts';

/**
 * How a column of a viewer's query reaches Grafana. Its Arrow decoder knows few types, and reads every timestamp as
 * nanoseconds; all others are cast in ClickHouse, so that the answer can be passed through as it comes.
 */

export type ColumnKind = 'time' | 'number' | 'string' | 'boolean' | 'json';

export interface Column {
  readonly name: string;
  readonly kind: ColumnKind;
  readonly nullable: boolean;
  /** SQL for the cast column; `q` is the viewer's query. */
  readonly expression: string;
}

const PASSED_THROUGH: ReadonlyMap<string, ColumnKind> = new Map([
  ['String', 'string'],
  ['Bool', 'boolean'],
  ['Int8', 'number'],
  ['Int16', 'number'],
  ['Int32', 'number'],
  ['Int64', 'number'],
  ['UInt8', 'number'],
  ['UInt16', 'number'],
  ['UInt32', 'number'],
  ['UInt64', 'number'],
  ['Float32', 'number'],
  ['Float64', 'number'],
]);

/** Ids of traces and spans are fixed strings of bytes, which people read as hex digits. */
const ID_LENGTHS = new Set(['8', '16']);

/** @returns undefined for a type without a value of its own: the state of an aggregate function */
export function toColumn(name: string, type: string): Column | undefined {
  const source = `q.${quoteIdentifier(name)}`;
  const { base, nullable } = unwrap(type);
  const column = (kind: ColumnKind, expression: string): Column => ({
    name,
    kind,
    nullable: nullable || base === 'Nothing',
    expression: `${expression} AS ${quoteIdentifier(name)}`,
  });
  const passed = PASSED_THROUGH.get(base);
  if (passed) return column(passed, source);
  const [, family = base, parameters = ''] = /^(\w+)\((.*)\)$/s.exec(base) ?? [];
  switch (family) {
    case 'DateTime':
    case 'DateTime64':
    case 'Date':
    case 'Date32':
      return column('time', `toDateTime64(${source}, 9)`);
    case 'Decimal':
    case 'BFloat16':
      return column('number', `toFloat64(${source})`);
    case 'FixedString':
      return column('string', ID_LENGTHS.has(parameters) ? `lower(hex(${source}))` : `toString(${source})`);
    case 'Nothing':
      return column('string', "CAST(NULL, 'Nullable(String)')");
    case 'AggregateFunction':
      return undefined;
    case 'Enum8':
    case 'Enum16':
    case 'UUID':
    case 'IPv4':
    case 'IPv6':
    case 'Int128':
    case 'Int256':
    case 'UInt128':
    case 'UInt256':
    case 'Time':
    case 'Time64':
      return column('string', `toString(${source})`);
    default:
      return family.startsWith('Interval')
        ? column('number', `toInt64(${source})`)
        : column('json', `toJSONString(${source})`);
  }
}

/** SimpleAggregateFunction(any, LowCardinality(Nullable(String))) → String, nullable. */
function unwrap(type: string): { base: string; nullable: boolean } {
  let base = type.trim();
  let nullable = false;
  for (;;) {
    const [, wrapper, inner] = /^(Nullable|LowCardinality|SimpleAggregateFunction)\((.*)\)$/s.exec(base) ?? [];
    if (wrapper === undefined || inner === undefined) return { base, nullable };
    nullable ||= wrapper === 'Nullable';
    base = (wrapper === 'SimpleAggregateFunction' ? inner.slice(inner.indexOf(',') + 1) : inner).trim();
  }
}
