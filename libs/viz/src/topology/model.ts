import { HEALTH } from '../health.ts';

/** The service map as data: who calls whom, how often, how well. Nothing here knows where a node is drawn. */

export const NODE_KINDS = ['service', 'database', 'cache', 'queue', 'dns', 'external', 'caller', 'group'] as const;
export type NodeKind = (typeof NODE_KINDS)[number];
export type EdgeState = 'failing' | 'slow' | 'ok';

export interface TopologyNode {
  readonly id: string;
  readonly name: string;
  readonly kind: NodeKind;
  /** Grafana's icon name, as the frame gives it. */
  readonly icon: string;
  /** Title of its island; empty for none. */
  readonly group: string;
  /** Requests per second that arrived; null where none did. */
  readonly rate: number | null;
  readonly errorShare: number;
  /** Nanoseconds. */
  readonly p95: number | null;
  readonly requests: number;
  readonly errors: number;
  readonly instrumented: boolean;
  /** Services in a closed group; 1 for a node of its own. */
  readonly members: number;
}

export interface EdgeFigures {
  readonly source: string;
  readonly target: string;
  readonly rate: number;
  readonly errorShare: number;
  /** Nanoseconds. */
  readonly p95: number | null;
  /** The same in the window it is compared with; absent where there is none. */
  readonly p95Before?: number | null;
  /** By the rule of health.ts, which needs more of that window than is shown. */
  readonly isSlow?: boolean;
  readonly protocols: string;
  /** Which sides reported the calls: client and server, client, server. */
  readonly evidence: string;
}

export interface TopologyEdge extends EdgeFigures {
  readonly id: string;
  readonly bad: EdgeState;
  /** Failures begin here: the callee passes on none of its own callees' failures. */
  readonly origin: boolean;
}

export interface TopologyGraph {
  readonly nodes: readonly TopologyNode[];
  readonly edges: readonly TopologyEdge[];
}

export function edgeId(source: string, target: string): string {
  return `${source} → ${target}`;
}

export function stateOf({ errorShare, isSlow }: EdgeFigures): EdgeState {
  if (errorShare > HEALTH.failingShare) return 'failing';
  return isSlow === true ? 'slow' : 'ok';
}

/** Edges without both of their nodes are left out; of edges between the same two nodes the first stays. */
export function buildGraph(nodes: readonly TopologyNode[], figures: readonly EdgeFigures[]): TopologyGraph {
  const known = new Set(nodes.map(({ id }) => id));
  const edges = new Map<string, TopologyEdge>();
  for (const edge of figures) {
    const id = edgeId(edge.source, edge.target);
    if (!known.has(edge.source) || !known.has(edge.target) || edges.has(id)) continue;
    edges.set(id, { ...edge, id, bad: stateOf(edge), origin: false });
  }
  return { nodes, edges: withOrigins([...edges.values()]) };
}

function withOrigins(edges: readonly TopologyEdge[]): TopologyEdge[] {
  // A node that calls itself passes nothing on to others.
  const passesOn = new Set(
    edges.filter(({ bad, source, target }) => bad === 'failing' && source !== target).map(({ source }) => source)
  );
  return edges.map((edge) => ({ ...edge, origin: edge.bad === 'failing' && !passesOn.has(edge.target) }));
}

const HARM: Readonly<Record<EdgeState, number>> = { failing: 2, slow: 1, ok: 0 };

/** Worst first: origins, failing, slow; within a state the most failures (or calls) per second; ties by name. */
export function byHarm(a: TopologyEdge, b: TopologyEdge): number {
  return (
    Number(b.origin) - Number(a.origin) ||
    HARM[b.bad] - HARM[a.bad] ||
    (a.bad === 'failing' ? b.rate * b.errorShare - a.rate * a.errorShare : 0) ||
    b.rate - a.rate ||
    compareText(a.id, b.id)
  );
}

/** By code units: the same in every locale, so that a map is laid out alike for everyone. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function nodeStates(graph: TopologyGraph): ReadonlyMap<string, EdgeState> {
  const slow = new Set(graph.edges.filter(({ bad }) => bad === 'slow').map(({ target }) => target));
  return new Map(
    graph.nodes.map(({ id, errorShare }) => [
      id,
      errorShare > HEALTH.failingShare ? 'failing' : slow.has(id) ? 'slow' : 'ok',
    ])
  );
}

const CACHES = new Set(['redis', 'memcached']);
const DATABASES = new Set(['mysql', 'postgresql', 'postgres', 'mongodb', 'oracle', 'clickhouse', 'elasticsearch']);
const QUEUES = new Set(['kafka', 'amqp', 'rabbitmq', 'rocketmq', 'mqtt', 'nats', 'pulsar']);

/** @param protocols that the node serves @param isCalled whether anyone calls it */
export function kindOf(protocols: readonly string[], icon: string, instrumented: boolean, isCalled: boolean): NodeKind {
  const serves = (of: ReadonlySet<string>): boolean => protocols.some((protocol) => of.has(protocol));
  if (!instrumented && !isCalled) return 'caller';
  if (serves(CACHES)) return 'cache';
  if (serves(DATABASES) || icon === 'database') return 'database';
  if (serves(QUEUES)) return 'queue';
  if (protocols.includes('dns') || icon === 'sitemap') return 'dns';
  return instrumented ? 'service' : 'external';
}

