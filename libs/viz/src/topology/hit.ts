import { cellKey } from './boxes.ts';
import { NODE_RADIUS } from './layout.ts';
import { type MapScene } from './scene.ts';

export type MapHit =
  | { readonly kind: 'node'; readonly id: string }
  | { readonly kind: 'edge'; readonly id: string; readonly source: string; readonly target: string }
  | { readonly kind: 'island'; readonly group: string };

const CELL = 64;
/** On the screen, so that far-off maps can still be used. */
const NODE_REACH = 22;
const EDGE_REACH = 6;
const ISLAND_TITLE = { width: 160, height: 20 };

export interface HitIndex {
  /** @param x of the map @param scale screen pixels per unit of the map */
  at(x: number, y: number, scale: number): MapHit | undefined;
}

/** Nodes before edges before titles of islands; of several the nearest. */
export function hitIndex(scene: MapScene): HitIndex {
  const nodes = new Map<number, number[]>();
  const edges = new Map<number, number[]>();
  const put = (cells: Map<number, number[]>, x: number, y: number, value: number): void => {
    const key = cellKey(Math.floor(x / CELL), Math.floor(y / CELL));
    const cell = cells.get(key);
    if (!cell) cells.set(key, [value]);
    else if (cell.at(-1) !== value) cell.push(value);
  };
  scene.nodes.forEach(({ x, y }, index) => put(nodes, x, y, index));
  scene.edges.forEach(({ samples }, index) => {
    put(edges, samples[0]!, samples[1]!, index);
    for (let i = 2; i < samples.length; i += 2) {
      const [x0, y0, x1, y1] = [samples[i - 2]!, samples[i - 1]!, samples[i]!, samples[i + 1]!];
      const steps = Math.max(1, Math.ceil(Math.hypot(x1 - x0, y1 - y0) / (CELL / 2)));
      for (let s = 1; s <= steps; s++) put(edges, x0 + ((x1 - x0) * s) / steps, y0 + ((y1 - y0) * s) / steps, index);
    }
  });
  const around = (cells: Map<number, number[]>, x: number, y: number, reach: number): Set<number> => {
    const found = new Set<number>();
    for (let row = Math.floor((y - reach) / CELL); row <= Math.floor((y + reach) / CELL); row++) {
      for (let column = Math.floor((x - reach) / CELL); column <= Math.floor((x + reach) / CELL); column++) {
        for (const index of cells.get(cellKey(column, row)) ?? []) found.add(index);
      }
    }
    return found;
  };
  return {
    at(x, y, scale) {
      const nodeReach = Math.max(NODE_RADIUS + 2, Math.min(NODE_REACH / scale, 2.2 * NODE_RADIUS));
      let best: { hit: MapHit; distance: number } | undefined;
      for (const index of around(nodes, x, y, nodeReach)) {
        const { node, x: nodeX, y: nodeY } = scene.nodes[index]!;
        const distance = Math.hypot(x - nodeX, y - nodeY);
        if (distance <= nodeReach && distance < (best?.distance ?? Infinity)) {
          best = { hit: { kind: 'node', id: node.id }, distance };
        }
      }
      if (best) return best.hit;
      const edgeReach = EDGE_REACH / scale;
      for (const index of around(edges, x, y, edgeReach + CELL / 2)) {
        const { edge, samples, width } = scene.edges[index]!;
        const distance = distanceTo(samples, x, y) - width / 2;
        if (distance <= edgeReach && distance < (best?.distance ?? Infinity)) {
          best = { hit: { kind: 'edge', id: edge.id, source: edge.source, target: edge.target }, distance };
        }
      }
      if (best) return best.hit;
      const island = scene.islands.find(
        (box) =>
          box.kind === 'group' &&
          x >= box.x + 6 &&
          x <= box.x + Math.min(box.width, ISLAND_TITLE.width) &&
          Math.abs(y - box.y) <= ISLAND_TITLE.height / 2
      );
      return island && { kind: 'island', group: island.group };
    },
  };
}

function distanceTo(samples: readonly number[], x: number, y: number): number {
  let least = Infinity;
  for (let i = 2; i < samples.length; i += 2) {
    const [x0, y0] = [samples[i - 2]!, samples[i - 1]!];
    const [dx, dy] = [samples[i]! - x0, samples[i + 1]! - y0];
    const t = Math.max(0, Math.min(1, ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy || 1)));
    least = Math.min(least, Math.hypot(x - x0 - dx * t, y - y0 - dy * t));
  }
  return least;
}
