import {
  CoreApp,
  type DataFrame,
  type DataQueryRequest,
  type DataQueryResponse,
  dateTime,
  type Field,
} from '@grafana/data';
import { config } from '@grafana/runtime';
import { parseQuery } from '@throughline/query';
import { lastValueFrom } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { NEW_QUERIES } from './model.ts';
import { dataSource, serve } from './testHost.ts';
import { type ThroughlineQuery } from './types.ts';

const refId = 'A';
/** As it lies in a dashboard's JSON: of any age. */
const saved = (query: object): ThroughlineQuery => ({ refId, ...query }) as ThroughlineQuery;
const red = (filters: (typeof NEW_QUERIES.red)['filters'] = []): ThroughlineQuery => ({
  ...NEW_QUERIES.red,
  refId,
  filters,
});
const sql = (rawSql: string): ThroughlineQuery => ({ ...NEW_QUERIES.sql, refId, rawSql });

function request(targets: ThroughlineQuery[], app: string = CoreApp.Dashboard): DataQueryRequest<ThroughlineQuery> {
  const [from, to] = [dateTime(0), dateTime(3_600_000)];
  return {
    requestId: 'Q1',
    app,
    targets,
    interval: '1s',
    intervalMs: 1_000,
    timezone: 'utc',
    startTime: 0,
    scopedVars: {},
    range: { from, to, raw: { from, to } },
  };
}

const runs = (response: ReturnType<ReturnType<typeof dataSource>['query']>): Promise<DataQueryResponse> =>
  lastValueFrom(response);

beforeEach(() => {
  config.buildInfo = { ...config.buildInfo, version: '13.2.2' };
  config.panels = {};
});

describe('default query', () => {
  it('searches traces in Explore and draws metrics elsewhere', () => {
    expect(dataSource().getDefaultQuery(CoreApp.Explore).queryType).toBe('traceSearch');
    expect(dataSource().getDefaultQuery(CoreApp.Dashboard).queryType).toBe('red');
    expect(dataSource().getDefaultQuery(CoreApp.UnifiedAlerting).queryType).toBe('red');
  });

  it.each(Object.values(NEW_QUERIES))('of type $queryType is what the backend parses once it is filled in', (query) => {
    const filled = { ...query, rawSql: 'SELECT 1', service: 'a', source: 'a', target: 'b' };
    expect(parseQuery(filled)).toMatchObject({ queryType: query.queryType });
  });
});

describe('filterQuery', () => {
  it.each([
    [NEW_QUERIES.red, true],
    [NEW_QUERIES.freshness, true],
    [NEW_QUERIES.sql, false],
    [NEW_QUERIES.edge, false],
    [{ ...NEW_QUERIES.edge, source: 'a', target: 'b' }, true],
    [NEW_QUERIES.breakdown, false],
    [NEW_QUERIES.traceId, false],
    [{ query: '0123456789abcdef' }, true],
    // Refused aloud by the backend, rather than silently never run.
    [{ queryType: 'red', version: 99 }, true],
  ])('%o: %s', (query, expected) => {
    expect(dataSource().filterQuery(saved(query))).toBe(expected);
  });
});

describe('saved queries', () => {
  it('of no version are brought up', () => {
    const before = saved({ queryType: 'red', metrics: ['p95'] });
    expect(dataSource().applyTemplateVariables(before, {})).toMatchObject({
      version: 1,
      metrics: ['p95'],
      side: 'server',
    });
  });

  it.each(['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7', '4bf92f35-77b3-4da6-a3ce-929d0e0e4736'])(
    'with the id %s in `query` and no type open the trace',
    (query) => {
      expect(dataSource().applyTemplateVariables(saved({ query }), {})).toMatchObject({ queryType: 'traceId', query });
    }
  );

  it('with SQL and no type are SQL', () => {
    expect(dataSource().applyTemplateVariables(saved({ rawSql: 'SELECT 1' }), {}).queryType).toBe('sql');
  });

  it('keep what Grafana adds to them', () => {
    const query = saved({ queryType: 'red', hide: true, datasource: { uid: 'x' } });
    expect(dataSource().applyTemplateVariables(query, {})).toMatchObject({
      refId,
      hide: true,
      datasource: { uid: 'x' },
    });
  });

  it('of a newer plugin fail with what to do', async () => {
    const response = runs(dataSource().query(request([saved({ queryType: 'red', version: 99 })])));
    await expect(response).rejects.toThrow('update the plugin');
  });

  it('of an unknown type fail rather than run as another', async () => {
    const response = runs(dataSource().query(request([saved({ queryType: 'profile', version: 1 })])));
    await expect(response).rejects.toThrow('QUERY_INVALID');
  });
});