/** The id of the node that stands for a closed group; no service name begins with this. */
export function groupNodeId(group: string): string {
  return `\u0000${group}`;
}

/** Closed groups become one node each, with the sums of their services; edges inside them disappear. */
export function closeGroups(graph: TopologyGraph, closed: ReadonlySet<string>): TopologyGraph {
  if (closed.size === 0) return graph;
  const idOf = new Map<string, string>();
  const groups = new Map<string, TopologyNode[]>();
  for (const node of graph.nodes) {
    const isClosed = node.group !== '' && closed.has(node.group);
    idOf.set(node.id, isClosed ? groupNodeId(node.group) : node.id);
    if (isClosed) groups.set(node.group, [...(groups.get(node.group) ?? []), node]);
  }
  const edges = new Map<string, TopologyEdge>();
  const arrived = new Map<string, { rate: number; failed: number; p95: number | null }>();
  for (const edge of graph.edges) {
    const source = idOf.get(edge.source)!;
    const target = idOf.get(edge.target)!;
    if (source === target && source !== edge.source) continue;
    const id = edgeId(source, target);
    const other = edges.get(id);
    const moved = { ...edge, id, source, target };
    edges.set(id, other ? mergeEdges(other, moved) : moved);
    const sum = arrived.get(target) ?? { rate: 0, failed: 0, p95: null };
    arrived.set(target, {
      rate: sum.rate + edge.rate,
      failed: sum.failed + edge.rate * edge.errorShare,
      p95: maximum(sum.p95, edge.p95),
    });
  }
  const closedNodes = [...groups].map(([group, members]): TopologyNode => {
    const id = groupNodeId(group);
    const sum = arrived.get(id);
    const errors = members.reduce((total, { errors }) => total + errors, 0);
    return {
      id,
      name: group,
      kind: 'group',
      icon: 'layer-group',
      group: '',
      rate: sum?.rate ?? null,
      errorShare: sum && sum.rate > 0 ? sum.failed / sum.rate : 0,
      p95: sum?.p95 ?? null,
      requests: members.reduce((total, { requests }) => total + requests, 0),
      errors,
      instrumented: true,
      members: members.length,
    };
  });
  const open = graph.nodes.filter(({ id }) => idOf.get(id) === id);
  return { nodes: [...open, ...closedNodes], edges: [...edges.values()] };
}

/** Percentiles do not add up: the larger one is an upper bound and is what is shown. */
function mergeEdges(a: TopologyEdge, b: TopologyEdge): TopologyEdge {
  const rate = a.rate + b.rate;
  const protocols = new Set([...a.protocols.split(', '), ...b.protocols.split(', ')]);
  return {
    ...a,
    rate,
    errorShare: rate === 0 ? 0 : (a.rate * a.errorShare + b.rate * b.errorShare) / rate,
    p95: maximum(a.p95, b.p95),
    protocols: [...protocols].filter(Boolean).sort().join(', '),
    evidence: a.evidence === b.evidence ? a.evidence : 'client and server',
    bad: HARM[b.bad] > HARM[a.bad] ? b.bad : a.bad,
    origin: a.origin || b.origin,
  };
}

function maximum(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.max(a, b);
}

export interface LimitedGraph {
  readonly graph: TopologyGraph;
  readonly nodesCut: number;
  readonly edgesCut: number;
}

/** Bad edges first, then by rate, until the nodes are used up. */
export function limitGraph(graph: TopologyGraph, maxNodes: number, maxEdges: number): LimitedGraph {
  if (graph.nodes.length <= maxNodes && graph.edges.length <= maxEdges) return { graph, nodesCut: 0, edgesCut: 0 };
  const ids = new Set<string>();
  const edges: TopologyEdge[] = [];
  for (const edge of [...graph.edges].sort(byHarm)) {
    if (edges.length >= maxEdges) break;
    const more = Number(!ids.has(edge.source)) + Number(edge.target !== edge.source && !ids.has(edge.target));
    if (ids.size + more > maxNodes) continue;
    ids.add(edge.source).add(edge.target);
    edges.push(edge);
  }
  const nodes = graph.nodes.filter(({ id }) => ids.has(id));
  return {
    graph: { nodes, edges },
    nodesCut: graph.nodes.length - nodes.length,
    edgesCut: graph.edges.length - edges.length,
  };
}

/** A service that nearly everyone calls and that calls (nearly) no one: name server, monitoring. Its edges hide the rest. */
export function talkToEveryone(graph: TopologyGraph, leastCallers = 6, leastShare = 0.5): ReadonlySet<string> {
  const callers = new Map<string, number>();
  const sources = new Set<string>();
  for (const { source, target } of graph.edges) {
    if (source === target) continue;
    callers.set(target, (callers.get(target) ?? 0) + 1);
    sources.add(source);
  }
  const isHub = ({ id, kind }: TopologyNode): boolean => {
    const count = callers.get(id) ?? 0;
    return kind === 'dns'
      ? count >= 3
      : !sources.has(id) && count >= leastCallers && count >= leastShare * sources.size;
  };
  return new Set(graph.nodes.filter(isHub).map(({ id }) => id));
}

export function withoutNodes(graph: TopologyGraph, removed: ReadonlySet<string>): TopologyGraph {
  if (removed.size === 0) return graph;
  return {
    nodes: graph.nodes.filter(({ id }) => !removed.has(id)),
    edges: graph.edges.filter(({ source, target }) => !removed.has(source) && !removed.has(target)),
  };
}
