import { formatCount, formatDuration } from '../format.ts';
import { niceTicks } from './axis.ts';
import { certaintyText, directionText, probabilityText } from './describe.ts';
import { failureWords } from './finding.ts';
import {
  type BarsArea,
  barsArea,
  indentOf,
  isExpandable,
  type Lens,
  lensOf,
  TOGGLE_WIDTH,
  visibleRows,
  type WaterfallLayout,
  xOf,
} from './geometry.ts';
import { betweenTime, placeWords, stripCells, waySegments } from './hops.ts';
import { drawIcon, iconOf } from './icons.ts';
import { foldShape, ownIntervals } from './intervals.ts';
import { spanDetail, type TraceModel } from './model.ts';
import {
  type FoldRow,
  type HopRow,
  type SpanRow,
  type StripRow,
  type UnexplainedRow,
  type WaterfallRow,
} from './rows.ts';
import { fitText } from './text.ts';

/** All colours of the drawing: of the theme but for the services'. */
export interface WaterfallColours {
  readonly background: string;
  readonly elevated: string;
  readonly text: string;
  readonly secondary: string;
  readonly maxContrast: string;
  readonly weak: string;
  readonly medium: string;
  readonly strong: string;
  /** Neutral marks, at least 3:1. */
  readonly mark: string;
  readonly hover: string;
  readonly selected: string;
  readonly primary: string;
  readonly error: string;
  readonly warning: string;
  /** Text on a bar in the warning's colour. */
  readonly onWarning: string;
  readonly fontFamily: string;
  readonly service: (name: string) => string;
}

export interface WaterfallScene {
  readonly model: TraceModel;
  readonly rows: readonly WaterfallRow[];
  readonly layout: WaterfallLayout;
  readonly colours: WaterfallColours;
  /** Segments of the critical path by row: [from, to] pairs. */
  readonly pathByRow: ReadonlyMap<number, readonly number[]>;
  readonly selectedRow: number;
  readonly hoverRow: number;
  readonly hoverX: number | undefined;
  readonly matches: ReadonlySet<number>;
}

const BAR_HEIGHTS = [10, 8, 5];
const FONT_SIZE = 12;
const SMALL = 11;

interface Pen {
  readonly ctx: CanvasRenderingContext2D;
  readonly scene: WaterfallScene;
  readonly area: BarsArea;
  /** Labels are drawn last: never below a mark of another row. */
  readonly labels: Label[];
}

interface Label {
  readonly text: string;
  readonly barLeft: number;
  readonly barRight: number;
  readonly y: number;
  readonly colour: string;
  readonly icon?: 'error' | 'origin' | 'warning';
}

/** Draws the rows that are in view, and nothing else: a frame costs the same however long the trace is. */
export function drawWaterfall(ctx: CanvasRenderingContext2D, scene: WaterfallScene): void {
  const { layout, rows, colours } = scene;
  const { width, height, rowHeight, scrollTop } = layout;
  const area = barsArea(layout);
  const pen: Pen = { ctx, scene, area, labels: [] };
  ctx.textBaseline = 'middle';
  ctx.setLineDash([]);
  ctx.fillStyle = colours.background;
  ctx.fillRect(0, 0, width, height);
  const [first, end] = visibleRows(layout, rows.length);
  const topOf = (index: number): number => index * rowHeight - scrollTop;
  for (let i = first; i < end; i++) drawTint(pen, i, topOf(i));
  drawGrid(pen);
  ctx.save();
  clip(ctx, area.left, 0, area.right - area.left, height);
  if (end > first) drawLenses(pen, first, end, topOf);
  for (let i = first; i < end; i++) drawBars(pen, i, topOf(i));
  for (const label of pen.labels) drawLabel(pen, label);
  drawHairline(pen);
  ctx.restore();
  ctx.save();
  clip(ctx, 0, 0, layout.treeWidth, height);
  for (let i = first; i < end; i++) drawTree(pen, i, topOf(i));
  ctx.restore();
  for (let i = first; i < end; i++) {
    const row = rows[i]!;
    if (layout.narrow && row.kind === 'strip') drawStrip(pen, row, topOf(i));
    drawNumbers(pen, row, topOf(i));
  }
  ctx.strokeStyle = colours.medium;
  ctx.lineWidth = 1;
  line(ctx, layout.treeWidth - 0.5, 0, layout.treeWidth - 0.5, height);
}