describe('variables', () => {
  const shop = { value: ['cart', 'orders'], multi: true };

  it('with several values are any of them', () => {
    const query = red([
      { key: 'service', operator: '=', value: '$shop' },
      { key: 'peer', operator: '!=', value: '${shop}' },
    ]);
    expect(dataSource({ shop }).applyTemplateVariables(query, {})).toMatchObject({
      filters: [
        { key: 'service', operator: '=|', values: ['cart', 'orders'] },
        { key: 'peer', operator: '!=|', values: ['cart', 'orders'] },
      ],
    });
  });

  it('with one value are it, in keys too', () => {
    const variables = { key: { value: 'endpoint' }, path: { value: '/cart' } };
    const query = red([{ key: '$key', operator: '=', value: '$path' }]);
    expect(dataSource(variables).applyTemplateVariables(query, {})).toMatchObject({
      filters: [{ key: 'endpoint', operator: '=', value: '/cart' }],
    });
  });

  it('expand among several values', () => {
    const query = red([{ key: 'service', operator: '=|', value: 'web', values: ['web', '$shop'] }]);
    expect(dataSource({ shop }).applyTemplateVariables(query, {})).toMatchObject({
      filters: [{ operator: '=|', value: 'web', values: ['web', 'cart', 'orders'] }],
    });
  });

  it('are escaped in expressions', () => {
    const variables = { host: { value: ['a.b', 'c'], multi: true } };
    const query = red([{ key: 'service', operator: '=~', value: '^$host$' }]);
    expect(dataSource(variables).applyTemplateVariables(query, {})).toMatchObject({
      filters: [{ operator: '=~', value: '^(a\\.b|c)$' }],
    });
  });

  it('set to All filter nothing, but a panel repeated by them is filtered', () => {
    const variables = { shop: { ...shop, isAll: true } };
    const query = red([{ key: 'service', operator: '=', value: '$shop' }]);
    expect(dataSource(variables).applyTemplateVariables(query, {})).toMatchObject({ filters: [] });
    const scoped = { shop: { text: 'cart', value: 'cart' } };
    expect(dataSource(variables).applyTemplateVariables(query, scoped)).toMatchObject({
      filters: [{ key: 'service', operator: '=', value: 'cart' }],
    });
  });

  it('are replaced in every other text', () => {
    const source = dataSource({
      s: { value: 'cart' },
      id: { value: ' abc ' },
      kinds: { value: ['a', 'b'], multi: true },
    });
    const apply = (query: object) => source.applyTemplateVariables(saved(query), {});
    expect(apply({ ...NEW_QUERIES.edge, source: '$s', target: '$s', endpoint: '/$s' })).toMatchObject({
      source: 'cart',
      target: 'cart',
      endpoint: '/cart',
    });
    expect(apply({ ...NEW_QUERIES.breakdown, service: '$s' })).toMatchObject({ service: 'cart' });
    expect(apply({ ...NEW_QUERIES.traceId, query: '$id' })).toMatchObject({ query: 'abc' });
    expect(apply({ ...NEW_QUERIES.events, kinds: ['$kinds', 'c'], service: '$s' })).toMatchObject({
      kinds: ['a', 'b', 'c'],
      service: 'cart',
    });
  });
});

