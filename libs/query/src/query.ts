import { z } from 'zod';
import { QueryModelError } from './errors.ts';
import { migrateQuery, QUERY_VERSION } from './migrate.ts';

/**
 * The query model: what editors write, dashboards and alert rules save, and the backend answers. Saved queries live
 * for years, so a change of meaning is a new QUERY_VERSION with a step in migrate.ts.
 */

export const QUERY_TYPES = [
  'sql',
  'red',
  'overview',
  'serviceMap',
  'edge',
  'breakdown',
  'traceSearch',
  'traceId',
  'events',
  'freshness',
] as const;
export type QueryType = (typeof QUERY_TYPES)[number];

/** Grafana's ad hoc filter operators; `=|` and `!=|` take several values. */
export const FILTER_OPERATORS = ['=', '!=', '=~', '!~', '=|', '!=|'] as const;

/** What can be filtered by. A key `attribute.<name>` or `resource.<name>` reads the span's own attributes. */
export const FILTER_KEYS = [
  'service',
  'peer',
  'endpoint',
  'protocol',
  'layer',
  'host',
  'method',
  'status',
  'failure',
] as const;
export type FilterKey = (typeof FILTER_KEYS)[number];

/** The keys that the RED rollups are kept by. */
export const ROLLUP_FILTER_KEYS = ['service', 'peer', 'endpoint', 'protocol'] as const satisfies readonly FilterKey[];

const filterSchema = z.object({
  key: z.string().min(1),
  operator: z.enum(FILTER_OPERATORS).default('='),
  value: z.string().default(''),
  values: z.array(z.string()).max(100).optional(),
});
export type QueryFilter = z.infer<typeof filterSchema>;

const filters = z.array(filterSchema).max(50).default([]);
const version = z.literal(QUERY_VERSION);

export const SQL_FORMATS = ['auto', 'timeseries', 'table'] as const;

const sqlQuery = z.object({
  queryType: z.literal('sql'),
  version,
  rawSql: z.string().min(1),
  /** `auto`: a series where a column is named "time", else a table. */
  format: z.enum(SQL_FORMATS).catch('auto').default('auto'),
});

export const RED_GROUPS = ['service', 'endpoint', 'edge'] as const;
export const RED_METRICS = ['rate', 'errorShare', 'p50', 'p95', 'p99'] as const;
/** `server`: what arrived at a service. `client`: what it called. An edge has both views. */
export const SIDES = ['server', 'client'] as const;
export type RedGroup = (typeof RED_GROUPS)[number];
export type RedMetric = (typeof RED_METRICS)[number];
export type Side = (typeof SIDES)[number];

const redQuery = z.object({
  queryType: z.literal('red'),
  version,
  metrics: z.array(z.enum(RED_METRICS)).min(1).default(['rate']),
  groupBy: z.enum(RED_GROUPS).default('service'),
  side: z.enum(SIDES).default('server'),
  filters,
  /** Most series per metric: those with the most requests. */
  limit: z.int().min(1).max(200).default(20),
  exemplars: z.boolean().default(false),
});

const serviceMapQuery = z.object({
  queryType: z.literal('serviceMap'),
  version,
  filters,
  /** Most edges: those with the most requests. */
  limit: z.int().min(1).max(10_000).default(2_000),
});

/** The end of the time range against the time before it: every service, edge and operation, now and before. */
const overviewQuery = z.object({
  queryType: z.literal('overview'),
  version,
  filters,
  /** Most rows of each frame: those with the most requests. */
  limit: z.int().min(1).max(5_000).default(500),
});

/** One edge: where its calls' time goes by hop and how the calls end, now and before. */
const edgeQuery = z.object({
  queryType: z.literal('edge'),
  version,
  /** Node ids of the service map. */
  source: z.string().min(1),
  target: z.string().min(1),
  /** Endpoint of the callee; empty for all. */
  endpoint: z.string().default(''),
});

/** Where the time of a service's requests goes: itself, what it calls by kind, the network between. */
const breakdownQuery = z.object({
  queryType: z.literal('breakdown'),
  version,
  service: z.string().min(1),
  endpoint: z.string().default(''),
});