function drawTint({ ctx, scene }: Pen, index: number, top: number): void {
  const { colours, layout, rows, matches } = scene;
  const row = rows[index]!;
  const { width, rowHeight } = layout;
  if (row.kind === 'tray') fillRect(ctx, colours.elevated, 0, top, width, rowHeight);
  if (row.kind === 'span' && matches.has(row.span))
    fillRect(ctx, colours.selected, 0, top, layout.treeWidth, rowHeight);
  if (index === scene.hoverRow) fillRect(ctx, colours.hover, 0, top, width, rowHeight);
  if (index !== scene.selectedRow) return;
  fillRect(ctx, colours.selected, 0, top, width, rowHeight);
  ctx.strokeStyle = colours.primary;
  ctx.lineWidth = 1;
  ctx.strokeRect(0.5, top + 0.5, width - 1, rowHeight - 1);
}

function drawGrid({ ctx, scene, area }: Pen): void {
  const { layout, colours } = scene;
  ctx.strokeStyle = colours.weak;
  ctx.lineWidth = 1;
  ctx.beginPath();
  for (const tick of niceTicks(layout.range, tickCount(layout))) {
    const x = Math.round(xOf(layout, tick)) + 0.5;
    ctx.moveTo(x, 0);
    ctx.lineTo(x, layout.height);
  }
  ctx.moveTo(area.right + 0.5, 0);
  ctx.lineTo(area.right + 0.5, layout.height);
  ctx.stroke();
}

/** As many as their labels have room for. */
export function tickCount(layout: WaterfallLayout): number {
  const { x0, x1 } = barsArea(layout);
  return Math.max(1, Math.floor((x1 - x0) / (layout.narrow ? 45 : 72)));
}

function drawHairline({ ctx, scene, area }: Pen): void {
  const { hoverX, colours, layout } = scene;
  if (hoverX === undefined || hoverX < area.left || hoverX > area.right) return;
  ctx.strokeStyle = colours.strong;
  ctx.lineWidth = 1;
  line(ctx, Math.round(hoverX) + 0.5, 0, Math.round(hoverX) + 0.5, layout.height);
}

function drawBars(pen: Pen, index: number, top: number): void {
  const { scene } = pen;
  const row = scene.rows[index]!;
  switch (row.kind) {
    case 'span':
      return drawSpan(pen, row, index, top);
    case 'fold':
      return drawFold(pen, row, index, top);
    case 'unexplained':
      return drawUnexplained(pen, row, top);
    case 'strip':
      if (!scene.layout.narrow) drawStrip(pen, row, top);
      return;
    case 'hop':
      return drawHop(pen, row, top);
    case 'more':
    case 'tray':
      return;
  }
}

function drawSpan(pen: Pen, row: SpanRow, index: number, top: number): void {
  const { ctx, scene, area } = pen;
  const { model, layout, colours } = scene;
  const { span } = row;
  const from = model.startNs[span]!;
  const to = from + model.durationsNs[span]!;
  const left = xOf(layout, from);
  const right = Math.max(left + 2, xOf(layout, to));
  const height = BAR_HEIGHTS[model.layer[span]!]!;
  const middle = top + layout.rowHeight / 2;
  const y = Math.round(middle - height / 2);
  const l = Math.max(left, area.left - 8);
  const r = Math.min(right, area.right + 8);
  if (r > l) {
    const colour = colours.service(model.services[model.shownService[span]!]!);
    const stub = model.oneOf[span]! > 0;
    const weak = stub || certaintyText(model, span) !== '';
    if (!stub) {
      ctx.globalAlpha = weak ? 0.08 : 0.35;
      fillRect(ctx, colour, l, y, r - l, height);
      ctx.globalAlpha = 1;
    }
    ctx.strokeStyle = stub ? colours.mark : colour;
    ctx.lineWidth = 1;
    ctx.setLineDash(weak ? [2, 2] : []);
    if (r - l >= 3) ctx.strokeRect(l + 0.5, y + 0.5, r - l - 1, height - 1);
    else if (!stub) fillRect(ctx, colour, l, y, Math.max(2, r - l), height);
    ctx.setLineDash([]);
    if (!weak) {
      ctx.fillStyle = colour;
      const own = ownIntervals(model, span);
      for (let i = 0; i < own.length; i += 2) {
        const a = Math.max(l, xOf(layout, own[i]!));
        const b = Math.min(r, xOf(layout, own[i + 1]!));
        if (b - a > 0.5) ctx.fillRect(a, y, b - a, height);
      }
    }
    drawPath(pen, index, y);
    if (model.failed[span] === 1) {
      if (model.errorOrigin[span] === 1) drawOrigin(pen, l, r, y, height, middle);
      else fillRect(ctx, colours.error, r - 2, y - 2, 2, height + 4);
    }
  }
  labelSpan(pen, row, left, right, middle);
}

