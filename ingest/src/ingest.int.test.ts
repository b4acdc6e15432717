import { zstdCompressSync } from 'node:zlib';
import * as grpcJs from '@grpc/grpc-js';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mapIPv4 } from '@throughline/core';
import { type RunningStore, startStore } from '@throughline/testkit';
import { SpanBatchBuilder, type SpanRow, agent, otlpService } from '@throughline/wire';
import { readConfig } from './config.ts';
import { type Ingest, startIngest } from './server.ts';
import { CLIENT, SERVER, row } from './testRow.ts';

let store: RunningStore;
let ingest: Ingest;

beforeAll(async () => {
  store = await startStore();
  ingest = await startIngest(
    readConfig({
      THROUGHLINE_STORE_URL: store.url,
      THROUGHLINE_STORE_WRITE_TOKEN: store.writeToken,
      THROUGHLINE_STORE_ADMIN_TOKEN: store.adminToken,
      THROUGHLINE_INGEST_PORT: '0',
      THROUGHLINE_OTLP_HTTP_PORT: '0',
      THROUGHLINE_OTLP_GRPC_PORT: '0',
      THROUGHLINE_INGEST_TOKEN: 'secret',
      THROUGHLINE_ENVIRONMENT: 'test',
      THROUGHLINE_INGEST_HOLD_MS: '50',
      THROUGHLINE_INGEST_STORE_TIMEOUT_MS: '1000',
    }),
    pino({ level: 'silent' })
  );
});
afterAll(async () => {
  await ingest?.close();
  await store?.stop();
});

async function sql<Row = Record<string, unknown>>(query: string): Promise<Row[]> {
  const response = await fetch(`${store.url}/?default_format=JSONEachRow&database=throughline`, {
    method: 'POST',
    body: query,
    headers: { authorization: `Bearer ${store.readToken}` },
  });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row);
}

function batch(
  host: string,
  number: bigint,
  rows: readonly SpanRow[],
  entities: agent.Entity[] = [],
  over: Partial<agent.Batch> = {}
): Uint8Array {
  const builder = new SpanBatchBuilder();
  for (const each of rows) {
    builder.append(each);
    builder.add('hops', {
      interface: 'eth0',
      interfaceIndex: 2,
      netns: 1,
      direction: 'transmit',
      offset: 10n,
      duration: 20n,
      retransmissions: 0,
    });
  }
  return agent.Batch.encode(
    agent.Batch.fromPartial({
      protocolVersion: 1,
      tenant: 'default',
      environment: 'test',
      agentId: `agent-${host}`,
      bootId: 'boot',
      batchNumber: number,
      hostId: host,
      hostName: host,
      ...builder.take(),
      entities,
      ...over,
    })
  ).finish();
}

function process(id: bigint, name: string, pid: number): agent.Entity {
  return agent.Entity.fromPartial({
    id,
    kind: 'process',
    name,
    nameSource: 'command',
    validFromNs: 1n,
    attributes: new Map([['process.pid', String(pid)]]),
  });
}

const post = (body: Uint8Array, headers: Record<string, string> = {}) =>
  fetch(`http://127.0.0.1:${ingest.port}/v1/agent/batches`, {
    method: 'POST',
    body: Buffer.from(body),
    headers: { 'content-type': 'application/x-protobuf', authorization: 'Bearer secret', ...headers },
  });

