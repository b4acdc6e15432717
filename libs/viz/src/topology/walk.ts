import { byHarm, type TopologyEdge, type TopologyGraph } from './model.ts';
import { type MapScene } from './scene.ts';

export type ArrowKey = 'ArrowLeft' | 'ArrowRight' | 'ArrowUp' | 'ArrowDown';

/** Arrows walk edges from node to node: along them to the callee or caller, across to the next node of the column. */
export function nextNode(
  scene: MapScene,
  graph: TopologyGraph,
  from: string | undefined,
  key: ArrowKey
): string | undefined {
  const current = from === undefined ? undefined : scene.nodeById.get(from);
  const isRight = scene.layout.direction === 'right';
  if (!current) {
    const first = scene.nodes.toSorted((a, b) => a.column - b.column || a.y - b.y || a.x - b.x)[0];
    return first?.node.id;
  }
  const [forward, backward] = isRight ? (['ArrowRight', 'ArrowLeft'] as const) : (['ArrowDown', 'ArrowUp'] as const);
  if (key === forward || key === backward) {
    const isForward = key === forward;
    const edges = graph.edges
      .filter(({ source, target }) => source !== target && (isForward ? source : target) === from)
      .sort(byHarm);
    const edge = edges[0];
    return edge && (isForward ? edge.target : edge.source);
  }
  const isOnward = key === 'ArrowDown' || key === 'ArrowRight';
  const across = (node: { x: number; y: number }): number => (isRight ? node.y : node.x);
  const others = scene.nodes.filter(
    (node) =>
      node.column === current.column && (isOnward ? across(node) > across(current) : across(node) < across(current))
  );
  others.sort((a, b) => Math.abs(across(a) - across(current)) - Math.abs(across(b) - across(current)));
  return others[0]?.node.id;
}

/** Next or previous in the order of harm, around the end. */
export function nextEdge(
  graph: TopologyGraph,
  current: string | undefined,
  step: 1 | -1,
  onlyFailing: boolean
): TopologyEdge | undefined {
  const edges = graph.edges.filter(({ bad }) => !onlyFailing || bad === 'failing').sort(byHarm);
  if (edges.length === 0) return undefined;
  const at = edges.findIndex(({ id }) => id === current);
  const next = at === -1 ? (step === 1 ? 0 : edges.length - 1) : (at + step + edges.length) % edges.length;
  return edges[next];
}
