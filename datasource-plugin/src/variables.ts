import {
  CustomVariableSupport,
  type DataFrame,
  type DataQueryRequest,
  type DataQueryResponse,
  dateTime,
  type LegacyMetricFindQueryOptions,
  type MetricFindValue,
} from '@grafana/data';
import { from, lastValueFrom, map, type Observable } from 'rxjs';
import { VariableQueryEditor } from './components/VariableQueryEditor.tsx';
import { type DataSource } from './DataSource.ts';
import { Interpolator } from './interpolate.ts';
import { NEW_QUERIES } from './model.ts';
import { type ThroughlineOptions, type ThroughlineQuery, type VariableQuery } from './types.ts';
import { completeVariableQuery } from './variableQuery.ts';

/** Dashboard variables: names that the store knows, or the first column of an SQL query. */
export class VariableSupport extends CustomVariableSupport<
  DataSource,
  VariableQuery,
  ThroughlineQuery,
  ThroughlineOptions
> {
  readonly editor = VariableQueryEditor;
  readonly #datasource: DataSource;

  constructor(datasource: DataSource) {
    super();
    this.#datasource = datasource;
  }

  query(request: DataQueryRequest<VariableQuery>): Observable<DataQueryResponse> {
    const [query] = request.targets;
    const values = query ? variableValues(this.#datasource, query, request) : Promise.resolve([]);
    return from(values).pipe(map((data) => ({ data })));
  }
}

type Options = Pick<LegacyMetricFindQueryOptions, 'scopedVars' | 'range'>;

export async function variableValues(
  datasource: DataSource,
  saved: VariableQuery | string,
  { scopedVars = {}, range }: Options
): Promise<MetricFindValue[]> {
  const query = completeVariableQuery(saved);
  const interpolator = new Interpolator(datasource.templates, scopedVars);
  switch (query.kind) {
    case 'services':
      return asValues(await datasource.names('services'));
    case 'endpoints': {
      const services = interpolator.texts(query.service ?? '').filter((service) => service !== '');
      const endpoints = services.map((service) => datasource.names('endpoints', { service }));
      return asValues([...new Set((await Promise.all(endpoints)).flat())]);
    }
    case 'peers':
      return asValues(await datasource.tagValues('peer'));
    case 'hosts':
      return asValues(await datasource.tagValues('host'));
    case 'protocols':
      return asValues(await datasource.tagValues('protocol'));
    case 'values': {
      const key = interpolator.text(query.filterKey ?? '');
      return key === '' ? [] : asValues(await datasource.tagValues(key));
    }
    case 'sql':
      return sqlValues(datasource, query.rawSql ?? '', { scopedVars, ...(range && { range }) });
  }
}

async function sqlValues(datasource: DataSource, rawSql: string, options: Options): Promise<MetricFindValue[]> {
  if (rawSql.trim() === '') return [];
  const to = dateTime();
  const past = dateTime(to).subtract(1, 'hour');
  const range = options.range ?? { from: past, to, raw: { from: 'now-1h', to: 'now' } };
  const response = await lastValueFrom(
    datasource.query({
      // None: requests with the same id cancel each other.
      requestId: '',
      app: 'dashboard',
      interval: '1m',
      intervalMs: 60_000,
      timezone: 'browser',
      startTime: Date.now(),
      scopedVars: options.scopedVars ?? {},
      range,
      targets: [{ ...NEW_QUERIES.sql, refId: 'variable', rawSql, format: 'table' }],
    })
  );
  const [failure] = response.errors ?? [];
  if (failure) throw new Error(failure.message ?? 'the query failed');
  const frame = response.data[0] as DataFrame | undefined;
  return frame ? valuesOf(frame) : [];
}

function valuesOf({ fields }: DataFrame): MetricFindValue[] {
  const named = (name: string) => fields.find((field) => field.name === name);
  const text = named('__text') ?? named('text') ?? fields[0];
  const value = named('__value') ?? named('value') ?? text;
  const texts: readonly unknown[] = text?.values ?? [];
  return texts.map((each, row) => ({ text: String(each), value: String(value?.values[row] ?? each) }));
}

const asValues = (names: readonly string[]): MetricFindValue[] => names.map((text) => ({ text, value: text }));
