import { compareText } from './model.ts';
import { type LayoutInput } from './layout.ts';

export interface Link {
  /** Index of the edge in the input. */
  readonly edge: number;
  /** Indexes of the nodes. */
  readonly from: number;
  readonly to: number;
  /** Closed a cycle, was the lightest there, and now runs against the others. */
  readonly cut: boolean;
}

export interface Layers {
  /** Per node: longest path from an entry. */
  readonly columns: number[];
  readonly place: readonly ('callers' | 'outside' | 'inside')[];
  /** All edges between two different nodes of the input. */
  readonly links: readonly Link[];
}

export function layersOf(nodes: LayoutInput['nodes'], edges: LayoutInput['edges']): Layers {
  const indexOf = new Map(nodes.map(({ id }, index) => [id, index]));
  const all = edges.flatMap(({ source, target }, edge) => {
    const from = indexOf.get(source);
    const to = indexOf.get(target);
    return from === undefined || to === undefined || from === to ? [] : [{ edge, from, to }];
  });
  const cut = cutCycles(nodes.length, all, (a, b) => {
    const [first, second] = [edges[a]!, edges[b]!];
    return first.rate - second.rate || compareText(first.id, second.id);
  });
  const columns = longestPaths(
    nodes.length,
    all.filter(({ edge }) => !cut.has(edge))
  );
  // An edge that was cut before others may turn out to run forward all the same.
  const links = all.map((link) => ({ ...link, cut: columns[link.from]! >= columns[link.to]! }));
  const isCalled = new Set(links.map(({ to }) => to));
  const calls = new Set(links.map(({ from }) => from));
  const place = nodes.map(({ instrumented, kind }, node) => {
    if (instrumented || kind === 'group') return 'inside';
    if (!isCalled.has(node)) return calls.has(node) ? 'callers' : 'inside';
    return calls.has(node) ? 'inside' : 'outside';
  });
  // Callers have the first column to themselves: beside services that start by themselves they would push them apart.
  const isShared =
    place.includes('callers') && columns.some((column, node) => column === 0 && place[node] !== 'callers');
  if (isShared) {
    place.forEach((where, node) => {
      if (where !== 'callers') columns[node]! += 1;
    });
  }
  const last = Math.max(-1, ...columns.filter((_, node) => place[node] !== 'outside'));
  place.forEach((where, node) => {
    if (where === 'outside') columns[node] = last + 1;
  });
  return { columns, place, links };
}

/** Every edge inside a strongly connected component closes a cycle: take out the lightest until none is left. */
function cutCycles(
  count: number,
  links: readonly { readonly edge: number; readonly from: number; readonly to: number }[],
  compare: (a: number, b: number) => number
): ReadonlySet<number> {
  const cut = new Set<number>();
  let rest = links;
  while (rest.length > 0) {
    const component = components(count, rest);
    rest = rest.filter(({ from, to }) => component[from] === component[to]);
    const lightest = new Map<number, { readonly edge: number }>();
    for (const link of rest) {
      const key = component[link.from]!;
      const best = lightest.get(key);
      if (!best || compare(link.edge, best.edge) < 0) lightest.set(key, link);
    }
    for (const { edge } of lightest.values()) cut.add(edge);
    rest = rest.filter(({ edge }) => !cut.has(edge));
  }
  return cut;
}

/** Tarjan's components, without recursion: paths may be thousands long. */
function components(count: number, links: readonly { readonly from: number; readonly to: number }[]): Int32Array {
  const next = adjacency(count, links);
  const index = new Int32Array(count).fill(-1);
  const low = new Int32Array(count);
  const component = new Int32Array(count).fill(-1);
  const cursor = new Int32Array(count);
  const open: number[] = [];
  let counter = 0;
  let found = 0;
  for (let root = 0; root < count; root++) {
    if (index[root] !== -1) continue;
    const path = [root];
    index[root] = low[root] = counter++;
    open.push(root);
    while (path.length > 0) {
      const node = path.at(-1)!;
      const to = next[node]![cursor[node]!++];
      if (to !== undefined) {
        if (index[to] === -1) {
          index[to] = low[to] = counter++;
          open.push(to);
          path.push(to);
        } else if (component[to] === -1) low[node] = Math.min(low[node]!, index[to]!);
        continue;
      }
      path.pop();
      const parent = path.at(-1);
      if (parent !== undefined) low[parent] = Math.min(low[parent]!, low[node]!);
      if (low[node] !== index[node]) continue;
      for (let member = open.pop()!; ; member = open.pop()!) {
        component[member] = found;
        if (member === node) break;
      }
      found++;
    }
  }
  return component;
}

function longestPaths(count: number, links: readonly { readonly from: number; readonly to: number }[]): number[] {
  const next = adjacency(count, links);
  const waiting = new Int32Array(count);
  for (const { to } of links) waiting[to]!++;
  const columns = new Array<number>(count).fill(0);
  const ready: number[] = [];
  for (let node = 0; node < count; node++) if (waiting[node] === 0) ready.push(node);
  for (let at = 0; at < ready.length; at++) {
    const node = ready[at]!;
    for (const to of next[node]!) {
      columns[to] = Math.max(columns[to]!, columns[node]! + 1);
      if (--waiting[to]! === 0) ready.push(to);
    }
  }
  return columns;
}

function adjacency(count: number, links: readonly { readonly from: number; readonly to: number }[]): number[][] {
  const next: number[][] = Array.from({ length: count }, () => []);
  for (const { from, to } of links) next[from]!.push(to);
  return next;
}
