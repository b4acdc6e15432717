import { type ErrorSource, GrafanaBackendError, QueryError } from '@throughline/grafana-backend';
import { QueryModelError } from '@throughline/query';

/** What can go wrong between a query and its frame. */
export const DATASOURCE_ERRORS = [
  'DATASOURCE_SETTINGS',
  'DATASOURCE_DNS',
  'DATASOURCE_CONNECT',
  'DATASOURCE_TLS',
  'DATASOURCE_AUTH',
  'DATASOURCE_TIMEOUT',
  'DATASOURCE_LIMIT',
  'DATASOURCE_QUERY',
  'DATASOURCE_REFUSED',
  'DATASOURCE_SCHEMA',
  'DATASOURCE_NOT_FOUND',
  'DATASOURCE_CANCELLED',
  'DATASOURCE_ANSWER',
  'DATASOURCE_INTERNAL',
] as const;

export type DatasourceErrorCode = (typeof DATASOURCE_ERRORS)[number];

const STATUS: Readonly<Record<DatasourceErrorCode, number>> = {
  DATASOURCE_SETTINGS: 400,
  DATASOURCE_DNS: 502,
  DATASOURCE_CONNECT: 502,
  DATASOURCE_TLS: 502,
  DATASOURCE_AUTH: 401,
  DATASOURCE_TIMEOUT: 504,
  DATASOURCE_LIMIT: 422,
  DATASOURCE_QUERY: 400,
  DATASOURCE_REFUSED: 403,
  DATASOURCE_SCHEMA: 424,
  DATASOURCE_NOT_FOUND: 404,
  DATASOURCE_CANCELLED: 499,
  DATASOURCE_ANSWER: 502,
  DATASOURCE_INTERNAL: 500,
};

export class DatasourceError extends QueryError {
  readonly code: DatasourceErrorCode;
  readonly what: string;
  readonly hint: string;

  /** @param what what happened, to what. @param hint what to do */
  constructor(code: DatasourceErrorCode, what: string, hint: string, cause?: unknown) {
    const source: ErrorSource = code === 'DATASOURCE_INTERNAL' ? 'plugin' : 'downstream';
    super(`${code}: ${what}; ${hint}`, { status: STATUS[code], source, cause });
    this.name = 'DatasourceError';
    this.code = code;
    this.what = what;
    this.hint = hint;
  }
}

/** ClickHouse's error codes, https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp */
const CLICKHOUSE_CODES: ReadonlyMap<number, DatasourceErrorCode> = new Map([
  [192, 'DATASOURCE_AUTH'], // UNKNOWN_USER
  [193, 'DATASOURCE_AUTH'], // WRONG_PASSWORD
  [194, 'DATASOURCE_AUTH'], // REQUIRED_PASSWORD
  [516, 'DATASOURCE_AUTH'], // AUTHENTICATION_FAILED
  [164, 'DATASOURCE_REFUSED'], // READONLY
  [497, 'DATASOURCE_REFUSED'], // ACCESS_DENIED
  [159, 'DATASOURCE_TIMEOUT'], // TIMEOUT_EXCEEDED
  [160, 'DATASOURCE_TIMEOUT'], // TOO_SLOW
  [209, 'DATASOURCE_TIMEOUT'], // SOCKET_TIMEOUT
  [158, 'DATASOURCE_LIMIT'], // TOO_MANY_ROWS
  [202, 'DATASOURCE_LIMIT'], // TOO_MANY_SIMULTANEOUS_QUERIES
  [241, 'DATASOURCE_LIMIT'], // MEMORY_LIMIT_EXCEEDED
  [307, 'DATASOURCE_LIMIT'], // TOO_MANY_BYTES
  [396, 'DATASOURCE_LIMIT'], // TOO_MANY_ROWS_OR_BYTES
  [394, 'DATASOURCE_CANCELLED'], // QUERY_WAS_CANCELLED
  [60, 'DATASOURCE_SCHEMA'], // UNKNOWN_TABLE
  [81, 'DATASOURCE_SCHEMA'], // UNKNOWN_DATABASE
]);

