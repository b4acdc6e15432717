import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client';

/** What the capture worker and the exporter report about themselves; every drop with its reason. */
export interface AgentStatus {
  readonly rung: string;
  /** Cumulative counts since the start. */
  readonly events: Readonly<Record<string, number>>;
  readonly drops: Readonly<Record<string, number>>;
  readonly links: Readonly<Record<string, number>>;
  readonly exported: { readonly rows: number; readonly acknowledgedRows: number; readonly rejectedRows: number };
  /** Current sizes: open flows, requests without answer, queued bytes. */
  readonly gauges: Readonly<Record<string, number>>;
}

/**
 * Serves /metrics (Prometheus text) and /healthz. Loopback unless told otherwise.
 * @param status read at each scrape
 */
export async function serveMetrics(
  host: string,
  port: number,
  status: () => AgentStatus
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'throughline_agent_' });
  const cumulative = (
    name: string,
    help: string,
    label: string,
    read: (now: AgentStatus) => Readonly<Record<string, number>>
  ) =>
    new Counter({
      name: `throughline_agent_${name}`,
      help,
      labelNames: [label],
      registers: [registry],
      collect() {
        this.reset();
        for (const [key, count] of Object.entries(read(status()))) this.inc({ [label]: key }, count);
      },
    });
  cumulative('events_total', 'Events and exchanges seen, by kind', 'kind', (now) => now.events);
  cumulative('dropped_total', 'What was seen but not kept, by reason', 'reason', (now) => now.drops);
  cumulative('links_total', 'Calls by the evidence that joined them to their cause', 'evidence', (now) => now.links);
  cumulative('exported_rows_total', 'Rows handed to ingest, by outcome', 'outcome', (now) => ({
    sent: now.exported.rows,
    acknowledged: now.exported.acknowledgedRows,
    rejected: now.exported.rejectedRows,
  }));
  new Gauge({
    name: 'throughline_agent_size',
    help: 'Current sizes, by what is measured',
    labelNames: ['what'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [what, size] of Object.entries(status().gauges)) this.set({ what }, size);
    },
  });
  new Gauge({
    name: 'throughline_agent_rung_info',
    help: 'Rung of the capability ladder in use',
    labelNames: ['rung'],
    registers: [registry],
    collect() {
      this.reset();
      this.set({ rung: status().rung }, 1);
    },
  });

  const server: Server = createServer((request, response) => {
    if (request.url === '/healthz') {
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ status: 'ok', rung: status().rung }));
    } else if (request.url === '/metrics') {
      registry.metrics().then(
        (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
        (error: unknown) => response.writeHead(500).end(String(error))
      );
    } else {
      response.writeHead(404).end('There are /metrics and /healthz.\n');
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        cause.code === 'EADDRINUSE'
          ? new Error(
              `AGENT_PORT_TAKEN: ${host}:${port} is taken; choose another with THROUGHLINE_AGENT_METRICS_PORT`,
              { cause }
            )
          : cause
      )
    );
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
