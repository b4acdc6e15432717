import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import {
  CallResourceRequest,
  CheckHealthRequest,
  DataFrameFormat,
  PluginContext,
  type PluginProcess,
  QueryDataRequest,
  startPlugin,
} from '@throughline/grafana-backend';
import { type QueryInput, type TraceHop } from '@throughline/query';
import { type RunningStore, startStore } from '@throughline/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, createShop, FAILED, REQUESTS, type Shop, spanId, traceId } from '../testdata/shop.ts';
import { backendProgram } from './index.ts';

/** The whole backend as Grafana drives it, in front of a real store. */

let store: RunningStore;
let plugin: PluginProcess;
let shop: Shop;
const logLines: string[] = [];

beforeAll(async () => {
  store = await startStore();
  shop = await createShop(store);
  plugin = await startPlugin(process.execPath, { args: [backendProgram], onLogLine: (line) => logLines.push(line) });
});
afterAll(async () => {
  await plugin?.shutdown();
  await store?.stop();
});

interface ContextOptions {
  readonly url?: string;
  readonly token?: string;
  readonly jsonData?: object;
  readonly rowLimit?: string;
  /** Epoch seconds; the shop's own where left out. */
  readonly fromS?: number;
  readonly toS?: number;
}

function pluginContext({ url, token, jsonData, rowLimit }: ContextOptions = {}): PluginContext {
  return PluginContext.fromPartial({
    orgId: 1n,
    dataSourceInstanceSettings: {
      uid: JSON.stringify([url, token, jsonData]),
      name: 'Test',
      url: url ?? store.url,
      jsonData: Buffer.from(JSON.stringify(jsonData ?? {})),
      decryptedSecureJsonData: new Map([['readToken', token ?? store.readToken]]),
    },
    grafanaConfig: new Map(rowLimit === undefined ? [] : [['GF_SQL_ROW_LIMIT', rowLimit]]),
  });
}

interface Answer {
  readonly status: number;
  readonly error: string;
  readonly errorSource: string;
  readonly frames: readonly JsonFrame[];
}

interface Link {
  readonly title: string;
  readonly url: string;
  readonly internal?: { readonly query: object };
}

interface JsonFrame {
  readonly name: string;
  readonly meta: {
    readonly type?: string;
    readonly dataTopic?: string;
    readonly notices?: readonly { readonly text: string }[];
    readonly custom?: Record<string, unknown>;
  };
  readonly fields: readonly {
    readonly name: string;
    readonly type: string;
    readonly labels?: Record<string, string>;
    readonly config?: { readonly links?: readonly Link[] };
  }[];
  readonly rows: readonly Record<string, unknown>[];
}

async function query(
  models: Record<string, QueryInput | object>,
  options: ContextOptions & { readonly signal?: AbortSignal } = {}
): Promise<Record<string, Answer>> {
  const { fromS = shop.fromS, toS = shop.toS } = options;
  const { responses } = await plugin.queryData(
    QueryDataRequest.fromPartial({
      pluginContext: pluginContext(options),
      format: DataFrameFormat.JSON,
      queries: Object.entries(models).map(([refId, model]) => ({
        refId,
        maxDataPoints: 100n,
        intervalMS: 10_000n,
        timeRange: { fromEpochMS: BigInt(fromS * 1_000), toEpochMS: BigInt(toS * 1_000) },
        json: Buffer.from(JSON.stringify(model)),
      })),
    }),
    options.signal
  );
  return Object.fromEntries(
    Array.from(responses, ([refId, { status, error, errorSource, frames }]) => [
      refId,
      { status, error, errorSource, frames: frames.map(readFrame) },
    ])
  );
}

function readFrame(bytes: Buffer): JsonFrame {
  const { schema, data } = JSON.parse(bytes.toString()) as {
    schema: { name: string; meta: JsonFrame['meta']; fields: JsonFrame['fields'] };
    data: { values: unknown[][] };
  };
  const rows = (data.values[0] ?? []).map((_, row) =>
    Object.fromEntries(schema.fields.map(({ name }, column) => [name, data.values[column]![row]]))
  );
  return { name: schema.name ?? '', meta: schema.meta, fields: schema.fields, rows };
}

const sql = (rawSql: string, rest: object = {}) => ({ queryType: 'sql', version: 1, rawSql, ...rest });
const one = async (model: object, options: ContextOptions = {}) => (await query({ A: model }, options))['A']!;

