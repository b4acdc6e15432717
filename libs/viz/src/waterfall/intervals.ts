import { type TraceModel } from './model.ts';
import { type FoldRow } from './rows.ts';

/** Above this many children, own time is known to a share of the bar only: more is not to be seen. */
const MOST_INTERVALS = 1_024;
const FOLD_BUCKETS = 256;

const ownTimes = new WeakMap<TraceModel, Map<number, Float64Array>>();
const foldShapes = new WeakMap<FoldRow, FoldShape>();

/**
 * Stretches of a span in which none of its children ran, as [from, to] pairs: computed when first drawn and kept, at most
 * some thousand, so that a frame costs the same however many children there are.
 */
export function ownIntervals(model: TraceModel, span: number): Float64Array {
  let known = ownTimes.get(model);
  if (known === undefined) ownTimes.set(model, (known = new Map()));
  let intervals = known.get(span);
  if (intervals === undefined) known.set(span, (intervals = computeOwn(model, span)));
  return intervals;
}

function computeOwn(model: TraceModel, span: number): Float64Array {
  const { firstChild, nextSibling, startNs, durationsNs, childCount, oneOf } = model;
  const start = startNs[span]!;
  const end = start + durationsNs[span]!;
  // What is shorter than a pixel of a large screen is joined to its neighbour.
  const least = childCount[span]! > MOST_INTERVALS ? (end - start) / MOST_INTERVALS : 0;
  const own: number[] = [];
  let until = start;
  const add = (to: number): void => {
    if (to - until > least) own.push(until, to);
  };
  for (let child = firstChild[span]!; child !== -1; child = nextSibling[child]!) {
    if (oneOf[child]! > 0) continue;
    add(Math.min(startNs[child]!, end));
    until = Math.max(until, startNs[child]! + durationsNs[child]!);
  }
  add(end);
  return Float64Array.from(own);
}

export interface FoldShape {
  /** 0 to 1: how much of each bucket of the fold's time a span fills. */
  readonly filled: Float32Array;
  /** Buckets in which a failed span starts. */
  readonly failed: readonly number[];
}

/** Where in its time the spans of a fold lie. */
export function foldShape(model: TraceModel, row: FoldRow): FoldShape {
  let shape = foldShapes.get(row);
  if (shape === undefined) foldShapes.set(row, (shape = computeShape(model, row)));
  return shape;
}

function computeShape({ startNs, durationsNs, failed }: TraceModel, { spans, stats }: FoldRow): FoldShape {
  const filled = new Float32Array(FOLD_BUCKETS);
  const failures = new Set<number>();
  const size = (stats.endNs - stats.startNs) / FOLD_BUCKETS || 1;
  for (const span of spans) {
    const from = (startNs[span]! - stats.startNs) / size;
    const to = from + durationsNs[span]! / size;
    const first = Math.min(FOLD_BUCKETS - 1, Math.floor(from));
    if (failed[span] === 1) failures.add(first);
    for (let bucket = first; bucket < Math.min(to, FOLD_BUCKETS); bucket++) {
      filled[bucket] = filled[bucket]! + Math.min(to, bucket + 1) - Math.max(from, bucket);
    }
  }
  for (let bucket = 0; bucket < FOLD_BUCKETS; bucket++) filled[bucket] = Math.min(1, filled[bucket]!);
  return { filled, failed: [...failures] };
}