function drawOrigin({ ctx, scene }: Pen, l: number, r: number, y: number, height: number, middle: number): void {
  ctx.strokeStyle = scene.colours.error;
  ctx.lineWidth = 1.5;
  ctx.strokeRect(l - 1, y - 2, r - l + 2, height + 4);
  ctx.fillStyle = scene.colours.error;
  ctx.beginPath();
  ctx.moveTo(r + 2, middle - 5);
  ctx.lineTo(r + 8, middle);
  ctx.lineTo(r + 2, middle + 5);
  ctx.fill();
}

/** The critical path: a line on the top edge of the bars. */
function drawPath({ ctx, scene }: Pen, index: number, y: number): void {
  const segments = scene.pathByRow.get(index);
  if (segments === undefined) return;
  const { layout, colours } = scene;
  ctx.fillStyle = colours.maxContrast;
  for (let i = 0; i < segments.length; i += 2) {
    const a = xOf(layout, segments[i]!);
    const b = xOf(layout, segments[i + 1]!);
    if (b - a > 0.8) ctx.fillRect(a, y - 2, b - a, 2);
  }
}

function labelSpan({ scene, labels }: Pen, row: SpanRow, left: number, right: number, y: number): void {
  const { model, colours, layout } = scene;
  const { span } = row;
  const origin = model.errorOrigin[span] === 1;
  const failure = model.failed[span] === 1 ? failureWords(model, span) : '';
  if (origin) {
    const words = failure === '' ? spanDetail(model, span).statusMessage : failure;
    const after = `${words === '' ? '' : `: ${words}`} after ${formatDuration(model.durationsNs[span])}`;
    const text = layout.narrow ? words || 'error' : `error starts here${after}`;
    labels.push({ text, barLeft: left - 2, barRight: right + 8, y, colour: colours.error, icon: 'origin' });
    return;
  }
  if (layout.narrow) return;
  const plain = { barLeft: left, barRight: right, y, colour: colours.secondary };
  if (model.oneOf[span]! > 0) {
    const others = model.oneOf[span]! - 1;
    const fit = others === 1 ? 'another request fits' : `${others} other requests fit`;
    labels.push({ ...plain, text: `not counted: ${fit} as well` });
  } else if (certaintyText(model, span) !== '') {
    labels.push({ ...plain, text: `weak link: ${probabilityText(model.linkProbability[span]!)} this request` });
  } else if (row.hidden > 0) {
    labels.push({ ...plain, text: row.hidden === 1 ? '1 row folded' : `${formatCount(row.hidden)} rows folded` });
  }
}

function drawFold(pen: Pen, row: FoldRow, index: number, top: number): void {
  const { ctx, scene } = pen;
  const { model, layout, colours } = scene;
  const { spans, stats } = row;
  const span = spans[0]!;
  const left = xOf(layout, stats.startNs);
  const right = Math.max(left + 2, xOf(layout, stats.endNs));
  const height = BAR_HEIGHTS[model.layer[span]!]!;
  const middle = top + layout.rowHeight / 2;
  const y = Math.round(middle - height / 2);
  const colour = colours.service(model.services[model.shownService[span]!]!);
  ctx.globalAlpha = 0.2;
  fillRect(ctx, colour, left, y, right - left, height);
  const { filled, failed } = foldShape(model, row);
  const size = (right - left) / filled.length;
  ctx.fillStyle = colour;
  for (let i = 0; i < filled.length; i++) {
    const share = filled[i]!;
    if (share === 0) continue;
    // A bucket wider than a pixel shows how full it is by width, a narrower one by weight.
    ctx.globalAlpha = size >= 2 ? 1 : 0.35 + 0.65 * share;
    ctx.fillRect(left + i * size, y, Math.max(size >= 2 ? size * share : size, 0.7), height);
  }
  ctx.globalAlpha = 1;
  drawPath(pen, index, y);
  for (const bucket of failed) fillRect(ctx, colours.error, left + bucket * size, y - 2, 2, height + 4);
  const median = `p50 ${formatDuration(stats.p50Ns)}`;
  const failures = stats.failed > 0 ? `${formatCount(stats.failed)} failed` : '';
  const text = (layout.narrow ? [failures] : [median, failures]).filter((part) => part !== '').join(', ');
  if (text !== '') pen.labels.push({ text, barLeft: left, barRight: right, y: middle, colour: colours.text });
}

