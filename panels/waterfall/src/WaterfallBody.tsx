import { css } from '@emotion/css';
import { type GrafanaTheme2 } from '@grafana/data';
import { useStyles2, useTheme2 } from '@grafana/ui';
import {
  type KeyboardEvent,
  memo,
  type PointerEvent,
  type RefObject,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import {
  dragRange,
  drawHeader,
  drawWaterfall,
  HEADER_HEIGHT,
  isExpandable,
  MINIMAP_HEIGHT,
  type MinimapDrag,
  minimapDragAt,
  panTo,
  rowText,
  timeAt,
  type TimeRangeNs,
  type TraceModel,
  visibleRows,
  type WaterfallHit,
  waterfallHitAt,
  type WaterfallLayout,
  type WaterfallRow,
  zoomAt,
} from '@throughline/viz';
import { waterfallColours } from './colours.ts';
import { rowKey } from './rowKeys.ts';
import { RowTooltip } from './RowTooltip.tsx';
import { useCanvas } from './useCanvas.ts';
import { type Waterfall } from './useWaterfall.ts';

export interface WaterfallBodyProps {
  readonly waterfall: Waterfall;
  readonly width: number;
  readonly height: number;
  readonly rowHeight: number;
  readonly treeWidth: number;
  readonly narrow: boolean;
  readonly scrollRef: RefObject<HTMLDivElement | null>;
  readonly onKeyDown: (event: KeyboardEvent) => void;
  readonly onTreeWidth: (width: number) => void;
}

interface Hover {
  readonly x: number;
  readonly y: number;
  readonly hit: WaterfallHit | undefined;
}

/** Rows outside of the view are announced once scrolling rests: a frame is for drawing. */
const ANNOUNCE_AFTER_MS = 80;
const SCROLLBAR = 10;

export function WaterfallBody(props: WaterfallBodyProps) {
  const { waterfall, width, height, rowHeight, treeWidth, narrow, scrollRef, onKeyDown, onTreeWidth } = props;
  const styles = useStyles2(getStyles);
  const theme = useTheme2();
  const { model, built, range, whole, selectedRow } = waterfall;
  const { rows } = built;
  const bodyHeight = Math.max(rowHeight, height - HEADER_HEIGHT);
  const total = rows.length * rowHeight;
  const inner = Math.max(60, width - (total > bodyHeight ? SCROLLBAR : 0));
  const scrollTop = useRef(0);
  const hover = useRef<Hover | undefined>(undefined);
  const [tooltip, setTooltip] = useState<Hover>();
  const colours = useMemo(() => waterfallColours(theme, model), [theme, model]);
  const matches = useMemo(() => new Set(waterfall.found), [waterfall.found]);

  const layoutNow = useCallback(
    (): WaterfallLayout => ({
      width: inner,
      height: bodyHeight,
      rowHeight,
      treeWidth,
      durationWidth: narrow ? 62 : 76,
      selfWidth: narrow ? 0 : 72,
      scrollTop: scrollTop.current,
      range,
      narrow,
    }),
    [inner, bodyHeight, rowHeight, treeWidth, narrow, range]
  );

  const body = useCanvas(inner, bodyHeight, (ctx) =>
    drawWaterfall(ctx, {
      model,
      rows,
      layout: layoutNow(),
      colours,
      pathByRow: waterfall.pathByRow,
      selectedRow,
      hoverRow: hover.current?.hit?.index ?? -1,
      hoverX: hover.current?.x,
      matches,
    })
  );
  const header = useCanvas(inner, HEADER_HEIGHT, (ctx) =>
    drawHeader(ctx, { model, rows, layout: layoutNow(), colours, whole, hoverX: hover.current?.x })
  );

  const [announced, setAnnounced] = useState<readonly [number, number]>([0, 0]);
  const announceTimer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const announce = useCallback(() => setAnnounced(visibleRows(layoutNow(), rows.length)), [layoutNow, rows]);
  useEffect(() => {
    announce();
    return () => clearTimeout(announceTimer.current);
  }, [announce]);

  const onScroll = (): void => {
    scrollTop.current = scrollRef.current?.scrollTop ?? 0;
    body.redraw();
    setTooltip(undefined);
    clearTimeout(announceTimer.current);
    announceTimer.current = setTimeout(announce, ANNOUNCE_AFTER_MS);
  };

  // The selected row is in view, wherever it went.
  const selectedKey = rows[selectedRow] ? rowKey(rows[selectedRow]) : undefined;
  useLayoutEffect(() => {
    const scroller = scrollRef.current;
    if (!scroller || selectedRow < 0) return;
    const top = selectedRow * rowHeight;
    const margin = Math.min(2 * rowHeight, bodyHeight / 4);
    if (top < scroller.scrollTop + margin) scroller.scrollTop = Math.max(0, top - margin);
    else if (top + rowHeight > scroller.scrollTop + bodyHeight - margin) {
      scroller.scrollTop = top + rowHeight - bodyHeight + margin;
    }
    scrollTop.current = scroller.scrollTop;
    // Not after every change of the rows: only when another row is selected, or the drawer covers it.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [selectedKey, bodyHeight]);

  const pointAt = (event: { clientX: number; clientY: number }): readonly [number, number] => {
    const box = scrollRef.current!.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const onPointerMove = (event: PointerEvent): void => {
    const [x, y] = pointAt(event);
    const hit = waterfallHitAt(layoutNow(), rows, x, y);
    hover.current = { x, y, hit };
    scrollRef.current!.style.cursor = hit ? 'pointer' : '';
    // A finger hides what it points at.
    setTooltip(event.pointerType === 'touch' ? undefined : hover.current);
    body.redraw();
    header.redraw();
  };
  const onPointerLeave = (): void => {
    hover.current = undefined;
    setTooltip(undefined);
    body.redraw();
    header.redraw();
  };
  const onClick = (event: React.MouseEvent): void => {
    const [x, y] = pointAt(event);
    const hit = waterfallHitAt(layoutNow(), rows, x, y);
    if (!hit) return;
    if (hit.part === 'toggle') {
      waterfall.select(hit.row);
      waterfall.toggle(hit.row);
    } else waterfall.open(hit.row);
  };
  const onDoubleClick = (event: React.MouseEvent): void => {
    const [x, y] = pointAt(event);
    const hit = waterfallHitAt(layoutNow(), rows, x, y);
    const target = hit && rangeOfRow(model, hit.row);
    if (target && hit.part === 'bars') waterfall.zoomTo(target);
  };

  // React's wheel listeners are passive: this one keeps the page from zooming.
  useEffect(() => {
    const scroller = scrollRef.current;
    if (!scroller) return;
    const onWheel = (event: WheelEvent): void => {
      const layout = layoutNow();
      const x = event.clientX - scroller.getBoundingClientRect().left;
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        waterfall.setRange(zoomAt(range, whole, timeAt(layout, x), Math.exp(event.deltaY * 0.002)));
      } else if (event.shiftKey) {
        event.preventDefault();
        const by = ((event.deltaY || event.deltaX) / inner) * (range.toNs - range.fromNs);
        waterfall.setRange(panTo({ fromNs: range.fromNs + by, toNs: range.toNs + by }, whole));
      }
    };
    scroller.addEventListener('wheel', onWheel, { passive: false });
    return () => scroller.removeEventListener('wheel', onWheel);
  }, [scrollRef, layoutNow, waterfall, range, whole, inner]);

  return (
    <div className={styles.frame} style={{ width, height }}>
      <Minimap {...{ waterfall, layoutNow, inner }}>
        <canvas ref={header.canvasRef} style={{ width: inner, height: HEADER_HEIGHT }} aria-hidden />
      </Minimap>
      <div
        ref={scrollRef}
        className={styles.scroller}
        style={{ height: bodyHeight }}
        tabIndex={0}
        role="treegrid"
        aria-label="Spans of the trace"
        aria-rowcount={rows.length}
        aria-colcount={1}
        aria-activedescendant={selectedRow >= 0 ? `waterfall-row-${selectedRow}` : undefined}
        onScroll={onScroll}
        onKeyDown={onKeyDown}
        onPointerMove={onPointerMove}
        onPointerLeave={onPointerLeave}
        onClick={onClick}
        onDoubleClick={onDoubleClick}
        data-testid="waterfall-rows"
      >
        <canvas
          ref={body.canvasRef}
          className={styles.canvas}
          style={{ width: inner, height: bodyHeight }}
          aria-hidden
        />
        <div aria-hidden style={{ height: Math.max(0, total - bodyHeight), width: 1 }} />
        <AnnouncedRows {...{ model, rows, selectedRow, rowHeight }} first={announced[0]} end={announced[1]} />
      </div>
      <TreeResizer treeWidth={treeWidth} most={inner * 0.7} onTreeWidth={onTreeWidth} />
      {tooltip?.hit && (
        <RowTooltip
          model={model}
          row={tooltip.hit.row}
          x={tooltip.x}
          y={tooltip.y + HEADER_HEIGHT}
          width={inner}
          height={height}
        />
      )}
    </div>
  );
}

/** What a row covers in time, with room around it; undefined for rows without a time. */
export function rangeOfRow(model: TraceModel, row: WaterfallRow): TimeRangeNs | undefined {
  if (row.kind === 'tray' || row.kind === 'more') return undefined;
  let from: number;
  let to: number;
  if (row.kind === 'fold') [from, to] = [row.stats.startNs, row.stats.endNs];
  else if (row.kind === 'unexplained') [from, to] = [row.startNs, row.endNs];
  else [from, to] = [model.startNs[row.span]!, model.startNs[row.span]! + model.durationsNs[row.span]!];
  const room = Math.max(1_000, (to - from) * 0.05);
  return panTo({ fromNs: from - room, toNs: to + room }, { fromNs: 0, toNs: Math.max(1, model.durationNs) });
}

interface MinimapProps {
  readonly waterfall: Waterfall;
  readonly layoutNow: () => WaterfallLayout;
  readonly inner: number;
  readonly children: React.ReactNode;
}

interface Drag {
  readonly kind: MinimapDrag;
  readonly startNs: number;
  readonly range: TimeRangeNs;
}

/** Dragging the frame of the minimap, its edges, or a new frame. */
function Minimap({ waterfall, layoutNow, inner, children }: MinimapProps) {
  const drag = useRef<Drag | undefined>(undefined);
  const { whole, range } = waterfall;
  const at = (event: PointerEvent): readonly [number, number, number] => {
    const box = event.currentTarget.getBoundingClientRect();
    const x = event.clientX - box.left;
    return [x, event.clientY - box.top, timeAt({ ...layoutNow(), range: whole }, x)];
  };
  return (
    <div
      style={{ width: inner, height: HEADER_HEIGHT, touchAction: 'none' }}
      onPointerDown={(event) => {
        const [x, y, ns] = at(event);
        if (y > MINIMAP_HEIGHT || x < layoutNow().treeWidth) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        drag.current = { kind: minimapDragAt(layoutNow(), whole, x), startNs: ns, range };
      }}
      onPointerMove={(event) => {
        const held = drag.current;
        if (held) waterfall.setRange(dragRange(held.kind, held.range, whole, held.startNs, at(event)[2]));
      }}
      onPointerUp={() => {
        drag.current = undefined;
      }}
      onDoubleClick={() => waterfall.setRange(whole)}
    >
      {children}
    </div>
  );
}

interface AnnouncedRowsProps {
  readonly model: TraceModel;
  readonly rows: readonly WaterfallRow[];
  readonly first: number;
  readonly end: number;
  readonly selectedRow: number;
  readonly rowHeight: number;
}

/** The rows in view for those who do not see the drawing. */
const AnnouncedRows = memo(function AnnouncedRows(props: AnnouncedRowsProps) {
  const { model, rows, first, end, selectedRow, rowHeight } = props;
  const styles = useStyles2(getStyles);
  const indexes: number[] = [];
  for (let i = first; i < Math.min(end, rows.length); i++) indexes.push(i);
  // The selected row is always there to be pointed at.
  if (selectedRow >= 0 && selectedRow < rows.length && !indexes.includes(selectedRow)) indexes.push(selectedRow);
  return (
    <div role="rowgroup">
      {indexes.map((index) => {
        const row = rows[index]!;
        return (
          <div
            key={index}
            id={`waterfall-row-${index}`}
            role="row"
            className={styles.announced}
            style={{ top: index * rowHeight, height: rowHeight }}
            aria-rowindex={index + 1}
            aria-level={row.depth + 1}
            aria-selected={index === selectedRow}
            aria-expanded={isExpandable(row) && 'expanded' in row ? row.expanded : undefined}
          >
            <span role="gridcell">{rowText(model, row)}</span>
          </div>
        );
      })}
    </div>
  );
});

interface TreeResizerProps {
  readonly treeWidth: number;
  readonly most: number;
  readonly onTreeWidth: (width: number) => void;
}

function TreeResizer({ treeWidth, most, onTreeWidth }: TreeResizerProps) {
  const styles = useStyles2(getStyles);
  const held = useRef<number | undefined>(undefined);
  const set = (next: number): void => onTreeWidth(Math.round(Math.min(most, Math.max(100, next))));
  return (
    <div
      className={styles.resizer}
      style={{ left: treeWidth - 4 }}
      role="separator"
      aria-orientation="vertical"
      aria-label="Width of the tree"
      aria-valuenow={treeWidth}
      aria-valuemin={100}
      aria-valuemax={Math.round(most)}
      tabIndex={0}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        held.current = event.clientX - treeWidth;
      }}
      onPointerMove={(event) => held.current !== undefined && set(event.clientX - held.current)}
      onPointerUp={() => {
        held.current = undefined;
      }}
      onKeyDown={(event) => {
        const by = event.key === 'ArrowLeft' ? -16 : event.key === 'ArrowRight' ? 16 : 0;
        if (by === 0) return;
        event.preventDefault();
        event.stopPropagation();
        set(treeWidth + by);
      }}
    />
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  frame: css({
    position: 'relative',
    overflow: 'hidden',
    flex: 'none',
    // The canvas would cover an outline of the scroller itself.
    '&:has([role=treegrid]:focus-visible)::after': {
      content: '""',
      position: 'absolute',
      inset: 0,
      pointerEvents: 'none',
      border: `2px solid ${theme.colors.primary.border}`,
    },
  }),
  scroller: css({
    position: 'relative',
    overflowX: 'hidden',
    overflowY: 'auto',
    '@supports not selector(::-webkit-scrollbar)': { scrollbarWidth: 'thin' },
    '&:focus-visible': { outline: 'none' },
    '&::-webkit-scrollbar': { width: SCROLLBAR },
  }),
  canvas: css({ position: 'sticky', top: 0, display: 'block' }),
  announced: css({
    position: 'absolute',
    left: 0,
    width: '100%',
    opacity: 0,
    overflow: 'hidden',
    pointerEvents: 'none',
  }),
  resizer: css({
    position: 'absolute',
    top: 0,
    bottom: 0,
    width: 8,
    cursor: 'col-resize',
    touchAction: 'none',
    '&:hover, &:focus-visible': { background: theme.colors.primary.transparent, outline: 'none' },
  }),
});
