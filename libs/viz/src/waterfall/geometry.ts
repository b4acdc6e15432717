import { type TimeRangeNs } from './axis.ts';
import { type WaySegment } from './hops.ts';
import { type WaterfallRow } from './rows.ts';

/** Columns and scroll position of the body, in CSS pixels. */
export interface WaterfallLayout {
  readonly width: number;
  readonly height: number;
  readonly rowHeight: number;
  readonly treeWidth: number;
  readonly durationWidth: number;
  /** 0 where there is no room for the column. */
  readonly selfWidth: number;
  readonly scrollTop: number;
  readonly range: TimeRangeNs;
  readonly narrow: boolean;
}

const BARS_PAD_LEFT = 4;
const BARS_PAD_RIGHT = 10;
const TREE_PAD = 12;
export const TOGGLE_WIDTH = 12;

export interface BarsArea {
  readonly left: number;
  readonly right: number;
  /** Where the range starts and ends. */
  readonly x0: number;
  readonly x1: number;
}

export function barsArea({ width, treeWidth, durationWidth, selfWidth }: WaterfallLayout): BarsArea {
  const left = treeWidth;
  const right = Math.max(left + 20, width - durationWidth - selfWidth);
  return { left, right, x0: left + BARS_PAD_LEFT, x1: right - BARS_PAD_RIGHT };
}

export function xOf(layout: WaterfallLayout, ns: number): number {
  const { x0, x1 } = barsArea(layout);
  const { fromNs, toNs } = layout.range;
  return x0 + ((ns - fromNs) / (toNs - fromNs || 1)) * (x1 - x0);
}

export function timeAt(layout: WaterfallLayout, x: number): number {
  const { x0, x1 } = barsArea(layout);
  const { fromNs, toNs } = layout.range;
  return fromNs + ((x - x0) / (x1 - x0)) * (toNs - fromNs);
}

/** Left edge of a row's content. Deep levels share the last indent: a name needs room. */
export function indentOf({ treeWidth, narrow }: WaterfallLayout, depth: number): number {
  return TREE_PAD + Math.min(depth * (narrow ? 8 : 12), Math.max(0, treeWidth * 0.45));
}

export function visibleRows(
  { scrollTop, height, rowHeight }: WaterfallLayout,
  count: number
): readonly [number, number] {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight));
  return [first, Math.min(count, Math.ceil((scrollTop + height) / rowHeight))];
}

export type WaterfallHitPart = 'toggle' | 'tree' | 'bars' | 'numbers';

export interface WaterfallHit {
  readonly index: number;
  readonly row: WaterfallRow;
  readonly part: WaterfallHitPart;
}

/** What lies at a point of the body; undefined below the last row. */
export function waterfallHitAt(
  layout: WaterfallLayout,
  rows: readonly WaterfallRow[],
  x: number,
  y: number
): WaterfallHit | undefined {
  const index = Math.floor((y + layout.scrollTop) / layout.rowHeight);
  const row = rows[index];
  if (row === undefined) return undefined;
  const { left, right } = barsArea(layout);
  if (x >= right) return { index, row, part: 'numbers' };
  if (x >= left) return { index, row, part: 'bars' };
  const indent = indentOf(layout, row.depth);
  const onToggle = x >= indent - 4 && x < indent + TOGGLE_WIDTH + 2 && isExpandable(row);
  return { index, row, part: onToggle ? 'toggle' : 'tree' };
}

export function isExpandable(row: WaterfallRow): boolean {
  if (row.kind === 'span') return row.expandable;
  return row.kind === 'fold' || row.kind === 'strip' || row.kind === 'more';
}

/** Bars of unfolded hops on their own scale: requests left, answers right, the far end cut in between. */
export interface Lens {
  readonly left: number;
  readonly right: number;
  readonly cutLeft: number;
  readonly cutRight: number;
  readonly bars: readonly {
    readonly request: readonly [number, number] | undefined;
    readonly response: readonly [number, number] | undefined;
  }[];
}

/** The same pixels for a microsecond on both sides. */
export function lensOf(layout: WaterfallLayout, segments: readonly WaySegment[]): Lens {
  const area = barsArea(layout);
  const left = area.left + 6;
  const right = area.right - 6;
  const cut = Math.min(96, (right - left) * 0.25);
  const labels = layout.narrow ? 4 : Math.min(74, (right - left) * 0.2);
  const network = segments.slice(0, -1);
  const there = network.reduce((sum, { request }) => sum + (request.ns ?? 0), 0);
  const back = network.reduce((sum, { response }) => sum + (response.ns ?? 0), 0);
  const scale = there + back > 0 ? Math.max(0, right - left - cut - labels) / (there + back) : 0;
  const cutLeft = left + there * scale;
  const cutRight = cutLeft + cut;
  let requestAt = left;
  let responseAt = cutRight + back * scale;
  const bars = network.map(({ request, response }) => {
    const requestEnd = requestAt + (request.ns ?? 0) * scale;
    const responseStart = responseAt - (response.ns ?? 0) * scale;
    const bar = {
      request: request.ns === undefined ? undefined : ([requestAt, requestEnd] as const),
      response: response.ns === undefined ? undefined : ([responseStart, responseAt] as const),
    };
    requestAt = requestEnd;
    responseAt = responseStart;
    return bar;
  });
  return { left, right, cutLeft, cutRight, bars };
}