describe('agent receiver', () => {
  it('stores rows before it acknowledges, once, in spans and in the rollups', async () => {
    const rows = [row(101n, 'client'), row(102n, 'client', { statusCode: 'Error', failure: 'timeout' })];
    const body = batch('host-a', 1n, rows, [process(CLIENT, 'shop', 10)]);
    for (let repeat = 0; repeat < 3; repeat++) {
      const response = await post(zstdCompressSync(body), { 'content-encoding': 'zstd' });
      expect(response.status).toBe(200);
      expect(agent.BatchReply.decode(new Uint8Array(await response.arrayBuffer())).acceptedRows).toBe(2);
    }
    expect(await sql(`SELECT toUInt32(count()) AS n FROM spans WHERE Environment = 'test'`)).toEqual([{ n: 2 }]);
    for (const table of ['red_1s', 'red_1m']) {
      expect(
        await sql(
          `SELECT toUInt32(sum(Requests)) AS r, toUInt32(sum(Errors)) AS e, toUInt32(sum(Timeouts)) AS t, lower(hex(max(Failed).2)) AS x FROM ${table}`
        )
      ).toEqual([{ r: 2, e: 1, t: 1, x: '0000000000000066' }]);
    }
    expect(await sql('SELECT ServiceName, `Hops.Offset` AS h FROM spans ORDER BY SpanId LIMIT 1')).toEqual([
      { ServiceName: 'shop', h: [10] },
    ]);
  });

  it('finds the far end by the other side, then by what it learned from it', async () => {
    const both = [
      post(batch('host-a', 2n, [row(201n, 'client')], [process(CLIENT, 'shop', 10)])),
      post(
        batch(
          'host-b',
          1n,
          [row(201n, 'server', { serverAddress: mapIPv4(Uint8Array.of(10, 1, 0, 2)) })],
          [process(SERVER, 'orders', 20)]
        )
      ),
    ];
    for (const response of await Promise.all(both)) expect(response.status).toBe(200);
    await post(batch('host-a', 3n, [row(202n, 'client')]));
    expect(
      await sql(
        `SELECT lower(hex(SpanId)) AS id, PeerName, PeerEvidence, PeerEntityId = ${SERVER} AS isServer FROM spans WHERE PeerEvidence != 'address' AND SpanKind = 'Client' ORDER BY SpanId`
      )
    ).toEqual([
      { id: '00000000000000c9', PeerName: 'orders', PeerEvidence: 'exchange', isServer: 1 },
      { id: '00000000000000ca', PeerName: 'orders', PeerEvidence: 'learned', isServer: 1 },
    ]);
  });

  it('refuses bad bodies and wrong tokens, and goes on', async () => {
    expect((await post(Buffer.from('not a batch'))).status).toBe(400);
    expect((await post(batch('host-a', 9n, []), { authorization: 'Bearer wrong' })).status).toBe(401);
    expect((await post(batch('host-a', 9n, []), { 'content-encoding': 'br' })).status).toBe(400);
    expect((await post(batch('host-a', 10n, []))).status).toBe(200);
  });

  it('stores what changed, once: processes that started and ended while it watched, and what it dropped', async () => {
    const second = Math.floor(Date.now() / 1_000);
    const ns = (seconds: number) => BigInt(second + seconds) * 1_000_000_000n;
    const at = (seconds: number, over: Partial<agent.Batch> = {}) => ({
      agentId: 'agent-c',
      clockSamples: [{ monotonicNs: 1n, wallNs: ns(seconds) }],
      ...over,
    });
    const before = process(901n, 'cart', 90);
    const started = { ...process(902n, 'cart', 91), validFromNs: ns(20) };
    const bodies = [
      batch('host-c', 1n, [], [before], at(0)),
      batch('host-c', 2n, [], [before, started], at(30, { drops: new Map([['export_queue_full', 7n]]) })),
      batch('host-c', 3n, [], [{ ...started, validToNs: ns(35) }], at(40)),
    ];
    for (const body of bodies) {
      for (let repeat = 0; repeat < 2; repeat++) expect((await post(body)).status).toBe(200);
    }
    expect(
      await sql(
        `SELECT toUInt32(toUnixTimestamp(Timestamp) - ${second}) AS s, Kind, toUInt32(EntityId) AS id, Title, Tenant, Environment
         FROM events WHERE HostId = 'host-c' ORDER BY Timestamp, Kind`
      )
    ).toEqual(
      [
        { s: 0, Kind: 'agent_start', id: 0, Title: 'agent started on host-c' },
        { s: 20, Kind: 'process_start', id: 902, Title: 'cart started' },
        { s: 30, Kind: 'rows_dropped', id: 0, Title: 'agent on host-c dropped 7: export_queue_full' },
        { s: 35, Kind: 'process_end', id: 902, Title: 'cart ended' },
      ].map((event) => ({ ...event, Tenant: 'default', Environment: 'test' }))
    );
    expect(
      await sql(`SELECT Attributes['throughline.dropped.count'] AS n FROM events WHERE Kind = 'rows_dropped'`)
    ).toEqual([{ n: '7' }]);
  });

  it('agrees on a version', async () => {
    const response = await fetch(`http://127.0.0.1:${ingest.port}/v1/agent/hello`, {
      method: 'POST',
      body: Buffer.from(agent.Hello.encode({ versions: [7, 1], agentId: 'a', agentVersion: '1' }).finish()),
      headers: { 'content-type': 'application/x-protobuf', authorization: 'Bearer secret' },
    });
    expect(agent.HelloReply.decode(new Uint8Array(await response.arrayBuffer())).version).toBe(1);
  });
});

