/** Order and positions of the rows of one island: barycentre sweeps, then least squares within that order. */

export interface Item {
  readonly column: number;
  /** What it takes across, from its middle. */
  readonly before: number;
  readonly after: number;
  /** How hard it holds to its wish. */
  readonly weight: number;
  /** Positions of neighbours that are not in this island. */
  readonly pulls: number[];
}

/** An edge through its lanes, from its first item to its last, one per column. */
export interface Chain {
  readonly edge: number;
  readonly items: readonly number[];
}

/** @returns a position across for each item; in one column none overlap */
export function orderAndPlace(items: readonly Item[], chains: readonly Chain[], gap: number): number[] {
  const left: number[][] = items.map(() => []);
  const right: number[][] = items.map(() => []);
  for (const { items: chain } of chains) {
    for (let i = 1; i < chain.length; i++) {
      right[chain[i - 1]!]!.push(chain[i]!);
      left[chain[i]!]!.push(chain[i - 1]!);
    }
  }
  const columns = initialColumns(items, left, right);
  order(items, columns, left, right);
  return place(items, columns, left, right, gap);
}

/** Depth first from the entries: what hangs together starts close together. */
function initialColumns(items: readonly Item[], left: readonly number[][], right: readonly number[][]): number[][] {
  const columns: number[][] = Array.from(
    { length: items.reduce((most, { column }) => Math.max(most, column), 0) + 1 },
    () => []
  );
  const seen = new Uint8Array(items.length);
  const entries = items.map((_, item) => item).filter((item) => left[item]!.length === 0);
  const stack = entries.toSorted((a, b) => wish(items[a]!) - wish(items[b]!) || a - b).reverse();
  while (stack.length > 0) {
    const item = stack.pop()!;
    if (seen[item]) continue;
    seen[item] = 1;
    columns[items[item]!.column]!.push(item);
    for (const next of right[item]!.toReversed()) if (!seen[next]) stack.push(next);
  }
  return columns;
}

function wish({ pulls }: Item): number {
  return pulls.length === 0 ? 0 : pulls.reduce((sum, value) => sum + value, 0) / pulls.length;
}

function order(
  items: readonly Item[],
  columns: number[][],
  left: readonly number[][],
  right: readonly number[][]
): void {
  const rank = new Float64Array(items.length);
  const renumber = (column: readonly number[]): void => column.forEach((item, index) => (rank[item] = index));
  columns.forEach(renumber);
  const sweeps = items.length > 4_000 ? 6 : 16;
  let best = columns.map((column) => column.slice());
  let fewest = crossings(items, columns, right, rank);
  const hasPulls = items.some(({ pulls }) => pulls.length > 0);
  const scale = hasPulls ? pullScale(items, columns) : undefined;
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const isForward = sweep % 2 === 0;
    const near = isForward ? left : right;
    const far = isForward ? right : left;
    for (const column of isForward ? columns : columns.toReversed()) {
      const key = new Map<number, number>();
      for (const item of column) {
        const neighbours = near[item]!.length > 0 ? near[item]! : sweep > 1 ? far[item]! : [];
        let sum = 0;
        for (const neighbour of neighbours)
          sum += rank[neighbour]! / Math.max(1, columns[items[neighbour]!.column]!.length);
        let weight = neighbours.length;
        if (scale) {
          for (const pull of items[item]!.pulls) sum += scale(pull);
          weight += items[item]!.pulls.length;
        }
        key.set(item, weight === 0 ? rank[item]! / column.length : sum / weight);
      }
      column.sort((a, b) => key.get(a)! - key.get(b)! || rank[a]! - rank[b]!);
      renumber(column);
    }
    if (items.length <= 1_500) for (const column of columns) swapNeighbours(column, left, right, rank);
    const count = crossings(items, columns, right, rank);
    // With neighbours outside, the last order counts: they are not in the number of crossings.
    if (count < fewest || (hasPulls && count <= fewest * 1.1 + 2)) {
      fewest = Math.min(count, fewest);
      best = columns.map((column) => column.slice());
    }
  }
  best.forEach((column, index) => (columns[index] = column));
}

/** From positions to ranks between 0 and 1. */
function pullScale(items: readonly Item[], columns: readonly number[][]): (pull: number) => number {
  const pulls = items.flatMap(({ pulls: own }) => own);
  const low = Math.min(...pulls);
  const span = Math.max(...pulls) - low;
  return (pull) => (span === 0 || columns.length === 0 ? 0.5 : (pull - low) / span);
}

function swapNeighbours(
  column: number[],
  left: readonly number[][],
  right: readonly number[][],
  rank: Float64Array
): void {
  for (let round = 0; round < 4; round++) {
    let swapped = false;
    for (let i = 1; i < column.length; i++) {
      const [a, b] = [column[i - 1]!, column[i]!];
      const gain = pairCrossings(left[a]!, left[b]!, rank) + pairCrossings(right[a]!, right[b]!, rank);
      if (gain <= 0) continue;
      column[i - 1] = b;
      column[i] = a;
      rank[b] = i - 1;
      rank[a] = i;
      swapped = true;
    }
    if (!swapped) return;
  }
}

