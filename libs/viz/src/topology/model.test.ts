import { describe, expect, it } from 'vitest';
import { focusPath, neighbourhood, subgraph } from './focus.ts';
import {
  buildGraph,
  byHarm,
  closeGroups,
  type EdgeFigures,
  groupNodeId,
  kindOf,
  limitGraph,
  nodeStates,
  stateOf,
  talkToEveryone,
  type TopologyGraph,
  type TopologyNode,
  withoutNodes,
} from './model.ts';

function node(id: string, more: Partial<TopologyNode> = {}): TopologyNode {
  return {
    id,
    name: id,
    kind: 'service',
    icon: 'cube',
    group: '',
    rate: 1,
    errorShare: 0,
    p95: 1e6,
    requests: 60,
    errors: 0,
    instrumented: true,
    members: 1,
    ...more,
  };
}

function edge(path: string, more: Partial<EdgeFigures> = {}): EdgeFigures {
  const [source = '', target = ''] = path.split('>');
  return {
    source,
    target,
    rate: 10,
    errorShare: 0,
    p95: 1e6,
    protocols: 'http',
    evidence: 'client and server',
    ...more,
  };
}

function graphOf(edges: readonly EdgeFigures[], nodes: readonly TopologyNode[] = []): TopologyGraph {
  const given = new Set(nodes.map(({ id }) => id));
  const ids = [...new Set(edges.flatMap(({ source, target }) => [source, target]))].filter((id) => !given.has(id));
  return buildGraph([...nodes, ...ids.map((id) => node(id))], edges);
}

describe('states of edges', () => {
  it('is failing above 0.5 % of calls, not at it', () => {
    expect(stateOf(edge('a>b', { errorShare: 0.005 }))).toBe('ok');
    expect(stateOf(edge('a>b', { errorShare: 0.0051 }))).toBe('failing');
  });

  it('is slow at more than twice the p95 before and more than 1 ms above it', () => {
    expect(stateOf(edge('a>b', { isSlow: true }))).toBe('slow');
    expect(stateOf(edge('a>b', { isSlow: false }))).toBe('ok');
    expect(stateOf(edge('a>b', { p95: 5e6 }))).toBe('ok');
    expect(stateOf(edge('a>b', { isSlow: true, errorShare: 0.1 }))).toBe('failing');
  });

  it('marks only the failing edges behind which nothing fails as origins', () => {
    const failing = { errorShare: 0.1 };
    const { edges } = graphOf([edge('web>api', failing), edge('api>db', failing), edge('api>cache')]);
    expect(edges.filter(({ origin }) => origin).map(({ id }) => id)).toEqual(['api → db']);
    expect([...edges].sort(byHarm).map(({ id }) => id)).toEqual(['api → db', 'web → api', 'api → cache']);
  });

  it('takes a node that calls itself as an origin', () => {
    const { edges } = graphOf([edge('a>a', { errorShare: 0.5 })]);
    expect(edges[0]!.origin).toBe(true);
  });

  it('tells the state of a node by what arrives there', () => {
    const graph = graphOf([edge('a>b', { isSlow: true })], [node('a', { errorShare: 0.2 })]);
    expect(Object.fromEntries(nodeStates(graph))).toEqual({ a: 'failing', b: 'slow' });
  });
});

describe('what is on the map', () => {
  it('leaves out edges without both nodes, and the second of two', () => {
    const graph = buildGraph([node('a'), node('b')], [edge('a>b'), edge('a>gone'), edge('a>b', { rate: 99 })]);
    expect(graph.edges.map(({ id, rate }) => [id, rate])).toEqual([['a → b', 10]]);
  });

  it('knows kinds by what is served', () => {
    expect(kindOf(['redis'], 'database', true, true)).toBe('cache');
    expect(kindOf(['mysql'], 'database', false, true)).toBe('database');
    expect(kindOf(['dns'], 'sitemap', true, true)).toBe('dns');
    expect(kindOf(['kafka'], 'cube', true, true)).toBe('queue');
    expect(kindOf(['http'], 'cloud', false, true)).toBe('external');
    expect(kindOf([], 'cloud', false, false)).toBe('caller');
    expect(kindOf(['http'], 'cube', true, true)).toBe('service');
  });

  it('closes a group into its sum', () => {
    const shop = { group: 'shop' };
    const graph = graphOf(
      [edge('in>a', { rate: 30, errorShare: 0.1 }), edge('in>b', { p95: 9e6 }), edge('a>b'), edge('b>out')],
      [node('a', shop), node('b', shop)]
    );
    const closed = closeGroups(graph, new Set(['shop']));
    const sum = closed.nodes.find(({ kind }) => kind === 'group')!;
    expect([sum.id, sum.members, sum.rate, sum.p95]).toEqual([groupNodeId('shop'), 2, 40, 9e6]);
    expect(sum.errorShare).toBeCloseTo(3 / 40);
    expect(closed.edges.map(({ source, target, rate }) => [source, target, rate])).toEqual([
      ['in', sum.id, 40],
      [sum.id, 'out', 10],
    ]);
    expect(closeGroups(graph, new Set())).toBe(graph);
  });

  it('keeps bad edges, then the busiest, within the budget', () => {
    const graph = graphOf([
      edge('a>b', { rate: 100 }),
      edge('c>d', { rate: 50 }),
      edge('e>f', { rate: 1, errorShare: 0.5 }),
    ]);
    const limited = limitGraph(graph, 4, 10);
    expect(limited.graph.edges.map(({ id }) => id)).toEqual(['e → f', 'a → b']);
    expect([limited.nodesCut, limited.edgesCut]).toEqual([2, 1]);
    expect(limitGraph(graph, 6, 3).graph).toBe(graph);
  });

  it('finds who talks to everyone, but no service that calls on', () => {
    const callers = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const graph = graphOf([
      ...callers.map((id) => edge(`${id}>vault`)),
      ...callers.map((id) => edge(`${id}>gateway`)),
      edge('gateway>z'),
    ]);
    expect([...talkToEveryone(graph)]).toEqual(['vault']);
    expect(withoutNodes(graph, new Set(['vault'])).edges).toHaveLength(8);
  });
});

describe('focus', () => {
  const graph = graphOf([edge('w>g'), edge('g>c'), edge('g>x'), edge('c>i'), edge('i>m'), edge('x>m')]);

  it('walks the whole path up and down', () => {
    const lit = focusPath(graph, { kind: 'node', id: 'c' });
    expect([...lit.nodes].sort()).toEqual(['c', 'g', 'i', 'm', 'w']);
    expect(lit.edges.has('g → x')).toBe(false);
    expect(subgraph(graph, lit).edges).toHaveLength(4);
  });

  it('stops at the depth', () => {
    expect([...focusPath(graph, { kind: 'node', id: 'c' }, 1).nodes].sort()).toEqual(['c', 'g', 'i']);
  });

  it('of an edge leaves out its caller’s other calls', () => {
    const lit = focusPath(graph, { kind: 'edge', source: 'g', target: 'c' });
    expect([...lit.edges].sort()).toEqual(['c → i', 'g → c', 'i → m', 'w → g']);
  });

  it('ends in a cycle', () => {
    const cycle = graphOf([edge('a>b'), edge('b>a')]);
    expect(focusPath(cycle, { kind: 'node', id: 'a' }).nodes.size).toBe(2);
    expect(neighbourhood(cycle, { kind: 'edge', source: 'a', target: 'b' }).edges.size).toBe(1);
  });
});
