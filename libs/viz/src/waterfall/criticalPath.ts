import { type TraceModel } from './model.ts';

/**
 * The chain of own times that made the trace as long as it was: at every moment of the longest root, the span that
 * everything above waited for. Segments are [from, to] pairs by span, and together as long as the root.
 */
export interface CriticalPath {
  readonly root: number;
  readonly segments: ReadonlyMap<number, readonly number[]>;
}

export function criticalPath(model: TraceModel): CriticalPath {
  const { firstChild, nextSibling, startNs, durationsNs, oneOf } = model;
  const segments = new Map<number, number[]>();
  const root = longestRoot(model);
  if (root === -1) return { root, segments };
  const endOf = (span: number): number => startNs[span]! + durationsNs[span]!;
  const stack: { readonly span: number; readonly from: number; readonly until: number }[] = [
    { span: root, from: startNs[root]!, until: endOf(root) },
  ];
  for (let next = stack.pop(); next; next = stack.pop()) {
    const { span, from, until } = next;
    const children: number[] = [];
    for (let child = firstChild[span]!; child !== -1; child = nextSibling[child]!) {
      if (oneOf[child] === 0 && startNs[child]! < until && endOf(child) > from) children.push(child);
    }
    children.sort((a, b) => endOf(b) - endOf(a));
    const own: number[] = [];
    let at = until;
    for (const child of children) {
      const start = Math.max(startNs[child]!, from);
      const end = Math.min(endOf(child), at);
      if (start >= at || end <= start) continue;
      if (end < at) own.push(end, at);
      stack.push({ span: child, from: start, until: end });
      at = start;
    }
    if (at > from) own.push(from, at);
    if (own.length > 0) segments.set(span, [...(segments.get(span) ?? []), ...own]);
  }
  return { root, segments };
}

export function longestRoot({ roots, durationsNs }: TraceModel): number {
  let longest = -1;
  for (const root of roots) {
    if (longest === -1 || durationsNs[root]! > durationsNs[longest]!) longest = root;
  }
  return longest;
}

/** Length of the path in a span's own time. */
export function pathTime(segments: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < segments.length; i += 2) sum += segments[i + 1]! - segments[i]!;
  return sum;
}

/** Segments by the row that stands for each span, for drawing. */
export function pathByRow(path: CriticalPath, shownAt: Int32Array): ReadonlyMap<number, readonly number[]> {
  const byRow = new Map<number, readonly number[]>();
  for (const [span, segments] of path.segments) {
    const row = shownAt[span]!;
    if (row === -1) continue;
    const known = byRow.get(row);
    byRow.set(row, known === undefined ? segments : known.concat(segments));
  }
  return byRow;
}
