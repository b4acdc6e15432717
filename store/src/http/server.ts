import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { type StoreConfig } from '../config.ts';
import { StatementError } from '../errors.ts';
import { authenticate } from './auth.ts';
import { wrapBlock } from './compressedBlocks.ts';
import { type Engine, Execution } from './execute.ts';
import { goHelloAnswer, isGoHello } from './goHello.ts';
import { type StoreMetrics } from './metrics.ts';
import { readStatementRequest } from './request.ts';
import { ResponseWriter } from './ResponseWriter.ts';

/** ClickHouse's HTTP interface over the engine. */
export function createStoreServer(engine: Engine, config: StoreConfig, metrics: StoreMetrics): http.Server {
  const server = http.createServer((request, response) => {
    void handle(request, response, engine, config, metrics);
  });
  server.keepAliveTimeout = 30_000;
  // Bodies of inserts may take as long as they take; headers may not.
  server.requestTimeout = 0;
  server.headersTimeout = 30_000;
  return server;
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  engine: Engine,
  config: StoreConfig,
  metrics: StoreMetrics
): Promise<void> {
  const url = URL.parse(request.url ?? '/', 'http://store');
  switch (url?.pathname) {
    case '/ping':
    case '/replicas_status':
      return reply(response, 200, 'Ok.\n');
    case '/metrics':
      return reply(response, 200, metrics.render(engine.pool), 'text/plain; version=0.0.4; charset=utf-8');
    case '/':
      break;
    default:
      return reply(response, 404, `There is no handle ${url?.pathname ?? request.url ?? ''}\n`);
  }
  if (request.method !== 'GET' && request.method !== 'POST') {
    return reply(response, 405, `Method ${request.method ?? ''} is not supported; use GET or POST\n`);
  }
  await handleStatement(request, response, url, engine, config, metrics);
}

async function handleStatement(
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  engine: Engine,
  config: StoreConfig,
  metrics: StoreMetrics
): Promise<void> {
  const started = performance.now();
  const execution = new Execution(engine);
  let running = true;
  response.on('close', () => {
    if (!running) return;
    metrics.disconnect();
    void execution.cancel();
  });
  let writer = new ResponseWriter(response, { queryId: '', encoding: undefined, wrapBlock: undefined });
  try {
    const role = authenticate(request, url.searchParams, config.tokens);
    const statement = await readStatementRequest(request, url, config.maxStatementBytes);
    writer = new ResponseWriter(response, {
      queryId: statement.queryId,
      encoding: statement.contentCompression ? acceptedEncoding(request) : undefined,
      wrapBlock: statement.blockCompression ? wrapBlock : undefined,
    });
    if (statement.statement.trim() === '') throw new StatementError(62, 'Empty query');
    if (isGoHello(statement.statement, statement.clientProtocolVersion)) {
      running = false;
      writer.begin('Native');
      await writer.write(goHelloAnswer(engine.version));
      writer.finish(undefined);
      return;
    }
    const outcome = await execution.run(statement, role, writer);
    running = false;
    writer.finish(outcome);
    metrics.statement(role, outcome.kind);
    metrics.rows(outcome.writtenRows);
  } catch (error) {
    running = false;
    metrics.exception(error instanceof StatementError ? error.exceptionCode : undefined);
    writer.fail(error);
    // Refused before its body was read: what is still to come would be taken for the next request.
    if (!request.complete) response.once('finish', () => request.destroy());
  }
  metrics.answered(writer.bytesWritten, (performance.now() - started) / 1000);
}

function acceptedEncoding(request: IncomingMessage): 'gzip' | 'zstd' | undefined {
  const accepted = String(request.headers['accept-encoding'] ?? '');
  if (/\bzstd\b/.test(accepted)) return 'zstd';
  return /\bgzip\b/.test(accepted) ? 'gzip' : undefined;
}

function reply(response: ServerResponse, status: number, text: string, type = 'text/plain; charset=UTF-8'): void {
  response.writeHead(status, { 'Content-Type': type, 'X-ClickHouse-Server-Display-Name': 'throughline' }).end(text);
}
