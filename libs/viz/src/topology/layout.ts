import { type Chain, type Item, orderAndPlace } from './islandLayout.ts';
import { layersOf } from './layers.ts';
import { compareText, type NodeKind } from './model.ts';
import { routeEdges } from './routes.ts';

/**
 * Layered layout. "Along" runs with the calls (from left to right, or from top to bottom on narrow screens), "across" at
 * right angles to it. Column = longest path from an entry; rows by barycentre inside each island; islands are boxes
 * that share columns and are stacked across. No randomness, no time: the same input always gives the same picture.
 */
export type Direction = 'right' | 'down';

export interface LayoutInput {
  readonly nodes: readonly {
    readonly id: string;
    readonly group: string;
    readonly kind: NodeKind;
    readonly instrumented: boolean;
  }[];
  readonly edges: readonly {
    readonly id: string;
    readonly source: string;
    readonly target: string;
    readonly rate: number;
  }[];
  readonly options: LayoutOptions;
}

export interface LayoutOptions {
  readonly direction: Direction;
  /** Pixels that the map has; the layout takes their shape. */
  readonly viewport: { readonly width: number; readonly height: number };
  /** Where the user put nodes. */
  readonly pins: Readonly<Record<string, MapPoint>>;
}

export interface MapPoint {
  readonly x: number;
  readonly y: number;
}

export interface LayoutNode extends MapPoint {
  readonly id: string;
  readonly column: number;
  readonly pinned: boolean;
}

export interface LayoutEdge {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  /** Against the direction of the others: where a cycle was cut. */
  readonly back: boolean;
  /** One point per column between its ends, between the nodes there. */
  readonly via: readonly MapPoint[];
}

export type IslandKind = 'group' | 'callers' | 'outside';

export interface LayoutIsland {
  readonly kind: IslandKind;
  /** The group; empty for callers and outside. */
  readonly group: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly string[];
}

export interface TopologyLayout {
  readonly direction: Direction;
  readonly nodes: readonly LayoutNode[];
  readonly edges: readonly LayoutEdge[];
  readonly islands: readonly LayoutIsland[];
  readonly bounds: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
}

/** Radius of a node's ring. */
export const NODE_RADIUS = 18;

export interface Metrics {
  /** From column to column. */
  readonly pitch: number;
  /** What a node takes across, from its centre: ring, name, figures. */
  readonly before: number;
  readonly after: number;
  /** Least space between two nodes' boxes. */
  readonly gap: number;
  /** Room that an island leaves around its nodes' centres. */
  readonly islandBefore: number;
  readonly islandAfter: number;
  readonly islandAlongBefore: number;
  readonly islandAlongAfter: number;
  readonly islandGap: number;
  /** Half the length over which an edge runs level as it passes between two nodes. */
  readonly passing: number;
  readonly leastRows: number;
}

export const METRICS: Readonly<Record<Direction, Metrics>> = {
  right: {
    pitch: 150,
    before: 26,
    after: 54,
    gap: 14,
    islandBefore: 42,
    islandAfter: 64,
    islandAlongBefore: 62,
    islandAlongAfter: 62,
    islandGap: 26,
    passing: 30,
    leastRows: 9,
  },
  down: {
    pitch: 148,
    before: 56,
    after: 56,
    gap: 8,
    islandBefore: 60,
    islandAfter: 60,
    islandAlongBefore: 40,
    islandAlongAfter: 58,
    islandGap: 14,
    passing: 24,
    leastRows: 3,
  },
};

const MOST_STRETCH = { along: 1.7, across: 1.35 };

interface Span {
  readonly low: number;
  readonly high: number;
}

interface Island {
  readonly key: string;
  readonly kind: IslandKind | 'none';
  readonly group: string;
  readonly nodes: number[];
  /** Across positions of its nodes, from its own origin. */
  local: Map<number, number>;
  /** Across positions of its inner edges by column. */
  lanes: Map<string, number>;
  /** What it takes across, by column: a box the same in all of its columns, nodes without a box only what they need. */
  profile: Map<number, Span>;
  offset: number;
  firstColumn: number;
  lastColumn: number;
}

