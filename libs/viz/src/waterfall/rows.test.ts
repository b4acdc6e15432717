import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TRACE_LAYERS, type TraceModel } from './model.ts';
import { buildRows, DEFAULT_VIEW, FOLD_PAGE, reveal, type WaterfallRows, type WaterfallView } from './rows.ts';
import { type TestSpan, traceOf } from './testTrace.ts';

const view = (changes: Partial<WaterfallView>): WaterfallView => ({ ...DEFAULT_VIEW, ...changes });

/** The rows as an indented list. */
function outline(model: TraceModel, { rows }: WaterfallRows): string[] {
  return rows.map((row) => {
    const indent = '  '.repeat(row.depth);
    switch (row.kind) {
      case 'span':
        return `${indent}${model.spanIds[row.span]}${row.hidden > 0 ? ` +${row.hidden}` : ''}`;
      case 'fold':
        return `${indent}×${row.spans.length} ${model.names[model.name[row.spans[0]!]!]}`;
      case 'more':
        return `${indent}${row.rest} more`;
      case 'hop':
        return `${indent}hop ${row.segment}`;
      case 'unexplained':
        return `${indent}unexplained ${(row.endNs - row.startNs) / 1e6} ms`;
      case 'tray':
        return `${indent}tray ${row.count}`;
      case 'strip':
        return `${indent}strip`;
    }
  });
}

const point = (point: string, requestNs: number, responseNs: number) =>
  ({ kind: 'interface', point, host: 'n', requestNs, responseNs, retransmissions: 0 }) as const;

const layered = traceOf([
  { id: 'root', at: 0, ms: 100, tags: { 'throughline.layer': 'process' } },
  { id: 'app', parent: 'root', at: 1, ms: 97, tags: { 'throughline.layer': 'application' } },
  { id: 'late', parent: 'app', at: 60, ms: 38, tags: { 'throughline.layer': 'process' } },
  { id: 'net', parent: 'root', at: 2, ms: 57, tags: { 'throughline.layer': 'network' } },
  { id: 'deep', parent: 'net', at: 3, ms: 55, tags: { 'throughline.layer': 'process' } },
]);

describe('buildRows', () => {
  it('lifts the children of a hidden layer to the nearest visible ancestor, by start', () => {
    expect(outline(layered, buildRows(layered, DEFAULT_VIEW))).toEqual([
      'root',
      '  app',
      '    unexplained 59 ms',
      '    late',
      '  net',
      '    deep',
    ]);
    const layers = { application: false, process: true, network: false };
    const rows = buildRows(layered, view({ layers }));
    expect(outline(layered, rows)).toEqual(['root', '  deep', '  late']);
    expect(rows.hiddenByLayer).toBe(2);
  });

  it('closes rows and says how many are below', () => {
    expect(outline(layered, buildRows(layered, view({ collapsed: new Set([0]) })))).toEqual(['root +4']);
  });

  it('moves links less sure than asked for to the tray, with what is below them', () => {
    const model = traceOf([
      { id: 'root', at: 0, ms: 1 },
      { id: 'sure', parent: 'root', at: 0, ms: 1, tags: link(0.99) },
      { id: 'weak', parent: 'root', at: 0.2, ms: 0.5, tags: link(0.62) },
      { id: 'below', parent: 'weak', at: 0.3, ms: 0.1, tags: link(1) },
    ]);
    expect(outline(model, buildRows(model, view({ minProbability: 0.5 })))).not.toContain('tray 2');
    expect(outline(model, buildRows(model, view({ minProbability: 0.7 })))).toEqual([
      'root',
      '  sure',
      'tray 2',
      '  weak',
      '    below',
    ]);
  });

  it('folds repeated siblings, opens failed and slowest first, in pages', () => {
    const calls = Array.from({ length: 120 }, (_, i): TestSpan => {
      return { id: `q${i}`, parent: 'root', at: i, ms: i === 7 ? 0.9 : 0.1 + i / 1e3, name: 'SELECT', failed: i === 3 };
    });
    const model = traceOf([{ id: 'root', at: 0, ms: 130 }, ...calls, { id: 'x', parent: 'root', at: 125, ms: 1 }]);
    const folded = buildRows(model, DEFAULT_VIEW);
    expect(outline(model, folded)).toEqual(['root', '  ×120 SELECT', '  x']);
    const fold = folded.rows[1]!;
    if (fold.kind !== 'fold') throw new Error('no fold');
    expect(fold.stats.failed).toBe(1);
    expect(fold.stats.p50Ns / 1e6).toBeCloseTo(0.159, 2);
    expect(fold.hidden).toBe(120);
    const open = outline(model, buildRows(model, view({ folds: new Map([[fold.key, 1]]) })));
    expect(open.slice(0, 5)).toEqual(['root', '  ×120 SELECT', '    q3', '    q7', '    q119']);
    expect(open.slice(-2)).toEqual(['    70 more', '  x']);
    expect(open).toHaveLength(2 + FOLD_PAGE + 2);
    const all = outline(model, buildRows(model, view({ folds: new Map([[fold.key, 3]]) })));
    expect(all).toHaveLength(2 + 120 + 1);
  });

  it('does not fold three, nor equal names of another service or layer', () => {
    const model = traceOf([
      { id: 'root', at: 0, ms: 1 },
      ...['a', 'b', 'c'].map((id): TestSpan => ({ id, parent: 'root', at: 0, ms: 0.1, name: 'GET' })),
      { id: 'd', parent: 'root', at: 0, ms: 0.1, name: 'GET', service: 'other' },
      { id: 'e', parent: 'root', at: 0, ms: 0.1, name: 'GET', tags: { 'throughline.layer': 'process' } },
    ]);
    expect(buildRows(model, DEFAULT_VIEW).rows.every(({ kind }) => kind === 'span')).toBe(true);
  });

  it('puts the strip below its call, unfolds it, and hides it with the network layer', () => {
    const model = traceOf([
      { id: 'call', at: 0, ms: 1, hops: [point('eth0', 0, 9), point('eth1', 2, 8)], kind: 'client' },
      { id: 'served', parent: 'call', at: 0.2, ms: 0.5 },
    ]);
    expect(outline(model, buildRows(model, DEFAULT_VIEW))).toEqual(['call', '  strip', '  served']);
    expect(outline(model, buildRows(model, view({ lenses: new Set([0]) })))).toEqual([
      'call',
      '  strip',
      '    hop 0',
      '    hop 1',
      '  served',
    ]);
    const layers = { application: true, process: true, network: false };
    expect(outline(model, buildRows(model, view({ layers })))).toEqual(['call', '  served']);
    expect(outline(model, buildRows(model, view({ hopStrips: false })))).toEqual(['call', '  served']);
  });

  it('closes what is deepest where there are too many rows, and says at which level', () => {
    const spans: TestSpan[] = [{ id: 'root', at: 0, ms: 100 }];
    for (let i = 0; i < 30; i++) {
      spans.push({ id: `a${i}`, parent: 'root', at: i, ms: 1, name: `a${i}` });
      for (let j = 0; j < 3; j++) spans.push({ id: `b${i}-${j}`, parent: `a${i}`, at: i, ms: 0.5, name: `b${j}` });
    }
    const model = traceOf(spans);
    const rows = buildRows(model, DEFAULT_VIEW, 60);
    expect(rows.cappedAtDepth).toBe(1);
    expect(rows.cut).toBe(0);
    expect(rows.rows).toHaveLength(32);
    const opened = buildRows(model, view({ opened: new Set([1]) }), 60);
    expect(opened.rows).toHaveLength(35);
    expect(buildRows(model, DEFAULT_VIEW, 10).rows.length).toBeLessThanOrEqual(10);
  });
});

