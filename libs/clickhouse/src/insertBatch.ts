import http from 'node:http';
import https from 'node:https';
import { type ColumnBatch } from './columns.ts';
import { ClickHouseError, isRetryableException } from './errors.ts';
import { encodeNative } from './native.ts';

export interface ClickHouseOptions {
  /** `http://host:port`, `https://…`, or `unix:/path/to/socket`. */
  readonly url: string;
  /** Token of the user `write` (for queries: `read`, for migrations: `admin`); undefined for a server without users. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** @default 'throughline' */
  readonly database?: string | undefined;
  /** Longest wait for the server's answer, milliseconds. @default 30_000 */
  readonly timeoutMs?: number | undefined;
}

export interface InsertOptions {
  /**
   * A repeat of the same token into the same table is dropped by the server (MergeTree setting
   * `non_replicated_deduplication_window` must be above 0). Materialized views take part.
   */
  readonly deduplicationToken?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface InsertResult {
  /** Bytes of the body as sent. */
  readonly bytesSent: number;
}

// Keep-alive, because an insert per second and table must not pay for a connection each time.
const agents = {
  'http:': new http.Agent({ keepAlive: true, maxSockets: 16 }),
  'https:': new https.Agent({ keepAlive: true, maxSockets: 16 }),
};

/**
 * Insert one batch in Native format. Resolves when the server has written it.
 * @throws ClickHouseError; `retryable` says whether the same batch with the same token may be sent again
 */
export async function insertBatch(
  options: ClickHouseOptions,
  table: string,
  batch: ColumnBatch,
  insert: InsertOptions = {}
): Promise<InsertResult> {
  if (batch.rows === 0) return { bytesSent: 0 };
  const body = encodeNative(batch);
  const names = batch.columns.map((column) => quoteIdentifier(column.name)).join(', ');
  const query = new URLSearchParams({
    query: `INSERT INTO ${quoteIdentifier(table)} (${names}) FORMAT Native`,
    database: options.database ?? 'throughline',
  });
  if (insert.deduplicationToken !== undefined) {
    query.set('insert_deduplication_token', insert.deduplicationToken);
    query.set('deduplicate_blocks_in_dependent_materialized_views', '1');
  }
  await post(options, `/?${query.toString()}`, body, insert.signal);
  return { bytesSent: body.byteLength };
}

/** Backquoted, as ClickHouse reads any name. */
export function quoteIdentifier(name: string): string {
  return '`' + name.replaceAll('\\', '\\\\').replaceAll('`', '\\`') + '`';
}

function post(
  options: ClickHouseOptions,
  path: string,
  body: Uint8Array,
  signal: AbortSignal | undefined
): Promise<void> {
  const timeoutMs = options.timeoutMs ?? 30_000;
  return new Promise((resolve, reject) => {
    const request = openRequest(options, path, body.byteLength, signal, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', (cause) => reject(unreachable(options.url, cause)));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const status = response.statusCode ?? 0;
        const header = response.headers['x-clickhouse-exception-code'];
        if (status === 200 && header === undefined) resolve();
        else reject(exception(status, typeof header === 'string' ? Number(header) : undefined, text));
      });
    });
    request.setTimeout(timeoutMs, () => {
      request.destroy(
        new ClickHouseError(
          'CLICKHOUSE_TIMEOUT',
          `no answer from ${options.url} within ${timeoutMs} ms; send the batch again with the same token`,
          { retryable: true }
        )
      );
    });
    request.on('error', (cause) => reject(cause instanceof ClickHouseError ? cause : unreachable(options.url, cause)));
    request.end(body);
  });
}

function openRequest(
  options: ClickHouseOptions,
  path: string,
  contentLength: number,
  signal: AbortSignal | undefined,
  onResponse: (response: http.IncomingMessage) => void
): http.ClientRequest {
  const headers: http.OutgoingHttpHeaders = {
    'Content-Type': 'application/octet-stream',
    'Content-Length': contentLength,
  };
  if (options.username !== undefined) {
    headers['X-ClickHouse-User'] = options.username;
    headers['X-ClickHouse-Key'] = options.password ?? '';
  }
  const common = { method: 'POST', path, headers, ...(signal === undefined ? {} : { signal }) };
  if (options.url.startsWith('unix:')) {
    const socketPath = options.url.slice('unix:'.length);
    return http.request({ ...common, socketPath, agent: agents['http:'] }, onResponse);
  }
  const url = new URL(options.url);
  const target = { ...common, hostname: url.hostname, port: url.port };
  return url.protocol === 'https:'
    ? https.request({ ...target, agent: agents['https:'] }, onResponse)
    : http.request({ ...target, agent: agents['http:'] }, onResponse);
}

function exception(status: number, clickhouseCode: number | undefined, text: string): ClickHouseError {
  const message = text.trim().slice(0, 2_000) || `HTTP status ${status} without a message`;
  return new ClickHouseError('CLICKHOUSE_EXCEPTION', message, {
    clickhouseCode,
    retryable: isRetryableException(clickhouseCode, status),
  });
}

function unreachable(url: string, cause: Error): ClickHouseError {
  return new ClickHouseError('CLICKHOUSE_UNREACHABLE', `${url}: ${cause.message}`, { cause, retryable: true });
}
