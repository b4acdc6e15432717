import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { type AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import http from 'node:http';
import { fileURLToPath } from 'node:url';
import { zstdCompressSync } from 'node:zlib';
import { startStore } from '@throughline/testkit';
import { agent, otlpService } from '@throughline/wire';
import { type Figure, cpuSeconds, publish, quantile, residentMiB } from './report.ts';
import { randoms, shopBatch } from './rows.ts';

/**
 * The real ingest before the real store: spans a CPU second of ingest stores and acknowledges, over OTLP and over the agent's
 * protocol. Windows alternate, so that what else the machine does meets both. What was acknowledged is counted in the store.
 *
 *   node bench/ingest.ts [--seconds 3] [--windows 4]
 */

const argument = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const SECONDS = argument('seconds', 3);
const WINDOWS = argument('windows', 4);
const SENDERS = 6;
const AGENT_ROWS = 10_000;
const OTLP_SPANS = 2_000;
const TOKEN = 'bench';

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const keepAlive = new http.Agent({ keepAlive: true, maxSockets: SENDERS });

function post(port: number, path: string, body: Uint8Array, headers: Record<string, string>): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        host: '127.0.0.1',
        port,
        path,
        method: 'POST',
        agent: keepAlive,
        headers: { 'content-type': 'application/x-protobuf', 'content-length': body.length, ...headers },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          if (response.statusCode === 200) resolve();
          else reject(new Error(`${path}: ${response.statusCode} ${Buffer.concat(chunks).toString()}`));
        });
        response.on('error', reject);
      }
    );
    request.on('error', reject);
    request.end(body);
  });
}

const random = randoms(7);
const randomBytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));
const text = (key: string, value: string) => ({ key, value: { stringValue: value } });

/** As an SDK of a Node or Java service sends: server and client spans with the attributes of the semantic conventions. */
function otlpSpans(count: number): Uint8Array {
  const services = ['gateway', 'catalog', 'checkout', 'payments'];
  const startNs = BigInt(Date.now()) * 1_000_000n;
  return otlpService.ExportTraceServiceRequest.encode(
    otlpService.ExportTraceServiceRequest.fromPartial({
      resourceSpans: services.map((service) => ({
        resource: {
          attributes: [
            text('service.name', service),
            text('service.version', '1.4.2'),
            text('host.name', 'shop-a'),
            text('telemetry.sdk.language', 'nodejs'),
          ],
        },
        scopeSpans: [
          {
            scope: { name: '@opentelemetry/instrumentation-http', version: '0.57.0' },
            spans: Array.from({ length: count / services.length }, (_, i) => ({
              traceId: randomBytes(16),
              spanId: randomBytes(8),
              parentSpanId: i % 3 === 0 ? Buffer.alloc(0) : randomBytes(8),
              name: `GET /api/products/{id}`,
              kind: 2 + (i % 2),
              startTimeUnixNano: startNs + BigInt(i) * 10_000n,
              endTimeUnixNano: startNs + BigInt(i) * 10_000n + 4_000_000n,
              attributes: [
                text('http.request.method', 'GET'),
                text('url.path', `/api/products/${i % 500}`),
                text('url.scheme', 'http'),
                text('server.address', `${service}.shop.internal`),
                { key: 'server.port', value: { intValue: 8080n } },
                { key: 'http.response.status_code', value: { intValue: 200n } },
                text('http.route', '/api/products/{id}'),
                text('network.peer.address', '10.0.0.7'),
              ],
              status: { code: 0 },
            })),
          },
        ],
      })),
    })
  ).finish();
}

interface Kind {
  readonly name: string;
  readonly rows: number;
  readonly target: string;
  /** The next request body: no two are alike, for ingest drops repeats. Made between windows. */
  body(number: number): Uint8Array;
  send(body: Uint8Array): Promise<void>;
}

