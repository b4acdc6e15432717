import { type DataQuery, type DataSourceJsonData } from '@grafana/data';
import { type Query } from '@throughline/query';

/** A query as Grafana keeps it: the model of `@throughline/query` with refId, datasource and hide. */
export type ThroughlineQuery = Query & DataQuery;

/** `jsonData` of one data source; the backend has the same defaults. */
export interface ThroughlineOptions extends DataSourceJsonData {
  readonly tenant?: string;
  readonly environment?: string;
  readonly timeoutSeconds?: number;
  readonly rowLimit?: number;
}

export interface ThroughlineSecrets {
  readonly readToken?: string;
}

export const VARIABLE_KINDS = ['services', 'endpoints', 'peers', 'hosts', 'protocols', 'values', 'sql'] as const;
export type VariableKind = (typeof VARIABLE_KINDS)[number];

/** What a dashboard variable lists. */
export interface VariableQuery extends DataQuery {
  readonly kind: VariableKind;
  /** `endpoints`: whose; a variable may stand here. */
  readonly service?: string;
  /** `values`: a filter key. */
  readonly filterKey?: string;
  /** `sql`: its first column, or the columns `__text` and `__value`. */
  readonly rawSql?: string;
}
