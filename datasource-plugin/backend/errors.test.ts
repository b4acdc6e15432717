import { ClickHouseError } from '@clickhouse/client';
import { QueryModelError } from '@throughline/query';
import { expect, it } from 'vitest';
import { toDatasourceError } from './errors.ts';

const clickhouse = (code: string) => new ClickHouseError({ message: 'text. (version 26.7.2.1)', code, type: 'X' });
const node = (code: string) => Object.assign(new Error(code), { code });

it.each([
  [clickhouse('516'), 'DATASOURCE_AUTH', 401, 'downstream'],
  [clickhouse('159'), 'DATASOURCE_TIMEOUT', 504, 'downstream'],
  [clickhouse('241'), 'DATASOURCE_LIMIT', 422, 'downstream'],
  [clickhouse('60'), 'DATASOURCE_SCHEMA', 424, 'downstream'],
  [clickhouse('62'), 'DATASOURCE_QUERY', 400, 'downstream'],
  [clickhouse('394'), 'DATASOURCE_CANCELLED', 499, 'downstream'],
  [node('ENOTFOUND'), 'DATASOURCE_DNS', 502, 'downstream'],
  [node('ECONNREFUSED'), 'DATASOURCE_CONNECT', 502, 'downstream'],
  [node('DEPTH_ZERO_SELF_SIGNED_CERT'), 'DATASOURCE_TLS', 502, 'downstream'],
  [new Error('Timeout error.'), 'DATASOURCE_TIMEOUT', 504, 'downstream'],
  [new Error('The user aborted a request.'), 'DATASOURCE_CANCELLED', 499, 'downstream'],
  [new QueryModelError('QUERY_INVALID', 'limit: too big'), 'DATASOURCE_QUERY', 400, 'downstream'],
  [new TypeError('x is undefined'), 'DATASOURCE_INTERNAL', 500, 'plugin'],
])('sorts %s', (error, code, status, source) => {
  const sorted = toDatasourceError(error);
  expect(sorted).toMatchObject({ code, status, source, cause: error });
  expect(sorted.message).toBe(`${code}: ${error.message.replace(' (version 26.7.2.1)', '')}; ${sorted.hint}`);
});
