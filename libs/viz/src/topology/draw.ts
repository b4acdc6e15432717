import { BoxIndex } from './boxes.ts';
import { type Lit } from './focus.ts';
import { NODE_ICONS } from './icons.ts';
import {
  type EdgeLabel,
  FIGURES_BASELINE,
  islandTitle,
  MARK_WIDTH,
  type MapLabels,
  NAME_BASELINE,
  NAME_PX,
  TEXT_PX,
} from './labels.ts';
import { NODE_RADIUS } from './layout.ts';
import { type EdgeState, type NodeKind } from './model.ts';
import { arrowLength, type MapScene, type SceneEdge, type SceneNode } from './scene.ts';
import { isSeenByBoth } from './sentences.ts';
import { type MapSize, type MapView } from './view.ts';

/** Opaque colours: what is drawn over one another must not add up. */
export interface TopologyStyle {
  /** Behind the map. */
  readonly canvas: string;
  /** Inside islands. */
  readonly surface: string;
  /** Inside rings. */
  readonly raised: string;
  readonly border: string;
  readonly borderStrong: string;
  readonly text: string;
  readonly textStrong: string;
  readonly textSecondary: string;
  readonly textDisabled: string;
  readonly error: string;
  readonly warning: string;
  /** Rings and lines of what is ok: at least 3:1 on canvas. */
  readonly mark: string;
  /** The same where it is faded. */
  readonly faint: string;
  readonly primary: string;
  readonly font: string;
  readonly colourOf: (name: string) => string;
}

export interface DrawState {
  /** What is in focus; all where undefined. */
  readonly lit: Lit | undefined;
  readonly selected: string | undefined;
  readonly hovered: string | undefined;
  /** Draws the ring of the keyboard's focus around the selected mark. */
  readonly hasFocus: boolean;
  /** All figures are old: a newer answer is awaited. */
  readonly stale: boolean;
}

/** Below this size in pixels no text is drawn. */
const LEAST_TEXT = 6;
const DOTS_BELOW = 0.22;
/** Up to here names fit into the room that the layout leaves below a ring. */
const ROOMY_ZOOM = 1.3;

export function drawMap(
  ctx: CanvasRenderingContext2D,
  scene: MapScene,
  labels: MapLabels,
  view: MapView,
  size: MapSize,
  pixelRatio: number,
  state: DrawState,
  style: TopologyStyle
): void {
  ctx.setTransform(pixelRatio, 0, 0, pixelRatio, 0, 0);
  ctx.globalAlpha = 1;
  ctx.fillStyle = style.canvas;
  ctx.fillRect(0, 0, size.width, size.height);
  if (state.stale) ctx.globalAlpha = 0.55;
  const scale = pixelRatio * view.scale;
  ctx.setTransform(scale, 0, 0, scale, pixelRatio * view.x, pixelRatio * view.y);
  const sight = {
    left: -view.x / view.scale,
    top: -view.y / view.scale,
    right: (size.width - view.x) / view.scale,
    bottom: (size.height - view.y) / view.scale,
  };
  const base = ctx.globalAlpha;
  const paint: Paint = { ctx, scene, labels, view, state, style, base, sight };
  drawIslands(paint);
  drawEdges(paint);
  const hasText = TEXT_PX * labels.zoom * view.scale >= LEAST_TEXT;
  if (hasText) drawIslandTitles(paint);
  if (hasText) drawLabels(paint);
  else drawMarks(paint, true);
  drawNodes(paint);
  if (hasText) drawNodeTexts(paint);
}

interface Paint {
  readonly ctx: CanvasRenderingContext2D;
  readonly scene: MapScene;
  readonly labels: MapLabels;
  readonly view: MapView;
  readonly state: DrawState;
  readonly style: TopologyStyle;
  readonly base: number;
  readonly sight: { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number };
}

function isNodeLit({ state }: Paint, id: string): boolean {
  return state.lit === undefined || state.lit.nodes.has(id);
}

function isEdgeLit({ state }: Paint, id: string): boolean {
  return state.lit === undefined || state.lit.edges.has(id);
}

