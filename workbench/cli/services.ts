import { join } from 'node:path';
import { type DemoHost, type UserIds } from '../demo/index.ts';
import { PROJECT_ROOT, type Instance, type Tokens } from './instance.ts';
import { portsOf, type Ports } from './ports.ts';

/** What an instance consists of: one process each, configured by its environment. */
export interface Service {
  readonly name: string;
  readonly file: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Answers 200 once the service works. */
  readonly readyUrl: string;
  /** Keeps root's capabilities where root starts it. */
  readonly privileged: boolean;
  /** Command prefix that brings it, and whoever asks whether it is ready, into a network of its own. */
  readonly entry: readonly string[];
}

export interface ServiceContext {
  readonly instance: Instance;
  readonly tokens: Tokens;
  readonly user: UserIds;
}

const LOOPBACK = '127.0.0.1';

export function storeUrl(ports: Ports): string {
  return `http://${LOOPBACK}:${ports.store}`;
}

export function workbenchUrl(ports: Ports): string {
  return `http://${LOOPBACK}:${ports.workbench}`;
}

export function storeService({ instance, tokens }: ServiceContext): Service {
  const ports = portsOf(instance.portBase);
  return service('store', 'store/src/main.ts', `${storeUrl(ports)}/ping`, {
    THROUGHLINE_STORE_PATH: instance.storeDirectory,
    THROUGHLINE_STORE_HOST: LOOPBACK,
    THROUGHLINE_STORE_PORT: String(ports.store),
    THROUGHLINE_STORE_READ_TOKEN: tokens.read,
    THROUGHLINE_STORE_WRITE_TOKEN: tokens.write,
    THROUGHLINE_STORE_ADMIN_TOKEN: tokens.admin,
    // Set from outside, the store does not have to start itself a second time.
    UV_THREADPOOL_SIZE: '32',
  });
}

export function ingestService({ instance, tokens }: ServiceContext): Service {
  const ports = portsOf(instance.portBase);
  return service('ingest', 'ingest/src/main.ts', `http://${LOOPBACK}:${ports.ingest}/healthz`, {
    THROUGHLINE_STORE_URL: storeUrl(ports),
    THROUGHLINE_STORE_WRITE_TOKEN: tokens.write,
    THROUGHLINE_STORE_ADMIN_TOKEN: tokens.admin,
    THROUGHLINE_INGEST_HOST: LOOPBACK,
    THROUGHLINE_INGEST_PORT: String(ports.ingest),
    THROUGHLINE_INGEST_SOCKET: instance.ingestSocket,
    THROUGHLINE_INGEST_TOKEN: tokens.ingest,
    THROUGHLINE_OTLP_HTTP_PORT: String(ports.otlpHttp),
    THROUGHLINE_OTLP_GRPC_PORT: String(ports.otlpGrpc),
  });
}

export function hostService({ instance, tokens }: ServiceContext): Service {
  const ports = portsOf(instance.portBase);
  return service('workbench', 'workbench/host/main.ts', `${workbenchUrl(ports)}/healthz`, {
    THROUGHLINE_WORKBENCH_PORT: String(ports.workbench),
    THROUGHLINE_STORE_URL: storeUrl(ports),
    THROUGHLINE_STORE_READ_TOKEN: tokens.read,
    // Set by npm run dev.
    ...(process.env['THROUGHLINE_WORKBENCH_RELOAD'] === undefined
      ? {}
      : { THROUGHLINE_WORKBENCH_RELOAD: process.env['THROUGHLINE_WORKBENCH_RELOAD'] }),
  });
}

export interface AgentOptions {
  readonly excludePids: readonly number[];
  /** Path of libbpf where the system has none. */
  readonly libbpf?: string | undefined;
  /** One of the demo's machines; without it the agent sees this machine, all network namespaces. */
  readonly host?: DemoHost;
  readonly index?: 0 | 1;
  /** The demo of an ordinary user: packets only, from inside its user namespace. */
  readonly inside?: boolean;
}

export function agentService(
  { instance, tokens }: ServiceContext,
  { excludePids, libbpf, host, index = 0, inside = false }: AgentOptions
): Service {
  const ports = portsOf(instance.portBase);
  const metricsPort = ports.agentMetrics[index];
  const environment = {
    // Inside, the machine's loopback address is another; a socket in the file system is not.
    THROUGHLINE_INGEST_URL: inside ? `unix:${instance.ingestSocket}` : `http://${LOOPBACK}:${ports.ingest}`,
    THROUGHLINE_INGEST_TOKEN: tokens.ingest,
    THROUGHLINE_AGENT_METRICS_PORT: String(metricsPort),
    THROUGHLINE_AGENT_EXCLUDE_PIDS: excludePids.join(','),
    ...(libbpf === undefined ? {} : { THROUGHLINE_LIBBPF: libbpf }),
    ...(inside ? { THROUGHLINE_AGENT_RUNG: 'af_packet' } : {}),
    ...(host === undefined
      ? {}
      : {
          THROUGHLINE_AGENT_NETNS: host.netns.join(','),
          THROUGHLINE_HOST_ID: host.id,
          THROUGHLINE_HOST_NAME: host.name,
        }),
  };
  return {
    ...service(
      host === undefined ? 'agent' : `agent-${host.name}`,
      'agent/src/main.ts',
      `http://${LOOPBACK}:${metricsPort}/healthz`,
      environment
    ),
    privileged: true,
    entry: inside && host !== undefined ? host.entry : [],
  };
}

function service(name: string, file: string, readyUrl: string, environment: Record<string, string>): Service {
  return { name, file: join(PROJECT_ROOT, file), readyUrl, environment, privileged: false, entry: [] };
}