describe('sql', () => {
  it('expands macros, casts what Grafana cannot read, and types the frame', async () => {
    const { frames, error } = await one(
      sql(`SELECT $__timeInterval(Timestamp) AS time, ServiceName, count() AS requests
           FROM throughline.spans WHERE $__timeFilter(Timestamp) AND Layer = 'process' GROUP BY time, ServiceName ORDER BY time DESC`)
    );
    expect(error).toBe('');
    expect(frames[0]!.meta.type).toBe('timeseries-long');
    expect(frames[0]!.fields.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'time time',
      'ServiceName string',
      'requests number',
    ]);
    // Ascending, whatever the author's order: series must.
    expect(frames[0]!.rows.map(({ time, requests }) => [time, requests])).toEqual(
      [0, 10, 20].map((second) => [(shop.fromS + second) * 1_000, 40])
    );
  });

  it('reads columns of every kind', async () => {
    const { frames, error } = await one(
      sql(`SELECT Timestamp, SpanId, toDate('2026-01-02') AS day, map('a', 1) AS m, [1, 2] AS list, NULL AS nothing,
             toDecimal64(1.5, 2) AS decimal, toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0') AS uuid, ServerAddress,
             true AS yes, 18446744073709551615 AS big, tuple(1, 'x') AS pair
           FROM spans WHERE SpanKind = 'Client' ORDER BY Timestamp LIMIT 1`)
    );
    expect(error).toBe('');
    expect(frames[0]!.rows).toEqual([
      {
        Timestamp: shop.fromS * 1_000 + 1,
        SpanId: spanId(2, 0, 'c'),
        day: Date.UTC(2026, 0, 2),
        m: { a: 1 },
        list: [1, 2],
        nothing: null,
        decimal: 1.5,
        uuid: '61f0c404-5cb3-11e7-907b-a6006ad3dba0',
        ServerAddress: '::',
        yes: true,
        big: 18446744073709552000,
        pair: [1, 'x'],
      },
    ]);
    expect(frames[0]!.meta.type).toBe('table');
  });

  it('says where the row limit cut, ours or Grafana’s', async () => {
    const { frames } = await one(sql('SELECT number FROM numbers(100)'), { rowLimit: '7' });
    expect(frames[0]!.rows).toHaveLength(7);
    expect(frames[0]!.meta.notices![0]!.text).toBe('Only the first 7 rows are shown (row limit).');
  });

  it('answers no rows with a typed frame', async () => {
    const { frames } = await one(sql('SELECT now() AS time, 1 AS value WHERE 0'));
    expect(frames[0]).toMatchObject({ meta: { type: 'timeseries-wide' }, rows: [] });
  });

  it.each([
    "SELECT count() AS n FROM spans WHERE Tenant = 'other'",
    "SELECT count() AS n FROM throughline.spans WHERE Endpoint = '/secret'",
    'WITH spans AS (SELECT * FROM spans) SELECT countIf(EntityId = 9) AS n FROM spans',
    "SELECT count() AS n FROM otel_traces WHERE ServiceName = 'secret' OR Tenant = 'other'",
    "SELECT count() AS n FROM entities WHERE Name = 'secret'",
    'SELECT count() AS n FROM red_1s WHERE EntityId = 9',
    "SELECT countIf(Tenant != 'default') AS n FROM (SELECT Tenant FROM spans UNION ALL SELECT Tenant FROM trace_index)",
    '/* */ SELECT 9 IN (SELECT EntityId FROM spans) AS n',
  ])('does not see another tenant: %s', async (statement) => {
    const { frames, error } = await one(sql(statement));
    expect(error).toBe('');
    expect(frames[0]!.rows).toEqual([{ n: 0 }]);
  });

  it.each([
    'SELECT * FROM `throughline`.`spans`',
    'SELECT * FROM "throughline".spans',
    'SELECT * FROM throughline.red_1s_from_spans',
    'SELECT * FROM throughline.schema_migrations',
    "SELECT * FROM merge('throughline', '^spans')",
    'SELECT * FROM view(SELECT * FROM throughline.spans)',
    'SELECT 9 IN throughline.spans',
    'SELECT * FROM spans SETTINGS max_threads = 1',
    'SELECT * FROM system.processes',
    'SELECT 1 FORMAT JSON',
    'INSERT INTO spans SELECT * FROM spans',
    'SELECT 1; SELECT 2',
    'SELECT 1) AS q, (SELECT 2',
    "SELECT * FROM url('http://127.0.0.1:9/', CSV)",
  ])('refuses %s', async (statement) => {
    const { status, frames } = await one(sql(statement));
    expect([400, 403]).toContain(status);
    expect(frames).toEqual([]);
  });
});

describe('red', () => {
  it('gives a series per service, as the service saw it, in its best name', async () => {
    const { frames, error } = await one({ queryType: 'red', metrics: ['rate', 'p95', 'errorShare'] });
    expect(error).toBe('');
    expect(frames.map(({ name, fields }) => [name, fields[1]!.labels])).toEqual(
      ['rate', 'p95', 'errorShare'].flatMap((metric) =>
        ['gateway', 'orders'].map((service) => [metric, { service, side: 'server' }])
      )
    );
    expect(frames[0]!.meta.type).toBe('timeseries-multi');
    const rate = frames[0]!.rows;
    expect(rate.map((row) => row['rate'])).toEqual([1, 1, 1, 0, 0, 0]);
    expect(rate[0]!['time']).toBe(shop.fromS * 1_000);
    // An SDK's rows and the packets' of the same exchanges are not counted again.
    expect(frames[1]!.rows.reduce((sum, row) => sum + Number(row['rate']) * 10, 0)).toBe(REQUESTS);
    expect(frames[2]!.rows.map((row) => row['p95'])).toEqual([
      ...Array(3).fill(expect.closeTo(40e6, -5)),
      null,
      null,
      null,
    ]);
  });

  it('gives edges as the client saw them, with errors', async () => {
    const { frames } = await one({ queryType: 'red', metrics: ['errorShare'], groupBy: 'edge', side: 'client' });
    const edges = Object.fromEntries(
      frames.map(({ fields, rows }) => [
        `${fields[1]!.labels!['source']} → ${fields[1]!.labels!['target']}`,
        rows.map((row) => row['errorShare']),
      ])
    );
    expect(edges).toEqual({
      'gateway → orders': [0, 0, 0, null, null, null],
      'orders → db:3306': [0.1, 0.1, 0.1, null, null, null],
    });
  });

  it('filters, limits and says what it left out', async () => {
    const filters = [{ key: 'service', operator: '=', value: 'orders' }];
    const filtered = await one({ queryType: 'red', groupBy: 'endpoint', filters });
    expect(filtered.frames.map(({ fields }) => fields[1]!.labels)).toEqual([
      { service: 'orders', endpoint: '/orders', side: 'server' },
    ]);
    const limited = await one({ queryType: 'red', limit: 1 });
    expect(limited.frames).toHaveLength(1);
    expect(limited.frames[0]!.meta.notices![0]!.text).toBe('The 1 busiest of 2 series are shown.');
    const none = await one({ queryType: 'red', filters: [{ key: 'service', operator: '=', value: "x' OR 1=1 --" }] });
    expect(none.frames).toMatchObject([{ meta: { type: 'timeseries-multi' }, fields: [] }]);
    const unknown = await one({ queryType: 'red', filters: [{ key: 'nonsense', operator: '=', value: 'x' }] });
    expect([unknown.status, unknown.error]).toEqual([
      400,
      expect.stringContaining('nothing here is filtered by nonsense'),
    ]);
  });

  it('has exemplars that open traces', async () => {
    const model = { queryType: 'red', groupBy: 'edge', side: 'client', exemplars: true };
    const { frames } = await one({ ...model, metrics: ['p95', 'rate'] });
    const exemplars = frames.at(-1)!;
    expect([exemplars.name, exemplars.meta.dataTopic]).toEqual(['exemplar', 'annotations']);
    const failed = exemplars.rows.filter((row) => row['reason'] === 'error');
    expect(failed.map((row) => row['spanId'])).toEqual([9, 19, 29].map((n) => spanId(3, n, 'c')));
    expect(failed[0]!['traceId']).toBe(traceId(9));
    expect(linksOf(exemplars, 'spanId')).toEqual([
      'traceId ${__value.raw}',
      '/a/throughline-app/trace?id=${__value.raw:percentencode}&${__url_time_range}',
    ]);
    // A duration has no height in a chart of rates.
    const rates = await one({ ...model, metrics: ['rate'] });
    expect(rates.frames.map(({ name }) => name)).toEqual(['rate', 'rate']);
  });
});