function font(style: TopologyStyle, px: number, weight: 400 | 500): string {
  return `${weight} ${px}px ${style.font}`;
}

function drawIslands({ ctx, scene, style, view }: Paint): void {
  for (const { x, y, width, height, kind } of scene.islands) {
    ctx.beginPath();
    ctx.roundRect(x, y, width, height, 6);
    ctx.fillStyle = style.surface;
    ctx.fill();
    ctx.strokeStyle = style.border;
    ctx.lineWidth = Math.max(1, 0.75 / view.scale);
    ctx.setLineDash(kind === 'group' ? [] : [4, 3]);
    ctx.stroke();
    ctx.setLineDash([]);
  }
}

/** Over the edges: a title that a line runs through cannot be read. */
function drawIslandTitles({ ctx, scene, style, labels, base }: Paint): void {
  const zoom = labels.zoom;
  ctx.globalAlpha = base;
  ctx.textAlign = 'left';
  const taken = new BoxIndex(128);
  for (const { x, y, width, kind, group, nodes } of scene.islands) {
    const { title, subtitle } = islandTitle(kind, group, nodes.length);
    ctx.font = font(style, NAME_PX * zoom, 500);
    const titleWidth = ctx.measureText(title).width;
    ctx.font = font(style, TEXT_PX * zoom, 400);
    const room = width - 16;
    const full = titleWidth + ctx.measureText(subtitle).width + 18 * zoom;
    const plate = full <= room ? full : titleWidth + 12 * zoom;
    // From afar titles of neighbours meet: the larger island, which comes first, keeps its own.
    if (taken.overlaps(x + 8, y - 8 * zoom, x + 8 + plate, y + 8 * zoom)) continue;
    taken.add(x + 8, y - 8 * zoom, x + 8 + plate, y + 8 * zoom);
    ctx.fillStyle = style.canvas;
    ctx.beginPath();
    ctx.roundRect(x + 8, y - 8 * zoom, plate, 16 * zoom, 4);
    ctx.fill();
    if (full <= room) {
      ctx.fillStyle = style.textSecondary;
      ctx.fillText(subtitle, x + 8 + titleWidth + 12 * zoom, y + 4 * zoom);
    }
    ctx.font = font(style, NAME_PX * zoom, 500);
    ctx.fillStyle = style.text;
    ctx.fillText(title, x + 8 + 6 * zoom, y + 4 * zoom);
  }
}

const paths = new WeakMap<SceneEdge, Path2D>();

function pathOf(edge: SceneEdge): Path2D {
  const known = paths.get(edge);
  if (known) return known;
  const path = new Path2D();
  const { curve } = edge;
  path.moveTo(curve[0]!, curve[1]!);
  for (let i = 2; i + 5 < curve.length; i += 6) {
    path.bezierCurveTo(curve[i]!, curve[i + 1]!, curve[i + 2]!, curve[i + 3]!, curve[i + 4]!, curve[i + 5]!);
  }
  paths.set(edge, path);
  return path;
}

const spans = new WeakMap<SceneEdge, { left: number; top: number; right: number; bottom: number }>();

function spanOf(edge: SceneEdge): { left: number; top: number; right: number; bottom: number } {
  const known = spans.get(edge);
  if (known) return known;
  const span = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (let i = 0; i < edge.samples.length; i += 2) {
    span.left = Math.min(span.left, edge.samples[i]! - 8);
    span.right = Math.max(span.right, edge.samples[i]! + 8);
    span.top = Math.min(span.top, edge.samples[i + 1]! - 8);
    span.bottom = Math.max(span.bottom, edge.samples[i + 1]! + 8);
  }
  spans.set(edge, span);
  return span;
}

function stateColour(style: TopologyStyle, state: EdgeState): string {
  return state === 'failing' ? style.error : state === 'slow' ? style.warning : style.mark;
}