function otlpRequest(traceId: string, spanId: string, startMs = Date.now()): otlpService.ExportTraceServiceRequest {
  const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } });
  return otlpService.ExportTraceServiceRequest.fromPartial({
    resourceSpans: [
      {
        resource: {
          attributes: [
            attribute('service.name', 'orders-sdk'),
            attribute('host.name', 'host-b'),
            { key: 'process.pid', value: { intValue: 20n } },
          ],
        },
        scopeSpans: [
          {
            scope: { name: 'lib', version: '1' },
            spans: [
              {
                traceId: Buffer.from(traceId, 'hex'),
                spanId: Buffer.from(spanId, 'hex'),
                name: 'SELECT orders',
                kind: 3,
                startTimeUnixNano: BigInt(startMs) * 1_000_000n,
                endTimeUnixNano: BigInt(startMs) * 1_000_000n + 5_000_000n,
                attributes: [attribute('db.system', 'mysql'), attribute('db.statement', "SELECT 1 FROM t WHERE a='x'")],
                events: [{ timeUnixNano: 1n, name: 'e', attributes: [attribute('k', 'v')] }],
                status: { code: 2, message: 'no' },
              },
            ],
          },
        ],
      },
    ],
  });
}

describe('OTLP receiver', () => {
  const url = () => `http://127.0.0.1:${ingest.otlpHttpPort}/v1/traces`;
  const TRACE = '0af7651916cd43dd8448eb211c80319c';

  it('takes protobuf over HTTP; a process that both saw is one entity with the name its SDK gave', async () => {
    await post(batch('host-b', 20n, [], [process(SERVER, 'orders', 20)]));
    const body = Buffer.from(
      otlpService.ExportTraceServiceRequest.encode(otlpRequest(TRACE, 'b7ad6b7169203331')).finish()
    );
    for (let repeat = 0; repeat < 2; repeat++) {
      const response = await fetch(url(), {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/x-protobuf' },
      });
      expect(response.status).toBe(200);
    }
    expect(
      await sql(
        `SELECT lower(hex(TraceId)) AS t, StatusCode, EntityId = ${SERVER} AS same, Target, \`Events.Name\` AS e FROM spans WHERE Layer = 'application'`
      )
    ).toEqual([{ t: TRACE, StatusCode: 'Error', same: 1, Target: 'SELECT ? FROM t WHERE a=?', e: ['e'] }]);
    expect(
      await sql(
        `SELECT argMax(Name, UpdatedAt) AS n, argMax(NameSource, UpdatedAt) AS s FROM entities WHERE EntityId = ${SERVER}`
      )
    ).toEqual([{ n: 'orders-sdk', s: 'sdk' }]);
    expect(await sql('SELECT lower(hex(TraceId)) AS t, toUInt32(sum(Spans)) AS n FROM trace_index GROUP BY t')).toEqual(
      [{ t: TRACE, n: 1 }]
    );
  });

  it('takes JSON, and says which spans it did not take', async () => {
    const ns = String(Date.now()) + '000000';
    const json = {
      resourceSpans: [
        {
          resource: { attributes: [{ key: 'service.name', value: { stringValue: 'json' } }] },
          scopeSpans: [
            {
              spans: [
                {
                  traceId: TRACE,
                  spanId: 'b7ad6b7169203332',
                  name: 'ok',
                  kind: 1,
                  startTimeUnixNano: ns,
                  endTimeUnixNano: ns,
                },
                {
                  traceId: TRACE,
                  spanId: 'b7ad6b7169203333',
                  name: 'old',
                  kind: 1,
                  startTimeUnixNano: '0',
                  endTimeUnixNano: '0',
                },
              ],
            },
          ],
        },
      ],
    };
    const response = await fetch(url(), {
      method: 'POST',
      body: JSON.stringify(json),
      headers: { 'content-type': 'application/json' },
    });
    expect(await response.json()).toEqual({
      partialSuccess: { rejectedSpans: '1', errorMessage: '1 spans: start time is more than 7 days ago' },
    });
    expect(await sql(`SELECT SpanName FROM spans WHERE ServiceName = 'json'`)).toEqual([{ SpanName: 'ok' }]);
  });

  it('answers a bad body with a status in its encoding', async () => {
    const response = await fetch(url(), { method: 'POST', body: '{', headers: { 'content-type': 'application/json' } });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 3 });
  });

  it('takes gRPC, refuses a bad message and keeps the connection', async () => {
    const { path } = otlpService.TraceServiceService.export;
    const client = new grpcJs.Client(`127.0.0.1:${ingest.otlpGrpcPort}`, grpcJs.credentials.createInsecure());
    const call = (bytes: Buffer) =>
      new Promise<Buffer>((resolve, reject) => {
        client.makeUnaryRequest<Buffer, Buffer>(
          path,
          (b) => b,
          (b) => b,
          bytes,
          (error, answer) => (error ? reject(error) : resolve(answer!))
        );
      });
    await expect(call(Buffer.from([0xff, 0xff, 0xff]))).rejects.toMatchObject({ code: grpcJs.status.INVALID_ARGUMENT });
    await call(
      Buffer.from(otlpService.ExportTraceServiceRequest.encode(otlpRequest(TRACE, 'b7ad6b7169203334')).finish())
    );
    client.close();
    expect(await sql(`SELECT toUInt32(count()) AS n FROM spans WHERE hex(SpanId) = 'B7AD6B7169203334'`)).toEqual([
      { n: 1 },
    ]);
  });
});

