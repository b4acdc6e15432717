import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type RunningStore, startStore } from '@throughline/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createShop, REQUESTS, type Shop, spanId, traceId } from '../testdata/shop.ts';
import { backendProgram } from './index.ts';

/** The backend under a host written with Grafana's Go SDK, which reads its frames with Grafana's dataplane library. */

const root = join(import.meta.dirname, '../..');
const source = join(root, 'datasource-plugin/testdata/gohost');
const cache = join(root, '.throughline/cache/gohost');
const program = join(cache, 'gohost');
const BUILD_TIMEOUT_MS = 170_000;

const reason = whyNot();
if (reason !== undefined) console.log(`skipped, Grafana's Go SDK is not at hand: ${reason}`);

function whyNot(): string | undefined {
  try {
    execFileSync('go', ['version'], { stdio: 'pipe' });
  } catch {
    return 'there is no go command';
  }
  try {
    mkdirSync(cache, { recursive: true });
    execFileSync('go', ['build', '-o', program, '.'], {
      cwd: source,
      // The modules come from the Go module proxy once; go.sum says which.
      env: { ...process.env, GOFLAGS: '-mod=mod -buildvcs=false' },
      stdio: 'pipe',
      timeout: BUILD_TIMEOUT_MS,
    });
    return undefined;
  } catch (error) {
    return `the host does not build: ${String((error as { stderr?: Buffer }).stderr ?? error).slice(0, 500)}`;
  }
}

interface GoFrame {
  readonly schema: {
    readonly name: string;
    readonly meta: { readonly type?: string };
    readonly fields: readonly { readonly name: string }[];
  };
  readonly data: { readonly values: readonly (readonly unknown[])[] };
}

interface GoResponse {
  readonly status: number;
  readonly error: string;
  readonly errorSource: string;
  readonly frames: readonly GoFrame[] | null;
  readonly sameInJson: boolean;
  readonly difference?: string;
  readonly dataplaneKind: string;
  readonly dataplaneRefs: number;
  readonly dataplaneError: string;
}

interface GoResult {
  readonly ping: boolean;
  readonly health: { readonly status: string; readonly message: string };
  readonly metrics: string;
  readonly responses: Readonly<Record<string, GoResponse>>;
  readonly resources: Readonly<Record<string, { readonly status: number; readonly body: string }>>;
  readonly logLevels: Readonly<Record<string, number>>;
  readonly exited: boolean;
}

