import { CoreApp, type DataQuery } from '@grafana/data';
import {
  FILTER_KEYS,
  parseQuery,
  parseTraceOrSpanId,
  type Query,
  QUERY_TYPES,
  QUERY_VERSION,
  QueryModelError,
  type QueryFilter,
  type QueryType,
  ROLLUP_FILTER_KEYS,
} from '@throughline/query';
import { type ThroughlineQuery } from './types.ts';

/** What an editor needs of the query model: drafts, which may still lack what an answer needs, and their defaults. */

const draft = (query: Record<string, unknown>): Query => parseQuery({ version: QUERY_VERSION, ...query });

/** A new query of each type. Fields that have no default are empty: the user has to fill them in. */
export const NEW_QUERIES: { readonly [T in QueryType]: Extract<Query, { queryType: T }> } = {
  sql: { queryType: 'sql', version: QUERY_VERSION, rawSql: '', format: 'auto' },
  red: draft({ queryType: 'red' }) as Extract<Query, { queryType: 'red' }>,
  overview: draft({ queryType: 'overview' }) as Extract<Query, { queryType: 'overview' }>,
  serviceMap: draft({ queryType: 'serviceMap' }) as Extract<Query, { queryType: 'serviceMap' }>,
  edge: { queryType: 'edge', version: QUERY_VERSION, source: '', target: '', endpoint: '' },
  breakdown: { queryType: 'breakdown', version: QUERY_VERSION, service: '', endpoint: '' },
  traceSearch: draft({ queryType: 'traceSearch' }) as Extract<Query, { queryType: 'traceSearch' }>,
  traceId: draft({ queryType: 'traceId' }) as Extract<Query, { queryType: 'traceId' }>,
  events: draft({ queryType: 'events' }) as Extract<Query, { queryType: 'events' }>,
  freshness: { queryType: 'freshness', version: QUERY_VERSION },
};

/** Explore starts from single requests, a dashboard or an alert rule from curves. */
export function defaultQuery(app: CoreApp | string | undefined): Query {
  return app === CoreApp.Explore ? NEW_QUERIES.traceSearch : NEW_QUERIES.red;
}

/**
 * A saved query, of this version or an older one, with every field; one without a type gets the default's.
 * @throws QueryModelError where a newer plugin saved it, or its type is none of ours
 */
export function completeQuery(saved: DataQuery, app?: CoreApp | string): ThroughlineQuery {
  try {
    return { ...saved, ...parseQuery(saved) };
  } catch (error) {
    if (!(error instanceof QueryModelError) || error.code !== 'QUERY_INVALID') throw error;
    return completeDraft(saved, app, error);
  }
}

/** What parseQuery refuses may only be unfinished: a breakdown without its service, say. */
function completeDraft(
  saved: DataQuery,
  app: CoreApp | string | undefined,
  refusal: QueryModelError
): ThroughlineQuery {
  const type = saved.queryType || guessType(saved);
  if (type === undefined) return { ...saved, ...defaultQuery(app) };
  if (!QUERY_TYPES.some((known) => known === type)) throw refusal;
  // The spread keeps what was saved; its type is the one whose defaults lie below.
  return { ...NEW_QUERIES[type as QueryType], ...saved, queryType: type, version: QUERY_VERSION } as ThroughlineQuery;
}

function guessType(saved: DataQuery): QueryType | undefined {
  if ('rawSql' in saved) return 'sql';
  return 'query' in saved ? 'traceId' : undefined;
}

/** Keeps what both types have: a service picked for one is what the user wants to see in the other. */
export function switchType(query: ThroughlineQuery, queryType: QueryType): ThroughlineQuery {
  const { refId, hide, key, datasource } = query;
  const base: DataQuery = { refId };
  if (hide !== undefined) base.hide = hide;
  if (key !== undefined) base.key = key;
  if (datasource !== undefined) base.datasource = datasource;
  const next: ThroughlineQuery = { ...base, ...NEW_QUERIES[queryType] };
  const service = serviceOf(query);
  if ('filters' in next) {
    const kept = 'filters' in query ? query.filters : service === '' ? [] : [equals('service', service)];
    next.filters = kept.filter((filter) => takesKey(next, filter.key));
  }
  if ('service' in next) next.service = service;
  if (next.queryType === 'edge') next.target = service;
  if ('endpoint' in next && 'endpoint' in query) next.endpoint = query.endpoint;
  return next;
}