function drawUnexplained(pen: Pen, row: UnexplainedRow, top: number): void {
  const { ctx, scene, area } = pen;
  const { layout, colours } = scene;
  const left = Math.max(area.left - 2, xOf(layout, row.startNs));
  const right = Math.min(area.right + 2, Math.max(left + 2, xOf(layout, row.endNs)));
  const middle = top + layout.rowHeight / 2;
  const y = Math.round(middle - 5);
  if (right > left) {
    hatch(ctx, left, y, right - left, 10, colours.mark);
    ctx.strokeStyle = colours.mark;
    ctx.lineWidth = 1;
    ctx.strokeRect(left + 0.5, y + 0.5, Math.max(1, right - left - 1), 9);
  }
  const time = formatDuration(row.endNs - row.startNs);
  const text = layout.narrow ? time : `${time} nobody explains: no call was seen`;
  pen.labels.push({ text, barLeft: left, barRight: right, y: middle, colour: colours.text });
}

function hatch(
  ctx: CanvasRenderingContext2D,
  x: number,
  y: number,
  width: number,
  height: number,
  colour: string
): void {
  ctx.save();
  clip(ctx, x, y, width, height);
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.5;
  ctx.beginPath();
  for (let at = x - height; at < x + width; at += 6) {
    ctx.moveTo(at, y + height);
    ctx.lineTo(at + height, y);
  }
  ctx.stroke();
  ctx.restore();
}

/** The way of a call in cells on one line, not to scale. */
function drawStrip({ ctx, scene, area }: Pen, row: StripRow, top: number): void {
  const { model, layout, colours } = scene;
  const start = xOf(layout, model.startNs[row.span]!);
  const end = xOf(layout, model.startNs[row.span]! + model.durationsNs[row.span]!);
  // Beside a call that is out of the window it would seem to be in it.
  if (start > area.right || end < area.left) return;
  const cells = stripCells(model.hops.get(row.span) ?? []);
  const y = top + 2;
  const height = layout.rowHeight - 4;
  const texts = cells.map(({ name, ns }) => (layout.narrow ? formatDuration(ns) : `${name} ${formatDuration(ns)}`));
  // Where the bars have no room for it, it begins in the tree.
  const least = layout.narrow ? indentOf(layout, row.depth) + TOGGLE_WIDTH + 2 : area.left + 4;
  const room = area.right - least - 4;
  let widths = texts.map((text, i) => {
    ctx.font = waterfallFont(scene, SMALL, cells[i]!.slowest ? 600 : 400);
    return ctx.measureText(text).width + (layout.narrow ? 8 : 14);
  });
  const total = widths.reduce((sum, width) => sum + width, 0);
  if (total > room) widths = widths.map((width) => (width / total) * room);
  let x = Math.max(least, Math.min(start, least + Math.max(0, room - total)));
  const notch = Math.max(start, x) + 4;
  for (const [i, cell] of cells.entries()) {
    const width = widths[i]!;
    const process = cell.service !== undefined;
    fillRect(ctx, colours.background, x, y, width, height);
    ctx.strokeStyle = colours.mark;
    ctx.lineWidth = 1;
    ctx.setLineDash(process ? [] : [2, 2]);
    ctx.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
    ctx.setLineDash([]);
    if (cell.service !== undefined) fillRect(ctx, colours.service(cell.service), x + 1, y + 1, 3, height - 2);
    ctx.font = waterfallFont(scene, SMALL, cell.slowest ? 600 : 400);
    ctx.fillStyle = colours.text;
    const pad = layout.narrow ? 4 : 7;
    ctx.fillText(
      fitText(ctx, texts[i]!, width - pad - 1),
      x + pad + (layout.narrow && process ? 1 : 0),
      y + height / 2 + 0.5
    );
    x += width;
  }
  // Which call it belongs to.
  ctx.strokeStyle = colours.mark;
  ctx.beginPath();
  ctx.moveTo(notch - 4, y + 0.5);
  ctx.lineTo(notch, y - 3.5);
  ctx.lineTo(notch + 4, y + 0.5);
  ctx.stroke();
}

/** The ground of each lens in view, under its rows. */
function drawLenses({ ctx, scene }: Pen, first: number, end: number, topOf: (index: number) => number): void {
  const { rows, layout, colours } = scene;
  const { left, right } = barsArea(layout);
  for (let i = first; i < end; i++) {
    const row = rows[i]!;
    if (row.kind !== 'hop') continue;
    fillRect(ctx, colours.elevated, left, topOf(i), right - left, layout.rowHeight);
  }
}

