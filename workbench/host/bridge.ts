import { type IncomingMessage, type ServerResponse } from 'node:http';
import {
  CallResourceRequest,
  CheckHealthRequest,
  CheckHealthResponse_HealthStatus,
  DataFrameFormat,
  PluginContext,
  type PluginProcess,
  QueryDataRequest,
} from '@throughline/grafana-backend';
import { type Logger } from 'pino';
import { z } from 'zod';
import { type HostConfig } from './config.ts';
import { DATASOURCE_NAME, DATASOURCE_UID } from './datasource.ts';
import { createSite } from './site.ts';
import { parseTime } from './timeRange.ts';

/**
 * Grafana's HTTP interface to one data source, in front of the backend process: what `DataSourceWithBackend` in a
 * browser, and our command line, talk to. The store's token goes to the backend only.
 */

const MAX_BODY_BYTES = 4 << 20;

class HttpError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface BridgeOptions {
  readonly config: HostConfig;
  readonly backend: () => Promise<PluginProcess>;
  readonly logger: Logger;
}

export function createBridge({ config, backend, logger }: BridgeOptions) {
  const pluginContext = PluginContext.fromPartial({
    orgId: 1n,
    pluginId: 'throughline-datasource',
    user: { login: 'workbench', name: 'Workbench', role: 'Viewer' },
    dataSourceInstanceSettings: {
      uid: DATASOURCE_UID,
      name: DATASOURCE_NAME,
      url: config.storeUrl,
      jsonData: Buffer.from(JSON.stringify({ tenant: config.tenant, environment: config.environment })),
      decryptedSecureJsonData: new Map([['readToken', config.readToken]]),
    },
  });

  const site = createSite(config);

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    checkCaller(request);
    const url = new URL(request.url ?? '/', 'http://localhost');
    const [, uid, rest] = /^\/api\/datasources\/uid\/([^/]+)\/(health|resources\/.*)$/.exec(url.pathname) ?? [];
    if (url.pathname === '/healthz') return sendHealthz(response);
    if (url.pathname === '/api/ds/query' && request.method === 'POST') return answerQueries(request, response);
    if (url.pathname === `/api/datasources/uid/${DATASOURCE_UID}`) return sendDatasource(response);
    if (uid === undefined && (await site(request, response, decodePath(url.pathname)))) return;
    if (uid === undefined || rest === undefined) throw new HttpError(404, `nothing is at ${url.pathname}`);
    if (uid !== DATASOURCE_UID) throw new HttpError(404, `no data source has the uid ${uid}; use ${DATASOURCE_UID}`);
    if (rest === 'health') return answerHealth(response);
    return answerResource(request, response, rest.slice('resources/'.length) + url.search);
  }

  async function answerQueries(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { queries, fromMs, toMs } = parseQueryRequest(await readBody(request));
    const abort = new AbortController();
    response.once('close', () => abort.abort());
    const plugin = await backend();
    const { responses } = await plugin.queryData(
      QueryDataRequest.fromPartial({
        pluginContext,
        format: DataFrameFormat.JSON,
        queries: queries.map((query) => ({
          refId: query.refId,
          queryType: query.queryType,
          maxDataPoints: BigInt(Math.round(query.maxDataPoints)),
          intervalMS: BigInt(Math.round(query.intervalMs)),
          timeRange: { fromEpochMS: BigInt(fromMs), toEpochMS: BigInt(toMs) },
          json: Buffer.from(JSON.stringify(query)),
        })),
      }),
      abort.signal
    );
    const failed = Array.from(responses.values()).some(({ status }) => status >= 300);
    // Frames are JSON already: parsing them only to write them again would double the work.
    const results = Array.from(responses, ([refId, { status, error, errorSource, frames }]) => {
      const failure =
        error === '' ? '' : `"error":${JSON.stringify(error)},"errorSource":${JSON.stringify(errorSource)},`;
      return `${JSON.stringify(refId)}:{"status":${status},${failure}"frames":[${frames.join(',')}]}`;
    });
    send(response, failed ? 207 : 200, 'application/json', `{"results":{${results.join(',')}}}`);
  }

  /** As Grafana's settings page gets it: secrets are named, never sent. */
  function sendDatasource(response: ServerResponse): void {
    const { storeUrl, tenant, environment } = config;
    const settings = {
      id: 1,
      uid: DATASOURCE_UID,
      orgId: 1,
      name: DATASOURCE_NAME,
      type: pluginContext.pluginId,
      access: 'proxy',
      url: storeUrl,
      isDefault: true,
      readOnly: true,
      jsonData: { tenant, environment },
      secureJsonFields: { readToken: true },
      version: 1,
    };
    send(response, 200, 'application/json', JSON.stringify(settings));
  }

  async function answerHealth(response: ServerResponse): Promise<void> {
    const plugin = await backend();
    const health = await plugin.checkHealth(CheckHealthRequest.fromPartial({ pluginContext }));
    const ok = health.status === CheckHealthResponse_HealthStatus.OK;
    const details: unknown = JSON.parse(health.jsonDetails.toString() || '{}');
    const body = JSON.stringify({ status: ok ? 'OK' : 'ERROR', message: health.message, details });
    send(response, ok ? 200 : 400, 'application/json', body);
  }

  async function answerResource(request: IncomingMessage, response: ServerResponse, url: string): Promise<void> {
    const body = await readBody(request);
    const plugin = await backend();
    const path = url.replace(/\?.*$/s, '');
    const answer = await plugin.callResource(
      CallResourceRequest.fromPartial({ pluginContext, method: request.method ?? 'GET', path, url, body })
    );
    send(response, answer.status, answer.headers.get('content-type') ?? 'application/octet-stream', answer.body);
  }

  async function sendHealthz(response: ServerResponse): Promise<void> {
    const plugin = await backend();
    if (!(await plugin.ping())) throw new HttpError(503, 'the datasource backend does not serve');
    send(response, 200, 'text/plain', 'ok\n');
  }

  return (request: IncomingMessage, response: ServerResponse): void => {
    route(request, response).catch((error: unknown) => {
      if (response.headersSent || response.destroyed) return;
      const status = error instanceof HttpError ? error.status : 503;
      const message = error instanceof Error ? error.message : String(error);
      if (status === 503) logger.error({ err: error, path: request.url }, 'request failed');
      // The rest of a body that is too large stays unread.
      if (status === 413) response.setHeader('Connection', 'close');
      send(response, status, 'application/json', JSON.stringify({ message }));
    });
  };
}

