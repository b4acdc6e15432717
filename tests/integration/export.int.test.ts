import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningStore, startStore } from '@throughline/testkit';
import { SpanBatchBuilder, agent } from '@throughline/wire';
import { Exporter } from '../../agent/src/export/Exporter.ts';

/** From an agent's exporter through ingest to the store, while each of the two is killed. */

const INGEST = fileURLToPath(new URL('../../ingest/src/main.ts', import.meta.url));
const BATCHES = 60;
const ROWS = 20;

let store: RunningStore;
let ingest: ChildProcess | undefined;
let ingestPort: number;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function startIngest(): Promise<void> {
  const child = spawn(process.execPath, [INGEST], {
    env: {
      PATH: process.env['PATH'],
      THROUGHLINE_STORE_URL: store.url,
      THROUGHLINE_STORE_WRITE_TOKEN: store.writeToken,
      THROUGHLINE_STORE_ADMIN_TOKEN: store.adminToken,
      THROUGHLINE_INGEST_PORT: String(ingestPort),
      THROUGHLINE_OTLP_HTTP_PORT: '0',
      THROUGHLINE_OTLP_GRPC_PORT: '0',
      THROUGHLINE_INGEST_HOLD_MS: '20',
      THROUGHLINE_INGEST_STORE_TIMEOUT_MS: '500',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  ingest = child;
  await new Promise<void>((resolve, reject) => {
    const lines: string[] = [];
    createInterface({ input: child.stderr }).on('line', (line) => {
      lines.push(line);
      if (line.includes('"msg":"ready"')) resolve();
    });
    child.once('exit', (code) =>
      reject(new Error(`ingest ended with ${code} before it was ready:\n${lines.join('\n')}`))
    );
  });
}

async function killIngest(): Promise<void> {
  const child = ingest;
  ingest = undefined;
  if (!child || child.exitCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exited;
}

async function restartStore(): Promise<void> {
  await store.kill();
  await delay(700);
  const { readToken, writeToken, adminToken } = store;
  const again = await startStore({
    path: store.path,
    environment: {
      THROUGHLINE_STORE_PORT: new URL(store.url).port,
      THROUGHLINE_STORE_READ_TOKEN: readToken,
      THROUGHLINE_STORE_WRITE_TOKEN: writeToken,
      THROUGHLINE_STORE_ADMIN_TOKEN: adminToken,
    },
  });
  store = { ...again, readToken, writeToken, adminToken };
}

beforeAll(async () => {
  store = await startStore();
  ingestPort = await freePort();
  await startIngest();
});
afterAll(async () => {
  await killIngest();
  await store?.stop();
});

function batch(number: number): agent.Batch {
  const builder = new SpanBatchBuilder();
  for (let row = 0; row < ROWS; row++) {
    builder.append({
      timestamp: BigInt(Date.now()) * 1_000_000n,
      duration: 1_000n,
      traceId: '',
      spanId: BigInt(number * ROWS + row + 1),
      parentSpanId: undefined,
      wireParentSpanId: undefined,
      traceState: '',
      layer: 'process',
      spanKind: 'Client',
      spanName: 'GET /',
      serviceName: 'load',
      entityId: 1n,
      peerEntityId: 0n,
      peerName: '',
      peerEvidence: '',
      pid: 1,
      tid: 1,
      protocol: 'http',
      method: 'GET',
      endpoint: '/',
      target: '/',
      host: '',
      responseCode: 200,
      statusCode: 'Ok',
      statusMessage: '',
      failure: '',
      truncated: 0,
      clientAddress: undefined,
      clientPort: 1,
      serverAddress: undefined,
      serverPort: 80,
      netns: 0,
      requestSequence: 0,
      responseSequence: 0,
      requestBytes: 1n,
      responseBytes: 1n,
      requestId: '',
      responseRequestId: '',
      linkEvidence: 'none',
      linkProbability: 0,
      linkCandidateCount: 0,
      scopeName: '',
      scopeVersion: '',
    });
  }
  return agent.Batch.fromPartial({
    protocolVersion: 1,
    tenant: 'default',
    environment: 'default',
    agentId: 'agent',
    bootId: 'boot',
    batchNumber: BigInt(number),
    hostId: 'host',
    hostName: 'host',
    ...builder.take(),
  });
}

async function sums(): Promise<Record<string, number>> {
  const query = `SELECT toUInt32(count()) AS rows, toUInt32(uniqExact(SpanId)) AS spans,
    (SELECT toUInt32(sum(Requests)) FROM red_1s) AS seconds, (SELECT toUInt32(sum(Requests)) FROM red_1m) AS minutes
    FROM spans FORMAT JSONEachRow`;
  const response = await fetch(`${store.url}/?database=throughline`, {
    method: 'POST',
    body: query,
    headers: { authorization: `Bearer ${store.readToken}` },
  });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return JSON.parse(text) as Record<string, number>;
}

describe('rows of an agent', () => {
  it('are stored once, rollups included, though ingest and store are killed on the way', async () => {
    const exporter = new Exporter({
      url: `http://127.0.0.1:${ingestPort}`,
      token: '',
      agentId: 'agent',
      agentVersion: '1',
      queueBytes: 64 << 20,
    });
    const pushing = (async () => {
      for (let number = 0; number < BATCHES; number++) {
        await exporter.push(batch(number));
        await delay(30);
      }
    })();
    for (let round = 0; round < 2; round++) {
      await delay(150);
      await killIngest();
      await startIngest();
      await delay(150);
      await restartStore();
    }
    await pushing;
    await exporter.close(30_000);
    const rows = BATCHES * ROWS;
    expect(exporter.drops).toEqual({ export_queue_full: 0, export_refused: 0, export_closed: 0 });
    expect(exporter.counts).toEqual({ rows, acknowledgedRows: rows, rejectedRows: 0 });
    expect(await sums()).toEqual({ rows, spans: rows, seconds: rows, minutes: rows });
  });
});