function drawHop(pen: Pen, row: HopRow, top: number): void {
  const { ctx, scene } = pen;
  const { model, layout, colours } = scene;
  const segments = waySegments(model.hops.get(row.span) ?? []);
  const segment = segments[row.segment];
  if (segment === undefined) return;
  const lens = lensOf(layout, segments);
  const middle = top + layout.rowHeight / 2;
  ctx.globalAlpha = 0.55;
  fillRect(ctx, colours.background, lens.cutLeft, top, lens.cutRight - lens.cutLeft, layout.rowHeight);
  ctx.globalAlpha = 1;
  const bars = lens.bars[row.segment];
  if (bars === undefined) {
    drawCut(pen, row, lens, segment.place === 'server', middle, formatDuration(segment.bothNs));
    return;
  }
  ctx.font = waterfallFont(scene, SMALL);
  for (const [which, bar] of [
    ['request', bars.request],
    ['response', bars.response],
  ] as const) {
    if (bar === undefined) continue;
    const [from, to] = bar;
    const time = directionText(segment[which]);
    const hot = segment.retransmissions > 0 && which === 'request';
    const colour = hot ? colours.warning : colours.mark;
    fillRect(ctx, colour, from, middle - 4, Math.max(2, to - from), 8);
    const text = hot ? `${time}, sent again ${segment.retransmissions}×` : time;
    const room = which === 'request' ? lens.cutLeft : lens.right + 4;
    const width = ctx.measureText(text).width + (hot ? 15 : 0);
    const inside = hot && to - from > width + 10;
    const x = inside ? from + 4 : to + 6 + width < room ? to + 6 : which === 'request' ? from - 6 - width : -1_000;
    ctx.fillStyle = inside ? colours.onWarning : hot ? colours.warning : colours.secondary;
    if (hot && x > 0) drawIcon(ctx, 'warning', x, middle - 6, inside ? colours.onWarning : colours.warning);
    if (x > lens.left - 4) ctx.fillText(text, x + (hot ? 15 : 0), middle + 0.5);
  }
}

/** The far end between request and answer: longer than the network by far, so it is cut. */
function drawCut(pen: Pen, row: HopRow, lens: Lens, server: boolean, y: number, time: string): void {
  const { ctx, scene } = pen;
  const { model, colours } = scene;
  const { cutLeft, cutRight } = lens;
  const name = (model.hops.get(row.span) ?? []).at(-1)?.point ?? '';
  if (server) fillRect(ctx, colours.service(name), cutLeft, y - 5, cutRight - cutLeft, 10);
  else {
    ctx.setLineDash([2, 2]);
    ctx.strokeStyle = colours.mark;
    ctx.strokeRect(cutLeft + 0.5, y - 4.5, cutRight - cutLeft - 1, 9);
    ctx.setLineDash([]);
  }
  const middle = (cutLeft + cutRight) / 2;
  ctx.strokeStyle = colours.elevated;
  ctx.lineWidth = 3;
  line(ctx, middle - 4, y + 7, middle, y - 7);
  line(ctx, middle + 2, y + 7, middle + 6, y - 7);
  ctx.font = waterfallFont(scene, SMALL);
  ctx.fillStyle = colours.text;
  const text = `${server ? name : `beyond ${name}`} ${time}, cut`;
  const width = ctx.measureText(text).width;
  const before = cutLeft - 6 - width;
  ctx.fillText(text, before > lens.left ? before : cutRight + 6, y + 0.5);
}

function drawLabel({ ctx, scene, area }: Pen, { text, barLeft, barRight, y, colour, icon }: Label): void {
  ctx.font = waterfallFont(scene, SMALL);
  const width = ctx.measureText(text).width + (icon ? 15 : 0);
  const left = Math.max(area.left, barLeft);
  const right = Math.min(area.right, barRight);
  if (barRight < area.left || barLeft > area.right) return;
  let x = right + 6;
  if (x + width > area.right - 2) x = left - 6 - width;
  if (x < area.left + 2) return;
  ctx.globalAlpha = 0.85;
  fillRect(ctx, scene.colours.background, x - 2, y - 7, width + 4, 14);
  ctx.globalAlpha = 1;
  if (icon) drawIcon(ctx, icon, x, y - 6, colour);
  ctx.fillStyle = colour;
  ctx.fillText(text, x + (icon ? 15 : 0), y + 0.5);
}

