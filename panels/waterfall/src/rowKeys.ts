import { type WaterfallRow, type WaterfallRows } from '@throughline/viz';

/** Names a row however the view changes around it. */
export function rowKey(row: WaterfallRow): string {
  switch (row.kind) {
    case 'span':
      return `span:${row.span}`;
    case 'strip':
      return `strip:${row.span}`;
    case 'hop':
      return `hop:${row.span}:${row.segment}`;
    case 'fold':
      return `fold:${row.key}`;
    case 'more':
      return `more:${row.key}`;
    case 'unexplained':
      return `unexplained:${row.span}:${row.startNs}`;
    case 'tray':
      return 'tray';
  }
}

export function spanKey(span: number): string {
  return `span:${span}`;
}

/** Span of a row that stands for one; undefined for folds and the tray. */
export function spanOf(row: WaterfallRow | undefined): number | undefined {
  return row !== undefined && 'span' in row ? row.span : undefined;
}

/** −1 where the row is not shown. */
export function indexOfKey({ rows, rowOfSpan }: WaterfallRows, key: string | undefined): number {
  if (key === undefined) return -1;
  if (key.startsWith('span:')) return rowOfSpan[Number(key.slice(5))] ?? -1;
  return rows.findIndex((row) => rowKey(row) === key);
}
