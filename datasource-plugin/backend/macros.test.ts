import { describe, expect, it } from 'vitest';
import { expandMacros, MACRO_NAMES } from './macros.ts';
import { dropDatabase } from './sqlText.ts';

const context = { fromMs: 1_700_000_000_123, toMs: 1_700_000_600_456, intervalMs: 15_000 };

describe('expandMacros', () => {
  it.each([
    ['$__timeFilter(Timestamp)', 'Timestamp >= toDateTime(1700000000) AND Timestamp <= toDateTime(1700000600)'],
    [
      '$__timeFilter_ms(a.b)',
      'a.b >= fromUnixTimestamp64Milli(toInt64(1700000000123)) AND a.b <= fromUnixTimestamp64Milli(toInt64(1700000600456))',
    ],
    [
      '$__dateFilter(Day)',
      "Day >= toDate(toDateTime(1700000000, 'UTC')) AND Day <= toDate(toDateTime(1700000600, 'UTC'))",
    ],
    ['$__timeInterval(Timestamp)', 'toStartOfInterval(toDateTime(Timestamp), INTERVAL 15 second)'],
    ['$__timeInterval_ms(t)', 'toStartOfInterval(toDateTime64(t, 3), INTERVAL 15000 millisecond)'],
    ['INTERVAL $__interval_s second', 'INTERVAL 15 second'],
    ['$__interval', '15s'],
    ['$__fromTime, $__toTime', 'toDateTime(1700000000), toDateTime(1700000600)'],
    ['toDate($__fromTime)', 'toDate(toDateTime(1700000000))'],
    ["$__conditionalAll(Service IN ('a', 'b'), 'a,b')", "Service IN ('a', 'b')"],
    ["$__conditionalAll(Service IN ('$__all'), '$__all')", '1=1'],
    ["$__conditionalAll(Service IN ('a', 'b'), 'a','b')", "Service IN ('a', 'b')"],
    ["$__conditionalAll(Service IN ('a', 'b'), 'a','$__all')", '1=1'],
    ['$__timeFilter(toDateTime(coalesce(a, b)))', /^toDateTime\(coalesce\(a, b\)\) >= /],
    ['$__timeInterval($__fromTime)', /toDateTime\(toDateTime\(1700000000\)\)/],
  ])('%s', (sql, expanded) => {
    if (typeof expanded === 'string') expect(expandMacros(sql, context)).toBe(expanded);
    else expect(expandMacros(sql, context)).toMatch(expanded);
  });

  it.each([
    "SELECT '$__fromTime' -- $__toTime",
    'SELECT 1 /* $__nonsense( */',
    'SELECT `$__x`, "$__y"',
    "SELECT 'it''s $__fromTime'",
    "SELECT 'a\\'$__fromTime'",
  ])('leaves strings, names and comments alone: %s', (sql) => {
    expect(expandMacros(sql, context)).toBe(sql);
  });

  it.each([
    ['$__nonsense', 'DATASOURCE_QUERY: $__nonsense is no macro; use one of $__timeFilter'],
    ['$__timeFilter', '$__timeFilter takes 1 argument'],
    ['$__timeFilter()', '$__timeFilter takes 1 argument'],
    ['$__timeFilter(a, b)', '$__timeFilter takes 1 argument'],
    ['$__timeFilter(a', '$__timeFilter takes 1 argument'],
    ['$__constructor', 'is no macro'],
  ])('refuses %s', (sql, message) => {
    expect(() => expandMacros(sql, context)).toThrow(message);
  });

  it('knows the macros that people bring from other data sources', () => {
    expect(MACRO_NAMES).toEqual(
      expect.arrayContaining([
        '$__timeFilter',
        '$__timeFilter_ms',
        '$__timeInterval',
        '$__interval',
        '$__conditionalAll',
      ])
    );
  });
});

describe('dropDatabase', () => {
  const tables = new Set(['spans']);
  it.each([
    ['SELECT * FROM throughline.spans', 'SELECT * FROM spans'],
    ['SELECT throughline . spans.Duration FROM throughline.spans s', 'SELECT spans.Duration FROM spans s'],
    ["SELECT 'throughline.spans', `throughline`.`spans`", "SELECT 'throughline.spans', `throughline`.`spans`"],
    ['SELECT * FROM throughline.schema_migrations', 'SELECT * FROM throughline.schema_migrations'],
    ['SELECT xthroughline.spans, a.throughline.spans', 'SELECT xthroughline.spans, a.throughline.spans'],
  ])('%s', (sql, plain) => {
    expect(dropDatabase(sql, 'throughline', tables)).toBe(plain);
  });
});