function drawEdges(paint: Paint): void {
  const { scene, state } = paint;
  // Faded first, so that nothing faded lies over what is in focus; the selected one last.
  for (const edge of scene.edges) if (!isEdgeLit(paint, edge.edge.id)) drawEdge(paint, edge, false);
  for (const edge of scene.edges) {
    if (isEdgeLit(paint, edge.edge.id) && edge.edge.id !== state.selected) drawEdge(paint, edge, true);
  }
  const selected = state.selected === undefined ? undefined : scene.edgeById.get(state.selected);
  if (selected) drawEdge(paint, selected, true);
}

function drawEdge({ ctx, state, style, base, sight, view }: Paint, sceneEdge: SceneEdge, lit: boolean): void {
  const span = spanOf(sceneEdge);
  if (span.right < sight.left || span.left > sight.right || span.bottom < sight.top || span.top > sight.bottom) return;
  const { edge, width: full, arrow } = sceneEdge;
  const path = pathOf(sceneEdge);
  const isSelected = edge.id === state.selected;
  const isHovered = edge.id === state.hovered;
  const least = 0.8 / view.scale;
  const width = Math.max(least, lit ? full + (isHovered ? 1 : 0) : Math.max(1, full - 1));
  if (isSelected) {
    ctx.strokeStyle = style.primary;
    ctx.lineCap = 'round';
    ctx.globalAlpha = base * 0.55;
    ctx.lineWidth = width + 9;
    ctx.stroke(path);
    ctx.lineCap = 'butt';
  }
  if (lit && view.scale > 0.35) {
    // A gap where it crosses others: eyes follow one line.
    ctx.globalAlpha = base;
    ctx.strokeStyle = isSelected ? 'transparent' : style.canvas;
    ctx.lineWidth = width + 3;
    if (!isSelected && (edge.bad !== 'ok' || state.lit !== undefined)) ctx.stroke(path);
  }
  const colour = edge.bad !== 'ok' ? stateColour(style, edge.bad) : lit ? style.mark : style.faint;
  // Edges that only pass failures on are paler than the one where they begin.
  const isLoud = isSelected || isHovered || edge.origin || edge.bad === 'ok';
  ctx.globalAlpha = base * (lit ? (isLoud ? 1 : 0.85) : edge.bad === 'ok' ? 0.5 : 0.6);
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  const isDashed = !isSeenByBoth(edge);
  if (isDashed) ctx.setLineDash([5, 4]);
  ctx.stroke(path);
  if (isDashed) ctx.setLineDash([]);
  if (view.scale > 0.16) {
    const half = 3.6 + full / 2;
    const length = arrowLength(full);
    const [cos, sin] = [Math.cos(arrow.angle), Math.sin(arrow.angle)];
    ctx.fillStyle = colour;
    ctx.beginPath();
    ctx.moveTo(arrow.x + cos * length, arrow.y + sin * length);
    ctx.lineTo(arrow.x - cos - sin * half, arrow.y - sin + cos * half);
    ctx.lineTo(arrow.x - cos + sin * half, arrow.y - sin - cos * half);
    ctx.closePath();
    ctx.fill();
  }
  ctx.globalAlpha = base;
}

function drawLabels(paint: Paint): void {
  const { labels, state, sight } = paint;
  for (const label of labels.edges) {
    const isInSight =
      label.x < sight.right &&
      label.x + label.width > sight.left &&
      label.y < sight.bottom &&
      label.y + label.height > sight.top;
    if (!isInSight) continue;
    if (state.lit === undefined || !label.lit || isEdgeLit(paint, label.id)) drawLabel(paint, label);
    else if (label.state !== 'ok') drawMark(paint, label.state, label.x + label.width / 2, label.y + label.height / 2);
  }
  drawMarks(paint, false);
}

