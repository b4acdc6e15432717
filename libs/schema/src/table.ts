/** Tables as data: one definition gives DDL, row documentation, editor metadata and the writer's column list. */

export type Role = 'time' | 'metric' | 'tag' | 'id' | 'text' | 'nested';

export interface Column {
  /** ClickHouse type, as DESCRIBE prints it. */
  readonly type: string;
  readonly doc: string;
  readonly role: Role;
  readonly unit?: 'ns' | 'bytes' | 'percent' | 'count';
  /** OpenTelemetry semantic convention with the same meaning. */
  readonly semconv?: string;
  readonly codec?: string;
}

export interface Table {
  readonly name: string;
  readonly doc: string;
  readonly columns: Readonly<Record<string, Column>>;
  readonly engine: string;
  readonly partitionBy?: string;
  readonly orderBy: readonly string[];
  readonly primaryKey?: readonly string[];
  /** Expression over a column; every table has one, so that no table grows without bound. */
  readonly ttl: string;
  readonly indexes?: Readonly<Record<string, string>>;
  readonly settings?: Readonly<Record<string, string | number>>;
}

/** A materialized view that keeps `target` from rows inserted into `source`. */
export interface Materialized {
  readonly name: string;
  readonly target: string;
  readonly select: string;
}

export interface View {
  readonly name: string;
  readonly doc: string;
  readonly select: string;
}

export function col(type: string, options: Omit<Column, 'type'>): Column {
  return { type, ...options };
}
