import { formatDurationShort, formatRate, formatShare } from '../format.ts';
import { BoxIndex } from './boxes.ts';
import { type Lit } from './focus.ts';
import { NODE_RADIUS } from './layout.ts';
import { type EdgeState, type TopologyEdge, type TopologyNode } from './model.ts';
import { pointAlong, type MapScene, type SceneEdge, type SceneNode } from './scene.ts';

export const EDGE_METRICS = ['rate', 'errors', 'p95', 'all'] as const;
export type EdgeMetric = (typeof EDGE_METRICS)[number];

/** Width of a text in pixels. */
export type Measure = (text: string, px: number, weight: 400 | 500) => number;

export interface EdgeLabel {
  readonly id: string;
  readonly state: EdgeState;
  readonly origin: boolean;
  readonly lit: boolean;
  /** The box; its text starts 5 px inside. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly lines: readonly { readonly text: string; readonly strong: boolean; readonly baseline: number }[];
  /** A plate under the text: on sloped edges, whose line would run through it. */
  readonly plate: boolean;
}

/** A bad edge whose label found no room carries its mark alone: colour is never the only cue. */
export interface EdgeMark {
  readonly id: string;
  readonly state: EdgeState;
  readonly x: number;
  readonly y: number;
}

export interface NodeText {
  readonly id: string;
  readonly name: string;
  readonly figures: string;
}

export interface MapLabels {
  readonly edges: readonly EdgeLabel[];
  readonly marks: readonly EdgeMark[];
  readonly nodes: ReadonlyMap<string, NodeText>;
}

export interface LabelOptions {
  readonly metric: EdgeMetric;
  /** What is in focus; all where undefined. */
  readonly lit: Lit | undefined;
  readonly selectedEdge: string | undefined;
  readonly measure: Measure;
}

export const NAME_PX = 12;
export const TEXT_PX = 11;
export const MARK_WIDTH = 15;
const NAME_WIDTH = 128;
const PLACES = [0.5, 0.45, 0.55, 0.4, 0.6, 0.35, 0.65, 0.3, 0.7, 0.25, 0.75, 0.2, 0.8];

export function nodeFigures({ kind, members, rate, errorShare }: TopologyNode): string {
  const services = kind === 'group' ? `${members} services` : '';
  if (rate === null) return services || 'only calls';
  return [services || formatRate(rate), errorShare > 0 && formatShare(errorShare)].filter(Boolean).join(' · ');
}

/** Labels in order of use: focus, bad, rate. Each takes a place free of nodes and other labels, or none. */
export function placeLabels(scene: MapScene, options: LabelOptions): MapLabels {
  const { measure, lit, selectedEdge } = options;
  const taken = new BoxIndex(96);
  const nodes = new Map<string, NodeText>();
  for (const { node, x, y } of scene.nodes) {
    const text = { id: node.id, name: fitText(node.name, NAME_WIDTH, measure), figures: nodeFigures(node) };
    nodes.set(node.id, text);
    const half = Math.max(measure(text.name, NAME_PX, 500), measure(text.figures, TEXT_PX, 400)) / 2 + 2;
    taken.add(x - NODE_RADIUS - 3, y - NODE_RADIUS - 3, x + NODE_RADIUS + 3, y + NODE_RADIUS + 3);
    taken.add(x - half, y + 21, x + half, y + 50);
  }
  for (const { x, y, group, kind } of scene.islands) {
    taken.add(x + 8, y - 9, x + 24 + measure(group || kind, NAME_PX, 500), y + 9);
  }
  const lines = crowdIndex(scene.edges);
  const isLit = (id: string): boolean => lit === undefined || lit.edges.has(id);
  const order = scene.edges.toSorted(
    (a, b) =>
      Number(b.edge.id === selectedEdge) - Number(a.edge.id === selectedEdge) ||
      Number(isLit(b.edge.id)) - Number(isLit(a.edge.id)) ||
      Number(b.edge.origin) - Number(a.edge.origin) ||
      Number(b.edge.bad !== 'ok') - Number(a.edge.bad !== 'ok') ||
      b.edge.rate - a.edge.rate
  );
  const edges: EdgeLabel[] = [];
  const marks: EdgeMark[] = [];
  for (const sceneEdge of order) {
    const { edge } = sceneEdge;
    const label = placeLabel(sceneEdge, isLit(edge.id), options, taken, lines);
    if (label) {
      taken.add(label.x, label.y, label.x + label.width, label.y + label.height);
      edges.push(label);
    } else if (edge.bad !== 'ok') {
      const { x, y } = pointAlong(sceneEdge, 0.62);
      marks.push({ id: edge.id, state: edge.bad, x, y });
    }
  }
  return { edges, marks, nodes };
}

