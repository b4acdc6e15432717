import { backendProgram } from '@throughline/datasource-plugin/backend';
import {
  DataFrameFormat,
  PluginContext,
  type PluginProcess,
  QueryDataRequest,
  startPlugin,
} from '@throughline/grafana-backend';
import { type RunningStore, startStore } from '@throughline/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createShop, type Shop, spanId } from '../datasource-plugin/testdata/shop.ts';
import { DASHBOARDS } from './definitions/index.ts';
import { type Dashboard } from './panels.ts';

/** Every query of every dashboard, with its variables filled in as Grafana does, answered by the backend from a store. */

let store: RunningStore;
let shop: Shop;
let plugin: PluginProcess;

beforeAll(async () => {
  store = await startStore();
  shop = await createShop(store);
  plugin = await startPlugin(process.execPath, { args: [backendProgram] });
});
afterAll(async () => {
  await plugin?.shutdown();
  await store?.stop();
});

interface NamedQuery {
  readonly name: string;
  readonly query: Readonly<Record<string, unknown>>;
}

function queriesOf({ panels, templating, annotations }: Dashboard): NamedQuery[] {
  return [
    ...panels.flatMap(({ title, targets = [] }) =>
      targets.map((query) => ({ name: `${title} ${query.refId}`, query: query as Record<string, unknown> }))
    ),
    ...templating.list
      .filter(({ type }) => type === 'query')
      .map(({ name, query }) => ({ name: `variable ${name}`, query: { ...(query as object), queryType: 'sql' } })),
    ...annotations.list.map(({ target }) => ({ name: 'annotations', query: target })),
  ];
}

const ONE_SERVICE = {
  service: 'orders',
  source: 'gateway',
  target: 'orders',
  server: 'db:3306',
  traceId: spanId(2, 3, 'c'),
  text: '',
  side: 'Client',
  protocol: 'mysql',
  status: 'Ok',
};

/** Of the variables that can be All. */
const ALL = { ...ONE_SERVICE, service: undefined, side: undefined, protocol: undefined, status: undefined };

type Values = Readonly<Record<string, string | undefined>>;

/** As the data source does it in the browser: All is said to $__conditionalAll, and drops a filter. */
function fillIn(value: unknown, values: Values, lists: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) {
    return value
      .filter((item) => !(isFilter(item) && values[item.value.slice(1)] === undefined))
      .map((item) => fillIn(item, values, lists));
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fillIn(item, values, lists)]));
  }
  if (typeof value !== 'string') return value;
  return value.replaceAll(/(,\s*)?\$(?!__)(\w+)/g, (found, comma: string | undefined, name: string) => {
    if (!(name in values)) return found;
    const text = values[name];
    if (text === undefined) return comma === undefined ? "'a','b'" : `${comma}$__all`;
    return (comma ?? '') + (lists.has(name) ? `'${text}'` : text);
  });
}

function isFilter(value: unknown): value is { readonly value: string } {
  return typeof value === 'object' && value !== null && 'key' in value && 'operator' in value;
}

interface JsonFrame {
  readonly schema: {
    readonly fields: readonly { readonly name: string; readonly config?: { readonly displayName?: string } }[];
  };
  readonly data: { readonly values: readonly (readonly unknown[])[] };
}

async function ask(
  { templating }: Dashboard,
  queries: readonly NamedQuery[],
  values: Values
): Promise<Map<string, { error: string; frames: JsonFrame[] }>> {
  const lists = new Set(templating.list.filter((variable) => variable['includeAll']).map(({ name }) => name));
  const request = QueryDataRequest.fromPartial({
    pluginContext: PluginContext.fromPartial({
      orgId: 1n,
      pluginId: 'throughline-datasource',
      dataSourceInstanceSettings: {
        uid: 'throughline',
        name: 'Throughline',
        url: store.url,
        jsonData: Buffer.from('{}'),
        decryptedSecureJsonData: new Map([['readToken', store.readToken]]),
      },
    }),
    format: DataFrameFormat.JSON,
    queries: queries.map(({ name, query }) => ({
      refId: name,
      queryType: String(query['queryType']),
      maxDataPoints: 100n,
      intervalMS: 10_000n,
      timeRange: { fromEpochMS: BigInt(shop.fromS) * 1_000n, toEpochMS: BigInt(shop.toS) * 1_000n },
      json: Buffer.from(JSON.stringify(fillIn(query, values, lists))),
    })),
  });
  const { responses } = await plugin.queryData(request);
  return new Map(
    Array.from(responses, ([name, { error, frames }]) => [
      name,
      { error, frames: frames.map((frame) => JSON.parse(Buffer.from(frame).toString('utf8')) as JsonFrame) },
    ])
  );
}

