import { QueryModelError } from './errors.ts';

/** Raised with every change of meaning; older queries are brought up step by step. */
export const QUERY_VERSION = 1;

type SavedQuery = Record<string, unknown>;

/** `MIGRATIONS[n]` brings a query of version n to n + 1. */
const MIGRATIONS: readonly ((query: SavedQuery) => SavedQuery)[] = [fromUnversioned];

export function migrateQuery(saved: unknown): SavedQuery {
  if (typeof saved !== 'object' || saved === null || Array.isArray(saved)) {
    throw new QueryModelError('QUERY_INVALID', 'the query is no JSON object; correct the query in its editor');
  }
  let query: SavedQuery = { ...saved };
  const version = query['version'] ?? 0;
  if (typeof version !== 'number' || !Number.isInteger(version) || version < 0) {
    throw new QueryModelError('QUERY_INVALID', `version: ${JSON.stringify(version)} is no version`);
  }
  if (version > QUERY_VERSION) {
    throw new QueryModelError(
      'QUERY_VERSION_TOO_NEW',
      `the query was saved by a newer plugin (version ${version}, this one reads ${QUERY_VERSION}); update the plugin`
    );
  }
  for (const migrate of MIGRATIONS.slice(version)) query = migrate(query);
  return { ...query, version: QUERY_VERSION };
}

/**
 * Queries that no editor of ours wrote: links of Grafana's trace view carry `query` (a trace id) and sometimes no
 * type, hand-written alert rules and other SQL datasources carry `rawSql`.
 */
function fromUnversioned(query: SavedQuery): SavedQuery {
  if (typeof query['queryType'] === 'string' && query['queryType'] !== '') return query;
  if (typeof query['rawSql'] === 'string') return { ...query, queryType: 'sql' };
  if (typeof query['query'] === 'string') return { ...query, queryType: 'traceId' };
  return query;
}
