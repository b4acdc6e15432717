import { formatDurationShort, formatRate, formatShare } from '../format.ts';
import { BoxIndex, cellKey } from './boxes.ts';
import { type Lit } from './focus.ts';
import { type IslandKind, NODE_RADIUS } from './layout.ts';
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
  /** The box; its text starts 5 px (times the zoom) inside. */
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
  /** Half the width of the wider line. */
  readonly half: number;
}

export interface MapLabels {
  /** How many times larger than life text is written, so that it can be read from afar. */
  readonly zoom: number;
  readonly edges: readonly EdgeLabel[];
  readonly marks: readonly EdgeMark[];
  readonly nodes: ReadonlyMap<string, NodeText>;
}

export interface LabelOptions {
  readonly metric: EdgeMetric;
  /** What is in focus; all where undefined. */
  readonly lit: Lit | undefined;
  /** A node or an edge. */
  readonly selected: string | undefined;
  /** 1 or more, see textZoom. */
  readonly zoom: number;
  readonly measure: Measure;
}

export const NAME_PX = 12;
export const TEXT_PX = 11;
export const MARK_WIDTH = 15;
/** Of the baselines below the ring. */
export const NAME_BASELINE = 15;
export const FIGURES_BASELINE = 28;
const NAME_WIDTH = 116;
/** Half the side of a mark's box. */
const MARK_HALF = 7;
/** From farther away than this only what is bad or in focus is labelled: the rest would hide it. */
const QUIET_ZOOM = 1.7;
const PLACES = [0.5, 0.45, 0.55, 0.4, 0.6, 0.35, 0.65, 0.3, 0.7, 0.25, 0.75, 0.2, 0.8];

export function nodeFigures({ kind, members, rate, errorShare }: TopologyNode): string {
  const services = kind === 'group' ? `${members} services` : '';
  if (rate === null) return services || 'only calls';
  return [services || formatRate(rate), errorShare > 0 && formatShare(errorShare)].filter(Boolean).join(' · ');
}

/** From the scale of the view, in steps, so that labels keep their places through small changes of it. */
export function textZoom(scale: number): number {
  return scale >= 0.86 ? 1 : Math.min(8, 2 ** (Math.round(4 * Math.log2(0.95 / scale)) / 4));
}

export function islandTitle(
  kind: IslandKind,
  group: string,
  count: number
): { readonly title: string; readonly subtitle: string } {
  if (kind === 'callers') return { title: 'callers', subtitle: 'outside' };
  if (kind === 'outside') return { title: 'outside', subtitle: 'no agent' };
  return { title: group, subtitle: String(count) };
}

/** Names first, then edges in order of use: focus, bad, rate. Each takes a place free of all before it, or none. */
export function placeLabels(scene: MapScene, options: LabelOptions): MapLabels {
  const { lit, selected, zoom } = options;
  const widths = new Map<string, number>();
  const measure: Measure = (text, px, weight) => {
    const key = `${px} ${weight} ${text}`;
    const width = widths.get(key) ?? options.measure(text, px, weight) * zoom;
    widths.set(key, width);
    return width;
  };
  const taken = new BoxIndex(96);
  for (const { x, y } of scene.nodes) {
    taken.add(x - NODE_RADIUS - 2, y - NODE_RADIUS - 3, x + NODE_RADIUS + 2, y + NODE_RADIUS + 1);
  }
  for (const { x, y, group, kind, nodes: members, width } of scene.islands) {
    const { title, subtitle } = islandTitle(kind, group, members.length);
    const full = measure(title, NAME_PX, 500) + measure(subtitle, TEXT_PX, 400) + 18 * zoom;
    taken.add(x + 6, y - 9 * zoom, x + 8 + Math.min(width - 8, full), y + 8 * zoom);
  }
  const nodes = placeNames(scene, options, taken, measure);
  const isLit = (id: string): boolean => lit === undefined || lit.edges.has(id);
  const order = scene.edges.toSorted(
    (a, b) =>
      Number(b.edge.id === selected) - Number(a.edge.id === selected) ||
      Number(isLit(b.edge.id)) - Number(isLit(a.edge.id)) ||
      Number(b.edge.origin) - Number(a.edge.origin) ||
      Number(b.edge.bad !== 'ok') - Number(a.edge.bad !== 'ok') ||
      b.edge.rate - a.edge.rate
  );
  const crowd = crowdIndex(scene.edges);
  const edges: EdgeLabel[] = [];
  const marks: EdgeMark[] = [];
  for (const sceneEdge of order) {
    const { edge } = sceneEdge;
    const isWanted = edge.bad !== 'ok' || edge.id === selected || zoom <= QUIET_ZOOM || lit?.edges.has(edge.id);
    const label = isWanted && placeBest(sceneEdge, isLit(edge.id), options, measure, taken, crowd);
    if (label) {
      taken.add(label.x, label.y, label.x + label.width, label.y + label.height);
      edges.push(label);
    } else if (edge.bad !== 'ok') {
      const half = MARK_HALF * zoom;
      const places = [0.62, ...PLACES].map((place) => pointAlong(sceneEdge, place));
      const { x, y } =
        places.find((at) => !taken.overlaps(at.x - half, at.y - half, at.x + half, at.y + half)) ?? places[0]!;
      taken.add(x - half, y - half, x + half, y + half);
      marks.push({ id: edge.id, state: edge.bad, x, y });
    }
  }
  return { zoom, edges, marks, nodes };
}

