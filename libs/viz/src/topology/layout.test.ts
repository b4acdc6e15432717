import { describe, expect, it } from 'vitest';
import {
  type Direction,
  layoutMessage,
  type LayoutInput,
  type LayoutIsland,
  type LayoutNode,
  METRICS,
  type TopologyLayout,
} from './layout.ts';
import { edgeId, type NodeKind } from './model.ts';
import { type GraphShape, randomNumbers, syntheticGraph } from './testGraphs.ts';

const VIEWPORT = { width: 1_280, height: 760 };

function layout(graph: GraphShape, options: Partial<LayoutInput['options']> = {}): TopologyLayout {
  return layoutMessage({ ...graph, options: { direction: 'right', viewport: VIEWPORT, pins: {}, ...options } });
}

/** "a>b 5": an edge with its rate. "@x" is a caller from outside, "x!" a far end, "g/x" a node of group g. */
function graphOf(...paths: string[]): GraphShape {
  const nodes = new Map<string, LayoutInput['nodes'][number]>();
  const id = (text: string): string => {
    const [group, rest] = text.includes('/') ? (text.split('/') as [string, string]) : ['', text];
    const kind: NodeKind = rest.startsWith('@') ? 'caller' : rest.endsWith('!') ? 'external' : 'service';
    nodes.set(rest, { id: rest, group, kind, instrumented: kind === 'service' });
    return rest;
  };
  const edges = paths.map((path) => {
    const [ends = '', rate = '1'] = path.split(' ');
    const [source, target] = ends.split('>').map(id) as [string, string];
    return { id: edgeId(source, target), source, target, rate: Number(rate) };
  });
  return { nodes: [...nodes.values()], edges };
}

function overlappingNodes({ nodes, direction }: TopologyLayout): [string, string][] {
  const { before, after } = METRICS[direction];
  const isRight = direction === 'right';
  const [dx, dy] = isRight ? [110, before + after] : [before + after, 78];
  return nodes.flatMap((a, i) =>
    nodes
      .slice(i + 1)
      .filter((b) => Math.abs(a.x - b.x) < dx && Math.abs(a.y - b.y) < dy)
      .map((b): [string, string] => [a.id, b.id])
  );
}

function overlap(a: LayoutIsland, b: LayoutIsland): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

function byId(result: TopologyLayout): Record<string, LayoutNode> {
  return Object.fromEntries(result.nodes.map((node) => [node.id, node]));
}

function expectSound(result: TopologyLayout): void {
  expect(overlappingNodes(result)).toEqual([]);
  const { islands } = result;
  islands.forEach((a, i) =>
    islands.slice(i + 1).forEach((b) => expect([a.group, b.group, overlap(a, b)]).toEqual([a.group, b.group, false]))
  );
  const nodes = byId(result);
  const along = result.direction === 'right' ? 'x' : 'y';
  for (const { source, target, back } of result.edges) {
    if (source === target) continue;
    const isForward = nodes[source]![along] < nodes[target]![along];
    expect([source, target, isForward]).toEqual([source, target, !back]);
  }
  for (const island of islands) {
    for (const { id, x, y } of result.nodes) {
      const isInside = x > island.x && x < island.x + island.width && y > island.y && y < island.y + island.height;
      expect([island.group, id, isInside]).toEqual([island.group, id, island.nodes.includes(id)]);
    }
  }
  const { passing, before, after } = METRICS[result.direction];
  const across = result.direction === 'right' ? 'y' : 'x';
  for (const { via, id } of result.edges) {
    for (const point of via) {
      const hits = result.nodes.filter(
        (node) =>
          Math.abs(node[along] - point[along]) < passing &&
          point[across] > node[across] - before &&
          point[across] < node[across] + after
      );
      expect([id, hits.map((node) => node.id)]).toEqual([id, []]);
    }
  }
}

function shuffled<T>(values: readonly T[], seed: number): T[] {
  const random = randomNumbers(seed);
  return values
    .map((value) => ({ value, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ value }) => value);
}

