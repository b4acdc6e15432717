/**
 * A batch of rows in columns, as it is written to ClickHouse in its Native format.
 *
 * The type of `data` follows from the column's ClickHouse type. Lengths are not checked row by row on the hot path
 * beyond what keeps the byte stream in step; the caller guarantees that every column holds `rows` values.
 *
 * | Type                       | data                                                                     |
 * |----------------------------|--------------------------------------------------------------------------|
 * | `String`, `LowCardinality(String)` | `string[]`, or `BytesColumn` for values that are bytes           |
 * | `FixedString(N)`           | `Uint8Array` of rows × N bytes                                           |
 * | `IPv6`                     | `Uint8Array` of rows × 16 bytes, network order, IPv4 mapped              |
 * | `UInt8`, `Bool`            | `Uint8Array`; `Int8`: `Int8Array`                                        |
 * | `UInt16` … `Int32`         | the typed array of that width                                            |
 * | `UInt64`                   | `BigUint64Array`                                                         |
 * | `Int64`, `DateTime64(P)`   | `BigInt64Array` (ticks since the epoch, so nanoseconds for P = 9)        |
 * | `DateTime`                 | `Uint32Array` of seconds                                                 |
 * | `Float32`, `Float64`       | `Float32Array`, `Float64Array`                                           |
 * | `Array(T)`                 | `ArrayColumn`                                                            |
 * | `Map(K, V)`                | `MapColumn`                                                              |
 *
 * A Nested column `Hops` is written as its arrays, `Hops.Interface Array(…)`, `Hops.Netns Array(…)`; all share offsets.
 */
export interface ColumnBatch {
  readonly rows: number;
  readonly columns: readonly Column[];
}

export interface Column {
  readonly name: string;
  /** The ClickHouse type, as in the table's definition. */
  readonly type: string;
  readonly data: ColumnData;
}

export type NumericColumn =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array;

export type ColumnData = NumericColumn | readonly string[] | BytesColumn | ArrayColumn | MapColumn;

/** Values of different lengths as bytes: value i is `bytes[ends[i - 1] ?? 0 .. ends[i]]`. */
export interface BytesColumn {
  readonly kind: 'bytes';
  readonly bytes: Uint8Array;
  readonly ends: Uint32Array;
}

/** Row i holds the values `ends[i - 1] ?? 0` up to `ends[i]` of `values`; `ends` has one entry per row. */
export interface ArrayColumn {
  readonly kind: 'array';
  readonly ends: Uint32Array;
  readonly values: ColumnData;
}

/** Row i holds the pairs `ends[i - 1] ?? 0` up to `ends[i]` of `keys` and `values`. */
export interface MapColumn {
  readonly kind: 'map';
  readonly ends: Uint32Array;
  readonly keys: ColumnData;
  readonly values: ColumnData;
}
