export const QUERY_ERRORS = ['QUERY_INVALID', 'QUERY_VERSION_TOO_NEW', 'QUERY_TRACE_ID_INVALID'] as const;

export type QueryErrorCode = (typeof QUERY_ERRORS)[number];

export class QueryModelError extends Error {
  readonly code: QueryErrorCode;

  constructor(code: QueryErrorCode, message: string, options?: ErrorOptions) {
    super(`${code}: ${message}`, options);
    this.name = 'QueryModelError';
    this.code = code;
  }
}
