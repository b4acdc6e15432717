import { type CallContext, type ResourceAnswer, type ResourceRequest } from '@throughline/grafana-backend';
import { FILTER_KEYS, parseTraceOrSpanId, RED_GROUPS } from '@throughline/query';
import { tables } from '@throughline/schema';
import { comment } from './context.ts';
import { DatasourceError } from './errors.ts';
import { namesCte } from './rollup.ts';
import { ATTRIBUTES, RESOURCE_ATTRIBUTES, tenantCondition } from './scope.ts';
import { type Settings } from './settings.ts';
import { Parameters } from './statement.ts';
import { type RunOptions, type Store } from './store.ts';
import { type TraceWorkers } from './traceWorkers.ts';

/**
 * GET tag-keys, tag-values?key=, group-keys, services, endpoints?service=, schema, trace/ID.
 * Keys and values as Grafana's ad hoc filters read them: `[{ text }]`.
 */
export async function answerResource(
  request: ResourceRequest,
  call: CallContext,
  settings: Settings,
  store: Store,
  workers: TraceWorkers
): Promise<ResourceAnswer> {
  const run: RunOptions = { signal: call.signal, comment: comment(call, request.path) };
  if (request.method !== 'GET' && request.method !== '') {
    return { status: 405, contentType: 'text/plain', body: `${request.path} is read with GET\n` };
  }
  const [resource = '', id = ''] = request.path.split('/');
  switch (resource) {
    case 'trace':
      return trace(decodeURIComponent(id), settings, call, workers);
    case 'tag-keys':
      return json(texts([...FILTER_KEYS, ...(await attributeKeys(store, settings, run))]));
    case 'group-keys':
      return json(texts(RED_GROUPS));
    case 'tag-values':
      return json(texts(await tagValues(request.query.get('key') ?? '', store, settings, run)));
    case 'services':
      return json(texts(await tagValues('service', store, settings, run)));
    case 'endpoints':
      return json(texts(await endpoints(request.query.get('service') ?? '', store, settings, run)));
    case 'schema':
      return json(schema());
    default:
      throw new DatasourceError(
        'DATASOURCE_NOT_FOUND',
        `there is no resource ${JSON.stringify(request.path.slice(0, 64))}`,
        'use trace/ID, tag-keys, tag-values, group-keys, services, endpoints or schema'
      );
  }
}

const MAX_VALUES = 1_000;
/** Values offered are those of the last day: older ones are found by typing them. */
const SINCE = 'now() - INTERVAL 1 DAY';

/** Attributes are read from every span, which a day has too many of. */
const ATTRIBUTES_SINCE = 'now() - INTERVAL 1 HOUR';
const MAX_ATTRIBUTE_KEYS = 100;

/** Maps of a span's own attributes, by the prefix of their filter keys. */
const ATTRIBUTE_MAPS = { 'attribute.': 'SpanAttributes', 'resource.': 'ResourceAttributes' } as const;

/** Keys of attributes that were seen lately, most frequent first. */
async function attributeKeys(store: Store, settings: Settings, run: RunOptions): Promise<string[]> {
  const found = await Promise.all(
    Object.entries(ATTRIBUTE_MAPS).map(async ([prefix, map]) => {
      const parameters = new Parameters();
      const rows = await store.rows<{ value: string }>(
        parameters.statement(`SELECT arrayJoin(mapKeys(${map})) AS value, count() AS rows
FROM spans
WHERE ${tenantCondition(settings, parameters)} AND Timestamp >= ${ATTRIBUTES_SINCE}
GROUP BY value
ORDER BY rows DESC, value
LIMIT ${parameters.bind(MAX_ATTRIBUTE_KEYS, 'UInt32')}`),
        run
      );
      return rows.map(({ value }) => `${prefix}${value}`);
    })
  );
  return found.flat();
}

interface ValueSource {
  readonly expression: string;
  readonly table: 'red_1m' | 'spans';
  readonly time: string;
  readonly since?: string;
}