describe('variables in SQL', () => {
  const apply = (text: string, variables: Parameters<typeof dataSource>[0]) => {
    const query = dataSource(variables).applyTemplateVariables(sql(text), {});
    return query.queryType === 'sql' ? query.rawSql : undefined;
  };

  it('of one value stand for their text, in which nothing ends the literal', () => {
    expect(apply("x = '$name'", { name: { value: "o'hare\\" } })).toBe("x = 'o\\'hare\\\\'");
  });

  it('that may have several are literals', () => {
    expect(apply('x IN ($n)', { n: { value: ['a', "b'"], multi: true } })).toBe("x IN ('a','b\\'')");
    expect(apply('x IN ($n)', { n: { value: 'a', multi: true } })).toBe("x IN ('a')");
  });

  it('set to All are named as such to $__conditionalAll, and to nothing else', () => {
    const text = 'WHERE $__conditionalAll(x IN ($n), $n) AND has(ys, $n)';
    const all = { n: { value: ['a', 'b'], multi: true, isAll: true } };
    expect(apply(text, all)).toBe("WHERE $__conditionalAll(x IN ('a','b'), $__all) AND has(ys, 'a','b')");
    const one = { n: { value: ['a'], multi: true } };
    expect(apply(text, one)).toBe("WHERE $__conditionalAll(x IN ('a'), 'a') AND has(ys, 'a')");
  });

  it('leave macros to the backend', () => {
    expect(apply('WHERE $__timeFilter(Time)', {})).toBe('WHERE $__timeFilter(Time)');
  });
});

describe('ad hoc filters', () => {
  const adHoc = [
    { key: 'service', operator: '=', value: 'cart' },
    { key: 'peer', operator: '!=|', value: 'a', values: ['a', 'b'] },
    { key: '', operator: '=', value: 'x' },
  ];

  it("follow the query's own", () => {
    const query = red([{ key: 'protocol', operator: '=', value: 'http' }]);
    expect(dataSource().applyTemplateVariables(query, {}, adHoc)).toMatchObject({
      filters: [
        { key: 'protocol', operator: '=', value: 'http' },
        { key: 'service', operator: '=', value: 'cart' },
        { key: 'peer', operator: '!=|', value: 'a', values: ['a', 'b'] },
      ],
    });
  });

  it('leave queries alone that take none', () => {
    const query = sql('SELECT 1');
    expect(dataSource().applyTemplateVariables(query, {}, adHoc)).toEqual(query);
  });

  it('with another operator fail: leaving one out would show too much', () => {
    const filters = [{ key: 'status', operator: '<', value: '5' }];
    expect(() => dataSource().applyTemplateVariables(red(), {}, filters)).toThrow('use one of = != =~ !~ =| !=|');
  });

  it('are said to apply where a query knows the key', async () => {
    const filters = [adHoc[0]!, { key: 'host', operator: '=', value: 'a' }];
    const answer = await dataSource().getDrilldownsApplicability({
      queries: [red()],
      filters,
      groupByKeys: ['endpoint'],
    });
    expect(answer.map(({ key, applicable }) => [key, applicable])).toEqual([
      ['service', true],
      ['host', false],
      ['endpoint', true],
    ]);
  });
});

