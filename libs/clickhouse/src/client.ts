import http from 'node:http';
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { type ClickHouseOptions } from './insertBatch.ts';

/**
 * A `@clickhouse/client` for queries and migrations, with our settings: 64-bit numbers as strings, times as ISO 8601,
 * no result cut short in silence, and nothing printed. The caller closes it.
 */
export function createClickHouseClient(options: ClickHouseOptions): ClickHouseClient {
  const timeoutMs = options.timeoutMs ?? 30_000;
  const socketPath = options.url.startsWith('unix:') ? options.url.slice('unix:'.length) : undefined;
  return createClient({
    url: socketPath === undefined ? options.url : 'http://localhost',
    ...(socketPath === undefined ? {} : { http_agent: unixAgent(socketPath) }),
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    database: options.database ?? 'throughline',
    request_timeout: timeoutMs,
    max_open_connections: 16,
    application: 'throughline',
    log: { level: ClickHouseLogLevel.OFF },
    clickhouse_settings: {
      output_format_json_quote_64bit_integers: 1,
      date_time_output_format: 'iso',
      output_format_json_named_tuples_as_objects: 1,
    },
  });
}

/** The client knows no unix sockets, but takes an agent, and an agent's options reach every connection. */
function unixAgent(socketPath: string): http.Agent {
  const options: http.AgentOptions & { socketPath: string } = { keepAlive: true, maxSockets: 16, socketPath };
  return new http.Agent(options);
}
