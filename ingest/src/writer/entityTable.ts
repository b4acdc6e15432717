import { type ColumnBatch, type ColumnData } from '@throughline/clickhouse';
import { entities } from '@throughline/schema';
import { type KnownEntity } from '../enrich/EntityDirectory.ts';

/** Rows of table `entities`. @param updatedAtMs wall clock, ms; the latest row of an entity holds */
export function entityTableBatch(
  known: readonly KnownEntity[],
  tenant: string,
  environment: string,
  updatedAtMs: number
): ColumnBatch {
  const rows = known.length;
  const ends = new Uint32Array(rows);
  const keys: string[] = [];
  const values: string[] = [];
  known.forEach((entity, row) => {
    for (const [key, value] of entity.attributes) {
      keys.push(key);
      values.push(value);
    }
    ends[row] = keys.length;
  });
  const column = (read: (entity: KnownEntity) => string): string[] => known.map(read);
  const data: Record<keyof typeof entities.columns, ColumnData> = {
    Tenant: Array<string>(rows).fill(tenant),
    Environment: Array<string>(rows).fill(environment),
    EntityId: BigUint64Array.from(known, (entity) => entity.id),
    Kind: column((entity) => entity.kind),
    Name: column((entity) => entity.name),
    NameSource: column((entity) => entity.nameSource),
    HostId: column((entity) => entity.hostId),
    ValidFrom: BigInt64Array.from(known, (entity) => entity.validFromNs),
    ValidTo: BigInt64Array.from(known, (entity) => entity.validToNs),
    Attributes: { kind: 'map', ends, keys, values },
    UpdatedAt: new BigInt64Array(rows).fill(BigInt(updatedAtMs)),
  };
  return {
    rows,
    columns: Object.entries(entities.columns).map(([name, { type }]) => ({ name, type, data: data[name]! })),
  };
}
