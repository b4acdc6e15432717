import { describe, expect, it } from 'vitest';
import { drawMap, type DrawState, type TopologyStyle } from './draw.ts';
import { hitIndex } from './hit.ts';
import { type EdgeMetric, fitText, type Measure, nodeFigures, placeLabels, textZoom } from './labels.ts';
import { layoutMessage, NODE_RADIUS } from './layout.ts';
import { buildGraph, type EdgeFigures, type TopologyGraph, type TopologyNode } from './model.ts';
import { buildScene, canReuse, type MapScene, pointAlong } from './scene.ts';
import { edgeSentence, nodeSentence } from './sentences.ts';
import { syntheticGraph } from './testGraphs.ts';
import { fitView, revealPoint, toMap, zoomMap } from './view.ts';
import { nextEdge, nextNode } from './walk.ts';

const measure: Measure = (text, px) => text.length * px * 0.55;

function graphOf(paths: Readonly<Record<string, Partial<EdgeFigures>>>): TopologyGraph {
  const edges = Object.entries(paths).map(([path, figures]): EdgeFigures => {
    const [source = '', target = ''] = path.split('>');
    const evidence = 'client and server';
    return { source, target, rate: 10, errorShare: 0, p95: 12e6, protocols: 'http', evidence, ...figures };
  });
  const ids = [...new Set(edges.flatMap(({ source, target }) => [source, target]))];
  const nodes = ids.map((id): TopologyNode => ({
    id,
    name: id,
    kind: 'service',
    icon: 'cube',
    group: '',
    rate: 10,
    errorShare: id === 'db' ? 0.034 : 0,
    p95: 12e6,
    requests: 600,
    errors: 0,
    instrumented: true,
    members: 1,
  }));
  return buildGraph(nodes, edges);
}

function sceneOf(graph: TopologyGraph): MapScene {
  const options = { direction: 'right', viewport: { width: 1_000, height: 600 }, pins: {} } as const;
  return buildScene(graph, layoutMessage({ ...graph, options }));
}

function synthetic(count: number, edges: number): TopologyGraph {
  const shape = syntheticGraph(count, edges, 0);
  const nodes = shape.nodes.map((node): TopologyNode => ({
    ...node,
    name: node.id,
    icon: '',
    rate: 5,
    errorShare: 0,
    p95: 1e6,
    requests: 1,
    errors: 0,
    members: 1,
  }));
  return buildGraph(
    nodes,
    shape.edges.map((edge, i) => ({
      ...edge,
      errorShare: i % 9 === 0 ? 0.02 : 0,
      p95: 3e6,
      protocols: '',
      evidence: '',
    }))
  );
}

const shop = graphOf({
  'web>gateway': { rate: 100, errorShare: 0.02 },
  'gateway>stock': { errorShare: 0.1 },
  'gateway>cart': { rate: 50 },
  'stock>db': { errorShare: 0.034, p95: 64e6 },
  'stock>stock': {},
});

describe('edges on the map', () => {
  const scene = sceneOf(shop);

  it('end at the rings of their nodes', () => {
    for (const { edge, curve, arrow } of scene.edges) {
      if (edge.source === edge.target) continue;
      const [source, target] = [scene.nodeById.get(edge.source)!, scene.nodeById.get(edge.target)!];
      expect(Math.hypot(curve[0]! - source.x, curve[1]! - source.y)).toBeLessThan(NODE_RADIUS + 5);
      expect(Math.hypot(arrow.x - target.x, arrow.y - target.y)).toBeGreaterThan(NODE_RADIUS);
      expect(Math.hypot(arrow.x - target.x, arrow.y - target.y)).toBeLessThan(NODE_RADIUS + 14);
    }
  });

  it('are drawn in the order of harm, the origin on top', () => {
    expect(scene.edges.at(-1)!.edge.id).toBe('stock → db');
    expect(scene.edges[0]!.edge.bad).toBe('ok');
  });

  it('are hit within 6 px to each side, nodes first', () => {
    const hits = hitIndex(scene);
    const edge = scene.edgeById.get('stock → db')!;
    const middle = pointAlong(edge, 0.5);
    expect(hits.at(middle.x, middle.y + 5, 1)).toMatchObject({ kind: 'edge', id: 'stock → db' });
    expect(hits.at(middle.x, middle.y + 12, 1)).toBeUndefined();
    expect(hits.at(middle.x, middle.y + 12, 0.4)).toMatchObject({ kind: 'edge' });
    const { x, y } = scene.nodeById.get('db')!;
    expect(hits.at(x + 10, y + 10, 1)).toEqual({ kind: 'node', id: 'db' });
  });

  it('stay where they are when only figures change', () => {
    expect(canReuse(scene.layout, shop)).toBe(true);
    expect(canReuse(scene.layout, graphOf({ 'web>gateway': {} }))).toBe(false);
  });

  it('follow a node that is dragged', () => {
    const moved = buildScene(shop, scene.layout, { id: 'db', x: 900, y: 900 });
    const { arrow } = moved.edgeById.get('stock → db')!;
    expect(Math.hypot(arrow.x - 900, arrow.y - 900)).toBeLessThan(NODE_RADIUS + 14);
  });
});