/** Addresses of a field's links; of those into Explore what they ask. */
function linksOf({ fields }: JsonFrame, name: string): string[] {
  const field = fields.find((each) => each.name === name);
  return (field?.config?.links ?? []).map(({ url, internal }) => {
    if (!internal) return url;
    const { queryType, query, of, filters } = internal.query as {
      queryType: string;
      query?: string;
      of?: string;
      filters?: { key: string; value: string }[];
    };
    return [queryType, query, of, ...(filters ?? []).map(({ key, value }) => `${key}=${value}`)]
      .filter((part) => part !== undefined)
      .join(' ');
  });
}

describe('links', () => {
  it.each([
    [
      { queryType: 'red' },
      '/a/throughline-app/traces?service=${__field.labels.service:percentencode}&of=requests',
      'traceSearch requests service=${__field.labels.service}',
    ],
    [
      { queryType: 'red', groupBy: 'endpoint', side: 'client' },
      '/a/throughline-app/traces?service=${__field.labels.service:percentencode}' +
        '&endpoint=${__field.labels.endpoint:percentencode}&of=calls',
      'traceSearch calls service=${__field.labels.service} endpoint=${__field.labels.endpoint}',
    ],
    [
      { queryType: 'red', groupBy: 'edge' },
      '/a/throughline-app/traces?service=${__field.labels.target:percentencode}' +
        '&peer=${__field.labels.source:percentencode}&of=requests',
      'traceSearch requests service=${__field.labels.target} peer=${__field.labels.source}',
    ],
    [
      { queryType: 'breakdown', service: 'gateway', endpoint: '/cart' },
      '/a/throughline-app/traces?service=${__field.labels.service:percentencode}&endpoint=%2Fcart&of=requests',
      'traceSearch requests service=${__field.labels.service} endpoint=/cart',
    ],
  ])('of a point lead to what it counts: %j', async (model, address, search) => {
    const { frames } = await one(model);
    const inBucket = '&at=${__value.time}&step=10000&${__url_time_range}';
    expect(linksOf(frames[0]!, frames[0]!.fields[1]!.name)).toEqual([address + inBucket, search]);
  });

  it('of rows lead to their service, edge or trace', async () => {
    const service = (field: string) =>
      `/a/throughline-app/service?service=\${__data.fields.${field}:percentencode}&\${__url_time_range}`;
    const edge =
      '/a/throughline-app/edge?source=${__data.fields.source:percentencode}' +
      '&target=${__data.fields.target:percentencode}&${__url_time_range}';
    const map = await one({ queryType: 'serviceMap' });
    expect(linksOf(map.frames[0]!, 'title')).toEqual([service('id'), 'red service=${__data.fields.title}']);
    expect(linksOf(map.frames[1]!, 'id')).toEqual([edge]);
    const overview = await one({ queryType: 'overview' });
    expect(linksOf(overview.frames[0]!, 'service')).toEqual([service('service')]);
    expect(linksOf(overview.frames[1]!, 'target')).toEqual([edge]);
    expect(linksOf(overview.frames[2]!, 'endpoint')).toEqual([edge]);
    const trace = [
      'traceId ${__value.raw}',
      '/a/throughline-app/trace?id=${__value.raw:percentencode}&${__url_time_range}',
    ];
    const search = await one({ queryType: 'traceSearch' });
    expect(linksOf(search.frames[0]!, 'traceID')).toEqual(trace);
    const outcomes = await one({ queryType: 'edge', source: 'orders', target: 'db:3306' });
    expect(linksOf(outcomes.frames[1]!, 'exampleId')).toEqual(trace);
  });
});

describe('serviceMap', () => {
  it('counts each exchange once per side, and has one node per name', async () => {
    const { frames, error } = await one({ queryType: 'serviceMap' });
    expect(error).toBe('');
    const [nodes, edges] = frames;
    expect(nodes!.rows.map((node) => [node['id'], node['detail__kind'], node['detail__requests']])).toEqual([
      ['192.0.2.7', 'external', 0],
      ['db:3306', 'external', REQUESTS],
      ['gateway', 'service', REQUESTS],
      ['orders', 'service', REQUESTS],
    ]);
    expect(
      edges!.rows
        .map((edge) => [
          edge['id'],
          edge['detail__client_requests'],
          edge['detail__client_errors'],
          edge['detail__server_requests'],
        ])
        .sort()
    ).toEqual([
      ['192.0.2.7 → gateway', null, null, REQUESTS],
      ['gateway → orders', REQUESTS, 0, REQUESTS],
      ['orders → db:3306', REQUESTS, FAILED, null],
    ]);
    expect(nodes!.rows.find((node) => node['id'] === 'db:3306')).toMatchObject({ arc__ok: 0.9, arc__error: 0.1 });
  });

  it('has the numbers of plain SQL over the rollup', async () => {
    const { frames } = await one({ queryType: 'serviceMap' });
    const plain = await ask(
      store,
      store.readToken,
      `SELECT Side, sum(Requests) AS requests, sum(Errors) AS errors FROM red_1s
       WHERE Tenant = 'default' AND Layer = 'process' GROUP BY Side ORDER BY Side FORMAT JSONCompactEachRow`
    );
    const sum = (field: string) => frames[1]!.rows.reduce((total, edge) => total + Number(edge[field] ?? 0), 0);
    const bySide = plain
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown[]);
    expect(bySide.map((row) => row.map(String))).toEqual(
      ['client', 'server'].map((side) => [
        side,
        String(sum(`detail__${side}_requests`)),
        String(sum(`detail__${side}_errors`)),
      ])
    );
  });

  it('shows what one service calls and is called by', async () => {
    const filters = [{ key: 'service', operator: '=', value: 'db:3306' }];
    const { frames } = await one({ queryType: 'serviceMap', filters });
    expect(frames[1]!.rows.map((edge) => edge['id'])).toEqual(['orders → db:3306']);
  });
});