/** Crossings of a before b, less those of b before a. */
function pairCrossings(a: readonly number[], b: readonly number[], rank: Float64Array): number {
  let difference = 0;
  for (const x of a) for (const y of b) difference += Math.sign(rank[x]! - rank[y]!);
  return difference;
}

/** Pairs of edges between neighbouring columns that cross, counted with a tree of partial sums. */
function crossings(
  items: readonly Item[],
  columns: readonly number[][],
  right: readonly number[][],
  rank: Float64Array
): number {
  let total = 0;
  for (const column of columns) {
    const ends: number[] = [];
    for (const item of column) {
      const ranks = right[item]!.filter((to) => items[to]!.column === items[item]!.column + 1).map((to) => rank[to]!);
      for (const value of ranks.sort((a, b) => a - b)) ends.push(value);
    }
    const size = ends.reduce((most, value) => Math.max(most, value), 0) + 1;
    const tree = new Int32Array(size + 1);
    ends.forEach((value, index) => {
      let atMost = 0;
      for (let i = value + 1; i > 0; i -= i & -i) atMost += tree[i]!;
      total += index - atMost;
      for (let i = value + 1; i <= size; i += i & -i) tree[i]!++;
    });
  }
  return total;
}

function place(
  items: readonly Item[],
  columns: readonly number[][],
  left: readonly number[][],
  right: readonly number[][],
  gap: number
): number[] {
  const position = new Array<number>(items.length).fill(0);
  const apart = (a: number, b: number): number => items[a]!.after + items[b]!.before + gap;
  for (const column of columns) {
    let at = 0;
    column.forEach((item, index) => {
      if (index > 0) at += apart(column[index - 1]!, item);
      position[item] = at;
    });
    for (const item of column) position[item]! -= at / 2;
  }
  const passes = items.length > 4_000 ? 8 : 20;
  for (let pass = 0; pass < passes; pass++) {
    const isForward = pass % 2 === 0;
    const isLast = pass >= passes - 4;
    for (const column of isForward ? columns : columns.toReversed()) {
      const wishes = column.map((item) => {
        const near = isForward ? left[item]! : right[item]!;
        const far = isForward ? right[item]! : left[item]!;
        const neighbours = isLast || near.length === 0 ? [...near, ...far] : near;
        // Neighbours outside decide the order only: following them would tear the island apart.
        return neighbours.length === 0 ? position[item]! : median(neighbours.map((each) => position[each]!));
      });
      spread(column, wishes, items, apart, position);
    }
  }
  align(items, columns, left, position, apart);
  return position.map(Math.round);
}

/** Least squares of the distances to the wishes, in this order and apart: pools neighbours that push each other. */
function spread(
  column: readonly number[],
  wishes: readonly number[],
  items: readonly Item[],
  apart: (a: number, b: number) => number,
  position: number[]
): void {
  const blocks: { sum: number; weight: number; count: number }[] = [];
  const shift: number[] = [];
  let total = 0;
  column.forEach((item, index) => {
    if (index > 0) total += apart(column[index - 1]!, item);
    shift.push(total);
    const weight = items[item]!.weight;
    let block = { sum: (wishes[index]! - total) * weight, weight, count: 1 };
    for (let last = blocks.at(-1); last && last.sum / last.weight >= block.sum / block.weight; last = blocks.at(-1)) {
      blocks.pop();
      block = { sum: last.sum + block.sum, weight: last.weight + block.weight, count: last.count + block.count };
    }
    blocks.push(block);
  });
  let index = 0;
  for (const { sum, weight, count } of blocks) {
    for (let i = 0; i < count; i++, index++) position[column[index]!] = sum / weight + shift[index]!;
  }
}

/** Almost level becomes level, where the neighbours above and below leave room. */
function align(
  items: readonly Item[],
  columns: readonly number[][],
  left: readonly number[][],
  position: number[],
  apart: (a: number, b: number) => number
): void {
  for (const column of columns) {
    column.forEach((item, index) => {
      const near = left[item]!.filter((from) => Math.abs(position[from]! - position[item]!) < 20);
      const to =
        near.length > 0
          ? position[near.reduce((a, b) => (distance(a, item) <= distance(b, item) ? a : b))]!
          : undefined;
      if (to === undefined) return;
      const above = column[index - 1];
      const below = column[index + 1];
      if (above !== undefined && to - position[above]! < apart(above, item)) return;
      if (below !== undefined && position[below]! - to < apart(item, below)) return;
      position[item] = to;
    });
  }
  function distance(a: number, b: number): number {
    return Math.abs(position[a]! - position[b]!);
  }
}

function median(values: number[]): number {
  const sorted = values.sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
