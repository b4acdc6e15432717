import {
  type AdHocVariableFilter,
  type CoreApp,
  type DataQueryRequest,
  type DataQueryResponse,
  type DataSourceGetDrilldownsApplicabilityOptions,
  type DataSourceGetTagValuesOptions,
  type DataSourceInstanceSettings,
  type DataSourceWithQueryModificationSupport,
  type DataSourceWithToggleableQueryFiltersSupport,
  type DrilldownsApplicability,
  type LegacyMetricFindQueryOptions,
  type MetricFindValue,
  type QueryFilterOptions,
  type QueryFixAction,
  type ScopedVars,
  type TestDataSourceResponse,
  type ToggleFilterAction,
} from '@grafana/data';
import { DataSourceWithBackend, getTemplateSrv, type TemplateSrv } from '@grafana/runtime';
import { QueryModelError, RED_GROUPS } from '@throughline/query';
import { defer, map, type Observable } from 'rxjs';
import { annotationSupport } from './annotations.ts';
import { readHealth } from './health.ts';
import { addAdHocFilters, Interpolator, isApplicable } from './interpolate.ts';
import { completeQuery, defaultQuery, describeQuery, isAttributeKey, isRunnable } from './model.ts';
import { hasFilter, setFilter, toggleFilter } from './queryFilters.ts';
import { decorate } from './results.ts';
import { type ThroughlineOptions, type ThroughlineQuery, type VariableQuery } from './types.ts';
import { VariableSupport, variableValues } from './variables.ts';

/** A table that SQL can read, as the backend describes it. */
export interface SchemaTable {
  readonly name: string;
  readonly doc: string;
  readonly columns: readonly {
    readonly name: string;
    readonly type: string;
    readonly unit?: string;
    readonly doc: string;
  }[];
}

/** Names change slowly, and an editor asks for them on every keystroke. */
const NAMES_TTL_MS = 30_000;