function drawLabel(paint: Paint, label: EdgeLabel): void {
  const { ctx, style, base } = paint;
  const isLit = isEdgeLit(paint, label.id);
  const { x, y, width, height, plate, lines, state } = label;
  const { zoom } = paint.labels;
  ctx.globalAlpha = base;
  if (plate) {
    ctx.fillStyle = style.canvas;
    ctx.beginPath();
    ctx.roundRect(x, y, width, height, 4 * zoom);
    ctx.fill();
    if (isLit && state !== 'ok') {
      ctx.strokeStyle = style.border;
      ctx.lineWidth = zoom;
      ctx.stroke();
    }
  }
  ctx.textAlign = 'left';
  lines.forEach(({ text, strong, baseline }, index) => {
    let left = x + 5 * zoom;
    if (index === 0 && state !== 'ok') {
      drawStateMark(ctx, style, state, left + 5.5 * zoom, baseline - 4 * zoom, 11 * zoom);
      left += MARK_WIDTH * zoom;
    }
    ctx.font = font(style, TEXT_PX * zoom, strong ? 500 : 400);
    ctx.fillStyle = isLit ? (strong ? style.textStrong : style.text) : style.textDisabled;
    ctx.fillText(text, left, baseline);
    if (index === 0 && label.origin) {
      left += ctx.measureText(text).width + 5 * zoom;
      ctx.font = font(style, TEXT_PX * zoom, 500);
      ctx.fillStyle = style.error;
      ctx.fillText('origin', left, baseline);
    }
  });
}

/** Marks of edges without a label; from afar, where no label is drawn, of all bad edges. */
function drawMarks(paint: Paint, isFar: boolean): void {
  const { labels } = paint;
  for (const { state, x, y } of labels.marks) drawMark(paint, state, x, y);
  if (!isFar) return;
  for (const { state, x, y, width, height } of labels.edges) {
    if (state !== 'ok') drawMark(paint, state, x + width / 2, y + height / 2);
  }
}

function drawMark({ ctx, style, view }: Paint, state: EdgeState, x: number, y: number): void {
  const size = Math.max(12, Math.min(11 / view.scale, 60));
  ctx.fillStyle = style.canvas;
  ctx.beginPath();
  ctx.arc(x, y, size * 0.62, 0, 2 * Math.PI);
  ctx.fill();
  drawStateMark(ctx, style, state, x, y, size);
}

/** Shape and colour together: a filled circle with a cross fails, a triangle is slow. */
export function drawStateMark(
  ctx: CanvasRenderingContext2D,
  style: TopologyStyle,
  state: EdgeState,
  x: number,
  y: number,
  size: number
): void {
  const unit = size / 16;
  ctx.lineCap = 'round';
  if (state === 'failing') {
    ctx.fillStyle = style.error;
    ctx.beginPath();
    ctx.arc(x, y, 7 * unit, 0, 2 * Math.PI);
    ctx.fill();
    ctx.strokeStyle = style.canvas;
    ctx.lineWidth = 1.9 * unit;
    ctx.beginPath();
    ctx.moveTo(x - 2.6 * unit, y - 2.6 * unit);
    ctx.lineTo(x + 2.6 * unit, y + 2.6 * unit);
    ctx.moveTo(x + 2.6 * unit, y - 2.6 * unit);
    ctx.lineTo(x - 2.6 * unit, y + 2.6 * unit);
    ctx.stroke();
  } else if (state === 'slow') {
    ctx.fillStyle = style.warning;
    ctx.beginPath();
    ctx.moveTo(x, y - 6.8 * unit);
    ctx.lineTo(x + 7.4 * unit, y + 6.2 * unit);
    ctx.lineTo(x - 7.4 * unit, y + 6.2 * unit);
    ctx.closePath();
    ctx.fill();
    ctx.strokeStyle = style.canvas;
    ctx.lineWidth = 1.7 * unit;
    ctx.beginPath();
    ctx.moveTo(x, y - 2 * unit);
    ctx.lineTo(x, y + 1.6 * unit);
    ctx.moveTo(x, y + 3.9 * unit);
    ctx.lineTo(x, y + 4.2 * unit);
    ctx.stroke();
  } else {
    ctx.strokeStyle = style.mark;
    ctx.lineWidth = 1.6 * unit;
    ctx.beginPath();
    ctx.arc(x, y, 3.6 * unit, 0, 2 * Math.PI);
    ctx.stroke();
  }
  ctx.lineCap = 'butt';
}