describe.skipIf(reason !== undefined)('under a host with Grafana’s Go SDK', () => {
  let store: RunningStore;
  let shop: Shop;
  let result: GoResult;

  beforeAll(async () => {
    store = await startStore();
    shop = await createShop(store);
    const models: Record<string, object> = {
      wide: {
        queryType: 'sql',
        rawSql: 'SELECT toStartOfMinute(Timestamp) AS time, count() AS spans FROM spans GROUP BY time',
      },
      long: {
        queryType: 'sql',
        rawSql:
          'SELECT $__timeInterval(Timestamp) AS time, Endpoint, count() AS n FROM spans GROUP BY time, Endpoint ORDER BY n',
      },
      numeric: { queryType: 'sql', rawSql: 'SELECT Endpoint, count() AS n FROM spans GROUP BY Endpoint' },
      number: { queryType: 'sql', rawSql: 'SELECT count() AS n FROM spans' },
      types: {
        queryType: 'sql',
        rawSql:
          "SELECT Timestamp, SpanId, SpanAttributes, LinkProbability, Truncated, ServerAddress, [1] AS list, NULL AS nothing, toNullable('x') AS text, -1::Int64 AS low, nan AS nan FROM spans ORDER BY Timestamp LIMIT 3",
      },
      rate: { queryType: 'red', metrics: ['rate', 'p95', 'errorShare'], groupBy: 'edge', side: 'client' },
      exemplars: { queryType: 'red', metrics: ['p95'], exemplars: true },
      none: { queryType: 'red', filters: [{ key: 'service', value: 'nobody' }] },
      map: { queryType: 'serviceMap' },
      overview: { queryType: 'overview' },
      edge: { queryType: 'edge', source: 'gateway', target: 'orders' },
      breakdown: { queryType: 'breakdown', service: 'gateway' },
      breakdownOfNobody: { queryType: 'breakdown', service: 'nobody' },
      events: { queryType: 'events' },
      freshness: { queryType: 'freshness' },
      calls: { queryType: 'traceSearch', of: 'calls', filters: [{ key: 'service', value: 'orders' }], limit: 100 },
      search: { queryType: 'traceSearch', limit: 10 },
      trace: { queryType: 'traceId', query: spanId(3, 9, 'c') },
      wrong: { queryType: 'sql', rawSql: 'SELECT nonsense' },
    };
    const one = ['__proto__', { queryType: 'sql', rawSql: 'SELECT 1 AS one' }] as const;
    const queries = [...Object.entries(models), one].map(([refId, model]) => ({
      refId,
      intervalMs: 10_000,
      maxDataPoints: 100,
      model,
    }));
    result = await runHost({ queries });
  });
  afterAll(async () => {
    await store?.stop();
  });

  async function runHost(request: object): Promise<GoResult> {
    const host = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] });
    host.stdin.end(
      JSON.stringify({
        command: [process.execPath, backendProgram],
        url: store.url,
        jsonData: {},
        readToken: store.readToken,
        fromMs: shop.fromS * 1_000,
        toMs: shop.toS * 1_000,
        resources: ['services', `trace/${traceId(2)}`, 'nothing'],
        ...request,
      })
    );
    let output = '';
    for await (const part of host.stdout) output += String(part);
    return JSON.parse(output) as GoResult;
  }

  const values = (refId: string, frame: number, field: string): readonly unknown[] => {
    const { schema, data } = result.responses[refId]!.frames![frame]!;
    return data.values[schema.fields.findIndex(({ name }) => name === field)] ?? [];
  };

  it('shakes hands, answers health, metrics and resources, and ends when asked', () => {
    expect(result.ping).toBe(true);
    expect(result.health).toMatchObject({ status: 'OK', message: expect.stringContaining('tenant default') as string });
    expect(result.metrics).toContain('datasource_queries_total{query_type="sql",outcome="ok"}');
    expect(result.resources['services']!.body).toContain('gateway');
    expect(JSON.parse(result.resources[`trace/${traceId(2)}`]!.body)).toMatchObject({ traceId: traceId(2) });
    expect(result.resources['nothing']!.status).toBe(404);
    expect(result.exited).toBe(true);
    // Lines that hclog cannot read would all arrive as debug; none may be an error here.
    expect(result.logLevels['error'] ?? 0).toBe(0);
  });

  it('answers every query, the failing one too', () => {
    const failed = Object.entries(result.responses).filter(([, { status }]) => status !== 200);
    expect(failed.map(([refId, { status, errorSource }]) => [refId, status, errorSource])).toEqual([
      ['wrong', 400, 'downstream'],
    ]);
  });

  it('answers in JSON, value for value, what it answers in Arrow', () => {
    for (const [refId, { sameInJson, difference }] of Object.entries(result.responses)) {
      // Asked twice, at two times: how far behind an agent is differs.
      if (refId === 'freshness') continue;
      expect([refId, sameInJson, difference]).toEqual([refId, true, undefined]);
    }
  });

  it.each([
    ['wide', 'timeseries', 1],
    ['long', 'timeseries', 3],
    ['rate', 'timeseries', 6],
    ['exemplars', 'timeseries', 2],
    ['breakdown', 'timeseries', 6],
    ['breakdownOfNobody', 'timeseries', 0],
    ['none', 'timeseries', 0],
    ['numeric', 'numeric', 3],
    ['number', 'numeric', 1],
  ])('has frames that Grafana’s dataplane library reads: %s', (refId, kind, refs) => {
    const { dataplaneKind, dataplaneError, dataplaneRefs } = result.responses[refId]!;
    expect([dataplaneKind, dataplaneError, dataplaneRefs]).toEqual([kind, '', refs]);
  });

  it('loses nothing on the way: types, node graph, traces', () => {
    expect(values('types', 0, 'SpanAttributes')[0]).toEqual({ 'shop.cart': 'gold' });
    expect(values('types', 0, 'Timestamp')[0]).toBe(shop.fromS * 1_000);
    expect(values('map', 0, 'id')).toEqual(['192.0.2.7', 'db:3306', 'gateway', 'orders']);
    expect(values('map', 1, 'detail__client_requests')).toContain(REQUESTS);
    expect(values('search', 0, 'traceID')).toHaveLength(10);
    expect(values('calls', 0, 'traceID')).toHaveLength(REQUESTS);
    expect(values('overview', 0, 'service')).toContain('orders');
    // All of the shop's requests lie in the first half of the range: before.
    expect(values('overview', 1, 'requestsBefore')).toEqual([REQUESTS, REQUESTS, REQUESTS, REQUESTS]);
    expect(values('overview', 2, 'endpoint')).toContain('SELECT ?');
    expect(values('edge', 0, 'segment')).toHaveLength(6);
    expect(values('edge', 1, 'callsBefore')).toEqual([REQUESTS, REQUESTS]);
    expect(values('breakdown', 5, 'network')[0]).toBe(4e6);
    expect(values('events', 0, 'tags')[3]).toEqual(['process_start', 'orders', 'host-2']);
    expect(values('freshness', 0, 'agent')).toContain('agent-2');
    expect(values('trace', 0, 'hops').map((hops) => (hops as unknown[]).length)).toContain(6);
    expect(values('trace', 0, 'spanID')).toContain(spanId(3, 9, 'c'));
    expect(values('__proto__', 0, 'one')).toEqual([1]);
  });
});