export class DataSource
  extends DataSourceWithBackend<ThroughlineQuery, ThroughlineOptions>
  implements
    DataSourceWithQueryModificationSupport<ThroughlineQuery>,
    DataSourceWithToggleableQueryFiltersSupport<ThroughlineQuery>
{
  readonly templates: TemplateSrv;
  readonly #names = new Map<string, { readonly names: Promise<readonly string[]>; readonly askedAt: number }>();
  #schema: Promise<readonly SchemaTable[]> | undefined;

  constructor(instanceSettings: DataSourceInstanceSettings<ThroughlineOptions>, templates = getTemplateSrv()) {
    super(instanceSettings);
    this.templates = templates;
    this.variables = new VariableSupport(this);
    this.annotations = annotationSupport;
  }

  override getDefaultQuery(app: CoreApp): Partial<ThroughlineQuery> {
    return defaultQuery(app);
  }

  override filterQuery(query: ThroughlineQuery): boolean {
    // A query that cannot be read must fail aloud rather than never run.
    return !isReadable(query) || isRunnable(completeQuery(query));
  }

  override getQueryDisplayText(query: ThroughlineQuery): string {
    try {
      return describeQuery(completeQuery(query));
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  override query(request: DataQueryRequest<ThroughlineQuery>): Observable<DataQueryResponse> {
    // Deferred, so that what throws while a query is prepared is an error of the panel and not of the page.
    return defer(() => {
      const targets = request.targets
        .filter((query) => this.filterQuery(query))
        .map((query) => groupedBy(query, request.groupByKeys));
      return super.query({ ...request, targets });
    }).pipe(map((response) => decorate(response, request.app)));
  }

  override applyTemplateVariables(
    query: ThroughlineQuery,
    scopedVars: ScopedVars,
    filters: AdHocVariableFilter[] = []
  ): ThroughlineQuery {
    const interpolated = new Interpolator(this.templates, scopedVars).query(completeQuery(query));
    return addAdHocFilters(interpolated, filters);
  }

  override interpolateVariablesInQueries(
    queries: ThroughlineQuery[],
    scopedVars: ScopedVars,
    filters?: AdHocVariableFilter[]
  ): ThroughlineQuery[] {
    return queries.map((query) => ({
      ...this.applyTemplateVariables(query, scopedVars, filters),
      datasource: this.getRef(),
    }));
  }

  override async testDatasource(): Promise<TestDataSourceResponse> {
    return readHealth(await this.callHealthCheck());
  }

  override async getTagKeys(): Promise<MetricFindValue[]> {
    return asValues(await this.names('tag-keys'));
  }

  override async getTagValues({ key }: Pick<DataSourceGetTagValuesOptions, 'key'>): Promise<MetricFindValue[]> {
    return asValues(await this.tagValues(key));
  }

  override async getGroupByKeys(): Promise<MetricFindValue[]> {
    return asValues(await this.names('group-keys').catch(() => RED_GROUPS));
  }

  override getDrilldownsApplicability(
    options?: DataSourceGetDrilldownsApplicabilityOptions<ThroughlineQuery>
  ): Promise<DrilldownsApplicability[]> {
    const queries = (options?.queries ?? []).filter((query) => isReadable(query)).map((query) => completeQuery(query));
    const filters = (options?.filters ?? []).map(({ key, origin }) => {
      const applicable = queries.length === 0 || isApplicable(queries, key);
      return { key, applicable, ...(origin && { origin }), ...(!applicable && { reason: `no query knows ${key}` }) };
    });
    const groups = (options?.groupByKeys ?? []).map((key) => {
      const applicable = isGroup(key) && queries.some(({ queryType }) => queryType === 'red');
      return { key, applicable, ...(!applicable && { reason: `no query is grouped by ${key}` }) };
    });
    return Promise.resolve([...filters, ...groups]);
  }

  override metricFindQuery(
    query: VariableQuery | string,
    options: LegacyMetricFindQueryOptions = {}
  ): Promise<MetricFindValue[]> {
    return variableValues(this, query, options);
  }

  getSupportedQueryModifications(): string[] {
    return ['ADD_FILTER', 'ADD_FILTER_OUT'];
  }

  override modifyQuery(query: ThroughlineQuery, action: QueryFixAction): ThroughlineQuery {
    const filter = { key: action.options?.['key'], value: action.options?.['value'] };
    if (action.type === 'ADD_FILTER') return setFilter(completeQuery(query), filter, '=');
    return action.type === 'ADD_FILTER_OUT' ? setFilter(completeQuery(query), filter, '!=') : query;
  }

  toggleQueryFilter(query: ThroughlineQuery, { type, options }: ToggleFilterAction): ThroughlineQuery {
    return toggleFilter(completeQuery(query), options, type === 'FILTER_FOR' ? '=' : '!=');
  }

  queryHasFilter(query: ThroughlineQuery, filter: QueryFilterOptions): boolean {
    return hasFilter(completeQuery(query), filter);
  }

  /** Values of a filter key in the last day, most frequent first. */
  tagValues(key: string): Promise<readonly string[]> {
    // An attribute's values are in no rollup, and reading a day of spans for a menu would be dear.
    return isAttributeKey(key) ? Promise.resolve([]) : this.names('tag-values', { key });
  }

  /** What a resource of the backend lists. */
  names(resource: string, parameters: Readonly<Record<string, string>> = {}): Promise<readonly string[]> {
    const id = `${resource}?${new URLSearchParams(parameters).toString()}`;
    const known = this.#names.get(id);
    if (known && Date.now() - known.askedAt < NAMES_TTL_MS) return known.names;
    const names = this.getResource<{ text: string }[]>(resource, parameters).then((rows) =>
      rows.map(({ text }) => text)
    );
    this.#names.set(id, { names, askedAt: Date.now() });
    names.catch(() => this.#names.delete(id));
    return names;
  }

  schema(): Promise<readonly SchemaTable[]> {
    this.#schema ??= this.getResource<SchemaTable[]>('schema').catch((error: unknown) => {
      this.#schema = undefined;
      throw error;
    });
    return this.#schema;
  }

  /** `$name` of every dashboard variable. */
  variableNames(): string[] {
    return this.templates.getVariables().map(({ name }) => `$${name}`);
  }
}

const asValues = (names: readonly string[]): MetricFindValue[] => names.map((text) => ({ text, value: text }));

const isGroup = (key: string): key is (typeof RED_GROUPS)[number] => RED_GROUPS.some((group) => group === key);

function isReadable(query: ThroughlineQuery): boolean {
  try {
    completeQuery(query);
    return true;
  } catch (error) {
    if (error instanceof QueryModelError) return false;
    throw error;
  }
}

/** A dashboard's group-by variable, where a query can follow it. */
function groupedBy(query: ThroughlineQuery, keys: readonly string[] | undefined): ThroughlineQuery {
  const groupBy = keys?.find(isGroup);
  if (groupBy === undefined || !isReadable(query)) return query;
  const complete = completeQuery(query);
  return complete.queryType === 'red' ? { ...complete, groupBy } : query;
}
