/** Errors of the SDK itself. */
export const GRAFANA_BACKEND_ERRORS = [
  'GRAFANA_NOT_STARTED_BY_HOST',
  'GRAFANA_HANDSHAKE_UNSUPPORTED',
  'GRAFANA_SOCKET_PATH_TOO_LONG',
  'GRAFANA_FRAME_INVALID',
  'GRAFANA_ARROW_INVALID',
  'GRAFANA_ARROW_TYPE_UNSUPPORTED',
  'GRAFANA_PLUGIN_START_FAILED',
] as const;

export type GrafanaBackendErrorCode = (typeof GRAFANA_BACKEND_ERRORS)[number];

export class GrafanaBackendError extends Error {
  readonly code: GrafanaBackendErrorCode;

  constructor(code: GrafanaBackendErrorCode, message: string, options?: ErrorOptions) {
    super(`${code}: ${message}`, options);
    this.name = 'GrafanaBackendError';
    this.code = code;
  }
}

/** Who is to blame: Grafana counts plugin errors against the plugin's service level, downstream errors not. */
export type ErrorSource = 'plugin' | 'downstream';

/** The failure of one query (or resource call), as Grafana shows it: HTTP status, source, text. */
export class QueryError extends Error {
  readonly status: number;
  readonly source: ErrorSource;

  constructor(message: string, options: { status: number; source: ErrorSource; cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'QueryError';
    this.status = options.status;
    this.source = options.source;
  }
}

export function toQueryError(error: unknown): QueryError {
  if (error instanceof QueryError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new QueryError(message, { status: 500, source: 'plugin', cause: error });
}
