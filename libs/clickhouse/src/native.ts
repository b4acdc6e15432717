import { type ArrayColumn, type BytesColumn, type ColumnBatch, type ColumnData, type MapColumn } from './columns.ts';
import { ClickHouseError } from './errors.ts';

/**
 * ClickHouse's Native format without a client revision, one block:
 *
 *   block  := columns:varint rows:varint column*
 *   column := name:string type:string data        (no data when rows = 0)
 *   string := length:varint byte*
 *   data of String         := string*
 *   data of FixedString(N) := byte[rows × N]; numbers, Bool, DateTime64, IPv6 likewise with their width, little-endian
 *   data of Array(T)       := ends:UInt64[rows] data of T
 *   data of Map(K, V)      := data of Array(Tuple(K, V)) := ends:UInt64[rows] data of K, data of V
 *
 * LowCardinality(T) is sent as T, inside Array and Map too: the server converts on insert, and a dictionary made here
 * would be made again there.
 */
export function encodeNative(batch: ColumnBatch): Uint8Array {
  const out = new NativeBuffer(1 << 16);
  out.varint(batch.columns.length);
  out.varint(batch.rows);
  for (const column of batch.columns) {
    const type = parseType(column.type, column.name);
    out.string(column.name);
    out.string(type.sent);
    if (batch.rows > 0) writeData(out, type, column.data, batch.rows, column.name);
  }
  return out.bytes();
}

type NativeType =
  | { readonly kind: 'string'; readonly sent: string }
  | { readonly kind: 'fixed'; readonly sent: string; readonly width: number; readonly array: TypedArrayName }
  | { readonly kind: 'array'; readonly sent: string; readonly item: NativeType }
  | { readonly kind: 'map'; readonly sent: string; readonly key: NativeType; readonly value: NativeType };

type TypedArrayName =
  | 'Uint8Array'
  | 'Int8Array'
  | 'Uint16Array'
  | 'Int16Array'
  | 'Uint32Array'
  | 'Int32Array'
  | 'Float32Array'
  | 'Float64Array'
  | 'BigUint64Array'
  | 'BigInt64Array';

const fixedTypes: Readonly<Record<string, readonly [width: number, array: TypedArrayName]>> = {
  Bool: [1, 'Uint8Array'],
  UInt8: [1, 'Uint8Array'],
  Int8: [1, 'Int8Array'],
  UInt16: [2, 'Uint16Array'],
  Int16: [2, 'Int16Array'],
  UInt32: [4, 'Uint32Array'],
  Int32: [4, 'Int32Array'],
  UInt64: [8, 'BigUint64Array'],
  Int64: [8, 'BigInt64Array'],
  Float32: [4, 'Float32Array'],
  Float64: [8, 'Float64Array'],
  DateTime: [4, 'Uint32Array'],
  IPv6: [16, 'Uint8Array'],
};

const parsedTypes = new Map<string, NativeType>();

function parseType(text: string, column: string): NativeType {
  const known = parsedTypes.get(text);
  if (known !== undefined) return known;
  const parsed = parseTypeText(text.trim(), column);
  parsedTypes.set(text, parsed);
  return parsed;
}

function parseTypeText(text: string, column: string): NativeType {
  if (text === 'String') return { kind: 'string', sent: text };
  const fixed = fixedTypes[text];
  if (fixed !== undefined) return { kind: 'fixed', sent: text, width: fixed[0], array: fixed[1] };
  const match = /^(\w+)\((.*)\)$/s.exec(text);
  const name = match?.[1];
  const argument = match?.[2] ?? '';
  switch (name) {
    case 'FixedString':
      return { kind: 'fixed', sent: text, width: Number(argument), array: 'Uint8Array' };
    case 'DateTime64':
      return { kind: 'fixed', sent: text, width: 8, array: 'BigInt64Array' };
    case 'DateTime':
      return { kind: 'fixed', sent: text, width: 4, array: 'Uint32Array' };
    case 'LowCardinality':
      return parseTypeText(argument.trim(), column);
    case 'Array': {
      const item = parseTypeText(argument.trim(), column);
      return { kind: 'array', sent: `Array(${item.sent})`, item };
    }
    case 'Map': {
      const comma = topLevelComma(argument);
      const key = parseTypeText(argument.slice(0, comma).trim(), column);
      const value = parseTypeText(argument.slice(comma + 1).trim(), column);
      return { kind: 'map', sent: `Map(${key.sent}, ${value.sent})`, key, value };
    }
    default:
      throw new ClickHouseError(
        'CLICKHOUSE_TYPE_UNKNOWN',
        `column ${column} has type ${text}, which the Native writer does not know; add it to libs/clickhouse/src/native.ts`,
        { retryable: false }
      );
  }
}

function topLevelComma(text: string): number {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '(') depth++;
    else if (text[i] === ')') depth--;
    else if (text[i] === ',' && depth === 0) return i;
  }
  return text.length;
}

