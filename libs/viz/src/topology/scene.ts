import {
  type LayoutEdge,
  type LayoutIsland,
  type LayoutNode,
  METRICS,
  NODE_RADIUS,
  type MapPoint,
  type TopologyLayout,
} from './layout.ts';
import { type EdgeState, nodeStates, type TopologyEdge, type TopologyGraph, type TopologyNode } from './model.ts';

/** Figures and places together: what is drawn, labelled and hit. */
export interface SceneNode {
  readonly node: TopologyNode;
  readonly x: number;
  readonly y: number;
  readonly column: number;
  readonly pinned: boolean;
  readonly state: EdgeState;
}

export interface SceneEdge {
  readonly edge: TopologyEdge;
  readonly width: number;
  /** Start, then for each cubic: two control points and an end. */
  readonly curve: readonly number[];
  /** Points along the curve, x and y in turn, for hits and labels. */
  readonly samples: readonly number[];
  /** Length from the start to each sample. */
  readonly lengths: readonly number[];
  /** Where the arrow's base is, and its direction. */
  readonly arrow: { readonly x: number; readonly y: number; readonly angle: number };
  readonly isLevel: boolean;
}

export interface MapScene {
  readonly nodes: readonly SceneNode[];
  /** In the order of drawing: the worst last, on top. */
  readonly edges: readonly SceneEdge[];
  readonly islands: readonly LayoutIsland[];
  readonly layout: TopologyLayout;
  readonly nodeById: ReadonlyMap<string, SceneNode>;
  readonly edgeById: ReadonlyMap<string, SceneEdge>;
}

/** @param moved a node that is being dragged: its edges take the straight way */
export function buildScene(
  graph: TopologyGraph,
  layout: TopologyLayout,
  moved?: MapPoint & { readonly id: string }
): MapScene {
  const states = nodeStates(graph);
  const places = new Map(layout.nodes.map((node) => [node.id, node]));
  const nodes = graph.nodes.flatMap((node): SceneNode[] => {
    const place = places.get(node.id);
    if (!place) return [];
    const { x, y } = moved?.id === node.id ? moved : place;
    return [{ node, x, y, column: place.column, pinned: place.pinned, state: states.get(node.id) ?? 'ok' }];
  });
  const nodeById = new Map(nodes.map((node) => [node.node.id, node]));
  const ways = new Map(layout.edges.map((edge) => [edge.id, edge]));
  const busiest = graph.edges.reduce((most, { rate }) => Math.max(most, rate), 0);
  const edges = graph.edges.flatMap((edge): SceneEdge[] => {
    const source = nodeById.get(edge.source);
    const target = nodeById.get(edge.target);
    if (!source || !target) return [];
    const way = ways.get(edge.id);
    const isMoved = moved !== undefined && (moved.id === edge.source || moved.id === edge.target);
    return [toSceneEdge(edge, source, target, isMoved ? undefined : way, layout, busiest)];
  });
  const weight: Readonly<Record<EdgeState, number>> = { ok: 0, slow: 1, failing: 2 };
  edges.sort((a, b) => weight[a.edge.bad] - weight[b.edge.bad] || Number(a.edge.origin) - Number(b.edge.origin));
  return {
    nodes,
    edges,
    islands: layout.islands,
    layout,
    nodeById,
    edgeById: new Map(edges.map((edge) => [edge.edge.id, edge])),
  };
}

/** The same places with new figures: nothing moves while a map refreshes. */
export function canReuse(layout: TopologyLayout, graph: TopologyGraph): boolean {
  if (layout.nodes.length !== graph.nodes.length || layout.edges.length !== graph.edges.length) return false;
  const nodes = new Set(layout.nodes.map(({ id }: LayoutNode) => id));
  const edges = new Set(layout.edges.map(({ id }: LayoutEdge) => id));
  return graph.nodes.every(({ id }) => nodes.has(id)) && graph.edges.every(({ id }) => edges.has(id));
}

/** 1 to 4.6 px, by the root of the rate: area tells the number of calls. */
function edgeWidth(rate: number, busiest: number): number {
  return busiest <= 0 ? 1 : 1 + 3.6 * Math.sqrt(Math.max(0, rate) / busiest);
}

const SAMPLES_PER_CUBIC = 16;

function toSceneEdge(
  edge: TopologyEdge,
  source: SceneNode,
  target: SceneNode,
  way: LayoutEdge | undefined,
  layout: TopologyLayout,
  busiest: number
): SceneEdge {
  const width = edgeWidth(edge.rate, busiest);
  const isDown = layout.direction === 'down';
  // All geometry is worked out along x and turned at the end.
  const turn = ({ x, y }: MapPoint): MapPoint => (isDown ? { x: y, y: x } : { x, y });
  const { passing } = METRICS[layout.direction];
  const flat = curveBetween(
    turn(source),
    turn(target),
    (way?.via ?? []).map(turn),
    width,
    passing,
    isDown,
    source === target
  );
  const curve = isDown ? swapPairs(flat) : flat;
  const samples = sample(curve);
  const [endX, endY] = [curve.at(-2)!, curve.at(-1)!];
  const [fromX, fromY] = [curve.at(-4)!, curve.at(-3)!];
  return {
    edge,
    width,
    curve,
    samples,
    lengths: lengthsOf(samples),
    arrow: { x: endX, y: endY, angle: Math.atan2(endY - fromY, endX - fromX) },
    isLevel: curve.length === 8 && !isDown && Math.abs(curve[1]! - curve[7]!) < 1,
  };
}