export function layoutTopology({ options, ...input }: LayoutInput): TopologyLayout {
  // Frames come in any order; the picture must not depend on it.
  const nodes = input.nodes.toSorted((a, b) => compareText(a.id, b.id));
  const edges = input.edges.toSorted((a, b) => compareText(a.id, b.id));
  const metrics = METRICS[options.direction];
  const layers = layersOf(nodes, edges);
  const columns = wrapColumns(nodes.length, layers.columns, layers, options, metrics);
  const islands = islandsOf(nodes, layers.place, columns);
  const islandOf = new Map<number, Island>();
  for (const island of islands) for (const node of island.nodes) islandOf.set(node, island);

  for (let round = 0; round < 3; round++) {
    for (const island of islands) {
      if (round > 0 && islands.length === 1) break;
      layoutIsland(island, islandOf, columns, layers.links, nodes, metrics, round);
    }
    placeIslands(islands, islandOf, layers.links, metrics);
  }

  const across = nodes.map((_, node) => {
    const island = islandOf.get(node)!;
    return island.offset + island.local.get(node)!;
  });
  const stretch = stretchOf(columns, islands, options, metrics);
  const along = columns.map((column) => column * metrics.pitch * stretch.along);
  const middles = across.map((value) => value * stretch.across);
  const laneOf = (edge: number, column: number): number | undefined => {
    const island = islandOf.get(layers.links[edge]?.from ?? -1);
    const lane = island?.lanes.get(`${edge} ${column}`);
    return lane === undefined ? undefined : (lane + island!.offset) * stretch.across;
  };
  const isRight = options.direction === 'right';
  const toPoint = (alongValue: number, acrossValue: number): MapPoint =>
    isRight ? { x: alongValue, y: acrossValue } : { x: acrossValue, y: alongValue };

  const placed = nodes.map(({ id }, node): LayoutNode => {
    const pin = options.pins[id];
    const point = pin ?? toPoint(along[node]!, middles[node]!);
    return { id, x: point.x, y: point.y, column: columns[node]!, pinned: pin !== undefined };
  });
  const isPinned = (node: number): boolean => placed[node]!.pinned;
  const routes = routeEdges({ links: layers.links, columns, across: middles, isPinned, laneOf, metrics });
  const columnAlong = metrics.pitch * stretch.along;
  const routed = layers.links.map((link, index): LayoutEdge => {
    const via = isPinned(link.from) || isPinned(link.to) ? [] : (routes[index] ?? []);
    return {
      id: edges[link.edge]!.id,
      source: edges[link.edge]!.source,
      target: edges[link.edge]!.target,
      back: link.cut,
      via: via.map(({ column, across: value }) => toPoint(column * columnAlong, value)),
    };
  });
  const loops = edges
    .filter(({ source, target }) => source === target)
    .map(({ id, source, target }): LayoutEdge => ({ id, source, target, back: false, via: [] }));
  const boxes = islands
    .filter(({ kind }) => kind !== 'none')
    .map((island) => boxOf(island, placed, options.direction, metrics));
  const drawn = [...routed, ...loops];
  return {
    direction: options.direction,
    nodes: placed,
    edges: drawn,
    islands: boxes,
    bounds: boundsOf(placed, boxes, drawn),
  };
}