function link(probability: number) {
  return { 'throughline.link.evidence': 'ingress', 'throughline.link.probability': probability };
}

const anySpans = fc
  .array(
    fc.record({
      above: fc.nat(200),
      at: fc.nat(1_000),
      ms: fc.nat(1_000),
      name: fc.nat(2),
      layer: fc.constantFrom(...TRACE_LAYERS),
      probability: fc.constantFrom(0.3, 0.6, 0.95, 1),
    }),
    { minLength: 1, maxLength: 60 }
  )
  .map((specs) =>
    specs.map(({ above, at, ms, name, layer, probability }, i): TestSpan => ({
      id: `s${i}`,
      // Any row may name any other, before or after it: cycles included.
      ...(above < specs.length && above !== i && { parent: `s${above}` }),
      at,
      ms,
      name: `n${name}`,
      tags: { ...link(probability), 'throughline.layer': layer },
    }))
  );

const anyView = fc.record({
  application: fc.boolean(),
  process: fc.boolean(),
  network: fc.boolean(),
  minProbability: fc.constantFrom(0, 0.5, 0.9),
  collapsed: fc.array(fc.nat(59), { maxLength: 5 }),
});

describe('rows of any trace', () => {
  it('hold each visible span once: as a row, in a fold or below a closed row', () => {
    fc.assert(
      fc.property(anySpans, anyView, (spans, { application, process, network, minProbability, collapsed }) => {
        const model = traceOf(spans);
        const built = buildRows(
          model,
          view({ layers: { application, process, network }, minProbability, collapsed: new Set(collapsed) })
        );
        let total = built.hiddenByLayer;
        const seen = new Set<number>();
        for (const [index, row] of built.rows.entries()) {
          if (row.parentRow >= index) throw new Error('a row above its parent');
          if (row.parentRow >= 0 && built.rows[row.parentRow]!.depth >= row.depth) throw new Error('not deeper');
          if (row.kind === 'fold' || row.kind === 'more') total += row.hidden;
          if (row.kind !== 'span') continue;
          total += 1 + row.hidden;
          expect(seen.has(row.span)).toBe(false);
          seen.add(row.span);
          expect(built.rowOfSpan[row.span]).toBe(index);
        }
        expect(total).toBe(model.count);
      })
    );
  });

  it('show any span that is asked for', () => {
    fc.assert(
      fc.property(anySpans, anyView, fc.nat(59), (spans, choice, wanted) => {
        const model = traceOf(spans);
        const { application, process, network, minProbability, collapsed } = choice;
        const before = view({
          layers: { application, process, network },
          minProbability,
          collapsed: new Set(collapsed),
        });
        const span = wanted % model.count;
        expect(buildRows(model, reveal(model, before, span)).rowOfSpan[span]).not.toBe(-1);
      })
    );
  });

  it('have self times that add up to the root where no two children overlap', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1_000), { minLength: 1, maxLength: 40 }), (cuts) => {
        // Each span but the first fills a stretch of its own within its parent.
        const spans: TestSpan[] = [{ id: 's0', at: 0, ms: 2 ** 20 }];
        for (const [i, cut] of cuts.entries()) {
          const parent = spans[cut % spans.length]!;
          const kids = spans.filter((span) => span.parent === parent.id).length;
          if (kids === 2) continue;
          const ms = parent.ms / 4;
          spans.push({ id: `s${i + 1}`, parent: parent.id, at: parent.at + kids * 2 * ms, ms });
        }
        const model = traceOf(spans.filter(({ ms }) => ms >= 1));
        const sum = model.selfNs.reduce((total, ns) => total + ns, 0);
        expect(sum).toBe(model.durationsNs[0]);
      })
    );
  });
});
