import { formatDuration } from '../format.ts';
import { niceTicks, panTo, tickLabel, type TimeRangeNs } from './axis.ts';
import { tickCount, type WaterfallColours, waterfallFont } from './draw.ts';
import { barsArea, timeAt, type WaterfallLayout, xOf } from './geometry.ts';
import { type TraceModel } from './model.ts';
import { type WaterfallRow } from './rows.ts';

export const MINIMAP_HEIGHT = 28;
export const AXIS_HEIGHT = 20;
export const HEADER_HEIGHT = MINIMAP_HEIGHT + AXIS_HEIGHT;
/** More lines than this are not told apart on the minimap. */
const MOST_LINES = 400;

export interface HeaderScene {
  readonly model: TraceModel;
  readonly rows: readonly WaterfallRow[];
  readonly layout: WaterfallLayout;
  readonly colours: WaterfallColours;
  readonly whole: TimeRangeNs;
  readonly hoverX: number | undefined;
}

/** The minimap with the shown range framed, and the time axis with the columns' names. */
export function drawHeader(ctx: CanvasRenderingContext2D, scene: HeaderScene): void {
  const { layout, colours } = scene;
  const { width, treeWidth, durationWidth, selfWidth } = layout;
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'left';
  ctx.setLineDash([]);
  ctx.fillStyle = colours.background;
  ctx.fillRect(0, 0, width, HEADER_HEIGHT);
  ctx.font = waterfallFont(scene, 11);
  ctx.fillStyle = colours.secondary;
  const { fromNs, toNs } = layout.range;
  const zoomed = toNs - fromNs < scene.whole.toNs - scene.whole.fromNs;
  const what = zoomed
    ? `${formatDuration(toNs - fromNs)} of ${formatDuration(scene.whole.toNs)}`
    : `whole trace, ${formatDuration(scene.whole.toNs)}`;
  ctx.fillText(what, 12, MINIMAP_HEIGHT / 2);
  ctx.fillText('Service and operation', 12, MINIMAP_HEIGHT + AXIS_HEIGHT / 2);
  ctx.textAlign = 'right';
  if (durationWidth > 0) ctx.fillText('Duration', width - selfWidth - 8, MINIMAP_HEIGHT + AXIS_HEIGHT / 2);
  if (selfWidth > 0) ctx.fillText('Self', width - 8, MINIMAP_HEIGHT + AXIS_HEIGHT / 2);
  ctx.textAlign = 'left';
  drawMinimap(ctx, scene);
  drawAxis(ctx, scene);
  ctx.strokeStyle = colours.weak;
  ctx.lineWidth = 1;
  ctx.beginPath();
  ctx.moveTo(0, MINIMAP_HEIGHT - 0.5);
  ctx.lineTo(width, MINIMAP_HEIGHT - 0.5);
  ctx.moveTo(0, HEADER_HEIGHT - 0.5);
  ctx.lineTo(width, HEADER_HEIGHT - 0.5);
  ctx.stroke();
  ctx.strokeStyle = colours.medium;
  ctx.beginPath();
  ctx.moveTo(treeWidth - 0.5, 0);
  ctx.lineTo(treeWidth - 0.5, HEADER_HEIGHT);
  ctx.stroke();
}

function drawMinimap(ctx: CanvasRenderingContext2D, scene: HeaderScene): void {
  const { model, rows, layout, colours, whole } = scene;
  const full = { ...layout, range: whole };
  const every = Math.max(1, Math.ceil(rows.length / MOST_LINES));
  const shown = rows.length / every;
  for (let i = 0; i < rows.length; i += every) {
    const row = rows[i]!;
    if (row.kind !== 'span' && row.kind !== 'fold') continue;
    const span = row.kind === 'span' ? row.span : row.spans[0]!;
    const from = row.kind === 'span' ? model.startNs[span]! : row.stats.startNs;
    const to = row.kind === 'span' ? from + model.durationsNs[span]! : row.stats.endNs;
    const left = xOf(full, from);
    ctx.fillStyle = colours.service(model.services[model.shownService[span]!]!);
    const y = 4 + (i / every / shown) * (MINIMAP_HEIGHT - 9);
    ctx.fillRect(left, y, Math.max(1.5, xOf(full, to) - left), 1.2);
  }
  drawErrorFlags(ctx, scene, full);
  const { fromNs, toNs } = layout.range;
  const left = xOf(full, fromNs);
  const right = xOf(full, toNs);
  ctx.fillStyle = colours.selected;
  ctx.fillRect(left, 1, right - left, MINIMAP_HEIGHT - 3);
  ctx.strokeStyle = colours.primary;
  ctx.lineWidth = 1;
  ctx.strokeRect(left + 0.5, 1.5, Math.max(1, right - left - 1), MINIMAP_HEIGHT - 4);
  ctx.fillStyle = colours.primary;
  for (const x of [left, right]) ctx.fillRect(x - 2, 9, 4, 10);
}

