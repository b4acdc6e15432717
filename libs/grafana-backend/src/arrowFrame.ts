import {
  Binary,
  Bool,
  BufferType,
  Data,
  type DataType,
  Field as ArrowField,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableToIPC,
  TimestampNanosecond,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
} from 'apache-arrow';
import { type Field, type FieldType, type Frame, FRONTEND_TYPES, rowCount, validateFrame } from './frame.ts';

/**
 * Frame → Arrow IPC file, as grafana-plugin-sdk-go's data.UnmarshalArrowFrame reads it.
 *
 * Schema metadata: name, refId, meta (JSON). Field metadata: tstype, labels (JSON), config (JSON).
 * Columns are built from typed arrays: apache-arrow's own builders are ten times slower, and its timestamp builder
 * loses nanoseconds.
 */

const ARROW_TYPES: Readonly<Record<FieldType, () => DataType>> = {
  time: () => new TimestampNanosecond(),
  string: () => new Utf8(),
  boolean: () => new Bool(),
  json: () => new Binary(),
  enum: () => new Uint16(),
  float64: () => new Float64(),
  float32: () => new Float32(),
  int8: () => new Int8(),
  int16: () => new Int16(),
  int32: () => new Int32(),
  int64: () => new Int64(),
  uint8: () => new Uint8(),
  uint16: () => new Uint16(),
  uint32: () => new Uint32(),
  uint64: () => new Uint64(),
};

const NUMBER_ARRAYS = {
  float64: Float64Array,
  float32: Float32Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  enum: Uint16Array,
} as const;

export function encodeArrowFrame(frame: Frame): Uint8Array {
  validateFrame(frame);
  const rows = rowCount(frame);
  const fields = frame.fields.map(
    (field) => new ArrowField(field.name, ARROW_TYPES[field.type](), field.nullable ?? false, arrowFieldMetadata(field))
  );
  const schema = new Schema(fields, arrowFrameMetadata(frame));
  const children = frame.fields.map((field) => column(field, rows));
  const data = makeData({ type: new Struct(fields), length: rows, nullCount: 0, children });
  return tableToIPC(new Table(schema, [new RecordBatch(schema, data)]), 'file');
}

export function arrowFieldMetadata(field: Pick<Field, 'type' | 'labels' | 'config'>): Map<string, string> {
  const metadata = new Map([['tstype', FRONTEND_TYPES[field.type]]]);
  if (field.config) metadata.set('config', JSON.stringify(field.config));
  if (field.labels) metadata.set('labels', JSON.stringify(field.labels));
  return metadata;
}

export function arrowFrameMetadata(frame: Pick<Frame, 'name' | 'refId' | 'meta'>): Map<string, string> {
  const metadata = new Map([
    ['name', frame.name ?? ''],
    ['refId', frame.refId ?? ''],
  ]);
  if (frame.meta) metadata.set('meta', JSON.stringify(frame.meta));
  return metadata;
}

function column(field: Field, rows: number): Data {
  const validity = validityOf(field.values, rows);
  const base = { length: rows, offset: 0, nullCount: validity.nullCount, nullBitmap: validity.bitmap };
  switch (field.type) {
    case 'string':
      return makeData({ ...base, type: new Utf8(), ...textColumn(rows, (i) => field.values[i] ?? undefined) });
    case 'json':
      return makeData({
        ...base,
        type: new Binary(),
        ...textColumn(rows, (i) => (field.values[i] == null ? undefined : JSON.stringify(field.values[i]))),
      });
    case 'boolean':
      return makeData({ ...base, type: new Bool(), data: bitmap(rows, (i) => field.values[i] === true) });
    case 'time':
      return makeData({ ...base, type: new TimestampNanosecond(), data: bigIntColumn(field.values, rows) });
    case 'int64':
      return makeData({ ...base, type: new Int64(), data: bigIntColumn(field.values, rows) });
    case 'uint64': {
      const signed = bigIntColumn(field.values, rows);
      const data = new BigUint64Array(signed.buffer, signed.byteOffset, rows);
      return makeData({ ...base, type: new Uint64(), data });
    }
    default: {
      const data = new NUMBER_ARRAYS[field.type](rows);
      for (let i = 0; i < rows; i++) data[i] = field.values[i] ?? 0;
      // makeData is typed for one number type at a time.
      const buffers = {
        [BufferType.DATA]: data,
        ...(validity.bitmap && { [BufferType.VALIDITY]: validity.bitmap }),
      };
      return new Data<DataType>(ARROW_TYPES[field.type](), 0, rows, validity.nullCount, buffers);
    }
  }
}

function validityOf(values: ArrayLike<unknown>, rows: number): { nullCount: number; bitmap: Uint8Array | undefined } {
  let nullCount = 0;
  for (let i = 0; i < rows; i++) if (values[i] == null) nullCount++;
  return { nullCount, bitmap: nullCount > 0 ? bitmap(rows, (i) => values[i] != null) : undefined };
}

/** Little-endian bits, padded to 8 bytes. */
function bitmap(rows: number, isSet: (row: number) => boolean): Uint8Array {
  const bits = new Uint8Array(((rows + 63) >> 6) << 3);
  for (let i = 0; i < rows; i++) if (isSet(i)) bits[i >> 3]! |= 1 << (i & 7);
  return bits;
}

/** Also carries uint64: BigInt64Array wraps, and the bytes are the same. */
function bigIntColumn(values: ArrayLike<bigint | null>, rows: number): BigInt64Array {
  if (values instanceof BigInt64Array) return values;
  const data = new BigInt64Array(rows);
  for (let i = 0; i < rows; i++) data[i] = values[i] ?? 0n;
  return data;
}

const encoder = new TextEncoder();

/** UTF-8 bytes end to end with offsets; `undefined` is an empty slot. */
function textColumn(rows: number, text: (row: number) => string | undefined) {
  const valueOffsets = new Int32Array(rows + 1);
  let data = new Uint8Array(Math.max(64, rows * 16));
  let used = 0;
  for (let i = 0; i < rows; i++) {
    const value = text(i);
    if (value !== undefined) {
      // A UTF-16 unit takes at most 3 bytes of UTF-8.
      const most = used + value.length * 3;
      if (most > data.length) {
        const larger = new Uint8Array(Math.max(data.length * 2, most));
        larger.set(data.subarray(0, used));
        data = larger;
      }
      used += encoder.encodeInto(value, data.subarray(used)).written;
    }
    valueOffsets[i + 1] = used;
  }
  return { valueOffsets, data: data.subarray(0, used) };
}