/** Only pages of this machine: another site's page must not read it under a name of its own (DNS rebinding), or post to it. */
function checkCaller(request: IncomingMessage): void {
  const host = hostName(`http://${request.headers.host ?? ''}`);
  if (!LOCAL_NAMES.has(host)) throw new HttpError(403, 'the Host header names another host; use http://127.0.0.1');
  const { origin } = request.headers;
  if (origin !== undefined && !LOCAL_NAMES.has(hostName(origin))) {
    throw new HttpError(403, 'pages of other sites may not call the workbench');
  }
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new HttpError(400, 'the path is badly encoded');
  }
}

const LOCAL_NAMES = new Set(['127.0.0.1', 'localhost', '[::1]']);

function hostName(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : '';
}

const queryRequest = z.object({
  from: z.unknown(),
  to: z.unknown(),
  queries: z
    .array(
      z.looseObject({
        refId: z.string().default('A'),
        queryType: z.string().default(''),
        intervalMs: z.number().min(0).default(0),
        maxDataPoints: z.number().min(0).default(0),
      })
    )
    .min(1)
    .max(200),
});

function parseQueryRequest(body: Buffer) {
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8'));
  } catch {
    throw new HttpError(400, 'the body is no JSON');
  }
  const parsed = queryRequest.safeParse(json);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new HttpError(400, problems.join('; '));
  }
  const now = Date.now();
  const fromMs = parseTime(parsed.data.from, now);
  const toMs = parseTime(parsed.data.to, now);
  if (fromMs === undefined || toMs === undefined || fromMs > toMs) {
    throw new HttpError(400, 'from, to: give epoch milliseconds or now-<n><s|m|h|d|w>, from before to');
  }
  return { queries: parsed.data.queries, fromMs, toMs };
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MAX_BODY_BYTES) throw new HttpError(413, `the body is larger than ${MAX_BODY_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function send(response: ServerResponse, status: number, contentType: string, body: string | Buffer): void {
  response.writeHead(status, {
    'Content-Type': contentType,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(body);
}