function writeData(out: NativeBuffer, type: NativeType, data: ColumnData, rows: number, column: string): void {
  switch (type.kind) {
    case 'string':
      if (Array.isArray(data)) return writeStrings(out, data as readonly string[], rows, column);
      if (isBytesColumn(data)) return writeBytes(out, data, rows, column);
      throw mismatch(column, type, 'string[] or a BytesColumn');
    case 'fixed': {
      if (!ArrayBuffer.isView(data) || data.constructor.name !== type.array) {
        // A Buffer is a Uint8Array with another name.
        if (!(type.array === 'Uint8Array' && data instanceof Uint8Array)) throw mismatch(column, type, type.array);
      }
      if (data.byteLength !== rows * type.width) {
        throw mismatch(column, type, `${rows * type.width} bytes for ${rows} rows, got ${data.byteLength}`);
      }
      return out.raw(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
    case 'array': {
      if (!isArrayColumn(data)) throw mismatch(column, type, 'an ArrayColumn');
      const total = writeEnds(out, data.ends, rows, column, type);
      return writeData(out, type.item, data.values, total, column);
    }
    case 'map': {
      if (!isMapColumn(data)) throw mismatch(column, type, 'a MapColumn');
      const total = writeEnds(out, data.ends, rows, column, type);
      writeData(out, type.key, data.keys, total, column);
      return writeData(out, type.value, data.values, total, column);
    }
  }
}

function writeStrings(out: NativeBuffer, values: readonly string[], rows: number, column: string): void {
  if (values.length !== rows) throw lengthMismatch(column, rows, values.length);
  for (let i = 0; i < rows; i++) out.string(values[i] as string);
}

function writeBytes(out: NativeBuffer, { bytes, ends }: BytesColumn, rows: number, column: string): void {
  if (ends.length !== rows) throw lengthMismatch(column, rows, ends.length);
  let start = 0;
  for (let i = 0; i < rows; i++) {
    const end = ends[i] as number;
    out.varint(end - start);
    out.raw(bytes.subarray(start, end));
    start = end;
  }
}

function writeEnds(out: NativeBuffer, ends: Uint32Array, rows: number, column: string, type: NativeType): number {
  if (ends.length !== rows) throw lengthMismatch(column, rows, ends.length);
  let previous = 0;
  for (const end of ends) {
    if (end < previous) throw mismatch(column, type, 'ends that never fall');
    previous = end;
    out.uint64(end);
  }
  return previous;
}

function isBytesColumn(data: ColumnData): data is BytesColumn {
  return 'kind' in data && data.kind === 'bytes';
}
function isArrayColumn(data: ColumnData): data is ArrayColumn {
  return 'kind' in data && data.kind === 'array';
}
function isMapColumn(data: ColumnData): data is MapColumn {
  return 'kind' in data && data.kind === 'map';
}

function mismatch(column: string, type: NativeType, wanted: string): ClickHouseError {
  return new ClickHouseError('CLICKHOUSE_COLUMN_MISMATCH', `column ${column} (${type.sent}) needs ${wanted}`, {
    retryable: false,
  });
}

function lengthMismatch(column: string, rows: number, got: number): ClickHouseError {
  return new ClickHouseError('CLICKHOUSE_COLUMN_MISMATCH', `column ${column} needs ${rows} values, got ${got}`, {
    retryable: false,
  });
}

const encoder = new TextEncoder();

/** Growing output; every write makes room for itself first. */
class NativeBuffer {
  private buffer: Buffer;
  private length = 0;

  constructor(size: number) {
    this.buffer = Buffer.allocUnsafe(size);
  }

  bytes(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  varint(value: number): void {
    this.reserve(10);
    let rest = value;
    while (rest >= 0x80) {
      this.buffer[this.length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.buffer[this.length++] = rest;
  }

  uint64(value: number): void {
    this.reserve(8);
    this.buffer.writeUInt32LE(value % 0x1_0000_0000, this.length);
    this.buffer.writeUInt32LE(Math.floor(value / 0x1_0000_0000), this.length + 4);
    this.length += 8;
  }

  /** Length and UTF-8 bytes. A string below 43 characters has a length of one byte in any case (3 bytes each at most). */
  string(value: string): void {
    this.reserve(value.length * 3 + 10);
    if (value.length < 43) {
      const at = this.length;
      const written = encoder.encodeInto(value, this.buffer.subarray(at + 1)).written;
      this.buffer[at] = written;
      this.length = at + 1 + written;
    } else {
      const bytes = Buffer.byteLength(value);
      this.varint(bytes);
      this.length += this.buffer.write(value, this.length);
    }
  }

  private reserve(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.buffer.length * 2));
    this.buffer.copy(grown, 0, 0, this.length);
    this.buffer = grown;
  }
}