describe('overview', () => {
  /** Requests 0 to 14 lie before, 15 to 29 now. */
  const halves = () => ({ fromS: shop.fromS - 15, toS: shop.fromS + 45 });
  const mean = (ms: number, firstRequest: number) => ms * 1e6 + firstRequest + 7;

  it('has every service as it saw itself, else as its callers did, now and before', async () => {
    const { frames, error } = await one({ queryType: 'overview' }, halves());
    expect(error).toBe('');
    const service = (name: string) => frames[0]!.rows.find((row) => row['service'] === name);
    expect(frames[0]!.rows).toHaveLength(4);
    expect(service('orders')).toEqual({
      service: 'orders',
      kind: 'service',
      icon: 'cube',
      seenBy: 'server',
      requests: 15,
      rate: 0.5,
      errors: 0,
      errorShare: 0,
      mean: mean(26, 15),
      p50: expect.closeTo(26e6, -3) as number,
      p95: expect.closeTo(26e6, -3) as number,
      p99: expect.closeTo(26e6, -3) as number,
      // In the 15 seconds since there was data: the range begins earlier.
      rateBefore: 1,
      errorShareBefore: 0,
      meanBefore: mean(26, 0),
      p95Before: expect.closeTo(26e6, -3) as number,
    });
    expect(service('db:3306')).toMatchObject({
      kind: 'external',
      icon: 'database',
      seenBy: 'client',
      requests: 15,
      errors: 2,
      errorShareBefore: 1 / 15,
    });
    expect(service('192.0.2.7')).toMatchObject({
      kind: 'external',
      seenBy: 'none',
      requests: 0,
      rate: null,
      p95: null,
    });
    const custom = frames.map(({ meta }) => meta.custom);
    expect(custom).toEqual(
      Array(3).fill({
        nowFromMs: (shop.fromS + 15) * 1_000,
        nowToMs: (shop.fromS + 45) * 1_000,
        beforeFromMs: shop.fromS * 1_000,
        beforeToMs: (shop.fromS + 15) * 1_000,
      })
    );
  });

  it('has edges and operations, one row per side', async () => {
    const { frames } = await one({ queryType: 'overview' }, halves());
    const [, edges, operations] = frames;
    expect(edges!.rows.map((row) => [row['source'], row['target'], row['side'], row['requests']])).toEqual([
      ['192.0.2.7', 'gateway', 'server', 15],
      ['gateway', 'orders', 'client', 15],
      ['gateway', 'orders', 'server', 15],
      ['orders', 'db:3306', 'client', 15],
    ]);
    expect(operations!.rows.map((row) => [row['target'], row['endpoint'], row['side']])).toEqual([
      ['gateway', '/cart', 'server'],
      ['orders', '/orders', 'client'],
      ['orders', '/orders', 'server'],
      ['db:3306', 'SELECT ?', 'client'],
    ]);
    expect(operations!.rows[3]).toEqual({
      source: 'orders',
      target: 'db:3306',
      endpoint: 'SELECT ?',
      side: 'client',
      protocol: 'mysql',
      requests: 15,
      errors: 2,
      timeouts: 2,
      resets: 0,
      mean: mean(10, 15),
      p95: expect.closeTo(10e6, -3) as number,
      requestsBefore: 15,
      errorsBefore: 1,
      meanBefore: mean(10, 0),
      p95Before: expect.closeTo(10e6, -3) as number,
    });
  });

  it('knows no before in a short range, and says what a limit cut', async () => {
    const short = { fromS: shop.fromS, toS: shop.fromS + 30 };
    const { frames } = await one({ queryType: 'overview', limit: 1 }, short);
    expect(frames[0]!.rows).toMatchObject([{ service: 'db:3306', requests: REQUESTS, rateBefore: null }]);
    expect(frames[0]!.meta.custom).toMatchObject({
      beforeFromMs: shop.fromS * 1_000,
      beforeToMs: shop.fromS * 1_000,
    });
    expect(frames.map(({ meta }) => meta.notices![0]!.text)).toEqual([
      'The 1 busiest of 4 services are shown.',
      'The 1 busiest of 4 edges are shown.',
      'The 1 busiest of 4 operations are shown.',
    ]);
  });

  it('filters by either end, as the map does', async () => {
    const filters = [{ key: 'service', operator: '=', value: 'db:3306' }];
    const { frames } = await one({ queryType: 'overview', filters }, halves());
    expect(frames[1]!.rows.map((row) => row['target'])).toEqual(['db:3306']);
    const nobody = await one({ queryType: 'overview', filters: [{ key: 'service', value: 'nobody' }] });
    expect(nobody.frames.map(({ rows, fields }) => [rows.length, fields.length > 0])).toEqual(Array(3).fill([0, true]));
  });
});

