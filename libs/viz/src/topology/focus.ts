import { type TopologyGraph } from './model.ts';

export interface Lit {
  readonly nodes: ReadonlySet<string>;
  readonly edges: ReadonlySet<string>;
}

/** What is in focus: a node, or an edge by its two ends. */
export type FocusTarget =
  | { readonly kind: 'node'; readonly id: string }
  | { readonly kind: 'edge'; readonly source: string; readonly target: string };

/**
 * The whole path: all that leads to the target and all that it leads to, `depth` steps each way.
 * An edge's path goes up from its caller and down from its callee, not down the caller's other calls.
 */
export function focusPath(graph: TopologyGraph, target: FocusTarget, depth = Infinity): Lit {
  const nodes = new Set<string>();
  const edges = new Set<string>();
  const incoming = groupBy(graph, 'target');
  const outgoing = groupBy(graph, 'source');
  const walk = (start: string, steps: ReadonlyMap<string, TopologyGraph['edges']>, end: 'source' | 'target'): void => {
    const seen = new Set([start]);
    nodes.add(start);
    let front = [start];
    for (let step = 0; step < depth && front.length > 0; step++) {
      const next: string[] = [];
      for (const id of front) {
        for (const edge of steps.get(id) ?? []) {
          edges.add(edge.id);
          nodes.add(edge[end]);
          if (!seen.has(edge[end])) next.push(edge[end]);
          seen.add(edge[end]);
        }
      }
      front = next;
    }
  };
  if (target.kind === 'node') {
    walk(target.id, incoming, 'source');
    walk(target.id, outgoing, 'target');
  } else {
    for (const edge of outgoing.get(target.source) ?? []) if (edge.target === target.target) edges.add(edge.id);
    walk(target.source, incoming, 'source');
    walk(target.target, outgoing, 'target');
  }
  return { nodes, edges };
}

/** A node with its neighbours, or an edge with its ends: what stays while others fade under the pointer. */
export function neighbourhood(graph: TopologyGraph, target: FocusTarget): Lit {
  if (target.kind === 'node') return focusPath(graph, target, 1);
  const edge = graph.edges.find(({ source, target: to }) => source === target.source && to === target.target);
  return { nodes: new Set([target.source, target.target]), edges: new Set(edge ? [edge.id] : []) };
}

/** Only what is lit, for views with room for no more. */
export function subgraph(graph: TopologyGraph, lit: Lit): TopologyGraph {
  return {
    nodes: graph.nodes.filter(({ id }) => lit.nodes.has(id)),
    edges: graph.edges.filter(({ id }) => lit.edges.has(id)),
  };
}

function groupBy(
  graph: TopologyGraph,
  end: 'source' | 'target'
): ReadonlyMap<string, TopologyGraph['edges'][number][]> {
  const groups = new Map<string, TopologyGraph['edges'][number][]>();
  for (const edge of graph.edges) {
    const group = groups.get(edge[end]);
    if (group) group.push(edge);
    else groups.set(edge[end], [edge]);
  }
  return groups;
}
