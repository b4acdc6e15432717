import { type Field, type FieldType, type Frame, FRONTEND_TYPES, validateFrame } from './frame.ts';

/**
 * Frame → the JSON that grafana-plugin-sdk-go's Frame.MarshalJSON writes:
 * {schema: {name, refId, meta, fields: [{name, type, typeInfo, labels, config}]}, data: {values, entities, nanos}}.
 *
 * Times are epoch milliseconds, the rest of the nanosecond is in `nanos`; NaN and infinities are null in `values` and
 * listed in `entities`. Integers of 64 bit are written as numbers with all their digits.
 */

const GO_TYPES: Readonly<Record<FieldType, string>> = {
  time: 'time.Time',
  string: 'string',
  boolean: 'bool',
  json: 'json.RawMessage',
  enum: 'enum',
  float64: 'float64',
  float32: 'float32',
  int8: 'int8',
  int16: 'int16',
  int32: 'int32',
  int64: 'int64',
  uint8: 'uint8',
  uint16: 'uint16',
  uint32: 'uint32',
  uint64: 'uint64',
};

const NS_PER_MS = 1_000_000n;

interface Entities {
  NaN?: number[];
  Inf?: number[];
  NegInf?: number[];
}

export function encodeJsonFrame(frame: Frame): string {
  validateFrame(frame);
  const columns = frame.fields.map(encodeColumn);
  const data = [`"values":[${columns.map((column) => `[${column.values.join(',')}]`).join(',')}]`];
  if (columns.some((column) => column.entities)) {
    data.push(`"entities":${JSON.stringify(columns.map((column) => column.entities ?? null))}`);
  }
  if (columns.some((column) => column.nanos)) {
    data.push(`"nanos":${JSON.stringify(columns.map((column) => column.nanos ?? null))}`);
  }
  return `{"schema":${JSON.stringify(schemaOf(frame))},"data":{${data.join(',')}}}`;
}

function schemaOf(frame: Frame): object {
  return {
    ...(frame.name ? { name: frame.name } : {}),
    ...(frame.refId ? { refId: frame.refId } : {}),
    // The SDK always writes typeVersion.
    ...(frame.meta ? { meta: { typeVersion: [0, 0], ...frame.meta } } : {}),
    fields: frame.fields.map((field) => ({
      name: field.name,
      type: FRONTEND_TYPES[field.type],
      typeInfo: { frame: GO_TYPES[field.type], ...(field.nullable ? { nullable: true } : {}) },
      ...(field.labels ? { labels: field.labels } : {}),
      ...(field.config ? { config: field.config } : {}),
    })),
  };
}

interface EncodedColumn {
  values: string[];
  entities?: Entities;
  nanos?: number[];
}

function encodeColumn(field: Field): EncodedColumn {
  switch (field.type) {
    case 'time':
      return encodeTimes(field.values);
    case 'string':
    case 'json':
    case 'boolean':
      return { values: Array.from(field.values, (value) => JSON.stringify(value ?? null)) };
    case 'int64':
    case 'uint64':
      return { values: Array.from(field.values, (value) => (value == null ? 'null' : value.toString())) };
    default:
      return encodeNumbers(field.values);
  }
}

function encodeTimes(times: ArrayLike<bigint | null>): EncodedColumn {
  const values: string[] = [];
  const nanos: number[] = [];
  let hasNanos = false;
  for (let i = 0; i < times.length; i++) {
    const time = times[i];
    if (time == null) {
      values.push('null');
      nanos.push(0);
      continue;
    }
    // Floor, so that the remainder is positive before 1970 too.
    const remainder = ((time % NS_PER_MS) + NS_PER_MS) % NS_PER_MS;
    values.push(((time - remainder) / NS_PER_MS).toString());
    nanos.push(Number(remainder));
    hasNanos ||= remainder !== 0n;
  }
  return hasNanos ? { values, nanos } : { values };
}

function encodeNumbers(numbers: ArrayLike<number | null>): EncodedColumn {
  const values: string[] = [];
  let entities: Entities | undefined;
  for (let i = 0; i < numbers.length; i++) {
    const value = numbers[i];
    if (value == null || Number.isFinite(value)) {
      values.push(value == null ? 'null' : String(value));
      continue;
    }
    values.push('null');
    entities ??= {};
    (entities[Number.isNaN(value) ? 'NaN' : value > 0 ? 'Inf' : 'NegInf'] ??= []).push(i);
  }
  return entities ? { values, entities } : { values };
}