describe('layout of the service map', () => {
  it('puts columns by the longest path from an entry', () => {
    const result = layout(graphOf('@web>gw', 'gw>order', 'gw>db', 'order>db'));
    const nodes = byId(result);
    expect(['@web', 'gw', 'order', 'db'].map((id) => nodes[id]!.column)).toEqual([0, 1, 2, 3]);
    expectSound(result);
    expect(result.edges.find(({ id }) => id === 'gw → db')!.via).toHaveLength(1);
  });

  it('draws a chain level and centres a caller between its callees', () => {
    const chain = byId(layout(graphOf('a>b', 'b>c', 'c>d')));
    expect(new Set(['a', 'b', 'c', 'd'].map((id) => chain[id]!.y)).size).toBe(1);
    const fan = byId(layout(graphOf('a>b', 'a>c', 'a>d')));
    expect(fan['a']!.y).toBe(fan['c']!.y);
  });

  it('does not let edges cross without need', () => {
    const nodes = byId(layout(graphOf('a>z', 'b>y', 'c>x', 'in>a', 'in>b', 'in>c')));
    const sign = Math.sign(nodes['a']!.y - nodes['b']!.y);
    expect(Math.sign(nodes['z']!.y - nodes['y']!.y)).toBe(sign);
    expect(Math.sign(nodes['y']!.y - nodes['x']!.y)).toBe(sign);
  });

  it('cuts a cycle at its lightest edge, and at the same one for equal rates', () => {
    const result = layout(graphOf('a>b 10', 'b>c 5', 'c>a 2'));
    expect(result.edges.filter(({ back }) => back).map(({ id }) => id)).toEqual(['c → a']);
    const equal = graphOf('a>b', 'b>a');
    const cut = layout(equal).edges.filter(({ back }) => back);
    expect(cut).toHaveLength(1);
    expect(
      layout({ nodes: equal.nodes.toReversed(), edges: equal.edges.toReversed() }).edges.filter(({ back }) => back)
    ).toEqual(cut);
  });

  it('keeps an edge of a node to itself without a way', () => {
    const result = layout(graphOf('a>a', 'a>b'));
    expect(result.edges.find(({ id }) => id === 'a → a')).toMatchObject({ via: [], back: false });
  });

  it('gathers callers on the left and far ends on the right, each in an island', () => {
    const result = layout(graphOf('@web>gw', '@app>gw', 'gw>svc', 'gw>pay!', 'svc>mail!', 'svc>db'));
    expect(result.islands.map(({ kind, nodes }) => [kind, [...nodes].sort()]).sort()).toEqual([
      ['callers', ['@app', '@web']],
      ['outside', ['mail!', 'pay!']],
    ]);
    const nodes = byId(result);
    expect(Math.min(nodes['pay!']!.x, nodes['mail!']!.x)).toBeGreaterThan(nodes['db']!.x);
    expectSound(result);
  });

  it('makes one box of each group', () => {
    const result = layout(
      graphOf(
        '@web>edge/gw',
        'edge/gw>shop/cart',
        'shop/cart>shop/price',
        'edge/gw>pay/pay',
        'pay/pay>pay/ledger',
        'pay/pay>bank!',
        'shop/price>stray'
      )
    );
    expect(result.islands.map(({ group, kind }) => group || kind).sort()).toEqual([
      'callers',
      'edge',
      'outside',
      'pay',
      'shop',
    ]);
    expectSound(result);
  });

  it('is the same for the same graph in any order of rows', () => {
    const graph = syntheticGraph(80, 140, 5);
    const first = layout(graph);
    expect(layout({ nodes: shuffled(graph.nodes, 7), edges: shuffled(graph.edges, 8) })).toEqual(first);
    expect(layout(structuredClone(graph))).toEqual(first);
  });

  it('takes pins, and leaves the others where they were', () => {
    const graph = syntheticGraph(30, 45, 3);
    const free = byId(layout(graph));
    const id = graph.nodes[20]!.id;
    const result = layout(graph, { pins: { [id]: { x: -400, y: 900 } } });
    const pinned = byId(result);
    expect(pinned[id]).toMatchObject({ x: -400, y: 900, pinned: true });
    for (const node of Object.values(free)) if (node.id !== id) expect(pinned[node.id]).toEqual(node);
    expect(result.bounds.x).toBeLessThan(-400);
  });

  it.each([
    ['right', 30, 45, 4],
    ['right', 200, 350, 0],
    ['right', 500, 900, 0],
    ['right', 500, 900, 14],
    ['down', 30, 45, 0],
  ] as [Direction, number, number, number][])(
    'is sound: to the %s, %i nodes, %i edges, %i groups',
    (direction, n, e, g) => {
      expectSound(layout(syntheticGraph(n, e, g), { direction }));
    }
  );

  it('lays out 2,000 nodes near the shape of the viewport', () => {
    const result = layout(syntheticGraph(2_000, 3_600, 0));
    expect(result.nodes).toHaveLength(2_000);
    expect(overlappingNodes(result)).toEqual([]);
    const shape = result.bounds.width / result.bounds.height;
    expect(shape).toBeGreaterThan(0.6);
    expect(shape).toBeLessThan(5);
  });

  it('fits a narrow screen from top to bottom', () => {
    const result = layout(graphOf('@web>gw', '@app>gw', '@bot>gw', 'gw>checkout', 'checkout>stock', 'stock>db'), {
      direction: 'down',
      viewport: { width: 374, height: 700 },
    });
    expectSound(result);
    expect(result.bounds.width).toBeLessThan(420);
  });

  it('has no bounds without nodes', () => {
    expect(layout({ nodes: [], edges: [] }).bounds).toEqual({ x: 0, y: 0, width: 0, height: 0 });
  });
});
