import { type LayoutInput } from './layout.ts';
import { edgeId, type NodeKind } from './model.ts';

/** Small generator with a seed: tests and benchmarks lay out the same graphs everywhere. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export type GraphShape = Pick<LayoutInput, 'nodes' | 'edges'>;

/**
 * Like a real service graph: a few callers from outside, layers of services, many leaves (databases, far ends), some
 * services that everyone calls, a few calls back.
 */
export function syntheticGraph(count: number, edgeCount: number, groups: number, seed = 1): GraphShape {
  const random = randomNumbers(seed);
  const name = (index: number): string => `svc-${String(index).padStart(4, '0')}`;
  const kinds: NodeKind[] = ['service', 'service', 'database', 'cache', 'external'];
  const nodes = Array.from({ length: count }, (_, index) => {
    const depth = index / count;
    const isCaller = index < Math.max(1, count / 100);
    const kind: NodeKind = isCaller ? 'caller' : depth > 0.7 ? kinds[Math.floor(random() * kinds.length)]! : 'service';
    const group = groups > 0 ? `group-${Math.floor(random() * groups)}` : '';
    return { id: name(index), kind, group, instrumented: kind !== 'caller' && kind !== 'external' };
  });
  const edges = new Map<string, LayoutInput['edges'][number]>();
  const add = (from: number, to: number): void => {
    if (from === to || nodes[to]!.kind === 'caller' || (from > to && nodes[from]!.kind !== 'service')) return;
    const id = edgeId(name(from), name(to));
    edges.set(id, { id, source: name(from), target: name(to), rate: Math.round(random() ** 3 * 1_000) });
  };
  const first = Math.ceil(count / 100);
  for (let index = first; index < count; index++) {
    add(Math.floor(Math.min(index - 1, count * 0.7) * (0.3 + 0.7 * random())), index);
  }
  while (edges.size < edgeCount) {
    const from = Math.floor(random() * count * 0.7);
    const isBack = random() < 0.02;
    const reach = Math.floor(1 + random() ** 2 * count * 0.3);
    add(from, isBack ? Math.max(first, from - reach) : Math.min(count - 1, from + reach));
  }
  return { nodes, edges: [...edges.values()] };
}