function serviceOf(query: ThroughlineQuery): string {
  if ('service' in query) return query.service;
  if (query.queryType === 'edge') return query.target;
  if (!('filters' in query)) return '';
  return query.filters.find(({ key, operator }) => key === 'service' && operator === '=')?.value ?? '';
}

export const equals = (key: string, value: string): QueryFilter => ({ key, operator: '=', value });

/** Whether everything is there that an answer needs. */
export function isRunnable(query: ThroughlineQuery): boolean {
  switch (query.queryType) {
    case 'sql':
      return query.rawSql.trim() !== '';
    case 'edge':
      return query.source !== '' && query.target !== '';
    case 'breakdown':
      return query.service !== '';
    case 'traceId':
      return query.query.trim() !== '';
    default:
      return true;
  }
}

/** @returns why `text` opens no trace; undefined where it does, is empty or holds a variable */
export function traceIdProblem(text: string): string | undefined {
  if (text.trim() === '' || text.includes('$')) return undefined;
  try {
    parseTraceOrSpanId(text);
    return undefined;
  } catch {
    return 'This is no id: 32 hex digits of a trace, or 16 of any span in it.';
  }
}

/** The keys that a type of query can be filtered by; empty where it takes no filters. */
export function filterKeysOf(queryType: QueryType): readonly string[] {
  if (queryType === 'traceSearch') return FILTER_KEYS;
  return 'filters' in NEW_QUERIES[queryType] ? ROLLUP_FILTER_KEYS : [];
}

const ATTRIBUTE_KEY = /^(attribute|resource)\../;

export function takesKey(query: Pick<ThroughlineQuery, 'queryType'>, key: string): boolean {
  if (filterKeysOf(query.queryType).includes(key)) return true;
  return query.queryType === 'traceSearch' && ATTRIBUTE_KEY.test(key);
}

/** Keys whose values no rollup keeps. */
export const isAttributeKey = (key: string): boolean => ATTRIBUTE_KEY.test(key);

/** One line for a collapsed row, the query history and alert lists. */
export function describeQuery(query: ThroughlineQuery): string {
  switch (query.queryType) {
    case 'sql':
      return query.rawSql.replaceAll(/\s+/g, ' ').trim();
    case 'red':
      return `${query.metrics.join(', ')} by ${query.groupBy}, ${query.side} side${where(query.filters)}`;
    case 'overview':
      return `overview${where(query.filters)}`;
    case 'serviceMap':
      return `service map${where(query.filters)}`;
    case 'edge':
      return `edge ${query.source} → ${query.target}${of(query.endpoint)}`;
    case 'breakdown':
      return `time of ${query.service}${of(query.endpoint)}`;
    case 'traceSearch':
      return `traces, ${query.order}${durations(query.minDurationMs, query.maxDurationMs)}${where(query.filters)}`;
    case 'traceId':
      return `trace ${query.query}`;
    case 'events':
      return `events${query.kinds.length > 0 ? ` ${query.kinds.join(', ')}` : ''}${of(query.service)}`;
    case 'freshness':
      return 'freshness of agents';
  }
}

const of = (name: string): string => (name === '' ? '' : ` of ${name}`);

function durations(min: number | undefined, max: number | undefined): string {
  const parts = [min === undefined ? [] : `≥ ${min} ms`, max === undefined ? [] : `≤ ${max} ms`].flat();
  return parts.length === 0 ? '' : `, ${parts.join(' and ')}`;
}

function where(filters: readonly QueryFilter[]): string {
  if (filters.length === 0) return '';
  const text = filters.map(({ key, operator, value, values }) => `${key} ${operator} ${values?.join(' | ') ?? value}`);
  return ` where ${text.join(' and ')}`;
}