function drawTree(pen: Pen, index: number, top: number): void {
  const { ctx, scene } = pen;
  const { rows, layout, colours, model } = scene;
  const row = rows[index]!;
  const middle = top + layout.rowHeight / 2;
  drawBranches(pen, row, top, middle);
  let x = indentOf(layout, row.depth);
  if (isExpandable(row) && row.kind !== 'more') {
    drawChevron(ctx, x + 5, middle, 'expanded' in row && row.expanded, colours.secondary);
  }
  x += TOGGLE_WIDTH + 2;
  switch (row.kind) {
    case 'span':
      drawLayerMark(ctx, model.layer[row.span]!, top, layout.rowHeight, colours);
      return drawName(pen, row, x, middle);
    case 'fold':
      drawLayerMark(ctx, model.layer[row.spans[0]!]!, top, layout.rowHeight, colours);
      return drawFoldName(pen, row, x, middle);
    case 'strip': {
      drawLayerMark(ctx, 2, top, layout.rowHeight, colours);
      const points = model.hops.get(row.span)?.length ?? 0;
      if (!layout.narrow) drawPlain(pen, `${points} hops, one strip`, x, middle, true);
      return;
    }
    case 'hop': {
      drawLayerMark(ctx, 2, top, layout.rowHeight, colours);
      const segment = waySegments(model.hops.get(row.span) ?? [])[row.segment];
      return drawPlain(pen, segment ? `${placeWords(segment.place)} · ${segment.label}` : '', x, middle, true);
    }
    case 'unexplained':
      drawLayerMark(ctx, model.layer[row.span]!, top, layout.rowHeight, colours);
      drawIcon(ctx, 'question', x, middle - 6, colours.secondary);
      ctx.font = `italic ${waterfallFont(scene, FONT_SIZE)}`;
      ctx.fillStyle = colours.text;
      ctx.fillText(fitText(ctx, 'unexplained', layout.treeWidth - x - 24), x + 16, middle + 0.5);
      return;
    case 'more':
      ctx.font = waterfallFont(scene, FONT_SIZE);
      ctx.fillStyle = colours.primary;
      ctx.fillText(fitText(ctx, `${formatCount(row.rest)} more, show 50`, layout.treeWidth - x - 8), x, middle + 0.5);
      return;
    case 'tray':
      ctx.font = waterfallFont(scene, FONT_SIZE, 500);
      ctx.fillStyle = colours.text;
      ctx.fillText(fitText(ctx, `Not joined · ${formatCount(row.count)}`, layout.treeWidth - x - 8), x, middle + 0.5);
      return;
  }
}

/** Shape first, colour never: solid application, hollow process, dotted network. */
function drawLayerMark(
  ctx: CanvasRenderingContext2D,
  layer: number,
  top: number,
  rowHeight: number,
  colours: WaterfallColours
): void {
  const y = top + 2;
  const height = rowHeight - 4;
  if (layer === 0) fillRect(ctx, colours.text, 2, y, 4, height);
  else if (layer === 1) {
    ctx.strokeStyle = colours.mark;
    ctx.lineWidth = 1;
    ctx.strokeRect(2.5, y + 0.5, 3, height - 1);
  } else for (let at = 0; at < height; at += 5) fillRect(ctx, colours.mark, 2, y + at, 4, 2);
}

/** Lines of the ancestors that go on below, and the elbow of this row. */
const MOST_BRANCHES = 64;

function drawBranches({ ctx, scene }: Pen, row: WaterfallRow, top: number, middle: number): void {
  if (row.parentRow === -1) return;
  const { rows, layout, colours, model } = scene;
  const bottom = top + layout.rowHeight;
  const lineX = (of: WaterfallRow): number => Math.round(indentOf(layout, of.depth) + 5) + 0.5;
  ctx.lineWidth = 1;
  ctx.strokeStyle = colours.strong;
  let at = row;
  for (let level = 0; at.parentRow !== -1 && level < MOST_BRANCHES; level++) {
    const above = rows[at.parentRow]!;
    if (at === row || !at.last) line(ctx, lineX(above), top, lineX(above), at === row && row.last ? middle : bottom);
    at = above;
  }
  const weak = row.kind === 'span' && certaintyText(model, row.span) !== '';
  const x = lineX(rows[row.parentRow]!);
  const end = indentOf(layout, row.depth) + (isExpandable(row) ? 1 : TOGGLE_WIDTH - 1);
  ctx.strokeStyle = weak ? colours.text : colours.strong;
  ctx.setLineDash(weak ? [2, 2] : []);
  line(ctx, x, Math.round(middle) + 0.5, end, Math.round(middle) + 0.5);
  ctx.setLineDash([]);
  if (row.kind === 'span' && model.oneOf[row.span]! > 0) {
    ctx.beginPath();
    ctx.arc(end, middle, 2.5, 0, Math.PI * 2);
    ctx.fillStyle = colours.background;
    ctx.fill();
    ctx.stroke();
  }
}

