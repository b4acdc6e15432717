import { type QueryFilter } from '@throughline/query';
import { equals, takesKey } from './model.ts';
import { type ThroughlineQuery } from './types.ts';

/** Filters that are set from a result: a cell of a table, a tag of a span. */

/** What the frames' fields and labels are called where that is not the key they are filtered by. */
const KEY_OF_FIELD: Readonly<Record<string, string>> = {
  Service: 'service',
  Endpoint: 'endpoint',
  Protocol: 'protocol',
  Failure: 'failure',
  Status: 'status',
  Host: 'host',
  caller: 'peer',
  Caller: 'peer',
  Callee: 'peer',
  source: 'service',
  target: 'peer',
};

export interface FieldFilter {
  readonly key?: string;
  readonly value?: string;
}

/** @returns undefined where the query cannot be filtered so */
function filterOf(query: ThroughlineQuery, { key, value }: FieldFilter): QueryFilter | undefined {
  if (key === undefined || value === undefined || !('filters' in query)) return undefined;
  const known = takesKey(query, key) ? key : KEY_OF_FIELD[key];
  return known !== undefined && takesKey(query, known) ? equals(known, value) : undefined;
}

const isSame = (one: QueryFilter, other: QueryFilter): boolean =>
  one.key === other.key && one.operator === other.operator && one.value === other.value;

/** Sets the filter; the opposite one goes. */
export function setFilter(query: ThroughlineQuery, from: FieldFilter, operator: '=' | '!='): ThroughlineQuery {
  const filter = filterOf(query, from);
  if (!filter || !('filters' in query)) return query;
  const wanted: QueryFilter = { ...filter, operator };
  const opposite: QueryFilter = { ...filter, operator: operator === '=' ? '!=' : '=' };
  const kept = query.filters.filter((each) => !isSame(each, wanted) && !isSame(each, opposite));
  return { ...query, filters: [...kept, wanted] };
}

/** Sets the filter, or takes it away where it is set. */
export function toggleFilter(query: ThroughlineQuery, from: FieldFilter, operator: '=' | '!='): ThroughlineQuery {
  const filter = filterOf(query, from);
  if (!filter || !('filters' in query)) return query;
  const wanted: QueryFilter = { ...filter, operator };
  if (!query.filters.some((each) => isSame(each, wanted))) return setFilter(query, from, operator);
  return { ...query, filters: query.filters.filter((each) => !isSame(each, wanted)) };
}

export function hasFilter(query: ThroughlineQuery, from: FieldFilter): boolean {
  const filter = filterOf(query, from);
  if (!filter || !('filters' in query)) return false;
  return query.filters.some(
    (each) =>
      isSame(each, filter) || (each.key === filter.key && each.operator === '=|' && each.values?.includes(filter.value))
  );
}
