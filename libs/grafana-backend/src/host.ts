import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { credentials, type ServiceError } from '@grpc/grpc-js';
import { GrafanaBackendError } from './errors.ts';
import { GRPCControllerClient } from './gen/goplugin.ts';
import { HealthCheckResponse_ServingStatus, HealthClient } from './gen/health.ts';
import {
  type CallResourceRequest,
  type CheckHealthRequest,
  type CheckHealthResponse,
  DataClient,
  DiagnosticsClient,
  type QueryDataRequest,
  type QueryDataResponse,
  ResourceClient,
} from './gen/pluginv2.ts';
import { type Address, parseHandshake } from './handshake.ts';

/** The host's side: starts a plugin as Grafana does and calls it. Used by the workbench and by tests. */

export interface StartOptions {
  readonly args?: readonly string[];
  /** Added to what the handshake needs; nothing else of this process's environment reaches the plugin. */
  readonly env?: Readonly<Record<string, string>>;
  readonly onLogLine?: (line: string) => void;
  readonly timeoutMs?: number;
}

export interface ResourceResponse {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

const START_TIMEOUT_MS = 60_000;
const SHUTDOWN_TIMEOUT_MS = 2_000;

export class PluginProcess {
  readonly pid: number;
  /** Resolves when the process has ended, whoever ended it. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly #child: ChildProcess;
  readonly #health: HealthClient;
  readonly #controller: GRPCControllerClient;
  readonly #data: DataClient;
  readonly #diagnostics: DiagnosticsClient;
  readonly #resource: ResourceClient;

  constructor(child: ChildProcess, exited: PluginProcess['exited'], { network, address }: Address) {
    this.pid = child.pid!;
    this.exited = exited;
    this.#child = child;
    const target = network === 'unix' ? `unix:${address}` : address;
    const channel = credentials.createInsecure();
    const options = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 };
    this.#health = new HealthClient(target, channel, options);
    this.#controller = new GRPCControllerClient(target, channel, options);
    this.#data = new DataClient(target, channel, options);
    this.#diagnostics = new DiagnosticsClient(target, channel, options);
    this.#resource = new ResourceClient(target, channel, options);
  }

  async ping(): Promise<boolean> {
    const { status } = await unary<{ status: number }>((done) => this.#health.check({ service: 'plugin' }, done));
    return status === HealthCheckResponse_ServingStatus.SERVING;
  }

  checkHealth(request: CheckHealthRequest): Promise<CheckHealthResponse> {
    return unary((done) => this.#diagnostics.checkHealth(request, done));
  }

  async collectMetrics(): Promise<string> {
    const response = await unary<{ metrics: { prometheus: Buffer } | undefined }>((done) =>
      this.#diagnostics.collectMetrics({ pluginContext: undefined }, done)
    );
    return response.metrics?.prometheus.toString() ?? '';
  }

  queryData(request: QueryDataRequest, signal?: AbortSignal): Promise<QueryDataResponse> {
    return unary((done) => {
      const call = this.#data.queryData(request, done);
      signal?.addEventListener('abort', () => call.cancel(), { once: true });
      return call;
    });
  }

  async callResource(request: CallResourceRequest): Promise<ResourceResponse> {
    let status = 0;
    const headers = new Map<string, string>();
    const parts: Buffer[] = [];
    for await (const message of this.#resource.callResource(request) as AsyncIterable<{
      code: number;
      headers: Map<string, { values: string[] }>;
      body: Buffer;
    }>) {
      if (parts.length === 0) {
        status = message.code;
        for (const [name, { values }] of message.headers) headers.set(name.toLowerCase(), values.join(', '));
      }
      parts.push(message.body);
    }
    return { status, headers, body: Buffer.concat(parts) };
  }

  /** Asks, waits 2 s, then kills, as go-plugin does. */
  async shutdown(): Promise<void> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), SHUTDOWN_TIMEOUT_MS);
    // The plugin may be gone before its answer is out.
    await unary((done) => this.#controller.shutdown({}, done)).catch(() => undefined);
    await this.exited;
    clearTimeout(timer);
    for (const client of [this.#health, this.#controller, this.#data, this.#diagnostics, this.#resource]) {
      client.close();
    }
  }
}

/** @throws GRAFANA_PLUGIN_START_FAILED with what the plugin printed, where it ends or stays silent */
export async function startPlugin(command: string, options: StartOptions = {}): Promise<PluginProcess> {
  const child = spawn(command, options.args ?? [], {
    env: {
      grafana_plugin_type: 'datasource',
      PLUGIN_MIN_PORT: '10000',
      PLUGIN_MAX_PORT: '25000',
      PLUGIN_PROTOCOL_VERSIONS: '2',
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', () => resolve({ code: null, signal: null }));
  });
  const recentLines: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (recentLines.push(line) > 20) recentLines.shift();
    options.onLogLine?.(line);
  });
  const timeoutMs = options.timeoutMs ?? START_TIMEOUT_MS;
  const line = await new Promise<string | undefined>((resolve) => {
    const timer = setTimeout(() => resolve(undefined), timeoutMs);
    createInterface({ input: child.stdout }).once('line', (first) => {
      clearTimeout(timer);
      resolve(first);
    });
    void exited.then(() => {
      clearTimeout(timer);
      // Lines that were written last are still on their way.
      setTimeout(() => resolve(undefined), 50);
    });
  });
  const address = line === undefined ? undefined : parseHandshake(line);
  if (!address) {
    child.kill('SIGKILL');
    const said = line === undefined ? `said nothing within ${timeoutMs} ms or ended` : `said ${JSON.stringify(line)}`;
    throw new GrafanaBackendError(
      'GRAFANA_PLUGIN_START_FAILED',
      `${command} ${said}; its last lines: ${recentLines.join('\n')}`
    );
  }
  return new PluginProcess(child, exited, address);
}

function unary<Response>(
  call: (done: (error: ServiceError | null, response: Response) => void) => unknown
): Promise<Response> {
  return new Promise((resolve, reject) => {
    call((error, response) => (error ? reject(error) : resolve(response)));
  });
}
