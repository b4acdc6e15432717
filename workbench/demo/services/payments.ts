// Payments: one event loop. It authorises a payment and has it booked by the ledger.
import { type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import { SpanStatusCode, trace } from '@opentelemetry/api';
import { Control } from '../control/server.ts';
import { startTelemetry } from './payments-telemetry.ts';

const stopTelemetry = startTelemetry(process.env['SHOP_OTLP_TRACES_URL']);
// Loaded by require and after the SDK, which replaces its functions on loading.
const http = createRequire(import.meta.url)('node:http') as typeof import('node:http');

const LEDGER = `http://ledger.zone-b.${process.env['SHOP_DOMAIN']}:8080`;
const MAX_BODY_BYTES = 65_536;
const STOP_MS = 500;
const AUTHORISE_MS = 2;
// At the default load a checkout comes about every 250 ms: a good share of them find the provider taken.
const LIMITED_AUTHORISE_MS = 300;
const LIMITED_CONCURRENCY = 1;

interface Answer {
  readonly status: number;
  readonly value: unknown;
}

/** With `errors-503` the provider behind payments takes one authorisation at a time, and slowly. */
const control = new Control(['errors-503']);
const tracer = trace.getTracer('payments');
// A connection and a name lookup for every call, as many programs do.
const ledgerAgent = new http.Agent({ keepAlive: false });
let authorising = 0;

async function authorise(reference: string, amountCents: number): Promise<boolean> {
  const limited = control.isOn('errors-503');
  return tracer.startActiveSpan('authorise', { attributes: { 'payment.amount_cents': amountCents } }, async (span) => {
    try {
      if (limited && authorising >= LIMITED_CONCURRENCY) {
        span.setStatus({ code: SpanStatusCode.ERROR, message: 'provider busy' });
        return false;
      }
      authorising += 1;
      try {
        await delay(limited ? LIMITED_AUTHORISE_MS : AUTHORISE_MS);
      } finally {
        authorising -= 1;
      }
      span.addEvent('authorised', { 'payment.reference': reference });
      return true;
    } finally {
      span.end();
    }
  });
}

function callLedger(call: string, method: string, path: string, from: IncomingMessage, body?: string): Promise<Answer> {
  const headers: Record<string, string> = {};
  for (const name of ['x-request-id', 'x-truth']) {
    const value = from.headers[name];
    if (typeof value === 'string') headers[name] = value;
  }
  if (body !== undefined) headers['content-type'] = 'application/json';
  return new Promise<Answer>((resolve, reject) => {
    const request = http.request(
      LEDGER + path,
      { method, headers, agent: ledgerAgent, timeout: 10_000 },
      (response) => {
        readBody(response).then((text) => {
          const status = response.statusCode ?? 502;
          control.called(call, String(status));
          resolve({ status, value: JSON.parse(text) as unknown });
        }, fail);
      }
    );
    function fail(error: NodeJS.ErrnoException): void {
      control.called(call, error.code ?? error.name);
      reject(error);
    }
    request.once('timeout', () => request.destroy(new Error('ledger did not answer within 10 s')));
    request.once('error', fail);
    request.end(body);
  });
}

async function readBody(message: IncomingMessage): Promise<string> {
  let text = '';
  message.setEncoding('utf8');
  for await (const chunk of message) {
    text += chunk as string;
    if (text.length > MAX_BODY_BYTES) throw new Error(`body over ${MAX_BODY_BYTES} bytes`);
  }
  return text;
}

async function pay(request: IncomingMessage): Promise<Answer> {
  const order = JSON.parse(await readBody(request)) as { cart?: unknown; amountCents?: unknown };
  if (typeof order.cart !== 'string' || !Number.isSafeInteger(order.amountCents)) {
    return { status: 400, value: { error: 'expected cart and amountCents' } };
  }
  const amountCents = Number(order.amountCents);
  if (!(await authorise(order.cart, amountCents))) return { status: 503, value: { error: 'provider busy' } };
  const entry = JSON.stringify({ reference: order.cart, amountCents });
  const booked = await callLedger('ledger POST /entries', 'POST', '/entries', request, entry);
  if (booked.status !== 201) return { status: 502, value: { error: `ledger answered ${booked.status}` } };
  return { status: 201, value: { reference: order.cart, state: 'paid' } };
}

async function route(
  method: string,
  path: string,
  request: IncomingMessage
): Promise<{ name: string; answer: Answer }> {
  if (method === 'POST' && path === '/payments') return { name: 'POST /payments', answer: await pay(request) };
  const reference = /^\/payments\/([\w-]{1,64})$/.exec(path)?.[1];
  if (method === 'GET' && reference !== undefined) {
    const answer = await callLedger('ledger GET /entries/{id}', 'GET', `/entries/${reference}`, request);
    return { name: 'GET /payments/{id}', answer };
  }
  return { name: `${method} /${path.split('/')[1]}`, answer: { status: 404, value: { error: 'no such path' } } };
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const method = request.method ?? 'GET';
  const path = (request.url ?? '/').split('?')[0] ?? '/';
  let name: string;
  let answer: Answer;
  try {
    ({ name, answer } = await route(method, path, request));
  } catch (error) {
    console.error(`${method} ${path}:`, error);
    name = path === '/payments' ? `${method} /payments` : `${method} /payments/{id}`;
    answer = { status: 502, value: { error: error instanceof Error ? error.message : String(error) } };
  }
  control.received(name, answer.status);
  const requestId = request.headers['x-request-id'];
  if (requestId !== undefined) response.setHeader('x-request-id', requestId);
  response.writeHead(answer.status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(answer.value));
}

control.listen('control/payments.sock');
// Longer than the callers' pools keep a connection, so that they, not we, end it.
const server = http.createServer({ keepAliveTimeout: 65_000 }, (request, response) => void serve(request, response));
server.listen(8080, '0.0.0.0');

process.once('SIGTERM', () => {
  server.close();
  // The collector may be gone already; a span not sent must not hold up the end.
  void Promise.race([stopTelemetry(), delay(STOP_MS)]).finally(() => process.exit(0));
});