/** Columns with more nodes than fit are split into several, so that the map takes the shape of its viewport. */
function wrapColumns(
  count: number,
  columns: readonly number[],
  layers: ReturnType<typeof layersOf>,
  options: LayoutOptions,
  metrics: Metrics
): number[] {
  const { width, height } = options.viewport;
  const row = metrics.before + metrics.after + metrics.gap;
  const [alongSize, acrossSize] = options.direction === 'right' ? [width, height] : [height, width];
  const ideal =
    options.direction === 'right'
      ? Math.sqrt((count * metrics.pitch * row * acrossSize) / Math.max(1, alongSize)) * 1.15
      : acrossSize;
  const mostRows = Math.max(metrics.leastRows, Math.floor(ideal / row));
  const byColumn: number[][] = [];
  columns.forEach((column, node) => (byColumn[column] ??= []).push(node));
  const hasCallees = new Set(layers.links.filter(({ cut }) => !cut).map(({ from }) => from));
  const result = columns.slice();
  let next = 0;
  for (const members of byColumn) {
    const parts = Math.ceil((members?.length ?? 0) / mostRows);
    if (parts <= 1) {
      for (const node of members ?? []) result[node] = next;
      next += 1;
      continue;
    }
    // Who calls on stands last, next to its callees; each part spans the whole height.
    const leaves = members!.filter((node) => !hasCallees.has(node));
    const callers = members!.filter((node) => hasCallees.has(node));
    const callerParts = Math.min(
      parts,
      Math.max(callers.length > 0 ? 1 : 0, Math.round((parts * callers.length) / members!.length))
    );
    const leafParts = parts - callerParts;
    const spread = (group: readonly number[], first: number, size: number): void => {
      group.forEach((node, index) => (result[node] = first + (index % size)));
    };
    if (leafParts === 0) spread([...leaves, ...callers], next, parts);
    else {
      spread(leaves, next, leafParts);
      if (callerParts > 0) spread(callers, next + leafParts, callerParts);
    }
    next += parts;
  }
  return result;
}

function islandsOf(
  nodes: LayoutInput['nodes'],
  places: readonly ('callers' | 'outside' | 'inside')[],
  columns: readonly number[]
): Island[] {
  const inside = nodes.filter((_, node) => places[node] === 'inside');
  const ungrouped = inside.filter(({ group }) => group === '').length;
  // A few strays among islands stand alone, where they disturb least; a map without groups is one whole.
  const strays = ungrouped <= inside.length / 2;
  const islands = new Map<string, Island>();
  nodes.forEach(({ id, group }, node) => {
    const place = places[node]!;
    const isGroup = place === 'inside' && group !== '';
    const key = place !== 'inside' ? `0 ${place}` : isGroup ? `1 ${group}` : strays ? `2 ${id}` : '3';
    const kind = place !== 'inside' ? place : isGroup ? 'group' : 'none';
    let island = islands.get(key);
    if (!island) {
      island = {
        key,
        kind,
        group: isGroup ? group : '',
        nodes: [],
        local: new Map(),
        lanes: new Map(),
        profile: new Map(),
        offset: 0,
        firstColumn: Infinity,
        lastColumn: -Infinity,
      };
      islands.set(key, island);
    }
    island.nodes.push(node);
    island.firstColumn = Math.min(island.firstColumn, columns[node]!);
    island.lastColumn = Math.max(island.lastColumn, columns[node]!);
  });
  return [...islands.values()].sort(
    (a, b) => b.nodes.length - a.nodes.length || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)
  );
}

type Links = ReturnType<typeof layersOf>['links'];