const store = await startStore();
const [port, otlpHttpPort, otlpGrpcPort] = [await freePort(), await freePort(), await freePort()];
const ingest: ChildProcess = spawn(
  process.execPath,
  [fileURLToPath(new URL('../ingest/src/main.ts', import.meta.url))],
  {
    env: {
      PATH: process.env.PATH,
      THROUGHLINE_STORE_URL: store.url,
      THROUGHLINE_STORE_WRITE_TOKEN: store.writeToken,
      THROUGHLINE_STORE_ADMIN_TOKEN: store.adminToken,
      THROUGHLINE_INGEST_PORT: String(port),
      THROUGHLINE_OTLP_HTTP_PORT: String(otlpHttpPort),
      THROUGHLINE_OTLP_GRPC_PORT: String(otlpGrpcPort),
      THROUGHLINE_INGEST_TOKEN: TOKEN,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  }
);
try {
  const lines: string[] = [];
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: ingest.stderr! }).on('line', (line) => {
      lines.push(line);
      if (line.includes('"msg":"ready"')) resolve();
    });
    ingest.once('exit', (code) => reject(new Error(`ingest ended with ${code}: ${lines.join('\n')}`)));
  });

  const startNs = BigInt(Date.now()) * 1_000_000n;
  const agentBase = agent.Batch.encode(shopBatch(AGENT_ROWS, 1, startNs)).finish();
  const otlpBase = otlpSpans(OTLP_SPANS - 1 - ((OTLP_SPANS - 1) % 4));
  const otlpExtra = (number: number): Uint8Array =>
    otlpService.ExportTraceServiceRequest.encode(
      otlpService.ExportTraceServiceRequest.fromPartial({
        resourceSpans: [
          {
            resource: { attributes: [text('service.name', 'gateway')] },
            scopeSpans: [
              {
                spans: [
                  {
                    traceId: randomBytes(16),
                    spanId: randomBytes(8),
                    name: `extra ${number}`,
                    kind: 1,
                    startTimeUnixNano: startNs,
                    endTimeUnixNano: startNs + 1n,
                  },
                ],
              },
            ],
          },
        ],
      })
    ).finish();
  const otlpRows = OTLP_SPANS - 1 - ((OTLP_SPANS - 1) % 4) + 1;
  // Two protobuf messages one after the other are one message with the fields of both.
  const kinds: Kind[] = [
    {
      name: 'OTLP/HTTP protobuf',
      rows: otlpRows,
      target: '≥ 100,000',
      body: (number) => Buffer.concat([otlpBase, otlpExtra(number)]),
      send: (body) => post(otlpHttpPort, '/v1/traces', body, {}),
    },
    {
      name: "Agent's protocol",
      rows: AGENT_ROWS,
      target: '≥ 200,000',
      body: (number) =>
        zstdCompressSync(
          Buffer.concat([
            agentBase,
            agent.Batch.encode(agent.Batch.fromPartial({ batchNumber: BigInt(number + 1) })).finish(),
          ])
        ),
      send: (body) =>
        post(port, '/v1/agent/batches', body, { authorization: `Bearer ${TOKEN}`, 'content-encoding': 'zstd' }),
    },
  ];

  let acknowledged = 0;
  let number = 0;
  let peakMiB = 0;
  const watch = setInterval(() => (peakMiB = Math.max(peakMiB, residentMiB(ingest.pid!))), 100);
  const rates = new Map<string, number[]>();
  const latencies = new Map<string, number[]>();
  for (let window = -1; window < WINDOWS; window++) {
    for (const kind of kinds) {
      // Enough bodies for the window; the first window only warms up.
      const bodies = Array.from({ length: Math.ceil((SECONDS * 250_000) / kind.rows) }, () => kind.body(number++));
      const before = cpuSeconds(ingest.pid!);
      const started = performance.now();
      let rows = 0;
      const sender = async (): Promise<void> => {
        for (let body = bodies.pop(); body && performance.now() - started < SECONDS * 1000; body = bodies.pop()) {
          const sent = performance.now();
          await kind.send(body);
          rows += kind.rows;
          if (window >= 0) latencies.set(kind.name, [...(latencies.get(kind.name) ?? []), performance.now() - sent]);
        }
      };
      await Promise.all(Array.from({ length: SENDERS }, sender));
      acknowledged += rows;
      if (window >= 0)
        rates.set(kind.name, [...(rates.get(kind.name) ?? []), rows / (cpuSeconds(ingest.pid!) - before)]);
    }
  }
  clearInterval(watch);
  const response = await fetch(
    `${store.url}/?database=throughline&query=${encodeURIComponent('SELECT count() FROM spans')}`,
    {
      headers: { authorization: `Bearer ${store.readToken}` },
    }
  );
  const stored = Number((await response.text()).trim());
  const figures: Figure[] = kinds.flatMap((kind) => {
    const each = rates.get(kind.name)!;
    const waits = latencies.get(kind.name)!;
    return [
      {
        name: `${kind.name}: spans per CPU second of ingest`,
        value: Math.round(quantile(each, 0.5)),
        unit: 'spans/s',
        target: kind.target,
        note: `${Math.round(Math.min(...each))} to ${Math.round(Math.max(...each))} over ${WINDOWS} windows of ${SECONDS} s; stored before acknowledged`,
      },
      {
        name: `${kind.name}: request of ${kind.rows} spans, P50 / P99`,
        value: `${quantile(waits, 0.5).toFixed(0)} / ${quantile(waits, 0.99).toFixed(0)}`,
        unit: 'ms',
      },
    ];
  });
  publish({
    bench: 'ingest',
    input: `${acknowledged} spans, ${SENDERS} requests at once: OTLP of ${otlpRows} spans with eight attributes, ${(otlpBase.length / otlpRows).toFixed(0)} B each, uncompressed; agent batches of ${AGENT_ROWS} rows with two hops each, zstd; store and sender on the same processors`,
    figures: [
      ...figures,
      {
        name: 'Rows in the store of rows acknowledged',
        value: `${stored} of ${acknowledged}`,
        unit: 'rows',
        target: 'all',
      },
      { name: 'Resident memory of ingest, peak', value: Math.round(peakMiB), unit: 'MiB', target: '≤ 300' },
    ],
  });
} finally {
  ingest.kill('SIGTERM');
  await store.stop();
}