describe('edge', () => {
  /** Requests 0 to 14 lie before, 15 to 29 now. */
  const halves = () => ({ fromS: shop.fromS - 15, toS: shop.fromS + 45 });
  const edge = (source: string, target: string, rest: object = {}) =>
    one({ queryType: 'edge', source, target, ...rest }, halves());

  it('tells where a call’s time goes, from nested durations of both sides', async () => {
    const { frames, error } = await edge('gateway', 'orders');
    expect(error).toBe('');
    const segments = frames[0]!.rows;
    expect(segments.map((row) => [row['segment'], row['place'], row['mean'], row['meanBefore']])).toEqual([
      ['clientStack', 'host-1 · veth0', 1e6, 1e6],
      ['clientHost', 'host-1 · veth0 → eth0', 0.5e6, 0.5e6],
      ['wire', 'host-1 · eth0 → host-2 · eth0', 1e6, 1e6],
      ['serverHost', 'host-2 · eth0 → veth1', 0.5e6, 0.5e6],
      ['serverStack', 'host-2 · veth1', 1e6, 1e6],
      // Of all but requests 3, 13 and 23, whose response the last interface did not see.
      ['server', 'host-2', 26e6 + (330 - 23) / 14, 26e6 + (105 - 3 - 13) / 13],
    ]);
    expect(segments.every((row) => row['calls'] === 14 && row['callsBefore'] === 13)).toBe(true);
    const again = segments.map((row) => [row['retransmissions'], row['retransmissionsBefore']]);
    expect(again).toEqual([0, 0, 2, 0, 0, 0].map((now) => [now, now / 2]));
    expect(frames[0]!.meta.custom).toMatchObject({ nowFromMs: (shop.fromS + 15) * 1_000 });
  });

  it('knows one time where one side is seen', async () => {
    const { frames } = await edge('orders', 'db:3306');
    expect(frames[0]!.rows).toEqual([
      {
        segment: 'call',
        place: 'host-2',
        mean: 10e6 + 22,
        meanBefore: 10e6 + 7,
        retransmissions: 0,
        retransmissionsBefore: 0,
        calls: 15,
        callsBefore: 15,
      },
    ]);
    const browser = await edge('192.0.2.7', 'gateway');
    expect(browser.frames[0]!.rows).toMatchObject([{ segment: 'call', place: 'host-1', mean: 40e6 + 22, calls: 15 }]);
  });

  it('tells how calls end, on both sides, with the slowest of each as an example', async () => {
    const { frames } = await edge('orders', 'db:3306');
    expect(frames[1]!.rows).toEqual([
      {
        side: 'client',
        failed: false,
        failure: '',
        code: 0,
        message: '',
        calls: 13,
        callsBefore: 14,
        mean: 10e6 + (330 - 19 - 29) / 13,
        exampleId: spanId(3, 28, 'c'),
      },
      {
        side: 'client',
        failed: true,
        failure: 'timeout',
        code: 0,
        message: '',
        calls: 2,
        callsBefore: 1,
        mean: 10e6 + 24,
        exampleId: spanId(3, 29, 'c'),
      },
    ]);
    const both = await edge('gateway', 'orders');
    expect(both.frames[1]!.rows.map((row) => [row['side'], row['code'], row['calls']])).toEqual([
      ['client', 200, 15],
      ['server', 200, 15],
    ]);
  });

  it('reads one endpoint, and no edge that is not there', async () => {
    expect((await edge('gateway', 'orders', { endpoint: '/orders' })).frames[0]!.rows).toHaveLength(6);
    for (const other of [
      await edge('gateway', 'orders', { endpoint: '/other' }),
      await edge('orders', 'gateway'),
      await edge("x' OR 1=1 --", 'orders'),
      await edge('unknown', 'secret'),
    ]) {
      expect(other.frames.map(({ rows, fields }) => [rows.length, fields.length > 0])).toEqual([
        [0, true],
        [0, true],
      ]);
    }
  });
});

describe('breakdown', () => {
  /** Means of the first bucket, requests 0 to 9, by part. */
  const firstBucket = (frames: readonly JsonFrame[]) =>
    Object.fromEntries(frames.map(({ fields, rows }) => [fields[1]!.labels!['part'], rows[0]![fields[1]!.name]]));

  it('tells what a service did itself, what it called and the network between', async () => {
    const { frames, error } = await one({ queryType: 'breakdown', service: 'gateway' });
    expect(error).toBe('');
    expect(frames.map(({ fields }) => fields[1]!.labels)).toEqual(
      ['own', 'database', 'cache', 'dns', 'rpc', 'network'].map((part) => ({ service: 'gateway', part }))
    );
    expect(frames[0]!.meta.type).toBe('timeseries-multi');
    // 40 ms arrived, 30 ms of them waiting for orders, which took 26 ms.
    expect(firstBucket(frames)).toEqual({ own: 10e6, database: 0, cache: 0, dns: 0, rpc: 26e6 + 4.5, network: 4e6 });
    expect(frames[0]!.rows.map((row) => row['own'])).toEqual([10e6, 10e6, 10e6, null, null, null]);
  });

  it('takes a far end that no agent sees for what its protocol is', async () => {
    const { frames } = await one({ queryType: 'breakdown', service: 'orders' });
    expect(firstBucket(frames)).toEqual({ own: 16e6, database: 10e6 + 4.5, cache: 0, dns: 0, rpc: 0, network: 0 });
  });

  it('divides the time of calls made at once, and finds calls by the SDK’s trace inside the request', async () => {
    const at = (ms: number) => `fromUnixTimestamp64Nano(toInt64(${shop.fromS}) * 1000000000 + ${ms} * 1000000)`;
    const rows = [
      // Name, layer, kind, span, parent, trace, protocol, from, to; the last call outlasts the request.
      ['process', 'Server', '11', '01', '', 'http', 0, 100],
      ['application', 'Server', 'aa', '', 'ee', '', 5, 95],
      ['process', 'Client', '21', '11', '', 'http', 10, 60],
      ['process', 'Client', '22', 'aa', 'ee', 'mysql', 40, 80],
      ['process', 'Client', '23', '11', '', 'redis', 90, 120],
      ['process', 'Client', '24', '', '', 'http', 0, 100],
    ] as const;
    const id = (hex: string) => `toFixedString(unhex('${hex}'), 8)`;
    for (const [layer, kind, span, parent, trace, protocol, from, to] of rows) {
      await ask(
        store,
        store.adminToken,
        `INSERT INTO spans (Tenant, Environment, Timestamp, Duration, SpanId, ParentSpanId, TraceId, Layer, SpanKind, EntityId,
          ClientPort, Protocol, Endpoint)
        SELECT 'busy', 'default', ${at(from)}, ${to - from} * 1000000, ${id(span)}, ${id(parent)},
          toFixedString(unhex('${trace}'), 16), '${layer}', '${kind}', 1, 4000, '${protocol}', '/x'`
      );
    }
    await ask(
      store,
      store.adminToken,
      `INSERT INTO entities (Tenant, Environment, EntityId, Kind, Name, UpdatedAt)
       SELECT 'busy', 'default', 1, 'process', 'busy', now64(3)`
    );
    const { frames, error } = await one({ queryType: 'breakdown', service: 'busy' }, { jsonData: { tenant: 'busy' } });
    expect(error).toBe('');
    // 80 of 100 ms were waited in calls that took 50, 40 and, until the request ended, 10 ms.
    const share = 0.8e6;
    const close = (value: number) => expect.closeTo(value, 3) as number;
    expect(firstBucket(frames)).toEqual({
      own: close(20e6),
      database: close(40 * share),
      cache: close(10 * share),
      dns: 0,
      rpc: close(50 * share),
      network: 0,
    });
  });

  it('tells the calls of one endpoint’s requests from the spans', async () => {
    const { frames, error } = await one({ queryType: 'breakdown', service: 'gateway', endpoint: '/cart' });
    expect(error).toBe('');
    expect(firstBucket(frames)).toEqual({ own: 10e6, database: 0, cache: 0, dns: 0, rpc: 26e6 + 4.5, network: 4e6 });
    const other = await one({ queryType: 'breakdown', service: 'gateway', endpoint: '/other' });
    expect(other.frames).toMatchObject([{ meta: { type: 'timeseries-multi' }, fields: [] }]);
  });
});

