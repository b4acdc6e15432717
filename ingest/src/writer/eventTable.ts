import { type ColumnBatch, type ColumnData } from '@throughline/clickhouse';
import { events } from '@throughline/schema';
import { type ChangeEvent } from '../enrich/ChangeDetector.ts';

/** Rows of table `events`. */
export function eventTableBatch(changes: readonly ChangeEvent[], tenant: string, environment: string): ColumnBatch {
  const rows = changes.length;
  const ends = new Uint32Array(rows);
  const keys: string[] = [];
  const values: string[] = [];
  changes.forEach(({ attributes }, row) => {
    for (const [key, value] of attributes) {
      keys.push(key);
      values.push(value);
    }
    ends[row] = keys.length;
  });
  const data: Record<keyof typeof events.columns, ColumnData> = {
    Tenant: Array<string>(rows).fill(tenant),
    Environment: Array<string>(rows).fill(environment),
    Timestamp: BigInt64Array.from(changes, ({ timestampNs }) => timestampNs),
    Kind: changes.map(({ kind }) => kind),
    EntityId: BigUint64Array.from(changes, ({ entityId }) => entityId),
    HostId: changes.map(({ hostId }) => hostId),
    Title: changes.map(({ title }) => title),
    Attributes: { kind: 'map', ends, keys, values },
  };
  return {
    rows,
    columns: Object.entries(events.columns).map(([name, { type }]) => ({ name, type, data: data[name]! })),
  };
}