describe.each([...DASHBOARDS])('dashboard %s', (_name, dashboard) => {
  it.each([
    ['one service', ONE_SERVICE],
    ['all', ALL],
  ])('has queries that the backend answers: %s', async (_what, values) => {
    const answers = await ask(dashboard, queriesOf(dashboard), values);
    const failed = Array.from(answers, ([name, { error }]) => `${name}: ${error}`).filter(
      (line) => !line.endsWith(': ')
    );
    expect(failed).toEqual([]);
  });
});

describe.each([...DASHBOARDS])('tables of dashboard %s', (_name, dashboard) => {
  const tables = dashboard.panels.filter(({ type }) => type === 'table');
  it.skipIf(tables.length === 0)('have the columns that their overrides and data links name', async () => {
    const answers = await ask(dashboard, queriesOf(dashboard), ONE_SERVICE);
    for (const panel of tables) {
      const { frameIndex = 0 } = panel['options'] as { frameIndex?: number };
      const { overrides } = panel['fieldConfig'] as {
        overrides: { matcher: { id: string; options: string }; properties: unknown[] }[];
      };
      const { fields } = answers.get(`${panel.title} A`)!.frames[frameIndex]!.schema;
      const displayNames = fields.map(({ name, config }) => config?.displayName ?? name);
      const names = new Set([...fields.map(({ name }) => name), ...displayNames]);
      for (const { matcher, properties } of overrides) {
        const { id, options } = matcher;
        const expression = id === 'byRegexp' ? new RegExp(options.slice(1, -1)) : undefined;
        const matches = id === 'byType' || displayNames.some((name) => expression?.test(name)) || names.has(options);
        expect([panel.title, options, matches]).toEqual([panel.title, options, true]);
        for (const [, name] of JSON.stringify(properties).matchAll(/__data\.fields\.(\w+)/g)) {
          expect([panel.title, name, names.has(name!)]).toEqual([panel.title, name, true]);
        }
      }
    }
  });
});

describe('what they say of the shop', () => {
  async function rows(file: string, name: string, values: Values, frame = 0): Promise<Record<string, unknown>[]> {
    const dashboard = DASHBOARDS.get(file)!;
    const queries = queriesOf(dashboard).filter((query) => query.name === name);
    expect(queries).toHaveLength(1);
    const { schema, data } = (await ask(dashboard, queries, values)).get(name)!.frames[frame]!;
    return (data.values[0] ?? []).map((_, row) =>
      Object.fromEntries(schema.fields.map((field, column) => [field.name, data.values[column]![row]]))
    );
  }

  it('lists services, callers and callees', async () => {
    const services = await rows('services', 'variable service', ALL);
    expect(services.map(({ service }) => service).sort()).toEqual(['gateway', 'orders']);
    expect((await rows('network', 'variable target', ONE_SERVICE)).map(({ callee }) => callee)).toEqual(['orders']);
    expect((await rows('databases', 'variable server', ALL)).map(({ server }) => server)).toEqual(['db:3306']);
  });

  it('counts every statement of the database once, as its caller saw it', async () => {
    const [operation, ...others] = await rows('databases', 'Operations, by the time they take in all A', ONE_SERVICE);
    expect(others).toEqual([]);
    expect(operation).toMatchObject({
      Operation: 'SELECT ?',
      Caller: 'orders',
      Server: 'db:3306',
      Calls: 30,
      Errors: 0.1,
    });
    expect(operation!['Slowest']).toBe(spanId(3, 29, 'c'));
  });

  it('charts timeouts where they were', async () => {
    const timeouts = await rows('network', 'Timeouts by edge A', ALL);
    expect(timeouts.reduce((sum, row) => sum + Number(row['calls']), 0)).toBe(3);
  });

  it('filters the request log by every variable', async () => {
    const log = await rows('requests', 'Requests A', ONE_SERVICE);
    expect(log).toHaveLength(27);
    expect(log[0]).toMatchObject({
      Own: 'orders',
      Peer: 'db:3306',
      Side: 'Client',
      Interfaces: 1,
      Trace: spanId(3, 28, 'c'),
    });
    // Both sides of each request, without what a host in between saw and what an SDK reported.
    expect(await rows('requests', 'Requests A', ALL)).toHaveLength(120);
    expect(await rows('requests', 'Requests A', { ...ALL, text: 'select' })).toHaveLength(30);
  });

  it('says how calls are linked', async () => {
    const [evidence] = await rows('pipeline', 'Why calls are linked to their cause A', ALL);
    expect(evidence).toMatchObject({ evidence: 'only_open', calls: 60, share: 1 });
  });
});
