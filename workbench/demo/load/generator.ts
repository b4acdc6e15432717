// The process that sends the load, inside the shop's network: `node generator.ts OPTIONS-AS-JSON`. It prints its report
// when it ends, and tells it at any time over its control socket ("stats").
import { rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { performance } from 'node:perf_hooks';
import { type LoadOptions, type LoadReport } from './report.ts';

const DEFAULT_RATE = 20;
const DEFAULT_CONCURRENCY = 4;
const TIMEOUT_MS = 15_000;
/** Few enough that some are found in the cache. */
const PRODUCTS = 60;
const KNOWN_REFERENCE = 'seed-1';

interface Call {
  readonly route: string;
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  /** Known to payments once this call has succeeded. */
  readonly reference?: string;
}

const { gateway, controlPath, reportPath, ...options } = JSON.parse(process.argv[2] ?? '{}') as LoadOptions & {
  gateway: string;
  controlPath?: string;
  reportPath?: string;
};
const concurrency = options.concurrency ?? DEFAULT_CONCURRENCY;
const total = options.requests ?? Infinity;
const rate = options.rate ?? (options.requests === undefined ? DEFAULT_RATE : Infinity);
const agent = new Agent({ keepAlive: true, maxSockets: concurrency });

const routes: Record<string, { sent: number; outcomes: Record<string, number> }> = {};
const times: { startedAt: string; endedAt?: string } = { startedAt: new Date().toISOString() };
let sent = 0;
let finished = 0;
let stopping = false;
let latestReference = KNOWN_REFERENCE;

/** Of ten requests: four lists, three products, two checkouts, one look at a payment. */
function nextCall(index: number): Call {
  const product = 1 + ((index * 7919) % PRODUCTS);
  const step = index % 10;
  if (step === 3 || step === 8) {
    const reference = `cart-${process.pid}-${index}`;
    const body = JSON.stringify({ cart: reference, items: [product, 1 + (product % PRODUCTS)] });
    return { route: 'POST /api/checkout', method: 'POST', path: '/api/checkout', body, reference };
  }
  if (step === 9) {
    return { route: 'GET /api/payments/{id}', method: 'GET', path: `/api/payments/${latestReference}` };
  }
  if (step % 3 === 1) {
    return { route: 'GET /api/products/{id}', method: 'GET', path: `/api/products/${product}` };
  }
  return { route: 'GET /api/products', method: 'GET', path: '/api/products' };
}

/** Resolves to the outcome: the status, or the code of the error. Never rejects. */
function send(call: Call): Promise<string> {
  return new Promise((resolve) => {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (call.body !== undefined) headers['content-type'] = 'application/json';
    if (options.truth === true) headers['x-truth'] = `${process.pid}-${sent}`;
    const outgoing = request(
      gateway + call.path,
      { method: call.method, headers, agent, timeout: TIMEOUT_MS },
      (response) => {
        response.once('end', () => resolve(String(response.statusCode)));
        response.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.name));
        response.resume();
      }
    );
    outgoing.once('timeout', () => outgoing.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })));
    outgoing.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.name));
    outgoing.end(call.body);
  });
}

async function sendOne(): Promise<void> {
  const call = nextCall(sent);
  const counts = (routes[call.route] ??= { sent: 0, outcomes: {} });
  sent += 1;
  counts.sent += 1;
  const outcome = await send(call);
  finished += 1;
  counts.outcomes[outcome] = (counts.outcomes[outcome] ?? 0) + 1;
  if (call.reference !== undefined && outcome === '201') latestReference = call.reference;
}

const started = performance.now();

/** Each worker sends one request at a time; a shared schedule keeps the rate. */
async function work(): Promise<void> {
  while (!stopping && sent < total) {
    const due = rate === Infinity ? 0 : started + (sent * 1000) / rate - performance.now();
    if (due > 0) {
      await new Promise((resolve) => setTimeout(resolve, due));
      continue;
    }
    await sendOne();
  }
}

function report(): LoadReport {
  return { pid: process.pid, ...times, sent, finished, routes };
}

function serveControl(path: string): void {
  rmSync(path, { force: true });
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    createInterface(socket).on('line', (line) => {
      socket.write((line === 'stats' ? JSON.stringify(report()) : 'error unknown command') + '\n');
    });
  });
  server.listen(path);
  server.unref();
}

if (controlPath !== undefined) serveControl(controlPath);
process.once('SIGTERM', () => {
  stopping = true;
});
await Promise.all(Array.from({ length: concurrency }, work));
times.endedAt = new Date().toISOString();
agent.destroy();
if (reportPath !== undefined) writeFileSync(reportPath, JSON.stringify(report()));
console.log(JSON.stringify(report()));