function drawChevron(ctx: CanvasRenderingContext2D, x: number, y: number, open: boolean, colour: string): void {
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.4;
  ctx.beginPath();
  if (open) {
    ctx.moveTo(x - 3, y - 1.5);
    ctx.lineTo(x, y + 1.5);
    ctx.lineTo(x + 3, y - 1.5);
  } else {
    ctx.moveTo(x - 1.5, y - 3);
    ctx.lineTo(x + 1.5, y);
    ctx.lineTo(x - 1.5, y + 3);
  }
  ctx.stroke();
}

function drawName(pen: Pen, row: SpanRow, left: number, y: number): void {
  const { ctx, scene } = pen;
  const { model, layout, colours, rows } = scene;
  const { span } = row;
  let x = left;
  const right = layout.treeWidth - 8;
  const service = model.services[model.shownService[span]!]!;
  const stub = model.oneOf[span]! > 0;
  x = drawSwatch(pen, stub ? undefined : service, x, y);
  if (!layout.narrow) {
    drawIcon(ctx, iconOf(model, span), x, y - 6, colours.secondary);
    x += 16;
  }
  const failed = model.failed[span] === 1;
  const code = failed && model.code[span]! >= 400 ? String(model.code[span]) : '';
  const pill = certaintyText(model, span);
  ctx.font = waterfallFont(scene, SMALL);
  const codeWidth = code === '' ? 0 : ctx.measureText(code).width + 5;
  const pillWidth = pill === '' ? 0 : ctx.measureText(pill).width + 15;
  const count = row.hidden > 0 ? formatCount(row.hidden) : '';
  const countWidth = count === '' ? 0 : ctx.measureText(count).width + 14;
  const tail = codeWidth + pillWidth + countWidth + (failed ? 16 : 0);
  const network = model.layer[span] === 2;
  const rank = row.rank > 0 ? ` #${row.rank}` : '';
  const name = `${model.names[model.name[span]!]!}${rank}`;
  const nameFont = network
    ? waterfallFont(scene, SMALL)
    : waterfallFont(scene, FONT_SIZE, model.layer[span] === 0 ? 500 : 400);
  ctx.font = nameFont;
  const nameWidth = ctx.measureText(name).width;
  const above = row.parentRow === -1 ? undefined : rows[row.parentRow];
  const sameAsAbove = above?.kind === 'span' && model.services[model.shownService[above.span]!] === service;
  if (!sameAsAbove && row.rank === 0) {
    // Where both do not fit, the operation beats the service: the swatch stays.
    ctx.font = waterfallFont(scene, FONT_SIZE);
    const width = ctx.measureText(service).width + 5;
    if (x + width + Math.min(nameWidth, 90) + tail <= right) {
      ctx.fillStyle = colours.secondary;
      ctx.fillText(service, x, y + 0.5);
      x += width;
    }
  }
  ctx.font = nameFont;
  ctx.fillStyle = network ? colours.secondary : colours.text;
  const shown = fitText(ctx, name, Math.max(20, right - x - tail));
  ctx.fillText(shown, x, y + 0.5);
  x += ctx.measureText(shown).width + 5;
  ctx.font = waterfallFont(scene, SMALL);
  if (code !== '') {
    ctx.fillStyle = colours.error;
    ctx.fillText(code, x, y + 0.5);
    x += codeWidth;
  }
  if (failed) {
    drawIcon(ctx, model.errorOrigin[span] === 1 ? 'origin' : 'error', x, y - 6, colours.error);
    x += 16;
  }
  if (pill !== '') x = drawPill(pen, pill, x, y, pillWidth - 5, true) + 5;
  if (count !== '') drawPill(pen, count, x, y, countWidth - 4, false);
}

function drawFoldName(pen: Pen, row: FoldRow, left: number, y: number): void {
  const { ctx, scene } = pen;
  const { model, layout, colours } = scene;
  const span = row.spans[0]!;
  let x = drawSwatch(pen, model.services[model.shownService[span]!]!, left, y);
  if (!layout.narrow) {
    drawIcon(ctx, iconOf(model, span), x, y - 6, colours.secondary);
    x += 16;
  }
  ctx.font = waterfallFont(scene, FONT_SIZE, 600);
  ctx.fillStyle = colours.text;
  const count = `×${formatCount(row.spans.length)}`;
  ctx.fillText(count, x, y + 0.5);
  x += ctx.measureText(count).width + 5;
  const failed = row.stats.failed > 0;
  ctx.font = waterfallFont(scene, FONT_SIZE);
  const name = fitText(
    ctx,
    model.names[model.name[span]!]!,
    Math.max(20, layout.treeWidth - 8 - x - (failed ? 16 : 0))
  );
  ctx.fillText(name, x, y + 0.5);
  if (failed) drawIcon(ctx, 'error', x + ctx.measureText(name).width + 5, y - 6, colours.error);
}