/** At life size the layout left room for every name; larger ones take what is free, the important first. */
function placeNames(
  scene: MapScene,
  { lit, selected, zoom }: LabelOptions,
  taken: BoxIndex,
  measure: Measure
): ReadonlyMap<string, NodeText> {
  const texts = new Map<string, NodeText>();
  const order =
    zoom === 1
      ? scene.nodes
      : scene.nodes.toSorted(
          (a, b) =>
            Number(b.node.id === selected) - Number(a.node.id === selected) ||
            Number(lit?.nodes.has(b.node.id) ?? true) - Number(lit?.nodes.has(a.node.id) ?? true) ||
            byImportance(a, b)
        );
  for (const { node, x, y } of order) {
    const name = fitText(node.name, NAME_WIDTH * zoom, measure);
    const figures = nodeFigures(node);
    const nameHalf = measure(name, NAME_PX, 500) / 2 + 2;
    const half = Math.max(nameHalf, measure(figures, TEXT_PX, 400) / 2 + 2);
    const top = y + NODE_RADIUS + 3;
    const bottom = y + NODE_RADIUS + (FIGURES_BASELINE + 4) * zoom;
    const nameBottom = y + NODE_RADIUS + (NAME_BASELINE + 3) * zoom;
    if (zoom === 1 || !taken.overlaps(x - half, top, x + half, bottom)) {
      taken.add(x - half, top, x + half, bottom);
      texts.set(node.id, { id: node.id, name, figures, half });
    } else if (!taken.overlaps(x - nameHalf, top, x + nameHalf, nameBottom)) {
      taken.add(x - nameHalf, top, x + nameHalf, nameBottom);
      texts.set(node.id, { id: node.id, name, figures: '', half: nameHalf });
    }
  }
  return texts;
}

/** All that is to be said, else the one figure that matters, else all of it beside the line. */
function placeBest(
  sceneEdge: SceneEdge,
  lit: boolean,
  options: LabelOptions,
  measure: Measure,
  taken: BoxIndex,
  lines: Crowd
): EdgeLabel | undefined {
  const { edge } = sceneEdge;
  const texts = textsOf(edge, options.metric, lit);
  const place = (wanted: readonly string[], beside: Beside, origin: boolean, mostCrowd = 0): EdgeLabel | undefined =>
    placeLabel(sceneEdge, { texts: wanted, beside, origin, mostCrowd }, lit, options, measure, taken, lines);
  const isBad = edge.bad !== 'ok';
  const short = edge.bad === 'slow' && edge.p95 !== null ? formatDurationShort(edge.p95) : formatShare(edge.errorShare);
  const mustShow = isBad && (edge.origin || edge.id === options.selected);
  return (
    place(texts, isBad || options.lit !== undefined ? BESIDE : [], edge.origin) ??
    (isBad ? (place([short], BESIDE, edge.origin) ?? place([short], BESIDE, false)) : undefined) ??
    (mustShow ? place(texts, FARTHER, edge.origin, Infinity) : undefined)
  );
}

interface Wanted {
  readonly texts: readonly string[];
  readonly beside: Beside;
  /** Whether the word is written. */
  readonly origin: boolean;
  /** How many points of other edges a place beside the line may hide. */
  readonly mostCrowd: number;
}

