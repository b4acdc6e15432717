import { setMaxListeners } from 'node:events';
import { type Metadata, type Server, type ServerWritableStream, status } from '@grpc/grpc-js';
import { encodeFrame } from './encode.ts';
import { toQueryError } from './errors.ts';
import {
  CheckHealthResponse_HealthStatus,
  DataFrameFormat,
  type DataQuery as WireQuery,
  type DataResponse,
  type DataServer,
  DataService,
  type DiagnosticsServer,
  DiagnosticsService,
  PluginContext,
  type ResourceServer,
  ResourceService,
  type StreamServer,
  StreamService,
  StreamStatus,
} from './gen/pluginv2.ts';
import { type Logger } from './log.ts';
import {
  type CallContext,
  type DataQuery,
  type DataSourcePlugin,
  type FrameFormat,
  type ResourceAnswer,
} from './plugin.ts';

/** The pluginv2 services on top of a DataSourcePlugin. */
export function addPluginServices(server: Server, plugin: DataSourcePlugin, logger: Logger): void {
  server.addService(DataService, dataService(plugin, logger));
  server.addService(DiagnosticsService, diagnosticsService(plugin, logger));
  server.addService(ResourceService, resourceService(plugin, logger));
  server.addService(StreamService, idleStreamService());
}

/** Part of a gRPC server call that all kinds share. */
interface Cancellable {
  readonly metadata: Metadata;
  on(event: 'cancelled', listener: () => void): unknown;
}

function callContext(
  call: Cancellable,
  plugin: PluginContext | undefined,
  headers: ReadonlyMap<string, string>,
  format: FrameFormat
): CallContext {
  const abort = new AbortController();
  // All queries of a request listen to it.
  setMaxListeners(0, abort.signal);
  call.on('cancelled', () => abort.abort());
  return { plugin: plugin ?? PluginContext.fromPartial({}), headers, format, signal: abort.signal };
}

function dataService(plugin: DataSourcePlugin, logger: Logger): DataServer {
  return {
    queryData: (call, answer) => {
      const { request } = call;
      const format = formatOf(request.format);
      const context = callContext(call, request.pluginContext, request.headers, format);
      const queries = request.queries.map(async (query): Promise<[string, DataResponse]> => {
        return [query.refId, await answerQuery(plugin, query, context, logger)];
      });
      void Promise.all(queries).then((responses) => {
        if (context.signal.aborted) answer({ code: status.CANCELLED, details: 'cancelled by the host' });
        else answer(null, { responses: new Map(responses) });
      });
    },

    queryChunkedData: (call) => {
      const { request } = call;
      const context = callContext(call, request.pluginContext, request.headers, formatOf(request.format));
      const queries = request.queries.map(async (query) => {
        const response = await answerQuery(plugin, query, context, logger);
        const { error, status: code, errorSource, format } = response;
        const common = { refId: query.refId, error, status: code, errorSource, format };
        if (response.frames.length === 0) await write(call, { ...common, frameId: '', frame: Buffer.alloc(0) });
        for (const [index, frame] of response.frames.entries()) {
          await write(call, { ...common, frameId: String(index), frame });
        }
      });
      void Promise.all(queries).then(() => call.end());
    },
  };
}

/** Never rejects: a failure is the answer of this query. */
async function answerQuery(
  plugin: DataSourcePlugin,
  wire: WireQuery,
  context: CallContext,
  logger: Logger
): Promise<DataResponse> {
  const response: DataResponse = {
    frames: [],
    error: '',
    jsonMeta: Buffer.alloc(0),
    status: 200,
    errorSource: '',
    format: context.format === 'json' ? DataFrameFormat.JSON : DataFrameFormat.ARROW,
  };
  try {
    const { frames } = await plugin.queryData(toQuery(wire), context);
    // Encoding finds frames the host could not decode, which would fail every query of the request.
    response.frames = frames.map((frame) => encodeFrame(frame, context.format, wire.refId));
  } catch (error) {
    const failure = toQueryError(error);
    response.error = failure.message;
    response.status = failure.status;
    response.errorSource = failure.source;
    if (!context.signal.aborted) {
      const isOurs = failure.source === 'plugin';
      logger.log(isOurs ? 'error' : 'debug', 'query failed', {
        refID: wire.refId,
        dsUID: context.plugin.dataSourceInstanceSettings?.uid,
        status: failure.status,
        errorSource: failure.source,
        // What a store says of a query repeats the query's text, which belongs in no log.
        ...(isOurs && { error: failure }),
      });
    }
  }
  return response;
}

