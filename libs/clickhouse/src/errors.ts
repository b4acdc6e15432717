export const errorCodes = [
  /** The server answered with an exception; `clickhouseCode` holds its number. */
  'CLICKHOUSE_EXCEPTION',
  /** No answer: refused, reset, or the connection ended before the answer. The statement may have taken effect. */
  'CLICKHOUSE_UNREACHABLE',
  /** No answer within the time allowed. The statement may have taken effect. */
  'CLICKHOUSE_TIMEOUT',
  /** The column's data does not fit its type; nothing was sent. */
  'CLICKHOUSE_COLUMN_MISMATCH',
  /** The column's type is not one the Native writer knows; nothing was sent. */
  'CLICKHOUSE_TYPE_UNKNOWN',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export class ClickHouseError extends Error {
  override readonly name = 'ClickHouseError';
  readonly code: ErrorCode;
  /** ClickHouse's error number, e.g. 60 for UNKNOWN_TABLE; undefined unless the server answered. */
  readonly clickhouseCode: number | undefined;
  /** Whether sending the same statement again may succeed. With a deduplication token a repeat is safe. */
  readonly retryable: boolean;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; clickhouseCode?: number | undefined; retryable: boolean }
  ) {
    super(`${code}: ${message}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.clickhouseCode = options.clickhouseCode;
    this.retryable = options.retryable;
  }
}

/**
 * Exceptions that pass by themselves: the server is busy, full, starting or shutting down, or was interrupted.
 * Everything else (syntax, types, missing tables, rights) fails the same way again.
 * Numbers: src/Common/ErrorCodes.cpp of ClickHouse.
 */
const passingExceptions: ReadonlySet<number> = new Set([
  159, // TIMEOUT_EXCEEDED
  198, // DNS_ERROR
  202, // TOO_MANY_SIMULTANEOUS_QUERIES
  203, // NO_FREE_CONNECTION
  209, // SOCKET_TIMEOUT
  210, // NETWORK_ERROR
  236, // ABORTED
  241, // MEMORY_LIMIT_EXCEEDED
  242, // TABLE_IS_READ_ONLY
  243, // NOT_ENOUGH_SPACE
  252, // TOO_MANY_PARTS
  285, // TOO_FEW_LIVE_REPLICAS
  319, // UNKNOWN_STATUS_OF_INSERT
  394, // QUERY_WAS_CANCELLED
  425, // SYSTEM_ERROR
  473, // DEADLOCK_AVOIDED
  999, // KEEPER_EXCEPTION
]);

export function isRetryableException(clickhouseCode: number | undefined, httpStatus: number): boolean {
  if (clickhouseCode === undefined) return httpStatus === 429 || httpStatus >= 502;
  return passingExceptions.has(clickhouseCode);
}