function placeLabel(
  sceneEdge: SceneEdge,
  { texts, beside, origin, mostCrowd }: Wanted,
  lit: boolean,
  { zoom }: LabelOptions,
  measure: Measure,
  taken: BoxIndex,
  lines: Crowd
): EdgeLabel | undefined {
  const { edge, width: lineWidth, isLevel } = sceneEdge;
  const isBad = edge.bad !== 'ok';
  const strong = lit && isBad;
  const head = isBad ? MARK_WIDTH * zoom : 0;
  const tail = origin ? 5 * zoom + measure('origin', TEXT_PX, 500) : 0;
  const widths = texts.map(
    (text, index) => measure(text, TEXT_PX, strong ? 500 : 400) + (index === 0 ? head + tail : 0)
  );
  const width = Math.max(...widths) + 10 * zoom;
  const common = { id: edge.id, state: edge.bad, origin, lit, width };
  const line = (text: string, baseline: number) => ({ text, strong, baseline });
  if (isLevel && texts.length === 2) {
    // Rate above the line, the rest below it: the line stays whole.
    const { x, y } = pointAlong(sceneEdge, 0.5);
    const rise = lineWidth / 2;
    const box = { x: x - width / 2, y: y - rise - 16 * zoom };
    const height = lineWidth + 32 * zoom;
    // Beside a ring there is more room than beside the box around it.
    const inset = Math.min(12, width / 4);
    if (!taken.overlaps(box.x + inset, box.y, box.x + width - inset, box.y + height)) {
      const baselines = [y - rise - 5 * zoom, y + rise + 13 * zoom];
      return {
        ...common,
        ...box,
        height,
        plate: false,
        lines: texts.map((text, index) => line(text, baselines[index]!)),
      };
    }
  }
  const height = (texts.length === 2 ? 31 : 17) * zoom;
  const isFree = (x: number, y: number): boolean => !taken.overlaps(x - 1, y - 1, x + width + 1, y + height + 1);
  let best: { x: number; y: number; crowd: number } | undefined;
  const consider = (x: number, y: number, most: number): void => {
    if (!isFree(x, y)) return;
    const crowd = lines.count(edge.id, x, y, width, height);
    if (crowd <= most && crowd < (best?.crowd ?? Infinity)) best = { x, y, crowd };
  };
  for (const place of PLACES) {
    const middle = pointAlong(sceneEdge, place);
    consider(middle.x - width / 2, middle.y - height / 2, Infinity);
    if (best?.crowd === 0) break;
  }
  if (!best) {
    // Beside the line only where no other edge passes: or the label would seem to be that one's.
    for (const place of PLACES) {
      const middle = pointAlong(sceneEdge, place);
      for (const [dx, dy] of beside) {
        consider(middle.x + (dx - 0.5) * width, middle.y + (dy - 0.5) * height, mostCrowd);
        if (best) break;
      }
      if (best) break;
    }
  }
  if (!best) return undefined;
  const { x, y } = best;
  const baselines = texts.length === 2 ? [y + 12.5 * zoom, y + 26 * zoom] : [y + 12.5 * zoom];
  return { ...common, x, y, height, plate: true, lines: texts.map((text, index) => line(text, baselines[index]!)) };
}

/** Offsets in widths and heights of the label. */
type Beside = readonly (readonly [number, number])[];
const BESIDE: Beside = [-1, 1].flatMap((sign) => [
  [0, 0.45 * sign],
  [0.35 * sign, 0.4],
  [0.35 * sign, -0.4],
  [0.2, 0.6 * sign],
  [-0.2, 0.6 * sign],
]);
const FARTHER: Beside = [-1, 1].flatMap((sign) => [
  [0, 1.1 * sign],
  [0.4, 1.1 * sign],
  [-0.4, 1.1 * sign],
  [0, 1.7 * sign],
  [0.7, 0.8 * sign],
  [-0.7, 0.8 * sign],
]);

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
  const cells = new Map<number, { id: string; x: number; y: number }[]>();
  for (const { edge, samples } of edges) {
    for (let i = 0; i < samples.length; i += 2) {
      const [x, y] = [samples[i]!, samples[i + 1]!];
      const key = cellKey(Math.floor(x / size), Math.floor(y / size));
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
          for (const point of cells.get(cellKey(column, row)) ?? []) {
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