describe('query', () => {
  const frameJson = {
    schema: {
      name: 'trace',
      meta: { preferredVisualisationType: 'trace' },
      fields: [
        {
          name: 'traceID',
          type: 'string',
          config: {
            links: [
              { title: 'one', url: 'a' },
              { title: 'two', url: 'b' },
            ],
          },
        },
        { name: 'plain', type: 'string', config: {} },
      ],
    },
    data: { values: [['x'], ['y']] },
  };
  const answer = () => ({ data: { results: { A: { frames: [frameJson] } } } });
  const frameOf = ({ data }: DataQueryResponse): DataFrame => data[0] as DataFrame;
  const oneClicks = ({ config: { links = [] } }: Field) => links.map(({ oneClick }) => oneClick);

  it('sends complete, runnable queries grouped as the dashboard says', async () => {
    const requests = serve(answer);
    const group = { ...request([red(), { ...NEW_QUERIES.sql, refId: 'B' }]), groupByKeys: ['host', 'edge'] };
    await runs(dataSource().query(group));
    expect(requests[0]?.data.queries).toHaveLength(1);
    expect(requests[0]?.data.queries[0]).toMatchObject({ refId: 'A', queryType: 'red', groupBy: 'edge', version: 1 });
  });

  it('opens the first link of a field by one click where the host can', async () => {
    serve(answer);
    const now = frameOf(await runs(dataSource().query(request([red()]))));
    expect(now.fields.map(oneClicks)).toEqual([[true, undefined], []]);
    config.buildInfo.version = '11.3.9';
    const before = frameOf(await runs(dataSource().query(request([red()]))));
    expect(before.fields.map(oneClicks)).toEqual([[undefined, undefined], []]);
  });

  it("shows a trace in the waterfall panel, in Explore and where it is installed; the core's type stays", async () => {
    serve(answer);
    const metaIn = async (app: string) => frameOf(await runs(dataSource().query(request([red()], app)))).meta;
    expect(await metaIn(CoreApp.Explore)).toEqual({ preferredVisualisationType: 'trace' });
    config.panels = { 'throughline-waterfall-panel': {} } as unknown as typeof config.panels;
    expect(await metaIn(CoreApp.Explore)).toEqual({
      preferredVisualisationType: 'trace',
      preferredVisualisationPluginId: 'throughline-waterfall-panel',
    });
    expect(await metaIn(CoreApp.Dashboard)).toEqual({ preferredVisualisationType: 'trace' });
  });
});

describe('filters set from a result', () => {
  const search: ThroughlineQuery = { ...NEW_QUERIES.traceSearch, refId };
  const source = dataSource();
  const options = { key: 'service', value: 'cart' };

  it('are added once, and the opposite goes', () => {
    const added = source.modifyQuery(search, { type: 'ADD_FILTER', options });
    expect(added).toMatchObject({ filters: [{ key: 'service', operator: '=', value: 'cart' }] });
    const again = source.modifyQuery(added, { type: 'ADD_FILTER', options });
    expect(again).toEqual(added);
    const out = source.modifyQuery(added, { type: 'ADD_FILTER_OUT', options });
    expect(out).toMatchObject({ filters: [{ key: 'service', operator: '!=', value: 'cart' }] });
  });

  it('are toggled, and known to be set', () => {
    const on = source.toggleQueryFilter(search, { type: 'FILTER_FOR', options });
    expect(source.queryHasFilter(on, options)).toBe(true);
    expect(source.queryHasFilter(on, { key: 'service', value: 'other' })).toBe(false);
    expect(source.toggleQueryFilter(on, { type: 'FILTER_FOR', options })).toMatchObject({ filters: [] });
  });

  it("go by a field's name, and leave alone what nothing is filtered by", () => {
    const caller = source.modifyQuery(search, { type: 'ADD_FILTER', options: { key: 'Caller', value: 'web' } });
    expect(caller).toMatchObject({ filters: [{ key: 'peer', operator: '=', value: 'web' }] });
    const tag = source.modifyQuery(search, { type: 'ADD_FILTER', options: { key: 'attribute.user', value: '7' } });
    expect(tag).toMatchObject({ filters: [{ key: 'attribute.user' }] });
    expect(source.modifyQuery(search, { type: 'ADD_FILTER', options: { key: 'duration', value: '7' } })).toEqual(
      search
    );
    expect(source.modifyQuery(sql('SELECT 1'), { type: 'ADD_FILTER', options })).toEqual(sql('SELECT 1'));
  });
});