function placeLabel(
  sceneEdge: SceneEdge,
  lit: boolean,
  { metric, measure }: LabelOptions,
  taken: BoxIndex,
  lines: Crowd
): EdgeLabel | undefined {
  const { edge, width: lineWidth, isLevel } = sceneEdge;
  const isBad = edge.bad !== 'ok';
  const texts = textsOf(edge, metric, lit);
  if (texts.length === 0) return undefined;
  const strong = lit && isBad;
  const head = isBad ? MARK_WIDTH : 0;
  const tail = edge.origin ? 5 + measure('origin', TEXT_PX, 500) : 0;
  const widths = texts.map(
    (text, index) => measure(text, TEXT_PX, strong ? 500 : 400) + (index === 0 ? head + tail : 0)
  );
  const width = Math.max(...widths) + 10;
  const common = { id: edge.id, state: edge.bad, origin: edge.origin, lit, width };
  const line = (text: string, baseline: number) => ({ text, strong, baseline });
  if (isLevel && texts.length === 2) {
    // Rate above the line, the rest below it: the line stays whole.
    const { x, y } = pointAlong(sceneEdge, 0.5);
    const box = { x: x - width / 2, y: y - lineWidth / 2 - 17 };
    const height = lineWidth + 34;
    const rises = lineWidth / 2;
    if (!taken.overlaps(box.x, box.y, box.x + width, box.y + height)) {
      return {
        ...common,
        ...box,
        height,
        plate: false,
        lines: [line(texts[0]!, y - rises - 5), line(texts[1]!, y + rises + 13)],
      };
    }
  }
  const height = texts.length === 2 ? 31 : 17;
  let best: { x: number; y: number; crowd: number } | undefined;
  for (const place of PLACES) {
    const middle = pointAlong(sceneEdge, place);
    const [x, y] = [middle.x - width / 2, middle.y - height / 2];
    if (taken.overlaps(x - 1, y - 1, x + width + 1, y + height + 1)) continue;
    const crowd = lines.count(edge.id, x, y, width, height);
    if (crowd < (best?.crowd ?? Infinity)) best = { x, y, crowd };
    if (crowd === 0) break;
  }
  if (!best) return undefined;
  const { x, y } = best;
  const baselines = texts.length === 2 ? [y + 12.5, y + 26] : [y + 12.5];
  return { ...common, x, y, height, plate: true, lines: texts.map((text, index) => line(text, baselines[index]!)) };
}

function textsOf(edge: TopologyEdge, metric: EdgeMetric, lit: boolean): string[] {
  const share = edge.errorShare > 0 ? formatShare(edge.errorShare) : '';
  const p95 = edge.p95 === null ? '' : formatDurationShort(edge.p95);
  switch (metric) {
    case 'rate':
      return [formatRate(edge.rate)];
    case 'errors':
      return [formatShare(edge.errorShare)];
    case 'p95':
      return [p95 || '–'];
    case 'all': {
      const second = [share, p95].filter(Boolean).join(' · ');
      if (edge.bad === 'ok' && !lit) return [p95 || formatRate(edge.rate)];
      return second === '' ? [formatRate(edge.rate)] : [formatRate(edge.rate), second];
    }
  }
}

interface Crowd {
  /** How many points of other edges lie in a box. */
  count(id: string, x: number, y: number, width: number, height: number): number;
}

function crowdIndex(edges: readonly SceneEdge[]): Crowd {
  const size = 32;
  const cells = new Map<string, { id: string; x: number; y: number }[]>();
  for (const { edge, samples } of edges) {
    for (let i = 0; i < samples.length; i += 2) {
      const [x, y] = [samples[i]!, samples[i + 1]!];
      const key = `${Math.floor(x / size)} ${Math.floor(y / size)}`;
      const cell = cells.get(key);
      if (cell) cell.push({ id: edge.id, x, y });
      else cells.set(key, [{ id: edge.id, x, y }]);
    }
  }
  return {
    count(id, x, y, width, height) {
      let found = 0;
      for (let row = Math.floor(y / size); row <= Math.floor((y + height) / size); row++) {
        for (let column = Math.floor(x / size); column <= Math.floor((x + width) / size); column++) {
          for (const point of cells.get(`${column} ${row}`) ?? []) {
            const isInside = point.x > x && point.x < x + width && point.y > y && point.y < y + height;
            if (isInside && point.id !== id) found++;
          }
        }
      }
      return found;
    },
  };
}

/** Cut in the middle: beginnings and ends tell names apart. */
export function fitText(text: string, width: number, measure: Measure): string {
  if (measure(text, NAME_PX, 500) <= width) return text;
  for (let kept = text.length - 1; kept > 2; kept--) {
    const head = Math.ceil(kept / 2);
    const short = `${text.slice(0, head)}…${text.slice(text.length - (kept - head))}`;
    if (measure(short, NAME_PX, 500) <= width) return short;
  }
  return text.slice(0, 1);
}

/** In which order names are shown where there is no room for all: bad, then busy. */
export function byImportance(a: SceneNode, b: SceneNode): number {
  return Number(b.state !== 'ok') - Number(a.state !== 'ok') || (b.node.rate ?? 0) - (a.node.rate ?? 0);
}
