import { WireError } from './errors.ts';
import { type EncodedColumns } from './SpanBatchBuilder.ts';
import { type ColumnKind, GROUPS, type Group, allColumns, kindOf } from './spanColumns.ts';

const COLUMNS = allColumns();

type Values = InstanceType<ReturnType<typeof kindOf>['array']>;

/** A few bytes can claim any number of rows, and one long string can be pointed at by all of them: more is refused. */
const MAX_BATCH_BYTES = 128 << 20;

/**
 * Columns of a batch as typed arrays. Everything is checked once here: lengths, group ends, dictionary indexes. What
 * passes can be read without checks.
 */
export class SpanBatchReader {
  readonly rows: number;
  readonly dictionary: readonly string[];
  /** What the batch takes once every string stands in its row: the measure of bounds on memory. */
  expandedBytes = 0;
  private readonly maxBytes: number;
  private readonly columns = new Map<string, Values>();
  private readonly groupItems = new Map<string, number>();

  /**
   * @param maxBytes largest `expandedBytes`; checked before anything of that size is allocated
   * @throws WireError where lengths, ends or indexes do not fit; unknown columns are ignored, missing ones read as zeros.
   */
  constructor({ rows, dictionary, columns }: EncodedColumns, maxBytes = MAX_BATCH_BYTES) {
    this.maxBytes = maxBytes;
    this.rows = rows;
    this.dictionary = dictionary.length === 0 ? [''] : dictionary;
    const given = new Map(columns.map((column) => [column.name, column] as const));
    const read = (name: string, length: number): Values => {
      const kind = COLUMNS.get(name)!;
      const { type, width, array } = kindOf(kind);
      this.grow(length * width);
      const column = given.get(name);
      if (column === undefined) return new array((length * width) / array.BYTES_PER_ELEMENT);
      if (column.type !== type) {
        throw new WireError('WIRE_COLUMN_TYPE', `column ${name} has type ${column.type}, version 1 has ${type}`);
      }
      if (column.data.length !== length * width) {
        throw new WireError(
          'WIRE_COLUMN_LENGTH',
          `column ${name} has ${column.data.length} bytes for ${length} values`
        );
      }
      // Copied, since a view needs an aligned start.
      const aligned = Uint8Array.from(column.data);
      return new array(aligned.buffer, aligned.byteOffset, aligned.byteLength / array.BYTES_PER_ELEMENT);
    };
    for (const [name, kind] of COLUMNS) {
      if (name.includes('.')) continue;
      this.set(name, kind, read(name, rows));
    }
    for (const [group, { owner, columns: members }] of Object.entries(GROUPS)) {
      const owners = owner === 'row' ? rows : this.groupItems.get(owner)!;
      const ends = read(`${group}.ends`, owners) as Uint32Array;
      let last = 0;
      for (const end of ends) {
        if (end < last) throw new WireError('WIRE_GROUP_ENDS', `column ${group}.ends falls from ${last} to ${end}`);
        last = end;
      }
      this.groupItems.set(group, last);
      this.columns.set(`${group}.ends`, ends as Values);
      for (const [name, kind] of Object.entries(members))
        this.set(`${group}.${name}`, kind, read(`${group}.${name}`, last));
    }
  }

  private set(name: string, kind: ColumnKind, values: Values): void {
    if (kind === 'string') {
      for (const index of values as Uint32Array) {
        if (index >= this.dictionary.length) {
          throw new WireError(
            'WIRE_DICTIONARY_INDEX',
            `column ${name} points at string ${index} of ${this.dictionary.length}`
          );
        }
        this.grow(this.dictionary[index]!.length);
      }
    }
    this.columns.set(name, values);
  }

  private grow(bytes: number): void {
    this.expandedBytes += bytes;
    if (this.expandedBytes > this.maxBytes) {
      throw new WireError('WIRE_TOO_LARGE', `the batch takes more than ${this.maxBytes} bytes; send smaller batches`);
    }
  }

  u8 = (name: string): Uint8Array => this.columns.get(name) as Uint8Array;
  u16 = (name: string): Uint16Array => this.columns.get(name) as Uint16Array;
  u32 = (name: string): Uint32Array => this.columns.get(name) as Uint32Array;
  i32 = (name: string): Int32Array => this.columns.get(name) as Int32Array;
  f32 = (name: string): Float32Array => this.columns.get(name) as Float32Array;
  u64 = (name: string): BigUint64Array => this.columns.get(name) as BigUint64Array;
  i64 = (name: string): BigInt64Array => this.columns.get(name) as BigInt64Array;
  /** rows × 8 or 16 bytes. */
  raw = (name: string): Uint8Array => this.columns.get(name) as Uint8Array;
  ends = (group: Group): Uint32Array => this.columns.get(`${group}.ends`) as Uint32Array;
  strings(name: string): string[] {
    return Array.from(this.u32(name), (index) => this.dictionary[index]!);
  }
}