describe('events', () => {
  it('are what changed, newest first and once, as annotations read them', async () => {
    const { frames, error } = await one({ queryType: 'events' });
    expect(error).toBe('');
    expect(frames[0]!.rows.map((row) => [row['time'], row['title']])).toEqual(
      [
        [40, 'agent dropped 5'],
        [20, 'agent dropped 7'],
        [8, 'orders ended'],
        [5, 'orders started'],
      ].map(([second, title]) => [(shop.fromS + Number(second)) * 1_000, title])
    );
    expect(frames[0]!.rows[3]).toEqual({
      time: (shop.fromS + 5) * 1_000,
      timeEnd: null,
      title: 'orders started',
      text: 'process.pid: 20\ncontainer.id: c0ffee',
      tags: ['process_start', 'orders', 'host-2'],
      id: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
      kind: 'process_start',
      service: 'orders',
      host: 'host-2',
    });
    expect(frames[0]!.rows[0]!['tags']).toEqual(['rows_dropped', 'host-2']);
  });

  it('are chosen by kind and service, and limited', async () => {
    const kinds = await one({ queryType: 'events', kinds: ['process_end', 'agent_start'] });
    expect(kinds.frames[0]!.rows.map((row) => row['title'])).toEqual(['orders ended']);
    const service = await one({ queryType: 'events', service: 'orders', limit: 1 });
    expect(service.frames[0]!.rows.map((row) => row['title'])).toEqual(['orders ended']);
    expect(service.frames[0]!.meta.notices![0]!.text).toBe('Only the newest 1 events are shown.');
    const none = await one({ queryType: 'events', service: 'secret' });
    expect(none.frames[0]).toMatchObject({ name: 'events', rows: [] });
  });
});

describe('freshness', () => {
  it('says of each host’s agent how old its newest row is and what is missing', async () => {
    const { frames, error } = await one({ queryType: 'freshness' });
    expect(error).toBe('');
    const rows = frames[0]!.rows;
    expect(
      rows.map(({ agent, host, rows, dropped, truncated, processes }) => [
        agent,
        host,
        rows,
        dropped,
        truncated,
        processes,
      ])
    ).toEqual([
      ['agent-0', 'host-0', REQUESTS, 0, 0, 0],
      ['agent-1', 'host-1', 2 * REQUESTS, 0, 0, 1],
      // Rows of an SDK come from no agent.
      ['', 'host-2', REQUESTS, 0, 0, 0],
      ['agent-2', 'host-2', 2 * REQUESTS, 12, 1, 1],
    ]);
    // Its last call is row 5 of request 29.
    expect(rows[3]!['newest']).toBe((shop.fromS + REQUESTS - 1) * 1_000 + 5);
    expect(Number(rows[3]!['behind'])).toBeGreaterThan(0);
    const later = await one({ queryType: 'freshness' }, { fromS: shop.fromS + 30, toS: shop.fromS + 60 });
    expect(later.frames[0]!.rows.map((row) => [row['rows'], row['dropped']])).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
      [0, 5],
    ]);
  });
});

