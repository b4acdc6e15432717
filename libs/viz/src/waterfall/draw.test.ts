import { describe, expect, it } from 'vitest';
import { criticalPath, pathByRow } from './criticalPath.ts';
import { drawWaterfall, type WaterfallColours, type WaterfallScene } from './draw.ts';
import { dragRange, drawHeader, minimapDragAt } from './drawHeader.ts';
import { barsArea, lensOf, timeAt, waterfallHitAt, type WaterfallLayout, xOf } from './geometry.ts';
import { waySegments } from './hops.ts';
import { foldShape, ownIntervals } from './intervals.ts';
import { type HopPoint, type TraceModel } from './model.ts';
import { buildRows, DEFAULT_VIEW, type WaterfallView } from './rows.ts';
import { type TestSpan, traceOf } from './testTrace.ts';

const COLOURS = {
  background: 'background',
  elevated: 'elevated',
  text: 'text',
  secondary: 'secondary',
  maxContrast: 'maxContrast',
  weak: 'weak',
  medium: 'medium',
  strong: 'strong',
  mark: 'mark',
  hover: 'hover',
  selected: 'selected',
  primary: 'primary',
  error: 'error',
  warning: 'warning',
  onWarning: 'onWarning',
  fontFamily: 'Inter',
  service: (name: string) => `service ${name}`,
} satisfies WaterfallColours;

interface Recorded {
  readonly texts: { text: string; x: number }[];
  readonly rects: { colour: string; x: number; width: number }[];
  calls: number;
}

/** A context that writes down what is drawn; a letter is six pixels wide. */
function recorder(): { ctx: CanvasRenderingContext2D; drawn: Recorded } {
  const drawn: Recorded = { texts: [], rects: [], calls: 0 };
  const state: Record<string, unknown> = {
    measureText: (text: string) => ({ width: text.length * 6 }),
    fillText: (text: string, x: number) => drawn.texts.push({ text, x }),
    fillRect: (x: number, _y: number, width: number) => drawn.rects.push({ colour: String(state.fillStyle), x, width }),
  };
  const ctx = new Proxy(state, {
    get: (target, name: string) => {
      if (!(name in target)) return () => drawn.calls++;
      const value = target[name];
      if (typeof value === 'function') drawn.calls++;
      return value;
    },
  });
  return { ctx: ctx as unknown as CanvasRenderingContext2D, drawn };
}

const layout = (model: TraceModel, changes: Partial<WaterfallLayout> = {}): WaterfallLayout => ({
  width: 1_200,
  height: 400,
  rowHeight: 20,
  treeWidth: 300,
  durationWidth: 76,
  selfWidth: 72,
  scrollTop: 0,
  range: { fromNs: 0, toNs: model.durationNs },
  narrow: false,
  ...changes,
});

function draw(model: TraceModel, changes: Partial<WaterfallLayout> = {}, view: WaterfallView = DEFAULT_VIEW): Recorded {
  const { ctx, drawn } = recorder();
  const built = buildRows(model, view);
  const scene: WaterfallScene = {
    model,
    rows: built.rows,
    layout: layout(model, changes),
    colours: COLOURS,
    pathByRow: pathByRow(criticalPath(model), built.shownAt),
    selectedRow: 0,
    hoverRow: -1,
    hoverX: undefined,
    matches: new Set(),
  };
  drawWaterfall(ctx, scene);
  return drawn;
}

const way: HopPoint[] = [
  { kind: 'process', point: 'shop', host: 'n', requestNs: 0, responseNs: 10e6, retransmissions: 0 },
  { kind: 'interface', point: 'eth0', host: 'n', requestNs: 1e5, responseNs: 9.9e6, retransmissions: 0 },
  { kind: 'process', point: 'pay', host: 'n', requestNs: 3e5, responseNs: 9.8e6, retransmissions: 1 },
];

