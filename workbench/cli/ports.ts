import { readFileSync } from 'node:fs';
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

/** Where the kernel lets programs without privileges listen; 1024 on most machines. */
export function firstUnprivilegedPort(): number {
  return Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'latin1'));
}

/**
 * @throws CliError PORT_TAKEN naming every taken port, its purpose and the option; PORT_FORBIDDEN for ports that need
 * privileges: services have none, whoever starts them
 */
export async function requireFreePorts(
  uses: readonly PortUse[],
  firstAllowed: number = firstUnprivilegedPort()
): Promise<void> {
  const forbidden = uses.filter(({ port }) => port < firstAllowed);
  if (forbidden.length > 0) {
    throw new CliError(
      'PORT_FORBIDDEN',
      `ports below ${firstAllowed} need root, and these run without its privileges even when root starts them: ` +
        `${listed(forbidden)}; take --port-base ${firstAllowed} or higher`
    );
  }
  const taken = await takenPorts(uses);
  if (taken.length === 0) return;
  throw new CliError(
    'PORT_TAKEN',
    `another program listens on port ${listed(taken)}; end it, or move all ports with --port-base N`
  );
}

export function listed(uses: readonly PortUse[]): string {
  return uses.map(({ port, purpose }) => `${port} (${purpose})`).join(', ');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