function swapPairs(values: readonly number[]): number[] {
  return values.map((_, index) => values[index ^ 1]!);
}

/** What an arrow of this width takes before the ring. */
export function arrowLength(width: number): number {
  return 6 + width / 2;
}

/**
 * Cubics along the direction of calls. Sloped edges leave and enter a ring off its middle, towards their other end, so
 * that they clear a level edge's label and each arrowhead stays its own.
 */
function curveBetween(
  from: MapPoint,
  to: MapPoint,
  via: readonly MapPoint[],
  width: number,
  passing: number,
  isDown: boolean,
  isLoop: boolean
): number[] {
  // Below a ring stand its name and figures: an edge that runs down starts under them.
  const [beyondStart, beyondEnd] = isDown ? [34, 0] : [0, 0];
  if (isLoop) {
    const { x, y } = from;
    return [x - 9, y - 17, x - 34, y - 50, x + 34, y - 50, x + 10, y - 17 - arrowLength(width)];
  }
  const sign = to.x >= from.x ? 1 : -1;
  const isBack = sign < 0;
  const ringEdge = (offset: number): number => Math.sqrt(Math.max(0, NODE_RADIUS ** 2 - offset ** 2));
  const port = (dy: number, most: number): number => {
    const towards = Math.sign(dy) * Math.min(most, Math.abs(dy) / 5);
    return isBack ? Math.max(-14, Math.min(14, towards + 9)) : towards;
  };
  const first = via[0] ?? to;
  const last = via.at(-1) ?? from;
  const startPort = isDown ? 0 : port(first.y - from.y, 12);
  const endPort = isDown ? port(last.y - to.y, 8) : port(last.y - to.y, 10);
  const isClose = via.length === 0 && Math.abs(to.x - from.x) < 2 * NODE_RADIUS + 24;
  const start = {
    x: from.x + sign * (ringEdge(startPort) + 3 + (sign > 0 ? beyondStart : beyondEnd)),
    y: from.y + startPort,
  };
  const endSide = isClose ? 1 : -sign;
  const end = {
    x: to.x + endSide * (ringEdge(endPort) + 1 + arrowLength(width) + (isDown && endSide > 0 ? beyondStart : 0)),
    y: to.y + endPort,
  };
  if (isClose) {
    // Above each other: around the side, where there is no text.
    const out = Math.max(start.x, end.x) + 46;
    return [from.x + ringEdge(startPort) + 3, start.y, out, start.y, out, end.y, end.x, end.y];
  }
  const curve = [start.x, start.y];
  const straightTo = (x: number, y: number): void => {
    const [px, py] = [curve.at(-2)!, curve.at(-1)!];
    const reach = Math.max(18, Math.abs(x - px) * 0.5);
    curve.push(px + sign * reach, py, x - sign * reach, y, x, y);
  };
  for (const { x, y } of via) {
    straightTo(x - sign * passing, y);
    curve.push(x - (sign * passing) / 3, y, x + (sign * passing) / 3, y, x + sign * passing, y);
  }
  straightTo(end.x, end.y);
  return curve;
}

function sample(curve: readonly number[]): number[] {
  const points = [curve[0]!, curve[1]!];
  for (let at = 0; at + 7 < curve.length; at += 6) {
    for (let i = 1; i <= SAMPLES_PER_CUBIC; i++) {
      const t = i / SAMPLES_PER_CUBIC;
      points.push(cubic(curve, at, t), cubic(curve, at + 1, t));
    }
  }
  return points;
}

function cubic(c: readonly number[], at: number, t: number): number {
  const s = 1 - t;
  return s * s * s * c[at]! + 3 * s * s * t * c[at + 2]! + 3 * s * t * t * c[at + 4]! + t * t * t * c[at + 6]!;
}

function lengthsOf(samples: readonly number[]): number[] {
  const lengths = [0];
  for (let i = 2; i < samples.length; i += 2) {
    const step = Math.hypot(samples[i]! - samples[i - 2]!, samples[i + 1]! - samples[i - 1]!);
    lengths.push(lengths.at(-1)! + step);
  }
  return lengths;
}

/** A point by its share of the edge's length. */
export function pointAlong({ samples, lengths }: SceneEdge, share: number): MapPoint {
  const wanted = lengths.at(-1)! * share;
  let [low, high] = [0, lengths.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (lengths[middle]! <= wanted) low = middle;
    else high = middle;
  }
  const part = lengths[high]! - lengths[low]!;
  const t = part === 0 ? 0 : (wanted - lengths[low]!) / part;
  const [x, y] = [samples[2 * low]!, samples[2 * low + 1]!];
  return { x: x + (samples[2 * high]! - x) * t, y: y + (samples[2 * high + 1]! - y) * t };
}
