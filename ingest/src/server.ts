import { readFileSync, rmSync } from 'node:fs';
import { type AddressInfo } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import { type Logger } from 'pino';
import { type ClickHouseOptions, createClickHouseClient } from '@throughline/clickhouse';
import { migrate } from '@throughline/schema';
import { IngestMetrics } from './admin/metrics.ts';
import { type IngestConfig, isLoopback } from './config.ts';
import { EntityDirectories } from './enrich/EntityDirectory.ts';
import { IngestError } from './errors.ts';
import { Pipeline } from './Pipeline.ts';
import { agentReceiver } from './receivers/agent.ts';
import { OtlpReceiver } from './receivers/otlp/OtlpReceiver.ts';
import { otlpGrpc } from './receivers/otlp/otlpGrpc.ts';
import { otlpHttp } from './receivers/otlp/otlpHttp.ts';
import { Writer } from './writer/Writer.ts';

export interface Ingest {
  readonly port: number;
  readonly otlpHttpPort: number;
  readonly otlpGrpcPort: number;
  close(): Promise<void>;
}

/** Applies migrations where it may, then listens. */
export async function startIngest(config: IngestConfig, logger: Logger): Promise<Ingest> {
  if (config.adminToken !== '') await applyMigrations(config, logger);
  const metrics = new IngestMetrics();
  const store: ClickHouseOptions = {
    url: config.storeUrl,
    ...(config.writeToken !== '' && { username: 'write', password: config.writeToken }),
  };
  const writer = new Writer({ store, metrics, queueBytes: config.queueBytes, timeoutMs: config.storeTimeoutMs });
  const pipeline = new Pipeline({ directories: new EntityDirectories(), writer, holdMs: config.holdMs });
  const { tenant, environment, maxBodyBytes } = config;

  const tls = config.tls && { cert: readFileSync(config.tls.cert), key: readFileSync(config.tls.key) };
  const httpServer = (): FastifyInstance => (tls ? fastify({ https: tls }) : fastify()) as unknown as FastifyInstance;
  const agentServer = (): FastifyInstance => {
    const server = httpServer();
    server.get('/healthz', async () => ({ status: 'ok' }));
    server.get('/metrics', async (_request, reply) =>
      reply.header('content-type', metrics.registry.contentType).send(await metrics.registry.metrics())
    );
    server.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
      const status = error instanceof IngestError ? error.httpStatus : (error.statusCode ?? 500);
      if (error instanceof IngestError && error.retryable) void reply.header('retry-after', '1');
      if (status >= 500) logger.warn({ err: error }, 'a batch could not be stored');
      return reply.code(status).type('text/plain').send(`${error.message}\n`);
    });
    void server.register(agentReceiver, { pipeline, metrics, token: config.token, tenant, environment, maxBodyBytes });
    return server;
  };

  const closers: (() => Promise<unknown>)[] = [];
  const listen = async (
    server: FastifyInstance,
    where: { host: string; port: number } | { path: string },
    option: string
  ) => {
    closers.unshift(() => server.close());
    try {
      await server.listen(where);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
      const at = 'path' in where ? where.path : `${where.host}:${where.port}`;
      throw new Error(`INGEST_PORT_TAKEN: ${at} is taken; choose another with ${option}`, { cause });
    }
  };
  try {
    const main = agentServer();
    await listen(main, { host: config.host, port: config.port }, 'THROUGHLINE_INGEST_PORT');
    if (config.socket !== undefined) {
      rmSync(config.socket, { force: true });
      await listen(agentServer(), { path: config.socket }, 'THROUGHLINE_INGEST_SOCKET');
    }
    const receiver = new OtlpReceiver({ pipeline, metrics, tenant, environment });
    // SDKs on this machine need no token, as their defaults have none.
    const token = isLoopback(config.host) ? '' : config.token;
    const http = httpServer();
    void http.register(otlpHttp, { receiver, token, maxBodyBytes });
    await listen(http, { host: config.host, port: config.otlpHttpPort }, 'THROUGHLINE_OTLP_HTTP_PORT');
    const grpc = await otlpGrpc({ receiver, host: config.host, port: config.otlpGrpcPort, token, tls, maxBodyBytes });
    closers.unshift(() => grpc.close());
    return {
      port: portOf(main),
      otlpHttpPort: portOf(http),
      otlpGrpcPort: grpc.port,
      close: async () => {
        for (const close of closers) await close();
      },
    };
  } catch (error) {
    for (const close of closers) await close();
    throw error;
  }
}

function portOf(server: FastifyInstance): number {
  return (server.server.address() as AddressInfo).port;
}

async function applyMigrations(config: IngestConfig, logger: Logger): Promise<void> {
  const client = createClickHouseClient({
    url: config.storeUrl,
    username: 'admin',
    password: config.adminToken,
    database: 'default',
  });
  try {
    const applied = await migrate({
      command: (options) => client.command(options),
      select: async (query) => (await client.query({ query, format: 'JSONEachRow' })).json<Record<string, unknown>>(),
    });
    logger.info({ applied }, applied.length > 0 ? 'migrations applied' : 'the schema is current');
  } finally {
    await client.close();
  }
}