function drawSwatch({ ctx, scene }: Pen, service: string | undefined, x: number, y: number): number {
  const { colours } = scene;
  if (service !== undefined) fillRect(ctx, colours.service(service), x, y - 4, 8, 8);
  else {
    ctx.strokeStyle = colours.mark;
    ctx.setLineDash([2, 2]);
    ctx.strokeRect(x + 0.5, y - 3.5, 7, 7);
    ctx.setLineDash([]);
  }
  return x + 13;
}

function drawPill({ ctx, scene }: Pen, text: string, x: number, y: number, width: number, dashed: boolean): number {
  const { colours } = scene;
  ctx.beginPath();
  ctx.roundRect(x + 0.5, y - 6.5, width, 13, 6.5);
  if (dashed) {
    ctx.strokeStyle = colours.mark;
    ctx.lineWidth = 1;
    ctx.setLineDash([2, 2]);
    ctx.stroke();
    ctx.setLineDash([]);
  } else {
    ctx.fillStyle = colours.hover;
    ctx.fill();
  }
  ctx.font = waterfallFont(scene, SMALL);
  ctx.fillStyle = colours.text;
  ctx.fillText(text, x + 5.5, y + 0.5);
  return x + width;
}

function drawPlain({ ctx, scene }: Pen, text: string, x: number, y: number, network: boolean): void {
  const { colours, layout } = scene;
  if (network && !layout.narrow) drawIcon(ctx, 'network', x, y - 6, colours.secondary);
  ctx.font = waterfallFont(scene, SMALL);
  ctx.fillStyle = colours.secondary;
  const left = x + (network && !layout.narrow ? 16 : 0);
  ctx.fillText(fitText(ctx, text, layout.treeWidth - left - 8), left, y + 0.5);
}

function drawNumbers({ ctx, scene }: Pen, row: WaterfallRow, top: number): void {
  const { layout, colours } = scene;
  const { width, durationWidth, selfWidth, rowHeight } = layout;
  const y = top + rowHeight / 2 + 0.5;
  const [duration, self] = numbersOf(scene.model, row);
  ctx.font = waterfallFont(scene, FONT_SIZE);
  ctx.textAlign = 'right';
  if (durationWidth > 0) {
    ctx.fillStyle = row.kind === 'span' || row.kind === 'fold' ? colours.text : colours.secondary;
    ctx.fillText(duration, width - selfWidth - 8, y);
  }
  if (selfWidth > 0) {
    ctx.fillStyle = colours.secondary;
    ctx.fillText(self, width - 8, y);
  }
  ctx.textAlign = 'left';
}

function numbersOf(model: TraceModel, row: WaterfallRow): readonly [string, string] {
  switch (row.kind) {
    case 'span': {
      const self = model.oneOf[row.span]! > 0 ? undefined : model.selfNs[row.span];
      return [formatDuration(model.durationsNs[row.span]), formatDuration(self)];
    }
    case 'fold':
      return [formatDuration(row.stats.totalNs), formatDuration(row.stats.selfNs)];
    case 'strip':
      return [formatDuration(betweenTime(model.hops.get(row.span) ?? [])), ''];
    case 'hop':
      return [formatDuration(waySegments(model.hops.get(row.span) ?? [])[row.segment]?.bothNs), '–'];
    case 'unexplained':
      return [formatDuration(row.endNs - row.startNs), formatDuration(row.endNs - row.startNs)];
    case 'more':
    case 'tray':
      return ['', ''];
  }
}

export function waterfallFont({ colours }: Pick<WaterfallScene, 'colours'>, size: number, weight = 400): string {
  return `${weight} ${size}px ${colours.fontFamily}`;
}

function fillRect(ctx: CanvasRenderingContext2D, colour: string, x: number, y: number, w: number, h: number): void {
  ctx.fillStyle = colour;
  ctx.fillRect(x, y, w, h);
}

function line(ctx: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number): void {
  ctx.beginPath();
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
  ctx.stroke();
}

function clip(ctx: CanvasRenderingContext2D, x: number, y: number, width: number, height: number): void {
  ctx.beginPath();
  ctx.rect(x, y, width, height);
  ctx.clip();
}
