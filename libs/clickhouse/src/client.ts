import { type ClickHouseClient, createClient } from '@clickhouse/client';
import { type ClickHouseOptions } from './insertBatch.ts';

/** The official client with our defaults, for queries and migrations. Inserts of batches go through `insertBatch`. */
export function createClickHouseClient(options: ClickHouseOptions): ClickHouseClient {
  return createClient({
    url: options.url,
    database: options.database ?? 'throughline',
    request_timeout: options.timeoutMs ?? 30_000,
    ...(options.username !== undefined && { username: options.username }),
    ...(options.password !== undefined && { password: options.password }),
  });
}
