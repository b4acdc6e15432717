import { describe, expect, it } from 'vitest';
import { parseQuery, parseTraceOrSpanId, QUERY_TYPES, QUERY_VERSION, type QueryModelError } from './index.ts';

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    return (error as QueryModelError).code;
  }
  return undefined;
}

describe('parseQuery', () => {
  it.each(QUERY_TYPES)('fills in what a saved query leaves out: %s', (queryType) => {
    const needed = { rawSql: 'SELECT 1', source: 'a', target: 'b', service: 'a' };
    const query = parseQuery({ queryType, version: QUERY_VERSION, refId: 'A', hide: false, ...needed });
    expect(query.queryType).toBe(queryType);
    expect(parseQuery(JSON.parse(JSON.stringify(query)))).toEqual(query);
  });

  it.each([
    ['edge', { source: 'a' }],
    ['breakdown', {}],
  ])('names what a query cannot be without: %s', (queryType, saved) => {
    expect(codeOf(() => parseQuery({ queryType, version: QUERY_VERSION, ...saved }))).toBe('QUERY_INVALID');
  });

  it.each([
    ["a link of Grafana's trace view", { query: 'ab'.repeat(16) }, 'traceId'],
    ['SQL from another datasource', { rawSql: 'SELECT 1', format: 1 }, 'sql'],
    ['a query with a type', { queryType: 'red' }, 'red'],
  ])('reads unversioned queries: %s', (_name, saved, queryType) => {
    expect(parseQuery(saved)).toMatchObject({ queryType, version: QUERY_VERSION });
  });

  it.each<[string, unknown, string, string]>([
    ['no object', 'SELECT 1', 'QUERY_INVALID', 'no JSON object'],
    ['no type', {}, 'QUERY_INVALID', 'queryType'],
    ['an unknown type', { queryType: 'x' }, 'QUERY_INVALID', 'queryType'],
    ['a name of Object.prototype', { queryType: 'constructor' }, 'QUERY_INVALID', 'queryType'],
    ['too many rows', { queryType: 'traceSearch', limit: 1e9 }, 'QUERY_INVALID', 'limit'],
    ['a version from the future', { queryType: 'sql', version: 99 }, 'QUERY_VERSION_TOO_NEW', 'newer plugin'],
    ['no version', { queryType: 'sql', version: 'one' }, 'QUERY_INVALID', 'version'],
  ])('refuses %s and says why', (_name, saved, code, text) => {
    expect(() => parseQuery(saved)).toThrow(text);
    expect(codeOf(() => parseQuery(saved))).toBe(code);
  });
});

describe('parseTraceOrSpanId', () => {
  it.each([
    ['4BF92F3577B34DA6A3CE929D0E0E4736', 'trace', '4bf92f3577b34da6a3ce929d0e0e4736'],
    ['4bf92f35-77b3-4da6-a3ce-929d0e0e4736', 'trace', '4bf92f3577b34da6a3ce929d0e0e4736'],
    [' 00f067aa0ba902b7 ', 'span', '00f067aa0ba902b7'],
  ])('%s', (text, kind, hex) => {
    expect(parseTraceOrSpanId(text)).toEqual({ kind, hex });
  });

  it.each(['', 'xyz', '0'.repeat(16), '0'.repeat(32), "1' OR 1=1", 'ab'.repeat(17)])('refuses %j', (text) => {
    expect(codeOf(() => parseTraceOrSpanId(text))).toBe('QUERY_TRACE_ID_INVALID');
  });
});
