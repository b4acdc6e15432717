import { type Link } from './layers.ts';
import { type Metrics } from './layout.ts';

export interface RoutePoint {
  readonly column: number;
  readonly across: number;
}

interface RouteInput {
  readonly links: readonly Link[];
  readonly columns: readonly number[];
  /** Middle of each node. */
  readonly across: readonly number[];
  readonly isPinned: (node: number) => boolean;
  /** Where the layout kept a lane for this edge in this column. */
  readonly laneOf: (edge: number, column: number) => number | undefined;
  readonly metrics: Metrics;
}

/** Free space between two nodes of a column. */
interface Gap {
  readonly low: number;
  readonly high: number;
  readonly lanes: { readonly link: number; readonly step: number; at: number; key: number }[];
}

const LANE = 7;
const MARGIN = 4;
const CANDIDATES = 8;
const FAR = 1e6;

/** In each column between its ends an edge passes through a gap between nodes: the way with the fewest detours. */
export function routeEdges(input: RouteInput): (readonly RoutePoint[])[] {
  const { links, columns, across } = input;
  const gaps = gapsOf(input);
  const routes: RoutePoint[][] = links.map(() => []);
  const taken: Gap['lanes'][number][][] = links.map(() => []);
  const order = links
    .map((_, index) => index)
    .sort((a, b) => spanOf(links[a]!, columns) - spanOf(links[b]!, columns) || a - b);
  for (const index of order) {
    const link = links[index]!;
    if (input.isPinned(link.from) || input.isPinned(link.to)) continue;
    const [start, end] = [columns[link.from]!, columns[link.to]!];
    const step = Math.sign(end - start);
    if (Math.abs(end - start) < 2) continue;
    const stops: { gap: Gap; at: number; cost: number; from: number }[][] = [];
    for (let column = start + step, k = 0; column !== end; column += step, k++) {
      const share = Math.abs(column - start) / Math.abs(end - start);
      const line = across[link.from]! + (across[link.to]! - across[link.from]!) * share;
      const wish = input.laneOf(index, column) ?? line;
      const before = stops[k - 1] ?? [{ gap: undefined, at: across[link.from]!, cost: 0, from: -1 }];
      stops.push(
        nearest(gaps[column]!, wish).map((gap) => {
          const at = Math.min(gap.high - MARGIN, Math.max(gap.low + MARGIN, wish));
          const isLast = column + step === end;
          const crowd = gap.lanes.length >= (gap.high - gap.low - MARGIN) / LANE ? 30 + 4 * gap.lanes.length : 0;
          const own = 0.3 * Math.abs(at - wish) + crowd + (isLast ? Math.abs(across[link.to]! - at) : 0);
          let [cost, from] = [Infinity, 0];
          before.forEach((stop, i) => {
            const through = stop.cost + Math.abs(at - stop.at);
            if (through < cost) [cost, from] = [through, i];
          });
          return { gap, at, cost: cost + own, from };
        })
      );
    }
    let chosen = stops.at(-1)!.reduce((best, stop, i, all) => (stop.cost < all[best]!.cost ? i : best), 0);
    for (let k = stops.length - 1; k >= 0; k--) {
      const stop = stops[k]![chosen]!;
      const lane = { link: index, step: k, at: stop.at, key: 0 };
      stop.gap.lanes.push(lane);
      taken[index]![k] = lane;
      chosen = stop.from;
    }
  }
  const reach = (link: number, step: number): number => {
    const lanes = taken[link]!;
    if (step < 0) return across[links[link]!.from]!;
    return lanes[step]?.at ?? across[links[link]!.to]!;
  };
  for (const gap of gaps.flat()) {
    for (const lane of gap.lanes) lane.key = reach(lane.link, lane.step - 1) + reach(lane.link, lane.step + 1);
  }
  for (const gap of gaps.flat()) separate(gap);
  links.forEach((link, index) => {
    const step = Math.sign(columns[link.to]! - columns[link.from]!);
    taken[index]!.forEach(({ at }, k) => {
      routes[index]!.push({ column: columns[link.from]! + step * (k + 1), across: Math.round(at * 10) / 10 });
    });
  });
  return routes;
}

function spanOf(link: Link, columns: readonly number[]): number {
  return Math.abs(columns[link.to]! - columns[link.from]!);
}

function gapsOf({ columns, across, isPinned, metrics }: RouteInput): Gap[][] {
  const byColumn: number[][] = [];
  columns.forEach((column, node) => {
    if (!isPinned(node)) (byColumn[column] ??= []).push(across[node]!);
  });
  const last = columns.reduce((most, column) => Math.max(most, column), -1);
  return Array.from({ length: last + 1 }, (_, column) => {
    const middles = (byColumn[column] ?? []).sort((a, b) => a - b);
    const gaps: Gap[] = [];
    let low = -FAR;
    for (const middle of middles) {
      gaps.push({ low, high: middle - metrics.before, lanes: [] });
      low = middle + metrics.after;
    }
    return [...gaps, { low, high: FAR, lanes: [] }];
  });
}

/** The few gaps around a wish: a way that goes farther is never the shortest. */
function nearest(gaps: readonly Gap[], wish: number): readonly Gap[] {
  if (gaps.length <= CANDIDATES) return gaps;
  let [low, high] = [0, gaps.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (gaps[middle]!.high < wish) low = middle + 1;
    else high = middle;
  }
  const first = Math.min(Math.max(0, low - CANDIDATES / 2), gaps.length - CANDIDATES);
  return gaps.slice(first, first + CANDIDATES);
}

/** Edges through one gap keep apart, in the order in which they come and go, so that they do not cross in it. */
function separate({ low, high, lanes }: Gap): void {
  if (lanes.length < 2) return;
  lanes.sort((a, b) => a.key - b.key || a.link - b.link);
  const [bottom, top] = [low + MARGIN, high - MARGIN];
  const apart = Math.min(LANE, (top - bottom) / (lanes.length - 1));
  const wish = lanes.reduce((sum, { at }) => sum + at, 0) / lanes.length;
  const first = Math.min(top - apart * (lanes.length - 1), Math.max(bottom, wish - (apart * (lanes.length - 1)) / 2));
  const isBounded = low > -FAR && high < FAR;
  if (isBounded || lanes.length < 3) lanes.forEach((lane, index) => (lane.at = first + apart * index));
  else {
    // In open space only those that meet are moved.
    let at = -Infinity;
    for (const lane of lanes.sort((a, b) => a.at - b.at || a.key - b.key)) at = lane.at = Math.max(lane.at, at + apart);
    const over = at - top;
    if (over > 0) for (const lane of lanes) lane.at -= over;
  }
}