/** What changed; also the query of annotations. */
const eventsQuery = z.object({
  queryType: z.literal('events'),
  version,
  /** Empty for all. */
  kinds: z.array(z.string()).max(50).default([]),
  service: z.string().default(''),
  limit: z.int().min(1).max(1_000).default(200),
});

/** How old the newest row of every agent is, and what was dropped. */
const freshnessQuery = z.object({ queryType: z.literal('freshness'), version });

/** `roots`: what came from outside. `requests`: whatever a service was asked. `calls`: whatever it called. */
export const TRACE_SUBJECTS = ['roots', 'requests', 'calls'] as const;
export const TRACE_ORDERS = ['recent', 'slowest', 'failedFirst'] as const;

const traceSearchQuery = z.object({
  queryType: z.literal('traceSearch'),
  version,
  of: z.enum(TRACE_SUBJECTS).default('roots'),
  filters,
  order: z.enum(TRACE_ORDERS).default('recent'),
  minDurationMs: z.number().min(0).optional(),
  maxDurationMs: z.number().min(0).optional(),
  limit: z.int().min(1).max(1_000).default(50),
});

export const HOP_DISPLAYS = ['rows', 'tags', 'none'] as const;

const traceIdQuery = z.object({
  queryType: z.literal('traceId'),
  version,
  /** A trace id, or the id of any span in it. Named as Explore's links name it. */
  query: z.string().trim().default(''),
  /** Network hops as child rows of their span, as tags of it, or not at all. */
  hops: z.enum(HOP_DISPLAYS).default('rows'),
});

const querySchema = z.discriminatedUnion('queryType', [
  sqlQuery,
  redQuery,
  overviewQuery,
  serviceMapQuery,
  edgeQuery,
  breakdownQuery,
  traceSearchQuery,
  traceIdQuery,
  eventsQuery,
  freshnessQuery,
]);

export type Query = z.infer<typeof querySchema>;
export type SqlQuery = z.infer<typeof sqlQuery>;
export type RedQuery = z.infer<typeof redQuery>;
export type OverviewQuery = z.infer<typeof overviewQuery>;
export type EdgeQuery = z.infer<typeof edgeQuery>;
export type BreakdownQuery = z.infer<typeof breakdownQuery>;
export type EventsQuery = z.infer<typeof eventsQuery>;
export type FreshnessQuery = z.infer<typeof freshnessQuery>;
export type ServiceMapQuery = z.infer<typeof serviceMapQuery>;
export type TraceSearchQuery = z.infer<typeof traceSearchQuery>;
export type TraceIdQuery = z.infer<typeof traceIdQuery>;

/** A query as a caller may write it: defaults left out. */
export type QueryInput = z.input<typeof querySchema>;

/** @param saved any JSON, of this version or an older one. @throws QueryModelError naming the field */
export function parseQuery(saved: unknown): Query {
  const result = querySchema.safeParse(migrateQuery(saved));
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${issue.path.join('.') || 'query'}: ${issue.message}`);
  throw new QueryModelError('QUERY_INVALID', `${problems.join('; ')}; correct the query in its editor`);
}

export type TraceOrSpanId =
  | { readonly kind: 'trace'; readonly hex: string }
  /** 16 digits: a span's id, or a trace id of 64 bit, which is stored with 16 zeros before it. */
  | { readonly kind: 'span'; readonly hex: string };

/** @throws QueryModelError unless `text` is 32 or 16 hex digits, dashes and case aside */
export function parseTraceOrSpanId(text: string): TraceOrSpanId {
  const hex = text.trim().replaceAll('-', '').toLowerCase();
  if (/^[0-9a-f]{32}$/.test(hex) && !/^0+$/.test(hex)) return { kind: 'trace', hex };
  if (/^[0-9a-f]{16}$/.test(hex) && !/^0+$/.test(hex)) return { kind: 'span', hex };
  throw new QueryModelError(
    'QUERY_TRACE_ID_INVALID',
    `${JSON.stringify(text.slice(0, 64))} is no id; give 32 hex digits of a trace id or 16 of any span in the trace`
  );
}