describe('a store that is away', () => {
  it('is said to the sender, who loses nothing', async () => {
    await store.kill();
    const began = BigInt(Date.now() + 1_000) * 1_000_000n;
    const body = batch('host-a', 50n, [row(501n, 'client')], [{ ...process(905n, 'late', 95), validFromNs: began }]);
    const refused = await post(body);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('1');
    const port = Number(new URL(store.url).port);
    const again = await startStore({
      path: store.path,
      environment: {
        THROUGHLINE_STORE_PORT: String(port),
        THROUGHLINE_STORE_READ_TOKEN: store.readToken,
        THROUGHLINE_STORE_WRITE_TOKEN: store.writeToken,
        THROUGHLINE_STORE_ADMIN_TOKEN: store.adminToken,
      },
    });
    store = { ...again, readToken: store.readToken, writeToken: store.writeToken, adminToken: store.adminToken };
    expect((await post(body)).status).toBe(200);
    expect((await post(body)).status).toBe(200);
    expect(await sql(`SELECT toUInt32(count()) AS n FROM spans WHERE hex(SpanId) = '00000000000001F5'`)).toEqual([
      { n: 1 },
    ]);
    expect(await sql('SELECT Title FROM events WHERE EntityId = 905')).toEqual([{ Title: 'late started' }]);
  });
});