describe('names', () => {
  it('are asked for once, and again after a failure', async () => {
    let failing = true;
    const requests = serve(() => (failing ? { data: {}, status: 500 } : { data: [{ text: 'cart' }, { text: 'web' }] }));
    const source = dataSource();
    await expect(source.getTagValues({ key: 'service' })).rejects.toBeDefined();
    failing = false;
    expect(await source.getTagValues({ key: 'service' })).toEqual([
      { text: 'cart', value: 'cart' },
      { text: 'web', value: 'web' },
    ]);
    await source.getTagValues({ key: 'service' });
    expect(requests.map(({ url, params }) => [url, params])).toEqual(
      Array.from({ length: 2 }, () => ['/api/datasources/uid/throughline/resources/tag-values', { key: 'service' }])
    );
  });

  it('of attributes are not kept', async () => {
    const requests = serve(() => ({ data: [] }));
    expect(await dataSource().getTagValues({ key: 'attribute.user' })).toEqual([]);
    expect(requests).toEqual([]);
  });

  it('to group by are those of the model where the backend lists none', async () => {
    serve(() => ({ data: {}, status: 404 }));
    expect((await dataSource().getGroupByKeys()).map(({ text }) => text)).toEqual(['service', 'endpoint', 'edge']);
  });
});

describe('variable queries', () => {
  const byService = (params: Record<string, string> | undefined) => ({
    data: [{ text: `/${params?.['service']}` }, { text: '/health' }],
  });

  it('list the endpoints of every value of a variable', async () => {
    serve(({ params }) => byService(params));
    const source = dataSource({ shop: { value: ['cart', 'orders'], multi: true } });
    const values = await source.metricFindQuery({ refId, kind: 'endpoints', service: '$shop' });
    expect(values.map(({ text }) => text)).toEqual(['/cart', '/health', '/orders']);
  });

  it('may be written as text', async () => {
    const requests = serve(({ params }) => byService(params));
    await dataSource().metricFindQuery('endpoints(cart)');
    await dataSource().metricFindQuery('values(method)');
    expect(requests.map(({ params }) => params)).toEqual([{ service: 'cart' }, { key: 'method' }]);
  });

  it('read __text and __value of SQL', async () => {
    const fields = ['__value', '__text'].map((name) => ({ name, type: 'string' }));
    const frame = {
      schema: { fields },
      data: {
        values: [
          ['1', '2'],
          ['one', 'two'],
        ],
      },
    };
    const requests = serve(() => ({ data: { results: { variable: { frames: [frame] } } } }));
    const values = await dataSource({ n: { value: 'x' } }).metricFindQuery('SELECT a, b FROM t WHERE c = $n');
    expect(values).toEqual([
      { text: 'one', value: '1' },
      { text: 'two', value: '2' },
    ]);
    expect(requests[0]?.data.queries[0]).toMatchObject({ rawSql: 'SELECT a, b FROM t WHERE c = x', format: 'table' });
  });
});

describe('testDatasource', () => {
  const health = (body: object) => serve(() => ({ data: body, status: 400 }));

  it("passes on a success's message", async () => {
    serve(() => ({ data: { status: 'OK', message: 'Connected to ClickHouse 26.1' } }));
    expect(await dataSource().testDatasource()).toEqual({ status: 'success', message: 'Connected to ClickHouse 26.1' });
  });

  it('throws which step failed, what passed before it, and how to mend it', async () => {
    const verboseMessage = 'the store refused the token; correct it';
    health({ status: 'ERROR', message: `auth: ${verboseMessage}`, details: { step: 'auth', verboseMessage } });
    const failure: unknown = await dataSource()
      .testDatasource()
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ message: `auth: ${verboseMessage}` });
    const { details } = failure as { details: { verboseMessage: string } };
    expect(details.verboseMessage).toMatch(/✓ The store answers[^]*✗ User and token are accepted[^]*correct it$/);
    expect(details.verboseMessage).not.toContain('tables');
  });

  it('says so where there is no backend', async () => {
    serve(() => ({ data: undefined, status: 502 }));
    await expect(dataSource().testDatasource()).rejects.toThrow('gpx_throughline');
  });
});