describe('drawWaterfall', () => {
  it('costs the same for a hundred rows and for twenty thousand', () => {
    const flat = (count: number): TraceModel =>
      traceOf([
        { id: 'root', at: 0, ms: 1_000 },
        ...Array.from({ length: count }, (_, i): TestSpan => {
          return { id: `s${i}`, parent: 'root', at: (i / count) * 999, ms: 0.01, name: `n${i}` };
        }),
      ]);
    const few = draw(flat(100)).calls;
    const many = draw(flat(20_000)).calls;
    // The root's own time is cut by its children: by a thousand of them at most.
    expect(many).toBeLessThan(few + 3_000);
    const scrolled = draw(flat(20_000), { scrollTop: 200_000 });
    expect(scrolled.calls).toBeLessThan(few + 3_000);
    expect(scrolled.texts.some(({ text }) => text === 'n9999')).toBe(true);
  });

  it('writes each visible name and duration, and marks where an error starts with words', () => {
    const model = traceOf([
      { id: 'root', name: 'POST /checkout', at: 0, ms: 100, failed: true },
      {
        id: 'x',
        parent: 'root',
        name: 'authorize',
        at: 10,
        ms: 20,
        failed: true,
        tags: { 'throughline.failure': 'timeout' },
      },
    ]);
    const texts = draw(model).texts.map(({ text }) => text);
    expect(texts).toContain('POST /checkout');
    expect(texts).toContain('100.0 ms');
    expect(texts).toContain('error starts here: timeout after 20.00 ms');
  });

  it('puts a label left of a bar that ends at the edge, and drops it where neither side has room', () => {
    const late = traceOf([
      { id: 'root', at: 0, ms: 100 },
      { id: 'x', parent: 'root', at: 90, ms: 10, failed: true },
    ]);
    const [label] = draw(late).texts.filter(({ text }) => text.startsWith('error starts'));
    const area = barsArea(layout(late));
    expect(label!.x).toBeGreaterThan(area.left);
    expect(label!.x + label!.text.length * 6).toBeLessThan(xOf(layout(late), 90e6));
    const whole = traceOf([{ id: 'root', at: 0, ms: 100, failed: true }]);
    expect(draw(whole).texts.some(({ text }) => text.startsWith('error starts'))).toBe(false);
  });

  it('shows weak links, requests that are one of several, folds and unexplained time in words', () => {
    const model = traceOf([
      { id: 'root', at: 0, ms: 100, kind: 'server' },
      {
        id: 'weak',
        parent: 'root',
        at: 0,
        ms: 10,
        tags: { 'throughline.link.evidence': 'ingress', 'throughline.link.probability': 0.629 },
      },
      { id: 's', at: 10, ms: 5, tags: { 'throughline.link.evidence': 'one_of' }, oneOf: { root: 0.4, a: 0.3, b: 0.3 } },
      ...[0, 1, 2, 3].map((i): TestSpan => {
        return { id: `q${i}`, parent: 'root', at: 60 + i * 10, ms: 9, name: 'SELECT', failed: i === 1 };
      }),
    ]);
    const texts = draw(model).texts.map(({ text }) => text);
    for (const text of ['sure 0.62', 'one of 3 requests', '×4', 'unexplained', 'p50 9.00 ms, 1 failed']) {
      expect(texts).toContain(text);
    }
    expect(texts).toContain('not counted: 2 other requests fit as well');
    expect(texts).toContain('50.00 ms nobody explains: no call was seen');
  });

  it('draws a strip under its call, and its lens with what was sent again as a warning', () => {
    const model = traceOf([{ id: 'call', at: 0, ms: 10, kind: 'client', hops: way }]);
    const closed = draw(model).texts.map(({ text }) => text);
    expect(closed).toEqual(expect.arrayContaining(['shop 200 µs', 'stack 300 µs', 'pay 9.50 ms']));
    const open = draw(model, {}, { ...DEFAULT_VIEW, lenses: new Set([0]) });
    expect(open.texts.map(({ text }) => text)).toContain('200 µs, sent again 1×');
    expect(open.rects.some(({ colour }) => colour === 'warning')).toBe(true);
    const away = draw(model, { range: { fromNs: 20e6, toNs: 30e6 } }).texts.map(({ text }) => text);
    expect(away).not.toContain('shop 200 µs');
  });

  it('needs no more than a phone has: three columns, the strip from within the tree', () => {
    const model = traceOf([{ id: 'call', at: 0, ms: 10, kind: 'client', hops: way }]);
    const small = draw(model, { width: 390, treeWidth: 200, durationWidth: 62, selfWidth: 0, narrow: true });
    expect(small.texts.map(({ text }) => text)).toContain('9.50 ms');
    expect(small.texts.every(({ x }) => x <= 390)).toBe(true);
  });
});

describe('the lens', () => {
  it('has the same pixels for a microsecond in both directions, mirrored around the cut', () => {
    const lens = lensOf(layout(traceOf([{ id: 'a', at: 0, ms: 10 }])), waySegments(way));
    const [first, second] = lens.bars;
    const length = ([from, to]: readonly [number, number]): number => to - from;
    const perNs = length(first!.request!) / 1e5;
    expect(length(first!.response!) / 1e5).toBeCloseTo(perNs);
    expect(length(second!.request!) / 2e5).toBeCloseTo(perNs);
    expect(second!.request![1]).toBeCloseTo(lens.cutLeft);
    expect(second!.response![0]).toBeCloseTo(lens.cutRight);
    expect(first!.response![1]).toBeLessThanOrEqual(lens.right);
  });
});