/** Rows inside one island; from the second round on, neighbours on other islands pull as well. */
function layoutIsland(
  island: Island,
  islandOf: ReadonlyMap<number, Island>,
  columns: readonly number[],
  links: Links,
  nodes: LayoutInput['nodes'],
  metrics: Metrics,
  round: number
): void {
  const items: Item[] = [];
  const itemOf = new Map<number, number>();
  const sorted = [...island.nodes].sort((a, b) => (nodes[a]!.id < nodes[b]!.id ? -1 : 1));
  for (const node of sorted) {
    itemOf.set(node, items.length);
    items.push({
      column: columns[node]! - island.firstColumn,
      before: metrics.before,
      after: metrics.after,
      weight: 1,
      pulls: [],
    });
  }
  const inner: { readonly edge: number; readonly from: number; readonly to: number }[] = [];
  links.forEach((link, edge) => {
    const isFromHere = itemOf.has(link.from);
    const isToHere = itemOf.has(link.to);
    if (isFromHere && isToHere) {
      const isForward = columns[link.from]! < columns[link.to]!;
      if (columns[link.from] === columns[link.to]) return;
      inner.push({ edge, from: isForward ? link.from : link.to, to: isForward ? link.to : link.from });
    } else if (round > 0 && (isFromHere || isToHere)) {
      const [here, there] = isFromHere ? [link.from, link.to] : [link.to, link.from];
      const other = islandOf.get(there)!;
      items[itemOf.get(here)!]!.pulls.push(other.offset + (other.local.get(there) ?? 0) - island.offset);
    }
  });
  const length = inner.reduce((sum, { from, to }) => sum + columns[to]! - columns[from]! - 1, 0);
  // With very many long edges their lanes would fill the map: then edges share the gaps between nodes.
  const withLanes = length <= 3 * island.nodes.length + 20;
  const chains: Chain[] = [];
  for (const { edge, from, to } of inner) {
    const chain = [itemOf.get(from)!];
    if (withLanes) {
      for (let column = columns[from]! + 1; column < columns[to]!; column++) {
        chain.push(items.length);
        items.push({ column: column - island.firstColumn, before: 4, after: 4, weight: 2, pulls: [] });
      }
    }
    chain.push(itemOf.get(to)!);
    chains.push({ edge, items: chain });
  }
  const positions = orderAndPlace(items, chains, metrics.gap);
  island.local = new Map(sorted.map((node) => [node, positions[itemOf.get(node)!]!]));
  island.lanes = new Map();
  for (const { edge, items: chain } of chains) {
    for (const item of chain.slice(1, -1)) {
      island.lanes.set(`${edge} ${items[item]!.column + island.firstColumn}`, positions[item]!);
    }
  }
  island.profile = profileOf(island, items, positions, metrics);
}

function profileOf(
  { kind, firstColumn, lastColumn }: Island,
  items: readonly Item[],
  positions: readonly number[],
  metrics: Metrics
): Map<number, Span> {
  const isBox = kind !== 'none';
  const profile = new Map<number, Span>();
  items.forEach(({ column, before, after }, item) => {
    const isNode = before === metrics.before;
    const [padBefore, padAfter] = isBox && isNode ? [metrics.islandBefore, metrics.islandAfter] : [before, after];
    const [low, high] = [positions[item]! - padBefore, positions[item]! + padAfter];
    const known = profile.get(column + firstColumn);
    const span = { low: Math.min(low, known?.low ?? low), high: Math.max(high, known?.high ?? high) };
    profile.set(column + firstColumn, span);
  });
  if (!isBox) return profile;
  const spans = [...profile.values()];
  const whole = { low: Math.min(...spans.map(({ low }) => low)), high: Math.max(...spans.map(({ high }) => high)) };
  for (let column = firstColumn; column <= lastColumn; column++) profile.set(column, whole);
  return profile;
}

/** Each island goes as near to its neighbours as the others in its columns let it; the largest choose first. */
function placeIslands(
  islands: readonly Island[],
  islandOf: ReadonlyMap<number, Island>,
  links: Links,
  metrics: Metrics
): void {
  if (islands.length < 2) return;
  const between = links.filter(({ from, to }) => islandOf.get(from) !== islandOf.get(to));
  const linksOf = new Map<Island, { own: number; other: number }[]>();
  for (const { from, to } of between) {
    for (const [own, other] of [
      [from, to],
      [to, from],
    ] as const) {
      const island = islandOf.get(own)!;
      const list = linksOf.get(island) ?? [];
      list.push({ own, other });
      linksOf.set(island, list);
    }
  }
  const placed = new Set<Island>();
  for (let round = 0; round < 4; round++) {
    for (const island of islands) {
      placed.delete(island);
      const wishes = (linksOf.get(island) ?? [])
        .filter(({ other }) => placed.has(islandOf.get(other)!))
        .map(({ own, other }) => {
          const target = islandOf.get(other)!;
          return target.offset + target.local.get(other)! - island.local.get(own)!;
        });
      const rivals = [...placed].filter(
        (other) => other.firstColumn <= island.lastColumn && other.lastColumn >= island.firstColumn
      );
      island.offset = nearestFree(
        island,
        wishes.length > 0 ? median(wishes) : island.offset,
        rivals,
        metrics.islandGap
      );
      placed.add(island);
    }
  }
}