const HINTS: Readonly<Record<DatasourceErrorCode, string>> = {
  DATASOURCE_SETTINGS: "correct the data source's settings",
  DATASOURCE_DNS: "check the host name in the data source's URL",
  DATASOURCE_CONNECT: "check that the store runs and that the data source's URL names its host and port",
  DATASOURCE_TLS: "check the scheme of the data source's URL and the store's certificate",
  DATASOURCE_AUTH: "set the store's read token in the data source's settings",
  DATASOURCE_TIMEOUT: "choose a shorter time range or narrower filters, or raise the data source's timeout",
  DATASOURCE_LIMIT: 'choose a shorter time range, narrower filters or fewer columns',
  DATASOURCE_QUERY: 'correct the query',
  DATASOURCE_REFUSED: 'a query may only read the tables of its own tenant',
  DATASOURCE_SCHEMA: 'check the name of the table, or start ingest once with the admin token to create the tables',
  DATASOURCE_NOT_FOUND: 'check the id and its age',
  DATASOURCE_CANCELLED: 'run it again',
  DATASOURCE_ANSWER: "check that the data source's URL leads to the store and not to a proxy's error page",
  DATASOURCE_INTERNAL: 'this is a defect of the plugin: report it with its log',
};

/** Node's codes of failed connections. */
const DNS_CODES = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL']);
const CONNECT_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'ETIMEDOUT',
  'EACCES',
  'ENOENT',
]);
const TLS_CODE = /^(ERR_TLS|ERR_SSL|EPROTO$|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/;

/** Sorts any failure of a query; what nobody expected is a defect of the plugin. */
export function toDatasourceError(error: unknown): DatasourceError {
  if (error instanceof DatasourceError) return error;
  const code = codeOf(error);
  return new DatasourceError(code, messageOf(error), HINTS[code], error);
}

function codeOf(error: unknown): DatasourceErrorCode {
  if (error instanceof QueryModelError) return 'DATASOURCE_QUERY';
  if (error instanceof GrafanaBackendError) {
    if (error.code === 'GRAFANA_ARROW_TYPE_UNSUPPORTED') return 'DATASOURCE_QUERY';
    return error.code === 'GRAFANA_ARROW_INVALID' ? 'DATASOURCE_ANSWER' : 'DATASOURCE_INTERNAL';
  }
  if (!(error instanceof Error)) return 'DATASOURCE_INTERNAL';
  // A body that was cut, or is no JSON.
  if (error instanceof SyntaxError) return 'DATASOURCE_ANSWER';
  if (error.name === 'AbortError' || /aborted/i.test(error.message)) return 'DATASOURCE_CANCELLED';
  const { code } = error as { code?: unknown };
  if (typeof code === 'string') {
    // @clickhouse/client gives ClickHouse's number as text.
    if (/^\d+$/.test(code)) return CLICKHOUSE_CODES.get(Number(code)) ?? 'DATASOURCE_QUERY';
    if (DNS_CODES.has(code)) return 'DATASOURCE_DNS';
    if (CONNECT_CODES.has(code)) return 'DATASOURCE_CONNECT';
    if (TLS_CODE.test(code)) return 'DATASOURCE_TLS';
  }
  if (/timeout/i.test(error.message)) return 'DATASOURCE_TIMEOUT';
  if (/socket hang up/i.test(error.message)) return 'DATASOURCE_CONNECT';
  return 'DATASOURCE_INTERNAL';
}

const MAX_MESSAGE = 500;

function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  // ClickHouse appends its version and, on syntax errors, the whole statement.
  const short = text.replace(/\s*\(version [^)]*\)\s*$/, '').trim();
  return short.length > MAX_MESSAGE ? `${short.slice(0, MAX_MESSAGE)}…` : short;
}