describe('traces', () => {
  it('lists root requests, failed or slowest first on request', async () => {
    const recent = await one({ queryType: 'traceSearch', limit: 5 });
    expect(recent.error).toBe('');
    expect(recent.frames[0]!.rows[0]).toMatchObject({
      traceID: traceId(REQUESTS - 1),
      service: 'gateway',
      name: '/cart',
      caller: '192.0.2.7',
      code: 200,
      status: 'Ok',
    });
    expect(recent.frames[0]!.rows).toHaveLength(5);
    const slowest = await one({ queryType: 'traceSearch', order: 'slowest', limit: 100, minDurationMs: 20 });
    const durations = slowest.frames[0]!.rows.map((row) => Number(row['duration']));
    expect(durations).toHaveLength(REQUESTS);
    expect(durations).toEqual([...durations].sort((a, b) => b - a));
    const filters = [{ key: 'attribute.shop.cart', operator: '=', value: 'silver' }];
    expect((await one({ queryType: 'traceSearch', filters })).frames[0]!.rows).toEqual([]);
  });

  it('lists what a service was asked, and what it called', async () => {
    const filters = [{ key: 'service', operator: '=', value: 'orders' }];
    const asked = await one({ queryType: 'traceSearch', of: 'requests', filters, limit: 100 });
    expect(asked.error).toBe('');
    // Once each, though an SDK reported them too.
    expect(asked.frames[0]!.rows).toHaveLength(REQUESTS);
    expect(asked.frames[0]!.rows[0]).toMatchObject({
      traceID: traceId(REQUESTS - 1),
      service: 'orders',
      name: '/orders',
      caller: 'gateway',
      duration: 26e6 + REQUESTS - 1,
    });
    const called = await one({ queryType: 'traceSearch', of: 'calls', order: 'failedFirst', filters, limit: FAILED });
    expect(
      called.frames[0]!.rows.map((row) => [row['traceID'], row['failure'], row['protocol'], row['caller']])
    ).toEqual([29, 19, 9].map((n) => [traceId(n), 'timeout', 'mysql', 'orders']));
    const ofEdge = [...filters, { key: 'peer', operator: '=', value: 'gateway' }];
    const edge = await one({ queryType: 'traceSearch', of: 'requests', filters: ofEdge, minDurationMs: 26.000025 });
    expect(edge.frames[0]!.rows.map((row) => row['traceID'])).toEqual([29, 28, 27, 26, 25].map(traceId));
  });

  it.each([
    ['its trace id', traceId(9)],
    ['its root', spanId(1, 9, 's')],
    ['a span in its middle', spanId(2, 9, 'c')],
    ['a leaf', spanId(3, 9, 'c')],
  ])('opens a trace by %s, as links of Explore ask for it', async (_name, id) => {
    const { frames, error } = await one({ queryType: 'traceId', query: id });
    expect(error).toBe('');
    const [trace, nodes] = frames;
    const spans = trace!.rows.filter((row) => !String(row['spanID']).includes('hop'));
    const parents = Object.fromEntries(spans.map((row) => [row['spanID'], row['parentSpanID']]));
    expect(parents[spanId(1, 9, 's')]).toBeNull();
    expect(parents[spanId(2, 9, 'c')]).toBe(spanId(1, 9, 's'));
    expect(spans.every((row) => row['traceID'] === traceId(9))).toBe(true);
    expect(spans.find((row) => row['spanID'] === spanId(3, 9, 'c'))).toMatchObject({
      serviceName: 'orders',
      statusCode: 2,
      duration: expect.closeTo(10, 3) as number,
    });
    const tags = spans.find((row) => row['spanID'] === spanId(2, 9, 'c'))!['tags'] as { key: string; value: unknown }[];
    expect(tags.find(({ key }) => key === 'throughline.link.evidence')!.value).toBe('only_open');
    expect(nodes!.rows.map((row) => row['id'])).toEqual(expect.arrayContaining(['gateway', 'orders']));
    expect(trace!.meta.custom).toMatchObject({ spans: expect.any(Number) as number });
    expect(trace!.meta.custom!['ageMs']).toBeGreaterThan(0);
    const way = spans.find((row) => row['spanID'] === spanId(2, 9, 'c'))!['hops'] as TraceHop[];
    expect(way.map(({ kind, point, host }) => [kind, point, host])).toEqual([
      ['process', 'gateway', 'host-1'],
      ['interface', 'veth0', 'host-1'],
      ['interface', 'eth0', 'host-1'],
      ['interface', 'eth0', 'host-2'],
      ['interface', 'veth1', 'host-2'],
      ['process', 'orders', 'host-2'],
    ]);
    // From the start of the span: its own process saw the whole of it, its interface a part.
    expect(way[0]).toEqual({ ...way[0], requestNs: 0, responseNs: 30e6 + 9, retransmissions: 0 });
    expect(way[1]).toMatchObject({ requestNs: 100_000, responseNs: expect.any(Number) as number });
    expect(way.map((hop) => 'clockUncertaintyNs' in hop)).toEqual([false, false, false, true, false, false]);
    expect(spans.find((row) => row['spanID'] === spanId(2, 9, 's'))!['hops']).toEqual([]);
  });

  it('prefers a link that was found later', async () => {
    await ask(
      store,
      store.adminToken,
      `INSERT INTO links SELECT 'default', 'default', unhex('${spanId(3, 5, 'c')}'), now64(9), unhex('${spanId(2, 6, 's')}'),
       'request_id', 0.99, now64(3)`
    );
    const { frames } = await one({ queryType: 'traceId', query: spanId(1, 6, 's') });
    const moved = frames[0]!.rows.find((row) => row['spanID'] === spanId(3, 5, 'c'));
    expect(moved?.['parentSpanID']).toBe(spanId(2, 6, 's'));
  });

  it('does not open another tenant’s, and says what is no id', async () => {
    const foreign = await one({ queryType: 'traceId', query: spanId(9, 3, 's') });
    expect([foreign.status, foreign.error]).toEqual([404, expect.stringContaining('DATASOURCE_NOT_FOUND')]);
    const nonsense = await one({ queryType: 'traceId', query: "1' OR 1=1" });
    expect([nonsense.status, nonsense.errorSource]).toEqual([400, 'downstream']);
  });
});