function nearestFree(island: Island, wish: number, rivals: readonly Island[], gap: number): number {
  const taken: [number, number][] = [];
  for (const rival of rivals) {
    for (const [column, own] of island.profile) {
      const other = rival.profile.get(column);
      if (other) taken.push([rival.offset + other.low - own.high - gap, rival.offset + other.high - own.low + gap]);
    }
  }
  taken.sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const [low, high] of taken) {
    const last = merged.at(-1);
    if (last && low < last[1]) last[1] = Math.max(last[1], high);
    else merged.push([low, high]);
  }
  const blocking = merged.find(([low, high]) => wish > low && wish < high);
  if (!blocking) return wish;
  return wish - blocking[0] <= blocking[1] - wish ? blocking[0] : blocking[1];
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function stretchOf(
  columns: readonly number[],
  islands: readonly Island[],
  { viewport, direction }: LayoutOptions,
  metrics: Metrics
): { along: number; across: number } {
  const alongSpan = columns.reduce((most, column) => Math.max(most, column), 0) * metrics.pitch;
  const spans = islands.flatMap(({ profile, offset }) =>
    [...profile.values()].map((span) => ({ low: span.low + offset, high: span.high + offset }))
  );
  const low = spans.reduce((least, span) => Math.min(least, span.low), Infinity);
  const high = spans.reduce((most, span) => Math.max(most, span.high), -Infinity);
  const [alongRoom, acrossRoom] =
    direction === 'right' ? [viewport.width, viewport.height] : [viewport.height, viewport.width];
  const alongPad = metrics.islandAlongBefore + metrics.islandAlongAfter;
  const ratio = (room: number, span: number, most: number): number =>
    span <= 0 ? 1 : Math.min(most, Math.max(1, room / span));
  return {
    along: ratio(alongRoom - alongPad - 32, alongSpan, direction === 'right' ? MOST_STRETCH.along : 1),
    across: ratio(acrossRoom - 32, high - low, direction === 'right' ? MOST_STRETCH.across : 1),
  };
}

function boxOf(island: Island, placed: readonly LayoutNode[], direction: Direction, metrics: Metrics): LayoutIsland {
  const members = island.nodes.map((node) => placed[node]!);
  const free = members.filter(({ pinned }) => !pinned);
  // A node that was dragged out of its island does not drag the island over the others.
  const points = free.length > 0 ? free : members;
  const isRight = direction === 'right';
  const [left, right, top, bottom] = isRight
    ? [metrics.islandAlongBefore, metrics.islandAlongAfter, metrics.islandBefore, metrics.islandAfter]
    : [metrics.islandBefore, metrics.islandAfter, metrics.islandAlongBefore, metrics.islandAlongAfter];
  const x = Math.min(...points.map((point) => point.x)) - left;
  const y = Math.min(...points.map((point) => point.y)) - top;
  return {
    kind: island.kind === 'none' ? 'group' : island.kind,
    group: island.group,
    x,
    y,
    width: Math.max(...points.map((point) => point.x)) + right - x,
    height: Math.max(...points.map((point) => point.y)) + bottom - y,
    nodes: members.map(({ id }) => id),
  };
}

function boundsOf(
  nodes: readonly LayoutNode[],
  islands: readonly LayoutIsland[],
  edges: readonly LayoutEdge[]
): TopologyLayout['bounds'] {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  const include = (x0: number, y0: number, x1: number, y1: number): void => {
    left = Math.min(left, x0);
    top = Math.min(top, y0);
    right = Math.max(right, x1);
    bottom = Math.max(bottom, y1);
  };
  for (const { x, y } of nodes) include(x - 66, y - 26, x + 66, y + 52);
  for (const { x, y, width, height } of islands) include(x, y - 10, x + width, y + height);
  for (const { via } of edges) for (const { x, y } of via) include(x - 4, y - 4, x + 4, y + 4);
  if (left > right) return { x: 0, y: 0, width: 0, height: 0 };
  return { x: left, y: top, width: right - left, height: bottom - top };
}

/** The worker's answer to one message. */
export function layoutMessage(input: LayoutInput): TopologyLayout {
  return layoutTopology(input);
}
