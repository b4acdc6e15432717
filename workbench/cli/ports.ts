import { createServer } from 'node:net';
import { DEFAULT_PORT_BASE } from '../demo/index.ts';
import { CliError } from './errors.ts';

export { DEFAULT_PORT_BASE };

export interface Ports {
  readonly workbench: number;
  readonly store: number;
  readonly ingest: number;
  /** Of the agent, or of the two agents of the demo. */
  readonly agentMetrics: readonly [number, number];
  readonly otlpGrpc: number;
  readonly otlpHttp: number;
  readonly gateway: number;
}

export function portsOf(base: number): Ports {
  return {
    workbench: base,
    store: base + 1,
    ingest: base + 2,
    agentMetrics: [base + 3, base + 4],
    otlpGrpc: base + 17,
    otlpHttp: base + 18,
    gateway: base + 80,
  };
}

export interface PortUse {
  readonly port: number;
  readonly purpose: string;
}

/** Ports of a kind of instance, with what each is for. */
export function portUses(base: number, { agents, gateway }: { agents: number; gateway: boolean }): PortUse[] {
  const ports = portsOf(base);
  return [
    { port: ports.workbench, purpose: 'workbench' },
    { port: ports.store, purpose: 'store' },
    { port: ports.ingest, purpose: 'ingest' },
    ...ports.agentMetrics.slice(0, agents).map((port) => ({ port, purpose: "agent's metrics" })),
    { port: ports.otlpGrpc, purpose: 'OTLP over gRPC' },
    { port: ports.otlpHttp, purpose: 'OTLP over HTTP' },
    ...(gateway ? [{ port: ports.gateway, purpose: "demo's gateway" }] : []),
  ];
}

export async function takenPorts(uses: readonly PortUse[]): Promise<PortUse[]> {
  const free = await Promise.all(uses.map(({ port }) => isFree(port)));
  return uses.filter((_, i) => !free[i]);
}

/** @throws CliError PORT_TAKEN naming every taken port, its purpose and the option */
export async function requireFreePorts(uses: readonly PortUse[]): Promise<void> {
  const taken = await takenPorts(uses);
  if (taken.length === 0) return;
  const list = taken.map(({ port, purpose }) => `${port} (${purpose})`).join(', ');
  throw new CliError(
    'PORT_TAKEN',
    `another program listens on port ${list}; end it, or move all ports with --port-base N`
  );
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