/** Where each key's values are read. */
const VALUES: Readonly<Record<string, ValueSource>> = {
  service: { expression: 'own.Name', table: 'red_1m', time: 'Time' },
  peer: { expression: "if(peer.Name != '', peer.Name, source.PeerName)", table: 'red_1m', time: 'Time' },
  endpoint: { expression: 'source.Endpoint', table: 'red_1m', time: 'Time' },
  protocol: { expression: 'source.Protocol', table: 'red_1m', time: 'Time' },
  layer: { expression: 'source.Layer', table: 'red_1m', time: 'Time' },
  host: { expression: 'source.HostId', table: 'spans', time: 'Timestamp' },
  method: { expression: 'source.Method', table: 'spans', time: 'Timestamp' },
  status: { expression: 'source.StatusCode', table: 'spans', time: 'Timestamp' },
  failure: { expression: 'source.Failure', table: 'spans', time: 'Timestamp' },
};

async function tagValues(key: string, store: Store, settings: Settings, run: RunOptions): Promise<string[]> {
  const parameters = new Parameters();
  const from = Object.hasOwn(VALUES, key) ? VALUES[key] : attributeSource(key, parameters);
  if (!from) {
    throw new DatasourceError(
      'DATASOURCE_QUERY',
      `no values are kept for ${JSON.stringify(key.slice(0, 64))}`,
      `use one of ${[...FILTER_KEYS, ATTRIBUTES, RESOURCE_ATTRIBUTES].join(', ')}`
    );
  }
  const rows = await store.rows<{ value: string }>(
    parameters.statement(`WITH ${namesCte(settings, parameters)}
SELECT toString(${from.expression}) AS value, count() AS rows
FROM ${from.table} AS source
LEFT JOIN names AS own ON own.Id = source.EntityId
LEFT JOIN names AS peer ON peer.Id = source.PeerEntityId
WHERE ${tenantCondition(settings, parameters)} AND source.${from.time} >= ${from.since ?? SINCE}
GROUP BY value
HAVING value != ''
ORDER BY rows DESC, value
LIMIT ${parameters.bind(MAX_VALUES, 'UInt32')}`),
    run
  );
  return rows.map(({ value }) => value);
}

function attributeSource(key: string, parameters: Parameters): ValueSource | undefined {
  for (const [prefix, map] of Object.entries(ATTRIBUTE_MAPS)) {
    if (!key.startsWith(prefix)) continue;
    const name = parameters.bind(key.slice(prefix.length), 'String');
    return { expression: `source.${map}[${name}]`, table: 'spans', time: 'Timestamp', since: ATTRIBUTES_SINCE };
  }
  return undefined;
}

async function endpoints(service: string, store: Store, settings: Settings, run: RunOptions): Promise<string[]> {
  const parameters = new Parameters();
  const rows = await store.rows<{ value: string }>(
    parameters.statement(`WITH ${namesCte(settings, parameters)}
SELECT source.Endpoint AS value, sum(source.Requests) AS requests
FROM red_1m AS source
LEFT JOIN names AS own ON own.Id = source.EntityId
WHERE ${tenantCondition(settings, parameters)} AND source.Time >= ${SINCE} AND source.Side = 'server'
  AND own.Name = ${parameters.bind(service, 'String')}
GROUP BY value
ORDER BY requests DESC, value
LIMIT ${parameters.bind(MAX_VALUES, 'UInt32')}`),
    run
  );
  return rows.map(({ value }) => value);
}

/** What an editor completes: tables with their columns, types, units and meanings. */
function schema(): unknown {
  return tables.map(({ name, doc, columns }) => ({
    name,
    doc,
    columns: Object.entries(columns).map(([column, { type, unit, doc: meaning, role }]) => ({
      name: column,
      type,
      unit,
      role,
      doc: meaning,
    })),
  }));
}

const texts = (values: readonly string[]): { text: string }[] => values.map((text) => ({ text }));

/** The assembled trace as libs/tracing has it; the command line prints it. */
async function trace(
  id: string,
  settings: Settings,
  call: CallContext,
  workers: TraceWorkers
): Promise<ResourceAnswer> {
  const output = { kind: 'json' } as const;
  const job = { settings, id: parseTraceOrSpanId(id), comment: comment(call, 'trace'), output };
  const [body] = await workers.run(job, call.signal);
  return { status: 200, contentType: 'application/json', body: body! };
}

function json(value: unknown): ResourceAnswer {
  return { status: 200, contentType: 'application/json', body: JSON.stringify(value) };
}