/** Where errors start; more than a screen is wide are the same picture. */
function drawErrorFlags(ctx: CanvasRenderingContext2D, { model, colours }: HeaderScene, full: WaterfallLayout): void {
  if (model.errors === 0) return;
  const drawn = new Set<number>();
  for (let span = 0; span < model.count; span++) {
    if (model.errorOrigin[span] === 0) continue;
    const x = Math.round(xOf(full, model.startNs[span]!));
    if (drawn.has(x)) continue;
    drawn.add(x);
    ctx.fillStyle = colours.error;
    ctx.fillRect(x - 0.5, 2, 1, MINIMAP_HEIGHT - 4);
    ctx.beginPath();
    ctx.moveTo(x - 3, 1);
    ctx.lineTo(x + 3, 1);
    ctx.lineTo(x, 6);
    ctx.fill();
  }
}

function drawAxis(ctx: CanvasRenderingContext2D, { layout, colours, hoverX }: HeaderScene): void {
  const { x0, x1, left, right } = barsArea(layout);
  const y = MINIMAP_HEIGHT + AXIS_HEIGHT / 2 - 1;
  ctx.fillStyle = colours.secondary;
  ctx.strokeStyle = colours.strong;
  ctx.lineWidth = 1;
  let until = -Infinity;
  for (const tick of niceTicks(layout.range, tickCount(layout))) {
    const x = Math.round(xOf(layout, tick)) + 0.5;
    const label = tickLabel(tick);
    const width = ctx.measureText(label).width;
    const start = Math.min(Math.max(x0, x - width / 2), x1 - width + 6);
    ctx.beginPath();
    ctx.moveTo(x, HEADER_HEIGHT - 5);
    ctx.lineTo(x, HEADER_HEIGHT);
    ctx.stroke();
    if (start < until + 8) continue;
    ctx.fillText(label, start, y);
    until = start + width;
  }
  if (hoverX === undefined || hoverX < left || hoverX > right) return;
  const label = formatDuration(timeAt(layout, hoverX));
  const width = ctx.measureText(label).width + 8;
  const start = Math.min(Math.max(left, hoverX - width / 2), right - width);
  ctx.fillStyle = colours.elevated;
  ctx.fillRect(start, MINIMAP_HEIGHT + 1, width, AXIS_HEIGHT - 3);
  ctx.fillStyle = colours.text;
  ctx.fillText(label, start + 4, y);
}

export type MinimapDrag = 'from' | 'to' | 'move' | 'new';

/** What a press at this point of the minimap drags: an edge of the frame, the frame, or a new one. */
export function minimapDragAt(layout: WaterfallLayout, whole: TimeRangeNs, x: number): MinimapDrag {
  const full = { ...layout, range: whole };
  const from = xOf(full, layout.range.fromNs);
  const to = xOf(full, layout.range.toNs);
  if (Math.abs(x - from) <= 5) return 'from';
  if (Math.abs(x - to) <= 5) return 'to';
  const zoomed = layout.range.fromNs > whole.fromNs || layout.range.toNs < whole.toNs;
  return zoomed && x > from && x < to ? 'move' : 'new';
}

/** The range after dragging from one time of the whole to another. */
export function dragRange(
  drag: MinimapDrag,
  range: TimeRangeNs,
  whole: TimeRangeNs,
  startNs: number,
  atNs: number
): TimeRangeNs {
  const least = Math.min(1_000, whole.toNs - whole.fromNs);
  const at = Math.min(Math.max(atNs, whole.fromNs), whole.toNs);
  switch (drag) {
    case 'from':
      return { fromNs: Math.min(at, range.toNs - least), toNs: range.toNs };
    case 'to':
      return { fromNs: range.fromNs, toNs: Math.max(at, range.fromNs + least) };
    case 'move':
      return panTo({ fromNs: range.fromNs + at - startNs, toNs: range.toNs + at - startNs }, whole);
    case 'new': {
      const fromNs = Math.min(startNs, at);
      return panTo({ fromNs, toNs: Math.max(fromNs + least, startNs, at) }, whole);
    }
  }
}