function toQuery(wire: WireQuery): DataQuery {
  return {
    refId: wire.refId,
    queryType: wire.queryType,
    json: wire.json.toString('utf8'),
    fromMs: Number(wire.timeRange?.fromEpochMS ?? 0n),
    toMs: Number(wire.timeRange?.toEpochMS ?? 0n),
    intervalMs: Number(wire.intervalMS),
    maxDataPoints: Number(wire.maxDataPoints),
  };
}

function formatOf(format: DataFrameFormat): FrameFormat {
  return format === DataFrameFormat.JSON ? 'json' : 'arrow';
}

function diagnosticsService(plugin: DataSourcePlugin, logger: Logger): DiagnosticsServer {
  return {
    checkHealth: (call, answer) => {
      const { request } = call;
      plugin.checkHealth(callContext(call, request.pluginContext, request.headers, 'json')).then(
        ({ ok, message, details }) =>
          answer(null, {
            status: ok ? CheckHealthResponse_HealthStatus.OK : CheckHealthResponse_HealthStatus.ERROR,
            message,
            jsonDetails: Buffer.from(JSON.stringify(details ?? {})),
          }),
        (error: unknown) => {
          logger.log('error', 'health check failed', { error });
          answer(null, {
            status: CheckHealthResponse_HealthStatus.ERROR,
            message: toQueryError(error).message,
            jsonDetails: Buffer.from('{}'),
          });
        }
      );
    },
    collectMetrics: (_call, answer) => answer(null, { metrics: { prometheus: Buffer.from(plugin.collectMetrics()) } }),
  };
}

/** Bodies go out in pieces, so that none comes near the host's limit for a message. */
const RESOURCE_CHUNK_BYTES = 1 << 20;

function resourceService(plugin: DataSourcePlugin, logger: Logger): ResourceServer {
  return {
    callResource: (call) => {
      const { request } = call;
      const headers = new Map(Array.from(request.headers, ([name, list]) => [name, list.values.join(', ')]));
      const url = new URL(request.url || request.path, 'http://plugin/');
      const context = callContext(call, request.pluginContext, headers, 'json');
      plugin
        .callResource(
          {
            method: request.method,
            path: request.path.replace(/^\/+/, '').replace(/\?.*$/, ''),
            query: url.searchParams,
            body: request.body,
          },
          context
        )
        .catch((error: unknown): ResourceAnswer => {
          const failure = toQueryError(error);
          if (failure.source === 'plugin') logger.log('error', 'resource call failed', { path: request.path, error });
          const body = JSON.stringify({ message: failure.message });
          return { status: failure.status, contentType: 'application/json', body };
        })
        .then(async (answer) => {
          const body = Buffer.from(answer.body as Uint8Array);
          const first = body.subarray(0, RESOURCE_CHUNK_BYTES);
          const answerHeaders = new Map([['Content-Type', { values: [answer.contentType] }]]);
          await write(call, { code: answer.status, headers: answerHeaders, body: first });
          for (let start = RESOURCE_CHUNK_BYTES; start < body.length; start += RESOURCE_CHUNK_BYTES) {
            const part = body.subarray(start, start + RESOURCE_CHUNK_BYTES);
            await write(call, { code: answer.status, headers: new Map(), body: part });
          }
          call.end();
        })
        .catch((error: unknown) => logger.log('warn', 'resource answer was not delivered', { error }));
    },
  };
}

/** No channels yet: every subscription is refused, nothing is streamed. */
function idleStreamService(): StreamServer {
  const noData = Buffer.alloc(0);
  return {
    subscribeStream: (_call, answer) => answer(null, { status: StreamStatus.NOT_FOUND, data: noData }),
    publishStream: (_call, answer) => answer(null, { status: StreamStatus.PERMISSION_DENIED, data: noData }),
    runStream: (call) => call.end(),
  };
}

/** Waits where the host reads slower than we write; gives up with the call. */
function write<Request, Response>(call: ServerWritableStream<Request, Response>, message: Response): Promise<void> {
  if (call.cancelled || call.write(message)) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      call.off('drain', done);
      call.off('cancelled', done);
      resolve();
    };
    call.once('drain', done);
    call.once('cancelled', done);
  });
}