describe('labels', () => {
  it.each([
    [30, 45, 'all'],
    [200, 350, 'all'],
    [500, 900, 'rate'],
  ] as [number, number, EdgeMetric][])('never overlap nodes or each other: %i nodes, %i edges, %s', (n, e, metric) => {
    const scene = sceneOf(synthetic(n, e));
    const labels = placeLabels(scene, { metric, lit: undefined, selected: undefined, zoom: 1, measure });
    expect(labels.edges.length).toBeGreaterThan(e / 10);
    labels.edges.forEach((a, i) => {
      const other = labels.edges
        .slice(i + 1)
        .find((b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height);
      expect(other && [a.id, other.id]).toBeUndefined();
      const ring = scene.nodes.find(
        ({ x, y }) => x + 18 > a.x && x - 18 < a.x + a.width && y + 18 > a.y && y - 18 < a.y + a.height
      );
      expect(ring && [a.id, ring.node.id]).toBeUndefined();
    });
    const bad = scene.edges.filter(({ edge }) => edge.bad !== 'ok').map(({ edge }) => edge.id);
    const shown = new Set([...labels.edges, ...labels.marks].map(({ id }) => id));
    expect(bad.filter((id) => !shown.has(id))).toEqual([]);
  });

  it('say rate, errors and p95 of what is lit, p95 alone of what is faded and well', () => {
    const scene = sceneOf(shop);
    const lit = { nodes: new Set(['stock', 'db']), edges: new Set(['stock → db']) };
    const { edges } = placeLabels(scene, { metric: 'all', lit, selected: undefined, zoom: 1, measure });
    const textOf = (id: string): string[] => edges.find((label) => label.id === id)!.lines.map(({ text }) => text);
    expect(edges[0]).toMatchObject({ id: 'stock → db', origin: true, lit: true });
    expect(textOf('stock → db')).toEqual(['10/s', '3.4 % · 64 ms']);
    expect(textOf('gateway → cart')).toEqual(['12 ms']);
  });

  it('are fewer, and larger, from afar', () => {
    const scene = sceneOf(synthetic(200, 350));
    const at = (zoom: number) =>
      placeLabels(scene, { metric: 'p95', lit: undefined, selected: undefined, zoom, measure });
    expect(at(4).edges.length).toBeLessThan(at(1).edges.length);
    expect(at(4).nodes.size).toBeLessThan(200);
    expect(at(1).nodes.size).toBe(200);
    expect([1, 0.9, 0.5, 0.25, 0.01].map((scale) => Math.round(textZoom(scale) * 11 * scale))).toEqual([
      11, 10, 11, 11, 1,
    ]);
  });

  it('cut long names in the middle', () => {
    const short = fitText('orders-service-primary-europe', 80, measure);
    expect(short).toMatch(/^orde.*…/);
    expect(short.endsWith('pe')).toBe(true);
    expect(measure(short, 12, 500)).toBeLessThanOrEqual(80);
  });

  it('say what arrives at a node', () => {
    const [web] = shop.nodes;
    expect(nodeFigures({ ...web!, rate: 84, errorShare: 0.13 })).toBe('84/s · 13 %');
    expect(nodeFigures({ ...web!, rate: null })).toBe('only calls');
    expect(nodeFigures({ ...web!, kind: 'group', members: 7, rate: 3 })).toBe('7 services');
  });
});

describe('sentences', () => {
  it('say what the drawing shows', () => {
    const edge = shop.edges.find(({ id }) => id === 'stock → db')!;
    expect(edgeSentence(edge, (id) => id)).toBe(
      'stock calls db by http, 10/s, 3.4 % failed, p95 64.00 ms, failures begin here'
    );
    expect(
      edgeSentence({ ...edge, origin: false, bad: 'slow', p95Before: 9e6, evidence: 'client' }, (id) => id)
    ).toContain('before 9.00 ms, slow, seen by the client only');
    expect(nodeSentence(shop.nodes[0]!, 'failing')).toBe('web, service, 10/s, 0 % failed, p95 12.00 ms, failing');
  });
});

describe('walking by keys', () => {
  const scene = sceneOf(shop);

  it('goes along the worst edge and across the column', () => {
    expect(nextNode(scene, shop, undefined, 'ArrowRight')).toBe('web');
    expect(nextNode(scene, shop, 'gateway', 'ArrowRight')).toBe('stock');
    expect(nextNode(scene, shop, 'gateway', 'ArrowLeft')).toBe('web');
    const [up, down] = [nextNode(scene, shop, 'stock', 'ArrowUp'), nextNode(scene, shop, 'stock', 'ArrowDown')];
    expect([up, down].filter(Boolean)).toEqual(['cart']);
    expect(nextNode(scene, shop, 'db', 'ArrowRight')).toBeUndefined();
  });

  it('goes around the edges by harm', () => {
    expect(nextEdge(shop, undefined, 1, false)?.id).toBe('stock → db');
    expect(nextEdge(shop, 'stock → db', 1, true)?.id).toBe('web → gateway');
    expect(nextEdge(shop, 'stock → db', -1, true)?.id).toBe('gateway → stock');
  });
});

describe('view', () => {
  it('fits all and keeps the point under the pointer', () => {
    const view = fitView({ x: -100, y: 0, width: 2_000, height: 500 }, { width: 1_044, height: 600 });
    expect(view.scale).toBe(0.5);
    expect(toMap(view, 522, 300)).toEqual({ x: 900, y: 250 });
    const zoomed = zoomMap(view, 2, 100, 50);
    expect(toMap(zoomed, 100, 50)).toEqual(toMap(view, 100, 50));
    expect(fitView({ x: 0, y: 0, width: 0, height: 0 }, { width: 100, height: 100 }).scale).toBe(1);
  });

  it('moves no more than it must', () => {
    const view = { scale: 1, x: 0, y: 0 };
    expect(revealPoint(view, { width: 500, height: 500 }, 250, 250)).toEqual(view);
    expect(revealPoint(view, { width: 500, height: 500 }, 600, 250)).toEqual({ scale: 1, x: -160, y: 0 });
  });
});

describe('drawing', () => {
  /** Takes every call of a 2D context and keeps the texts. */
  function recorder(): { ctx: CanvasRenderingContext2D; texts: string[] } {
    const texts: string[] = [];
    const target: Record<string, unknown> = { measureText: (text: string) => ({ width: text.length * 6 }) };
    target['fillText'] = (text: string) => texts.push(text);
    const ctx = new Proxy(target, {
      get: (own, key: string) => own[key] ?? (() => undefined),
      set: (own, key: string, value) => ((own[key] = value), true),
    });
    return { ctx: ctx as unknown as CanvasRenderingContext2D, texts };
  }

  class PathStub {
    moveTo(): void {}
    bezierCurveTo(): void {}
  }

  const style = new Proxy({} as TopologyStyle, { get: (_, key) => (key === 'colourOf' ? () => '#fff' : '#888') });
  const state: DrawState = { lit: undefined, selected: undefined, hovered: undefined, hasFocus: false, stale: false };

  it('writes labels and names at a size that can be read, from near and far', () => {
    Object.assign(globalThis, { Path2D: PathStub });
    const scene = sceneOf(shop);
    const size = { width: 1_400, height: 900 };
    const textsAt = (scale: number, zoom: number): string[] => {
      const { ctx, texts } = recorder();
      const labels = placeLabels(scene, { metric: 'rate', lit: undefined, selected: undefined, zoom, measure });
      drawMap(ctx, scene, labels, fitView(scene.layout.bounds, size, 0, scale), size, 1, state, style);
      return texts;
    };
    expect(textsAt(1, 1)).toEqual(expect.arrayContaining(['gateway', '100/s', 'origin', '10/s · 3.4 %']));
    expect(textsAt(0.4, textZoom(0.4))).toContain('gateway');
    // As between two steps of the zoom: rather no text than one that is too small.
    expect(textsAt(0.4, 1)).toEqual([]);
  });
});