const icons = new Map<NodeKind, Path2D>();

function iconOf(kind: NodeKind): Path2D {
  const path = icons.get(kind) ?? new Path2D(NODE_ICONS[kind]);
  icons.set(kind, path);
  return path;
}

function drawNodes(paint: Paint): void {
  const { scene, sight } = paint;
  for (const node of scene.nodes) {
    const { x, y } = node;
    if (x < sight.left - 80 || x > sight.right + 80 || y < sight.top - 60 || y > sight.bottom + 40) continue;
    if (paint.view.scale < DOTS_BELOW) drawDot(paint, node);
    else drawNode(paint, node);
  }
}

/** From far away: one dot in the colour of its state. */
function drawDot(paint: Paint, { node, x, y, state }: SceneNode): void {
  const { ctx, style, base } = paint;
  const isLit = isNodeLit(paint, node.id);
  ctx.globalAlpha = base * (isLit ? 1 : 0.5);
  ctx.fillStyle = style.canvas;
  ctx.beginPath();
  ctx.arc(x, y, NODE_RADIUS, 0, 2 * Math.PI);
  ctx.fill();
  ctx.fillStyle = state === 'ok' ? style.mark : stateColour(style, state);
  ctx.beginPath();
  ctx.arc(x, y, state === 'ok' ? NODE_RADIUS * 0.7 : NODE_RADIUS, 0, 2 * Math.PI);
  ctx.fill();
  ctx.globalAlpha = base;
}

/** A share above nothing is drawn at least this long. */
const LEAST_ARC = 10 / 360;

function drawNode(paint: Paint, sceneNode: SceneNode): void {
  const { ctx, state, style, base, view } = paint;
  const { node, x, y, pinned } = sceneNode;
  const isLit = isNodeLit(paint, node.id);
  const isSelected = state.selected === node.id;
  const isHovered = state.hovered === node.id;
  ctx.globalAlpha = base;
  if (isSelected || isHovered) {
    ctx.strokeStyle = isSelected ? style.primary : style.borderStrong;
    ctx.lineWidth = isSelected ? 3 : 2;
    ctx.beginPath();
    ctx.arc(x, y, NODE_RADIUS + 5, 0, 2 * Math.PI);
    ctx.stroke();
    if (isSelected && state.hasFocus) {
      ctx.lineWidth = 2;
      ctx.beginPath();
      ctx.arc(x, y, NODE_RADIUS + 9, 0, 2 * Math.PI);
      ctx.stroke();
    }
  }
  if (node.kind === 'group') drawStack(paint, sceneNode, isLit);
  else drawRing(paint, sceneNode, isLit);
  ctx.save();
  ctx.translate(x - 8.4, y - 8.4);
  ctx.scale(0.7, 0.7);
  ctx.strokeStyle = isLit ? style.colourOf(node.name) : style.textDisabled;
  ctx.lineWidth = 2;
  ctx.lineJoin = 'round';
  ctx.lineCap = 'round';
  ctx.stroke(iconOf(node.kind));
  ctx.restore();
  const showsMark = sceneNode.state !== 'ok' && (!isLit || sceneNode.state === 'slow' || view.scale < 0.6);
  if (showsMark) {
    ctx.fillStyle = style.canvas;
    ctx.beginPath();
    ctx.arc(x + 15, y - 14, 8, 0, 2 * Math.PI);
    ctx.fill();
    drawStateMark(ctx, style, sceneNode.state, x + 15, y - 14, 14);
  }
  if (pinned) drawPin(paint, x - 17, y - 15);
}

