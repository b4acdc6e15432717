import { describe, expect, it } from 'vitest';
import { criticalPath, pathTime } from './criticalPath.ts';
import { buildTraceModel, TRACE_LAYERS, spanDetail, type TraceModel } from './model.ts';
import { type TestSpan, traceOf } from './testTrace.ts';

const indexOf = (model: TraceModel, id: string): number => model.spanIds.indexOf(id);
const parentOf = (model: TraceModel, id: string): string | undefined =>
  model.spanIds[model.parent[indexOf(model, id)]!];

describe('buildTraceModel', () => {
  it('reads times, depth, self time and the order of rows', () => {
    const model = traceOf([
      { id: 'c', parent: 'b', at: 20, ms: 10 },
      { id: 'a', at: 0, ms: 100 },
      { id: 'd', parent: 'a', at: 50, ms: 25 },
      { id: 'b', parent: 'a', at: 10, ms: 30 },
    ]);
    expect(Array.from(model.order, (i) => model.spanIds[i])).toEqual(['a', 'b', 'c', 'd']);
    expect(Array.from(model.order, (i) => model.depth[i])).toEqual([0, 1, 2, 1]);
    expect(Array.from(model.order, (i) => model.selfNs[i]! / 1e6)).toEqual([45, 20, 10, 25]);
    expect(Array.from(model.order, (i) => model.descendants[i])).toEqual([3, 1, 0, 0]);
    expect(model.durationNs).toBe(100e6);
  });

  it('counts overlapping children once and what lies outside of the parent never', () => {
    const model = traceOf([
      { id: 'a', at: 0, ms: 100 },
      { id: 'b', parent: 'a', at: 10, ms: 40 },
      { id: 'c', parent: 'a', at: 30, ms: 40 },
      { id: 'd', parent: 'a', at: 90, ms: 40 },
    ]);
    expect(model.selfNs[indexOf(model, 'a')]! / 1e6).toBe(30);
  });

  it('keeps every span of broken traces: missing parents, cycles, no time, equal ids', () => {
    const model = traceOf([
      { id: 'a', parent: 'gone', at: 0, ms: 10 },
      { id: 'b', parent: 'c', at: 1, ms: 1 },
      { id: 'c', parent: 'd', at: 2, ms: 1 },
      { id: 'd', parent: 'b', at: 3, ms: 1 },
      { id: 'e', parent: 'e', at: NaN, ms: NaN },
      { id: 'f', parent: 'a', at: NaN, ms: -5 },
      { id: 'f', parent: 'a', at: 7, ms: 1 },
    ]);
    expect(model.count).toBe(7);
    expect([...model.order].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(Array.from(model.missingParent)).toEqual([1, 0, 0, 0, 1, 0, 0]);
    expect(Array.from(model.roots).map((i) => model.spanIds[i])).toEqual(['a', 'b', 'e']);
    expect(model.startNs.every(Number.isFinite)).toBe(true);
    expect(model.durationsNs[5]).toBe(0);
    expect(model.durationNs).toBe(10e6);
  });

  it('leaves out a row that came twice, and puts the server of a shared id below its client', () => {
    const model = traceOf([
      { id: 'a', at: 0, ms: 10, kind: 'client' },
      { id: 'a', at: 0, ms: 10, kind: 'client' },
      { id: 'a', at: 1, ms: 8, kind: 'server' },
    ]);
    expect(model.count).toBe(2);
    expect(model.duplicates).toBe(1);
    expect(model.parent[1]).toBe(0);
  });

  it('marks where an error starts, not where it spread to', () => {
    const model = traceOf([
      { id: 'a', at: 0, ms: 10, failed: true },
      { id: 'b', parent: 'a', at: 1, ms: 5 },
      { id: 'c', parent: 'b', at: 2, ms: 2, failed: true },
      { id: 'd', parent: 'a', at: 7, ms: 2, tags: { error: true } },
    ]);
    expect(model.errors).toBe(3);
    expect(Array.from(model.order, (i) => model.errorOrigin[i])).toEqual([0, 0, 1, 1]);
  });

  it('draws a call that is one of several requests below its likeliest cause, and counts it nowhere', () => {
    const model = traceOf([
      { id: 'a', at: 0, ms: 100 },
      {
        id: 's',
        at: 10,
        ms: 50,
        failed: true,
        tags: { 'throughline.link.evidence': 'one_of', 'throughline.link.probability': 0.4 },
        oneOf: { a: 0.4, elsewhere: 0.35, other: 0.25 },
      },
    ]);
    const stub = indexOf(model, 's');
    expect(parentOf(model, 's')).toBe('a');
    expect(model.oneOf[stub]).toBe(3);
    expect(model.selfNs[0]! / 1e6).toBe(100);
    expect(model.links).toEqual({ known: 0, oneOf: 1, missingParent: 0 });
    expect(spanDetail(model, stub).link?.alternatives.map(({ spanId }) => spanId)).toEqual(['a', 'elsewhere', 'other']);
  });

  it('drops the rows made for core panels where hops came as a column, and keeps them where they did not', () => {
    const spans: TestSpan[] = [
      {
        id: 'a',
        at: 0,
        ms: 10,
        hops: [
          { kind: 'process', point: 'x', host: 'n', requestNs: 0, responseNs: 10, retransmissions: 0 },
          { kind: 'interface', point: 'eth0', host: 'n', requestNs: 2, responseNs: 9, retransmissions: 0 },
        ],
      },
      { id: 'a-hop-1', parent: 'a', at: 1, ms: 8, tags: { 'throughline.hop.interface': 'eth0' } },
    ];
    const model = traceOf(spans);
    expect(model.spanIds).toEqual(['a']);
    expect(model.hops.get(0)).toHaveLength(2);
    const core = traceOf(spans.map(({ hops: _hops, ...span }) => span));
    expect(core.spanIds).toEqual(['a', 'a-hop-1']);
    expect(TRACE_LAYERS[core.layer[1]!]).toBe('network');
  });

  it('reads the frames of other datasources: few columns, JSON as text, span kinds and errors as tags', () => {
    const model = buildTraceModel({
      traceID: ['t', 't', 'u'],
      spanID: ['a', 'b', 'c'],
      parentSpanID: [null, 'a', null],
      operationName: ['GET /', 'SELECT', 'x'],
      serviceName: ['web', 'web', 'x'],
      startTime: [1_000, 1_001, 1_002],
      duration: [5, 2, 1],
      tags: [
        '[{"key":"http.status_code","value":503},{"key":"error","value":true}]',
        [{ key: 'span.kind', value: 'client' }, { key: 'peer.service', value: 'db' }, null, { value: 1 }],
        null,
      ],
    });
    expect(model.count).toBe(2);
    expect(model.otherTraces).toBe(1);
    expect(Array.from(model.failed)).toEqual([1, 0]);
    expect(model.code[0]).toBe(503);
    expect(model.services[model.shownService[1]!]).toBe('db');
    expect(Number.isNaN(model.linkProbability[0]!)).toBe(true);
    expect(model.linkProbability[1]).toBe(1);
  });

  it('takes no rows at all', () => {
    const model = buildTraceModel({ spanID: [] });
    expect(model.count).toBe(0);
    expect(criticalPath(model).root).toBe(-1);
  });

  it('takes a chain deeper than any stack', () => {
    const spans = Array.from({ length: 20_000 }, (_, i): TestSpan => {
      return { id: `s${i}`, ...(i > 0 && { parent: `s${i - 1}` }), at: i / 1e3, ms: 50 - i / 1e3 };
    });
    const model = traceOf(spans);
    expect(model.depth[19_999]).toBe(19_999);
    expect(model.descendants[0]).toBe(19_999);
  });
});

describe('criticalPath', () => {
  it('covers the root without a gap, and follows what was waited for', () => {
    const model = traceOf([
      { id: 'a', at: 0, ms: 100 },
      { id: 'quick', parent: 'a', at: 10, ms: 30 },
      { id: 'slow', parent: 'a', at: 10, ms: 60 },
      { id: 'late', parent: 'a', at: 80, ms: 40 },
      { id: 'deep', parent: 'slow', at: 20, ms: 20 },
    ]);
    const { segments } = criticalPath(model);
    const times = new Map([...segments].map(([span, own]) => [model.spanIds[span], pathTime(own) / 1e6]));
    expect(Object.fromEntries(times)).toEqual({ a: 20, slow: 40, deep: 20, late: 20 });
    expect([...times.values()].reduce((sum, ms) => sum + ms, 0)).toBe(100);
  });
});
