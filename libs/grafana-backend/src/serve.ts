import { writeSync } from 'node:fs';
import { Server, type ServerWritableStream, status } from '@grpc/grpc-js';
import {
  type Empty,
  type GRPCBrokerServer,
  GRPCBrokerService,
  type GRPCControllerServer,
  GRPCControllerService,
  type GRPCStdioServer,
  GRPCStdioService,
  type StdioData,
  StdioData_Channel,
} from './gen/goplugin.ts';
import { HealthCheckResponse_ServingStatus, type HealthServer, HealthService } from './gen/health.ts';
import { checkHost, handshakeLine, listen, removeSocket } from './handshake.ts';
import { type Logger } from './log.ts';
import { type DataSourcePlugin } from './plugin.ts';
import { addPluginServices } from './services.ts';

/** As the Go SDK; grpc-js stops at 4 MB. */
const MAX_REQUEST_BYTES = 16 << 20;
/** The host kills 2 s after it asked for a shutdown. */
const SHUTDOWN_DEADLINE_MS = 1_500;
/** Stopping at once would cut off the answer to Shutdown itself. */
const SHUTDOWN_ANSWER_MS = 30;
const ORPHAN_POLL_MS = 1_000;

/** At load: a host killed right after the handshake must be noticed too. */
const hostPid = process.ppid;

type StdioStream = ServerWritableStream<Empty, StdioData>;

/**
 * Serves `plugin` to the Grafana that started this process, until that asks for a shutdown, sends SIGTERM, or is gone.
 * @throws GrafanaBackendError before anything reached stdout, where this process was not started by Grafana
 */
export async function serve(plugin: DataSourcePlugin, logger: Logger): Promise<void> {
  checkHost(process.env);
  redirectProcessMessages(logger);

  const server = new Server({
    'grpc.max_receive_message_length': MAX_REQUEST_BYTES,
    'grpc.max_send_message_length': -1,
  });
  const stdioStreams = new Set<StdioStream>();
  const cleanups = [() => server.forceShutdown()];
  let stopping = false;
  const stop = (reason: string, exitCode = 0) => {
    if (stopping) return;
    stopping = true;
    logger.log('debug', 'plugin stops', { reason });
    const exit = () => {
      for (const cleanUp of cleanups) cleanUp();
      process.exit(exitCode);
    };
    setTimeout(exit, SHUTDOWN_DEADLINE_MS);
    for (const stream of stdioStreams) stream.end();
    void plugin.close().finally(exit);
  };

  // A ^C in the host's terminal reaches the whole process group: the host decides, by Shutdown.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('uncaughtException', (error) => {
    logger.log('error', 'uncaught exception', { error });
    stop('uncaught exception', 1);
  });

  addGoPluginServices(server, stdioStreams, () => setTimeout(() => stop('Shutdown'), SHUTDOWN_ANSWER_MS));
  addPluginServices(server, plugin, logger);
  const address = await listen(server, process.env, logger);
  cleanups.push(() => removeSocket(address));
  writeSync(1, handshakeLine(address, process.env));
  redirectStdout(stdioStreams);
  // The host's death by SIGKILL sends nothing; a process without its parent has another one.
  setInterval(() => {
    if (process.ppid !== hostPid) stop('the host is gone');
  }, ORPHAN_POLL_MS).unref();
}

function addGoPluginServices(server: Server, stdioStreams: Set<StdioStream>, onShutdown: () => void): void {
  const serving = { status: HealthCheckResponse_ServingStatus.SERVING };
  server.addService(HealthService, {
    check: ({ request }, answer) => {
      if (request.service === '' || request.service === 'plugin') answer(null, serving);
      else answer({ code: status.NOT_FOUND, details: `unknown service ${request.service}` });
    },
    watch: (call) => {
      call.write(serving);
      call.on('cancelled', () => call.end());
    },
  } satisfies HealthServer);
  server.addService(GRPCControllerService, {
    shutdown: (_call, answer) => {
      answer(null, {});
      onShutdown();
    },
  } satisfies GRPCControllerServer);
  server.addService(GRPCStdioService, {
    streamStdio: (call) => {
      stdioStreams.add(call);
      call.on('cancelled', () => {
        stdioStreams.delete(call);
        call.end();
      });
    },
  } satisfies GRPCStdioServer);
  // The host opens it and never uses it.
  server.addService(GRPCBrokerService, {
    startStream: (call) => {
      call.on('data', () => undefined);
      call.on('error', () => undefined);
      call.on('end', () => call.end());
    },
  } satisfies GRPCBrokerServer);
}

/** After the handshake the host drains fd 1 and drops it; what the process prints goes by GRPCStdio. */
function redirectStdout(streams: ReadonlySet<StdioStream>): void {
  const write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    const data = Buffer.from(chunk as Uint8Array);
    for (const stream of streams) stream.write({ channel: StdioData_Channel.STDOUT, data });
    const callback = rest.find((argument) => typeof argument === 'function') as (() => void) | undefined;
    callback?.();
    return true;
  };
  process.stdout.write = write as typeof process.stdout.write;
}

/** Node prints warnings as text, which the host would log as plain debug lines. */
function redirectProcessMessages(logger: Logger): void {
  process.removeAllListeners('warning');
  process.on('warning', (warning) => logger.log('warn', 'runtime warning', { warning: warning.message }));
  process.on('unhandledRejection', (error) => logger.log('error', 'unhandled rejection', { error }));
}