describe('resources', () => {
  const get = async (url: string) => {
    const [path = ''] = url.split('?');
    const request = CallResourceRequest.fromPartial({ pluginContext: pluginContext(), method: 'GET', path, url });
    const { status, body } = await plugin.callResource(request);
    return { status, body: JSON.parse(body.toString()) as unknown };
  };

  it('answers keys, values, names and the schema', async () => {
    expect((await get('tag-keys')).body).toContainEqual({ text: 'service' });
    expect((await get('tag-keys')).body).toContainEqual({ text: 'attribute.shop.cart' });
    expect((await get('tag-keys')).body).toContainEqual({ text: 'resource.service.version' });
    expect((await get('tag-values?key=attribute.shop.cart')).body).toEqual([{ text: 'gold' }]);
    expect((await get('tag-values?key=resource.nothing')).body).toEqual([]);
    expect((await get('group-keys')).body).toEqual(['service', 'endpoint', 'edge'].map((text) => ({ text })));
    expect((await get('services')).body).toEqual(expect.arrayContaining([{ text: 'gateway' }, { text: 'orders' }]));
    expect((await get('tag-values?key=protocol')).body).toEqual(expect.arrayContaining([{ text: 'mysql' }]));
    expect((await get('endpoints?service=orders')).body).toContainEqual({ text: '/orders' });
    expect(JSON.stringify((await get('tag-values?key=service')).body)).not.toContain('secret');
    expect((await get('tag-values?key=constructor')).status).toBe(400);
    expect((await get('schema')).body).toContainEqual(expect.objectContaining({ name: 'spans' }));
    expect((await get('nothing')).status).toBe(404);
  });

  it('answers an assembled trace', async () => {
    const { status, body } = await get(`trace/${spanId(3, 4, 'c')}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ traceId: traceId(4), roots: [{ span: { service: 'gateway' } }] });
    expect((await get(`trace/${'0'.repeat(15)}1`)).status).toBe(404);
  });
});

describe('failures', () => {
  it('leave the other queries of a request answered', async () => {
    const answers = await query({
      A: sql('SELECT 1 AS n'),
      B: sql('SELECT nonsense FROM spans'),
      C: { queryType: 'nonsense' },
      D: sql('SELECT finalizeAggregation(DurationQuantiles) FROM red_1s LIMIT 1'),
      ['__proto__x']: sql('SELECT 2 AS n'),
    });
    expect(Object.entries(answers).map(([refId, { status, errorSource }]) => [refId, status, errorSource])).toEqual([
      ['A', 200, ''],
      ['B', 400, 'downstream'],
      ['C', 400, 'downstream'],
      ['D', 200, ''],
      ['__proto__x', 200, ''],
    ]);
    expect(answers['B']!.error).toMatch(/^DATASOURCE_QUERY: .*nonsense.*; correct the query$/s);
  });

  it('are sorted, and say what to do', async () => {
    const model = sql('SELECT 1');
    const wrongToken = await one(model, { token: 'wrong' });
    expect([wrongToken.status, wrongToken.error]).toEqual([
      401,
      expect.stringContaining("read token in the data source's"),
    ]);
    const closedPort = await one(model, { url: 'http://127.0.0.1:1' });
    expect([closedPort.status, closedPort.error]).toEqual([502, expect.stringContaining('DATASOURCE_CONNECT')]);
    const noHost = await one(model, { url: 'http://no-such-host.invalid' });
    expect([noHost.status, noHost.error]).toEqual([502, expect.stringContaining('DATASOURCE_DNS')]);
    const noTls = await one(model, { url: store.url.replace('http:', 'https:') });
    expect([noTls.status, noTls.error]).toEqual([502, expect.stringContaining('DATASOURCE_TLS')]);
    const badName = await one(model, { jsonData: { tenant: "a' OR 1" } });
    expect([badName.status, badName.error]).toEqual([400, expect.stringContaining('tenant')]);
    const slow = await one(sql('SELECT sum(cityHash64(number)) FROM numbers(100000000000)'), {
      jsonData: { timeoutSeconds: 1 },
    });
    expect([slow.status, slow.error]).toEqual([504, expect.stringContaining('DATASOURCE_TIMEOUT')]);
  });

  it('of something else at the address are named as such', async () => {
    const proxy: Server = createServer((_request, response) => {
      response.end('<html>Sign in</html>');
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const answer = await one({ queryType: 'red' }, { url });
    proxy.close();
    proxy.closeAllConnections();
    expect([answer.status, answer.errorSource, answer.error]).toEqual([
      502,
      'downstream',
      expect.stringContaining('DATASOURCE_ANSWER'),
    ]);
  });

  it('stop in the store what Grafana cancelled', async () => {
    const marker = 'SELECT sum(sipHash64(number)) FROM numbers(200000000000)';
    const running = async () =>
      Number(
        await ask(
          store,
          store.adminToken,
          "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64%' AND query NOT LIKE '%system.processes%'"
        )
      );
    const abort = new AbortController();
    const answer = query({ A: sql(marker) }, { signal: abort.signal });
    await expect.poll(running, { timeout: 10_000 }).toBe(1);
    abort.abort();
    await expect(answer).rejects.toMatchObject({ code: 1 });
    await expect.poll(running, { timeout: 10_000 }).toBe(0);
  });
});

describe('health', () => {
  const check = async (options: ContextOptions = {}) => {
    const request = CheckHealthRequest.fromPartial({ pluginContext: pluginContext(options) });
    const { status, message, jsonDetails } = await plugin.checkHealth(request);
    return { status, message, details: JSON.parse(jsonDetails.toString()) as { step?: string } };
  };

  it('is good, and says of when the data is', async () => {
    expect(await check()).toMatchObject({
      status: 1,
      message: expect.stringContaining('newest request of tenant default') as string,
    });
  });

  it.each([
    ['settings', { url: 'ftp://x' }],
    ['dns', { url: 'http://no-such-host.invalid' }],
    ['connect', { url: 'http://127.0.0.1:1' }],
    ['auth', { token: 'wrong' }],
  ])('names the step that failed: %s', async (step, options) => {
    expect(await check(options)).toMatchObject({
      status: 2,
      message: expect.stringMatching(new RegExp(`^${step}: .+; .+`)) as string,
      details: { step, message: expect.stringMatching(/./) as string, mend: expect.stringMatching(/./) as string },
    });
  });

  it('names a TLS handshake with a port that has none', async () => {
    const { details } = await check({ url: store.url.replace('http:', 'https:') });
    expect(details).toMatchObject({ step: 'tls', mend: expect.stringContaining('scheme') as string });
  });

  it('names a schema that is not there', async () => {
    const empty = await startStore();
    try {
      const { details } = await check({ url: empty.url, token: empty.readToken });
      expect(details).toMatchObject({ step: 'schema', mend: expect.stringContaining('start ingest once') as string });
    } finally {
      await empty.stop();
    }
  });

  it('says where nothing has arrived yet', async () => {
    expect(await check({ jsonData: { tenant: 'empty' } })).toMatchObject({ status: 1, details: { step: 'data' } });
  });
});

it('logs no token and no SQL', () => {
  const log = logLines.join('\n');
  expect(log).not.toContain(store.readToken);
  expect(log).not.toContain('SELECT');
});
