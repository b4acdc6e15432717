import { createHash } from 'node:crypto';
import {
  type ClickHouseClient,
  type ClickHouseClientConfigOptions,
  ClickHouseLogLevel,
  type ClickHouseSettings,
  createClient,
} from '@clickhouse/client';
import { DatasourceError, toDatasourceError } from './errors.ts';
import { type Settings } from './settings.ts';
import { type Statement } from './statement.ts';

/**
 * The way to ClickHouse for one data source instance: HTTP, the read token, and limits on every statement.
 * 64 bit integers come as text, so that rows keep all their digits.
 */

export interface RunOptions {
  readonly signal?: AbortSignal;
  /** Who asks, for the store's query log. */
  readonly comment?: string;
  /** Where plain table names are looked up. @default our own database */
  readonly database?: 'default';
}

const DATABASE = 'throughline';
const MAX_RESULT_BYTES = 256 << 20;
const MAX_MEMORY_BYTES = 2 ** 31;
/** The client gives up later than the store, so that the store's own message arrives. */
const CLIENT_GRACE_MS = 5_000;
const MAX_CONNECTIONS = 16;

export class Store {
  readonly #client: ClickHouseClient;
  /** For viewers' statements: it looks plain names up elsewhere. */
  readonly #viewerClient: ClickHouseClient;
  readonly #limits: ClickHouseSettings;

  constructor(settings: Settings) {
    const options: ClickHouseClientConfigOptions = {
      url: settings.url,
      username: settings.user,
      password: settings.readToken,
      application: 'throughline-datasource',
      request_timeout: settings.timeoutSeconds * 1_000 + CLIENT_GRACE_MS,
      max_open_connections: MAX_CONNECTIONS,
      // A parameter list beyond what a URL carries goes in the body.
      use_multipart_params_auto: true,
      log: { level: ClickHouseLogLevel.OFF },
    };
    this.#client = createClient({ ...options, database: DATABASE });
    this.#viewerClient = createClient({ ...options, database: 'default' });
    this.#limits = {
      max_execution_time: settings.timeoutSeconds,
      max_result_bytes: String(MAX_RESULT_BYTES),
      max_memory_usage: String(MAX_MEMORY_BYTES),
      // A failure in the middle of an answer becomes a status, not a broken body.
      wait_end_of_query: 1,
      cancel_http_readonly_queries_on_client_close: 1,
    };
  }

  /** @throws DatasourceError */
  async rows<Row>(statement: Statement, options: RunOptions = {}): Promise<Row[]> {
    try {
      const result = await this.#clientFor(options).query({
        query: statement.sql,
        query_params: statement.parameters,
        format: 'JSONEachRow',
        ...(options.signal && { abort_signal: options.signal }),
        clickhouse_settings: {
          ...this.#limits,
          output_format_json_quote_64bit_integers: 1,
          ...(options.comment && { log_comment: options.comment }),
        },
      });
      requireClickHouse(result.response_headers);
      return await result.json<Row>();
    } catch (error) {
      throw toDatasourceError(error);
    }
  }

  /** @returns the answer's bytes in Arrow's stream format. @throws DatasourceError */
  arrowStream(statement: Statement, compressed: boolean, options: RunOptions = {}): Promise<Uint8Array> {
    const compression = compressed ? 'lz4_frame' : 'none';
    return this.#bytes({ ...statement, sql: `${statement.sql}\nFORMAT ArrowStream` }, options, {
      output_format_arrow_compression_method: compression,
    });
  }

  /** Lines of a statement that takes no FORMAT of its own, such as EXPLAIN AST. @throws DatasourceError */
  async lines(sql: string, options: RunOptions = {}): Promise<string[]> {
    const bytes = await this.#bytes({ sql, parameters: {} }, options, {});
    return new TextDecoder().decode(bytes).split('\n');
  }

  async #bytes(statement: Statement, options: RunOptions, settings: ClickHouseSettings): Promise<Uint8Array> {
    try {
      const { stream, response_headers } = await this.#clientFor(options).exec({
        query: statement.sql,
        query_params: statement.parameters,
        ...(options.signal && { abort_signal: options.signal }),
        clickhouse_settings: {
          ...this.#limits,
          ...settings,
          ...(options.comment && { log_comment: options.comment }),
        },
      });
      const parts: Uint8Array[] = [];
      for await (const part of stream) parts.push(part as Uint8Array);
      requireClickHouse(response_headers);
      return Buffer.concat(parts);
    } catch (error) {
      throw toDatasourceError(error);
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#client.close(), this.#viewerClient.close()]);
  }

  #clientFor({ database }: RunOptions): ClickHouseClient {
    return database === undefined ? this.#client : this.#viewerClient;
  }
}

/** A proxy's page of status 200 would else read as an empty answer. */
function requireClickHouse(headers: Readonly<Record<string, unknown>>): void {
  if ('x-clickhouse-query-id' in headers) return;
  throw new DatasourceError(
    'DATASOURCE_ANSWER',
    'what answered is not ClickHouse',
    "check that the data source's URL leads to the store and not to a proxy's page"
  );
}

/** One store per data source instance; changed settings replace it. */
export class StorePool {
  readonly #stores = new Map<string, { store: Store; fingerprint: string }>();

  get(settings: Settings): Store {
    const fingerprint = createHash('sha256').update(JSON.stringify(settings)).digest('hex');
    const known = this.#stores.get(settings.uid);
    if (known?.fingerprint === fingerprint) return known.store;
    // Queries under way keep their connections; close() lets them end.
    void known?.store.close();
    const store = new Store(settings);
    this.#stores.set(settings.uid, { store, fingerprint });
    return store;
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#stores.values(), ({ store }) => store.close()));
    this.#stores.clear();
  }
}
