import { type Column } from './gen/throughline/agent/v1/agent.ts';
import {
  type ColumnKind,
  GROUPS,
  type Group,
  type GroupItem,
  ROW_COLUMNS,
  type SpanRow,
  kindOf,
} from './spanColumns.ts';

/** A fixed-width column that grows by doubling. */
class GrowingColumn {
  private readonly width: number;
  private bytes: Uint8Array;
  private view: DataView;
  length = 0;
  readonly kind: ColumnKind;

  constructor(kind: ColumnKind, rows: number) {
    this.kind = kind;
    this.width = kindOf(kind).width;
    this.bytes = new Uint8Array(rows * this.width);
    this.view = new DataView(this.bytes.buffer);
  }

  private reserve(): number {
    const at = this.length * this.width;
    if (at + this.width > this.bytes.length) {
      const grown = new Uint8Array(Math.max(64, this.bytes.length * 2));
      grown.set(this.bytes.subarray(0, at));
      this.bytes = grown;
      this.view = new DataView(grown.buffer);
    }
    this.length++;
    return at;
  }

  number(value: number): void {
    const at = this.reserve();
    switch (this.kind) {
      case 'u8':
        this.bytes[at] = value;
        return;
      case 'u16':
        this.view.setUint16(at, value, true);
        return;
      case 'i32':
        this.view.setInt32(at, value, true);
        return;
      case 'f32':
        this.view.setFloat32(at, value, true);
        return;
      default:
        this.view.setUint32(at, value, true);
    }
  }

  bigint(value: bigint): void {
    const at = this.reserve();
    this.view.setBigUint64(at, BigInt.asUintN(64, value), true);
  }

  /** Ids and addresses as they are stored: u64 ids big endian, hex as bytes, undefined and '' as zeros. */
  raw(value: Uint8Array | bigint | string | undefined): void {
    const at = this.reserve();
    if (typeof value === 'bigint') {
      this.view.setBigUint64(at, value, false);
      return;
    }
    this.bytes.fill(0, at, at + this.width);
    if (typeof value === 'string') {
      for (let i = 0; i < this.width && 2 * i + 1 < value.length; i++) {
        this.bytes[at + i] = (hexDigit(value.charCodeAt(2 * i)) << 4) | hexDigit(value.charCodeAt(2 * i + 1));
      }
    } else if (value !== undefined) {
      this.bytes.set(value.length > this.width ? value.subarray(0, this.width) : value, at);
    }
  }

  take(): Buffer {
    return Buffer.from(this.bytes.slice(0, this.length * this.width).buffer);
  }

  clear(): void {
    this.length = 0;
  }
}

function hexDigit(code: number): number {
  if (code <= 57) return code - 48;
  return (code | 32) - 87;
}

/** Items that owners (rows, or items of another group) have, and where each owner's end. */
interface GroupColumns {
  readonly ends: GrowingColumn;
  readonly columns: readonly (readonly [string, GrowingColumn])[];
  /** Groups that its items own. */
  readonly owned: GroupColumns[];
  items: number;
}

/** Owners before `count` have no further items. */
function close(group: GroupColumns, count: number): void {
  for (const owned of group.owned) close(owned, group.items);
  while (group.ends.length < count) group.ends.number(group.items);
}

export interface EncodedColumns {
  readonly rows: number;
  readonly dictionary: string[];
  readonly columns: Column[];
}

/**
 * Collects rows into columns. `append` a row, then its group items; `take` empties the builder for the next batch.
 * The caller bounds a batch by `rows` and `approximateBytes`.
 */
export class SpanBatchBuilder {
  rows = 0;
  /** Lower bound of the encoded size: fixed columns and dictionary text. */
  approximateBytes = 0;
  private dictionary = new Map<string, number>([['', 0]]);
  private readonly rowColumns: readonly (readonly [keyof SpanRow, GrowingColumn])[];
  private readonly groups = new Map<string, GroupColumns>();
  private readonly rowGroups: GroupColumns[] = [];

  constructor(expectedRows = 1024) {
    this.rowColumns = Object.entries(ROW_COLUMNS).map(
      ([name, kind]) => [name as keyof SpanRow, new GrowingColumn(kind, expectedRows)] as const
    );
    for (const [name, { owner, columns }] of Object.entries(GROUPS)) {
      const group: GroupColumns = {
        ends: new GrowingColumn('u32', expectedRows),
        columns: Object.entries(columns).map(
          ([column, kind]) => [column, new GrowingColumn(kind as ColumnKind, 64)] as const
        ),
        owned: [],
        items: 0,
      };
      this.groups.set(name, group);
      (owner === 'row' ? this.rowGroups : this.groups.get(owner)!.owned).push(group);
    }
  }

  append(row: SpanRow): void {
    this.closeRows();
    this.rows++;
    this.approximateBytes += 200;
    for (const [name, column] of this.rowColumns) this.write(column, row[name]);
  }

  /** Adds an item to the group of the row (event, link) appended last. */
  add<Name extends Group>(group: Name, item: GroupItem<Name>): void {
    const to = this.groups.get(group)!;
    for (const owned of to.owned) close(owned, to.items);
    to.items++;
    this.approximateBytes += 8 * to.columns.length;
    const values = item as Record<string, SpanRow[keyof SpanRow]>;
    for (const [name, column] of to.columns) this.write(column, values[name]);
  }

  take(): EncodedColumns {
    this.closeRows();
    const columns: Column[] = [];
    const push = (name: string, column: GrowingColumn): void => {
      columns.push({ name, type: kindOf(column.kind).type, data: column.take() });
      column.clear();
    };
    for (const [name, column] of this.rowColumns) push(name, column);
    for (const [group, entry] of this.groups) {
      const isEmpty = entry.items === 0;
      entry.items = 0;
      if (isEmpty) {
        // A group that no row has is left out; readers take it as empty.
        entry.ends.clear();
        continue;
      }
      push(`${group}.ends`, entry.ends);
      for (const [name, column] of entry.columns) push(`${group}.${name}`, column);
    }
    const encoded = { rows: this.rows, dictionary: [...this.dictionary.keys()], columns };
    this.rows = 0;
    this.approximateBytes = 0;
    this.dictionary = new Map([['', 0]]);
    return encoded;
  }

  private closeRows(): void {
    for (const group of this.rowGroups) close(group, this.rows);
  }

  private write(column: GrowingColumn, value: SpanRow[keyof SpanRow] | undefined): void {
    switch (column.kind) {
      case 'string':
        column.number(this.intern(value as string));
        return;
      case 'u64':
      case 'i64':
        column.bigint(value as bigint);
        return;
      case 'bytes8':
      case 'bytes16':
        column.raw(value as Uint8Array | bigint | string | undefined);
        return;
      default:
        column.number(value as number);
    }
  }

  private intern(text: string): number {
    let index = this.dictionary.get(text);
    if (index === undefined) {
      index = this.dictionary.size;
      this.dictionary.set(text, index);
      this.approximateBytes += text.length + 2;
    }
    return index;
  }
}