function drawNodeTexts(paint: Paint): void {
  const { ctx, scene, labels, style, sight, base } = paint;
  const { zoom } = labels;
  ctx.globalAlpha = base;
  ctx.textAlign = 'center';
  const isInSight = ({ x, y }: SceneNode): boolean =>
    x > sight.left - 80 * zoom && x < sight.right + 80 * zoom && y > sight.top - 60 * zoom && y < sight.bottom + 40;
  const shown = scene.nodes.filter((node) => labels.nodes.has(node.node.id) && isInSight(node));
  if (zoom > ROOMY_ZOOM) {
    // Larger than the layout left room for: lines under it would make it hard to read. Outlines cost ten times as much.
    ctx.fillStyle = style.canvas;
    ctx.globalAlpha = base * 0.7;
    for (const { node, x, y } of shown) {
      const { half, figures } = labels.nodes.get(node.id)!;
      const height = (figures === '' ? NAME_BASELINE : FIGURES_BASELINE) * zoom;
      ctx.fillRect(x - half, y + NODE_RADIUS + 3, 2 * half, height);
    }
    ctx.globalAlpha = base;
  }
  // One font after the other: setting it costs more than a text.
  for (const line of ['name', 'figures'] as const) {
    ctx.font = line === 'name' ? font(style, NAME_PX * zoom, 500) : font(style, TEXT_PX * zoom, 400);
    for (const { node, x, y } of shown) {
      const text = labels.nodes.get(node.id)![line];
      if (text === '') continue;
      const isLit = isNodeLit(paint, node.id);
      const baseline = y + NODE_RADIUS + (line === 'name' ? NAME_BASELINE : FIGURES_BASELINE) * zoom;
      ctx.fillStyle = !isLit ? style.textDisabled : line === 'name' ? style.textStrong : style.text;
      ctx.fillText(text, x, baseline);
    }
  }
}

/** Share of calls from 12 o'clock on: failed 6 px wide, the rest 2 px; dashed where no agent sees the node itself. */
function drawRing({ ctx, style }: Paint, { node, x, y }: SceneNode, isLit: boolean): void {
  const start = -Math.PI / 2;
  const failed = node.errorShare > 0 ? Math.min(1, Math.max(node.errorShare, LEAST_ARC)) : 0;
  ctx.fillStyle = style.raised;
  ctx.beginPath();
  ctx.arc(x, y, NODE_RADIUS, 0, 2 * Math.PI);
  ctx.fill();
  if (failed < 1) {
    ctx.strokeStyle = isLit ? style.mark : style.faint;
    ctx.lineWidth = 2;
    if (!node.instrumented) ctx.setLineDash([3.4, 2.6]);
    ctx.beginPath();
    ctx.arc(x, y, NODE_RADIUS, start + failed * 2 * Math.PI, start + 2 * Math.PI);
    ctx.stroke();
    ctx.setLineDash([]);
  }
  if (failed === 0) return;
  ctx.strokeStyle = style.error;
  ctx.lineWidth = 6;
  ctx.beginPath();
  ctx.arc(x, y, NODE_RADIUS, start, start + failed * 2 * Math.PI);
  ctx.stroke();
}

function drawStack({ ctx, style }: Paint, { x, y, state }: SceneNode, isLit: boolean): void {
  ctx.fillStyle = style.surface;
  ctx.strokeStyle = style.faint;
  ctx.lineWidth = 1;
  ctx.beginPath();
  ctx.roundRect(x - 13, y - 21, 34, 34, 8);
  ctx.fill();
  ctx.stroke();
  ctx.fillStyle = style.raised;
  ctx.strokeStyle = state !== 'ok' ? stateColour(style, state) : isLit ? style.mark : style.faint;
  ctx.lineWidth = 1.5;
  ctx.beginPath();
  ctx.roundRect(x - 17, y - 17, 34, 34, 8);
  ctx.fill();
  ctx.stroke();
}

function drawPin({ ctx, style }: Paint, x: number, y: number): void {
  ctx.fillStyle = style.canvas;
  ctx.beginPath();
  ctx.arc(x, y, 6, 0, 2 * Math.PI);
  ctx.fill();
  ctx.fillStyle = style.textSecondary;
  ctx.beginPath();
  ctx.arc(x, y - 1.5, 2.8, 0, 2 * Math.PI);
  ctx.fill();
  ctx.fillRect(x - 0.6, y, 1.2, 5);
}
