import { describe, expect, it } from 'vitest';
import { toColumn } from './sqlColumns.ts';
import { shapeOf } from './queries/sql.ts';

describe('toColumn', () => {
  it.each([
    ['String', 'string', 'q.`c` AS `c`'],
    ['LowCardinality(Nullable(String))', 'string', 'q.`c` AS `c`'],
    ['UInt64', 'number', 'q.`c` AS `c`'],
    ['SimpleAggregateFunction(sum, UInt64)', 'number', 'q.`c` AS `c`'],
    ['Bool', 'boolean', 'q.`c` AS `c`'],
    ["DateTime('Europe/Berlin')", 'time', 'toDateTime64(q.`c`, 9) AS `c`'],
    ['Nullable(DateTime64(3))', 'time', 'toDateTime64(q.`c`, 9) AS `c`'],
    ['Date', 'time', 'toDateTime64(q.`c`, 9) AS `c`'],
    ['FixedString(16)', 'string', 'lower(hex(q.`c`)) AS `c`'],
    ['FixedString(3)', 'string', 'toString(q.`c`) AS `c`'],
    ['Decimal(18, 4)', 'number', 'toFloat64(q.`c`) AS `c`'],
    ['IPv6', 'string', 'toString(q.`c`) AS `c`'],
    ["Enum8('a' = 1, 'b)' = 2)", 'string', 'toString(q.`c`) AS `c`'],
    ['UInt256', 'string', 'toString(q.`c`) AS `c`'],
    ['Array(Nullable(String))', 'json', 'toJSONString(q.`c`) AS `c`'],
    ['Map(LowCardinality(String), String)', 'json', 'toJSONString(q.`c`) AS `c`'],
    ['Tuple(a UInt8, b String)', 'json', 'toJSONString(q.`c`) AS `c`'],
    ['JSON', 'json', 'toJSONString(q.`c`) AS `c`'],
    ['IntervalSecond', 'number', 'toInt64(q.`c`) AS `c`'],
    ['Nullable(Nothing)', 'string', "CAST(NULL, 'Nullable(String)') AS `c`"],
  ])('%s', (type, kind, expression) => {
    expect(toColumn('c', type)).toMatchObject({ kind, expression });
  });

  it('has no value for the state of an aggregate', () => {
    expect(toColumn('c', 'AggregateFunction(quantiles(0.5), UInt64)')).toBeUndefined();
  });

  it('quotes what a column may be called', () => {
    expect(toColumn('a`) FROM x --\\', 'UInt8')!.expression).toBe('q.`a\\`) FROM x --\\\\` AS `a\\`) FROM x --\\\\`');
  });
});

describe('shapeOf', () => {
  const columns = (types: Record<string, string>) => Object.entries(types).map(([name, type]) => toColumn(name, type)!);

  it.each([
    [{ time: 'DateTime', value: 'UInt64' }, 'auto', 'timeseries-wide'],
    [{ time: 'DateTime', service: 'String', value: 'Float64' }, 'auto', 'timeseries-long'],
    [{ Timestamp: 'DateTime64(9)', value: 'UInt64' }, 'auto', 'table'],
    [{ Timestamp: 'DateTime64(9)', value: 'UInt64' }, 'timeseries', 'timeseries-wide'],
    [{ time: 'Nullable(DateTime)', value: 'UInt64' }, 'timeseries', 'table'],
    [{ time: 'DateTime', value: 'UInt64' }, 'table', 'table'],
    [{ time: 'DateTime', other: 'DateTime', value: 'UInt64' }, 'auto', 'table'],
    [{ time: 'DateTime', map: 'Map(String, String)', value: 'UInt64' }, 'auto', 'table'],
    [{ service: 'String', value: 'UInt64' }, 'auto', 'numeric-long'],
    [{ value: 'UInt64' }, 'auto', 'numeric-wide'],
    [{ service: 'String' }, 'auto', 'table'],
  ] as const)('%j as %s is %s', (types, format, type) => {
    expect(shapeOf(columns(types), format).type).toBe(type);
  });
});