describe('geometry', () => {
  const model = traceOf([
    { id: 'root', at: 0, ms: 100 },
    { id: 'x', parent: 'root', at: 10, ms: 20 },
  ]);
  const { rows } = buildRows(model, DEFAULT_VIEW);

  it('finds times by pixels and back', () => {
    expect(timeAt(layout(model), xOf(layout(model), 42e6))).toBeCloseTo(42e6);
  });

  it('tells toggle, tree, bars and numbers apart', () => {
    const at = (x: number, y: number) => {
      const hit = waterfallHitAt(layout(model), rows, x, y);
      return hit && `${hit.index} ${hit.part}`;
    };
    expect(at(15, 5)).toBe('0 toggle');
    expect(at(100, 5)).toBe('0 tree');
    expect(at(28, 25)).toBe('1 tree');
    expect(at(500, 25)).toBe('1 bars');
    expect(at(1_150, 25)).toBe('1 numbers');
    expect(at(100, 390)).toBeUndefined();
  });
});

describe('ownIntervals and foldShape', () => {
  it('are what no child covers, and at most so many', () => {
    const model = traceOf([
      { id: 'root', at: 0, ms: 100 },
      { id: 'x', parent: 'root', at: 10, ms: 20 },
      { id: 'y', parent: 'root', at: 20, ms: 30 },
    ]);
    expect([...ownIntervals(model, 0)].map((ns) => ns / 1e6)).toEqual([0, 10, 50, 100]);
    const wide = traceOf([
      { id: 'root', at: 0, ms: 10_000 },
      ...Array.from({ length: 9_000 }, (_, i): TestSpan => ({ id: `s${i}`, parent: 'root', at: i, ms: 0.5 })),
    ]);
    expect(ownIntervals(wide, 0).length).toBeLessThanOrEqual(2 * 1_024);
  });

  it('fill the buckets of a fold with what its spans last', () => {
    const model = traceOf(
      Array.from({ length: 8 }, (_, i): TestSpan => ({ id: `s${i}`, at: i * 10, ms: 5, name: 'q', failed: i === 7 }))
    );
    const row = buildRows(model, DEFAULT_VIEW).rows[0]!;
    if (row.kind !== 'fold') throw new Error('no fold');
    const { filled, failed } = foldShape(model, row);
    const share = filled.reduce((sum, each) => sum + each, 0) / filled.length;
    expect(share).toBeCloseTo(40 / 75, 2);
    expect(failed).toHaveLength(1);
  });
});

describe('the header', () => {
  const model = traceOf([
    { id: 'root', at: 0, ms: 100 },
    { id: 'x', parent: 'root', at: 10, ms: 20, failed: true },
  ]);
  const whole = { fromNs: 0, toNs: 100e6 };

  it('names the columns and the times', () => {
    const { ctx, drawn } = recorder();
    const { rows } = buildRows(model, DEFAULT_VIEW);
    drawHeader(ctx, { model, rows, layout: layout(model), colours: COLOURS, whole, hoverX: undefined });
    const texts = drawn.texts.map(({ text }) => text);
    for (const text of ['whole trace, 100.0 ms', 'Duration', 'Self', '0', '50 ms']) expect(texts).toContain(text);
    expect(drawn.rects.some(({ colour }) => colour === 'error')).toBe(true);
  });

  it('drags edges, the frame, or a new one', () => {
    const zoomed = layout(model, { range: { fromNs: 20e6, toNs: 60e6 } });
    const x = (ns: number): number => xOf(layout(model), ns);
    expect([20e6, 60e6, 40e6, 90e6].map((ns) => minimapDragAt(zoomed, whole, x(ns)))).toEqual([
      'from',
      'to',
      'move',
      'new',
    ]);
    const range = { fromNs: 20e6, toNs: 60e6 };
    expect(dragRange('from', range, whole, 20e6, 30e6)).toEqual({ fromNs: 30e6, toNs: 60e6 });
    expect(dragRange('to', range, whole, 60e6, 500e6)).toEqual({ fromNs: 20e6, toNs: 100e6 });
    expect(dragRange('move', range, whole, 40e6, 90e6)).toEqual({ fromNs: 60e6, toNs: 100e6 });
    expect(dragRange('new', range, whole, 80e6, 70e6)).toEqual({ fromNs: 70e6, toNs: 80e6 });
  });
});
