import { type TraceLayer, TRACE_LAYERS, KIND_CLIENT, type TraceModel } from './model.ts';

/** What a person has chosen to see. Immutable: every change makes a new one. */
export interface WaterfallView {
  readonly layers: Readonly<Record<TraceLayer, boolean>>;
  /** Links less sure than this leave the tree for the tray. */
  readonly minProbability: number;
  readonly hopStrips: boolean;
  /** Spans whose rows below are hidden. */
  readonly collapsed: ReadonlySet<number>;
  /** Spans shown open although the cap would fold them. */
  readonly opened: ReadonlySet<number>;
  /** Open folds, and how many pages of each are shown. */
  readonly folds: ReadonlyMap<string, number>;
  /** Calls whose hop strip is unfolded. */
  readonly lenses: ReadonlySet<number>;
}

export const DEFAULT_VIEW: WaterfallView = {
  layers: { application: true, process: true, network: true },
  minProbability: 0,
  hopStrips: true,
  collapsed: new Set(),
  opened: new Set(),
  folds: new Map(),
  lenses: new Set(),
};

export const FOLD_AT = 4;
export const FOLD_PAGE = 50;
export const MAX_ROWS = 50_000;
/** Own time of a span with children is worth a row of its own above both of these. */
const UNEXPLAINED_NS = 1e6;
const UNEXPLAINED_SHARE = 0.1;

interface RowBase {
  /** Levels of the tree above. */
  readonly depth: number;
  /** Index of the row above in the tree; −1 at the top. */
  readonly parentRow: number;
  /** Whether its parent has no row after it. */
  last: boolean;
}

export interface SpanRow extends RowBase {
  readonly kind: 'span';
  readonly span: number;
  readonly expandable: boolean;
  readonly expanded: boolean;
  /** Spans below that have no row because this one is closed. */
  readonly hidden: number;
  /** Which of the repeated calls it is, by start, from 1; 0 outside of a fold. */
  readonly rank: number;
}

export interface FoldStats {
  readonly p50Ns: number;
  readonly totalNs: number;
  readonly selfNs: number;
  readonly failed: number;
  readonly startNs: number;
  readonly endNs: number;
}

export interface FoldRow extends RowBase {
  readonly kind: 'fold';
  readonly key: string;
  /** By start; failed first, then slowest first, where it is open. */
  readonly spans: Int32Array;
  readonly stats: FoldStats;
  readonly expanded: boolean;
  /** Spans in the fold without a row, with all that is below them. */
  readonly hidden: number;
}

/** The rest of an open fold. */
export interface MoreRow extends RowBase {
  readonly kind: 'more';
  readonly key: string;
  readonly rest: number;
  readonly hidden: number;
}

export interface StripRow extends RowBase {
  readonly kind: 'strip';
  readonly span: number;
  readonly expanded: boolean;
}

/** One segment of the way of a call, on the lens's own scale. */
export interface HopRow extends RowBase {
  readonly kind: 'hop';
  readonly span: number;
  /** Index into the segments of the way. */
  readonly segment: number;
}

export interface UnexplainedRow extends RowBase {
  readonly kind: 'unexplained';
  readonly span: number;
  readonly startNs: number;
  readonly endNs: number;
}

/** Head of the tray of spans whose link is less sure than was asked for. */
export interface TrayRow extends RowBase {
  readonly kind: 'tray';
  readonly count: number;
}

export type WaterfallRow = SpanRow | FoldRow | MoreRow | StripRow | HopRow | UnexplainedRow | TrayRow;

export interface WaterfallRows {
  readonly rows: readonly WaterfallRow[];
  /** Row of each span that has one; −1 for the others. */
  readonly rowOfSpan: Int32Array;
  /** Row that stands for each span: its own, that of its fold, or of the nearest row above. */
  readonly shownAt: Int32Array;
  /** Spans of a hidden layer: they have no row and lifted their children. */
  readonly hiddenByLayer: number;
  readonly inTray: number;
  /** Set where the cap closed rows: the depth below which everything is closed. */
  readonly cappedAtDepth: number | undefined;
  /** Rows that not even closing could make room for. */
  readonly cut: number;
}

/** Rows to draw, in order. Each visible span is exactly one row, in a fold, below a closed row, or in the tray. */
export function buildRows(model: TraceModel, view: WaterfallView, maxRows: number = MAX_ROWS): WaterfallRows {
  const tree = visibleTree(model, view);
  const whole = emitRows(model, view, tree, Infinity, maxRows);
  if (!whole.overflow) return finish(model, whole, tree);
  // Close everything below the deepest level that fits; what is open by hand stays open.
  let fits = 0;
  let tooDeep = 1;
  for (const depth of model.depth) tooDeep = Math.max(tooDeep, depth + 1);
  let best = emitRows(model, view, tree, 0, maxRows);
  while (tooDeep - fits > 1) {
    const depth = (fits + tooDeep) >> 1;
    const built = emitRows(model, view, tree, depth, maxRows);
    if (built.overflow) tooDeep = depth;
    else {
      fits = depth;
      best = built;
    }
  }
  return finish(model, best, tree, fits);
}

function finish(model: TraceModel, built: Emitted, tree: VisibleTree, cappedAtDepth?: number): WaterfallRows {
  const { rows, rowOfSpan, cut } = built;
  markLast(rows);
  const shownAt = rowOfSpan.slice();
  for (const [index, row] of rows.entries()) {
    if (row.kind !== 'fold') continue;
    for (const span of row.spans) if (shownAt[span] === -1) shownAt[span] = index;
  }
  for (const span of model.order) {
    const above = model.parent[span]!;
    if (shownAt[span] === -1 && above !== -1) shownAt[span] = shownAt[above]!;
  }
  return { rows, rowOfSpan, shownAt, hiddenByLayer: tree.hidden, inTray: tree.tray, cappedAtDepth, cut };
}

interface VisibleTree {
  /** Visible children of span i: list[offset[i]] to list[offset[i + 1] − 1]. */
  readonly offset: Int32Array;
  readonly list: Int32Array;
  readonly roots: readonly number[];
  readonly trayRoots: readonly number[];
  /** Visible spans below. */
  readonly below: Int32Array;
  readonly hidden: number;
  readonly tray: number;
  /** What was found out about a span's children: the cap may ask several times. */
  readonly children: Map<number, readonly Child[]>;
}

const NO_CHILDREN: readonly Child[] = [];
const TOP = -1;
const TRAY = -2;

/** Lifts the children of hidden spans to the nearest visible ancestor and moves weak links to the tray. */
function visibleTree(model: TraceModel, view: WaterfallView): VisibleTree {
  const { count, order, parent, layer, linkProbability, startNs } = model;
  const shown = TRACE_LAYERS.map((name) => view.layers[name]);
  const up = new Int32Array(count).fill(TOP);
  const size = new Int32Array(count + 1);
  const visible = new Uint8Array(count);
  const inTray = new Uint8Array(count);
  const roots: number[] = [];
  const trayRoots: number[] = [];
  let hidden = 0;
  let tray = 0;
  for (let at = 0; at < count; at++) {
    const i = order[at]!;
    const above = parent[i]!;
    let target = above === -1 ? TOP : visible[above] === 1 ? above : up[above]!;
    inTray[i] = above === -1 ? 0 : inTray[above]!;
    if (linkProbability[i]! < view.minProbability) {
      target = TRAY;
      inTray[i] = 1;
    }
    up[i] = target;
    if (!shown[layer[i]!]) {
      hidden++;
      continue;
    }
    visible[i] = 1;
    tray += inTray[i]!;
    if (target === TOP) roots.push(i);
    else if (target === TRAY) trayRoots.push(i);
    else size[target] = size[target]! + 1;
  }
  const offset = new Int32Array(count + 1);
  for (let i = 0; i < count; i++) offset[i + 1] = offset[i]! + size[i]!;
  const list = new Int32Array(offset[count]!);
  const filled = offset.slice();
  const lifted = new Uint8Array(count);
  for (let at = 0; at < count; at++) {
    const i = order[at]!;
    const above = up[i]!;
    if (visible[i] === 0 || above < 0) continue;
    list[filled[above]!] = i;
    filled[above] = filled[above]! + 1;
    if (above !== parent[i]) lifted[above] = 1;
  }
  const byStart = (a: number, b: number): number => startNs[a]! - startNs[b]! || a - b;
  for (let i = 0; i < count; i++) {
    if (lifted[i] === 1) list.subarray(offset[i]!, offset[i + 1]!).sort(byStart);
  }
  if (hidden > 0) roots.sort(byStart);
  trayRoots.sort(byStart);
  const below = new Int32Array(count);
  for (let at = count - 1; at >= 0; at--) {
    const i = order[at]!;
    const above = up[i]!;
    if (visible[i] === 1 && above >= 0) below[above] = below[above]! + below[i]! + 1;
  }
  return { offset, list, roots, trayRoots, below, hidden, tray, children: new Map() };
}

interface Emitted {
  readonly rows: WaterfallRow[];
  readonly rowOfSpan: Int32Array;
  readonly overflow: boolean;
  readonly cut: number;
}

type Child =
  | { readonly kind: 'span'; readonly span: number; readonly rank: number }
  | { readonly kind: 'fold'; readonly key: string; readonly spans: Int32Array }
  | { readonly kind: 'more'; readonly key: string; readonly rest: readonly number[] }
  | { readonly kind: 'unexplained'; readonly span: number; readonly startNs: number; readonly endNs: number };

interface Level {
  readonly children: readonly Child[];
  next: number;
  readonly depth: number;
  readonly parentRow: number;
}

function emitRows(
  model: TraceModel,
  view: WaterfallView,
  tree: VisibleTree,
  closedFrom: number,
  maxRows: number
): Emitted {
  const rows: WaterfallRow[] = [];
  const rowOfSpan = new Int32Array(model.count).fill(-1);
  const stripsShown = view.hopStrips && view.layers.network;
  let cut = 0;
  const levels: Level[] = [];

  const emit = (child: Child, depth: number, parentRow: number): void => {
    const index = rows.length;
    const base = { depth, parentRow, last: false };
    if (child.kind === 'unexplained') {
      rows.push({ ...base, ...child });
    } else if (child.kind === 'more') {
      const hidden = sumBelow(tree, child.rest);
      rows.push({ ...base, kind: 'more', key: child.key, rest: child.rest.length, hidden });
    } else if (child.kind === 'fold') {
      const pages = view.folds.get(child.key) ?? 0;
      const spans = pages > 0 ? foldOrder(model, child.spans) : child.spans;
      const open = Math.min(spans.length, pages * FOLD_PAGE);
      const hidden = open > 0 ? 0 : sumBelow(tree, spans);
      const stats = foldStats(model, spans);
      rows.push({ ...base, kind: 'fold', key: child.key, spans, stats, expanded: open > 0, hidden });
      if (open === 0) return;
      const members = Array.from(spans.subarray(0, open), (span): Child => ({
        kind: 'span',
        span,
        rank: child.spans.indexOf(span) + 1,
      }));
      if (open < spans.length) members.push({ kind: 'more', key: child.key, rest: [...spans.subarray(open)] });
      levels.push({ children: members, next: 0, depth: depth + 1, parentRow: index });
    } else {
      const { span } = child;
      const children = childrenOf(model, tree, span);
      const hops = stripsShown ? model.hops.get(span) : undefined;
      const strip = hops !== undefined && hops.length >= 2;
      const expandable = children.length > 0 || strip;
      const closed = view.collapsed.has(span) || (depth >= closedFrom && !view.opened.has(span));
      const expanded = expandable && !closed;
      const hidden = expanded ? 0 : tree.below[span]!;
      rowOfSpan[span] = index;
      rows.push({ ...base, kind: 'span', span, expandable, expanded, hidden, rank: child.rank });
      if (!expanded) return;
      if (children.length > 0) levels.push({ children, next: 0, depth: depth + 1, parentRow: index });
      if (!strip) return;
      const lens = view.lenses.has(span);
      rows.push({ kind: 'strip', depth: depth + 1, parentRow: index, last: false, span, expanded: lens });
      if (!lens) return;
      for (let segment = 0; segment < hops.length; segment++) {
        rows.push({ kind: 'hop', depth: depth + 2, parentRow: index + 1, last: false, span, segment });
      }
    }
  };

  const run = (children: readonly Child[], depth: number, parentRow: number): boolean => {
    levels.push({ children, next: 0, depth, parentRow });
    for (let level = levels.at(-1); level; level = levels.at(-1)) {
      if (level.next === level.children.length) {
        levels.pop();
        continue;
      }
      if (rows.length >= maxRows) {
        for (const each of levels) cut += each.children.length - each.next;
        levels.length = 0;
        return false;
      }
      emit(level.children[level.next++]!, level.depth, level.parentRow);
    }
    return true;
  };

  let whole = run(fold(model, tree.roots, 'roots'), 0, -1);
  if (whole && tree.trayRoots.length > 0) {
    rows.push({ kind: 'tray', depth: 0, parentRow: -1, last: true, count: tree.tray });
    whole = run(fold(model, tree.trayRoots, 'tray'), 1, rows.length - 1);
  }
  return { rows, rowOfSpan, overflow: !whole, cut };
}

/** Visible children of a span: its calls by start, repeats folded, and the time that none of them explains. */
function childrenOf(model: TraceModel, tree: VisibleTree, span: number): readonly Child[] {
  let children = tree.children.get(span);
  if (children === undefined) tree.children.set(span, (children = findChildren(model, tree, span)));
  return children;
}

function findChildren(model: TraceModel, tree: VisibleTree, span: number): readonly Child[] {
  if (tree.offset[span] === tree.offset[span + 1] && model.firstChild[span] === -1) return NO_CHILDREN;
  const spans = tree.list.subarray(tree.offset[span]!, tree.offset[span + 1]!);
  const children = fold(model, spans, String(span));
  const gaps = unexplained(model, span);
  if (gaps.length === 0) return children;
  const startOf = (child: Child): number => {
    if (child.kind === 'unexplained') return child.startNs;
    if (child.kind === 'span') return model.startNs[child.span]!;
    return child.kind === 'fold' ? model.startNs[child.spans[0]!]! : Infinity;
  };
  return [...children, ...gaps].sort((a, b) => startOf(a) - startOf(b));
}

function fold(model: TraceModel, spans: ArrayLike<number>, owner: string): Child[] {
  const { service, name, layer, names, oneOf } = model;
  const children: Child[] = [];
  if (spans.length < FOLD_AT) {
    for (let i = 0; i < spans.length; i++) children.push({ kind: 'span', span: spans[i]!, rank: 0 });
    return children;
  }
  const keyOf = (span: number): number =>
    ((service[span]! * names.length + name[span]!) * TRACE_LAYERS.length + layer[span]!) * 2 +
    (oneOf[span]! > 0 ? 1 : 0);
  const groups = new Map<number, number[]>();
  for (let i = 0; i < spans.length; i++) {
    const key = keyOf(spans[i]!);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [spans[i]!]);
    else group.push(spans[i]!);
  }
  for (let i = 0; i < spans.length; i++) {
    const span = spans[i]!;
    const key = keyOf(span);
    const group = groups.get(key)!;
    if (group.length < FOLD_AT) children.push({ kind: 'span', span, rank: 0 });
    // A fold stands where its first span is.
    else if (group[0] === span) {
      children.push({ kind: 'fold', key: `${owner}:${key}`, spans: Int32Array.from(group) });
    }
  }
  return children;
}

/** Failed first, then slowest first: what a person opens a fold for. */
function foldOrder({ failed, durationsNs }: TraceModel, spans: Int32Array): Int32Array {
  return spans.slice().sort((a, b) => failed[b]! - failed[a]! || durationsNs[b]! - durationsNs[a]! || a - b);
}

function foldStats({ startNs, durationsNs, selfNs, failed }: TraceModel, spans: Int32Array): FoldStats {
  const sorted = Float64Array.from(spans, (span) => durationsNs[span]!).sort();
  let totalNs = 0;
  let ownNs = 0;
  let failures = 0;
  let from = Infinity;
  let to = -Infinity;
  for (const span of spans) {
    totalNs += durationsNs[span]!;
    ownNs += selfNs[span]!;
    failures += failed[span]!;
    from = Math.min(from, startNs[span]!);
    to = Math.max(to, startNs[span]! + durationsNs[span]!);
  }
  const p50Ns = sorted[Math.floor((sorted.length - 1) / 2)]!;
  return { p50Ns, totalNs, selfNs: ownNs, failed: failures, startNs: from, endNs: to };
}

/**
 * Stretches of own time in a span that has children, long enough to ask about. Not of a call: between a caller and its
 * callee lies the network, which the strip and the drawer show.
 */
export function unexplained(model: TraceModel, span: number): readonly (Child & { kind: 'unexplained' })[] {
  const { firstChild, nextSibling, startNs, durationsNs, selfNs, kind, oneOf, durationNs } = model;
  const least = Math.max(UNEXPLAINED_NS, durationNs * UNEXPLAINED_SHARE);
  if (firstChild[span] === -1 || kind[span] === KIND_CLIENT || selfNs[span]! <= least) return [];
  const gaps: (Child & { kind: 'unexplained' })[] = [];
  const end = startNs[span]! + durationsNs[span]!;
  let until = startNs[span]!;
  const close = (from: number): void => {
    if (Math.min(from, end) - until > least) {
      gaps.push({ kind: 'unexplained', span, startNs: until, endNs: Math.min(from, end) });
    }
  };
  for (let child = firstChild[span]!; child !== -1; child = nextSibling[child]!) {
    if (oneOf[child]! > 0) continue;
    close(startNs[child]!);
    until = Math.max(until, startNs[child]! + durationsNs[child]!);
  }
  close(end);
  return gaps;
}

function sumBelow({ below }: VisibleTree, spans: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < spans.length; i++) sum += below[spans[i]!]! + 1;
  return sum;
}

function markLast(rows: readonly WaterfallRow[]): void {
  const seen = new Uint8Array(rows.length);
  let topSeen = false;
  for (let i = rows.length - 1; i >= 0; i--) {
    const row = rows[i]!;
    if (row.parentRow === -1) {
      row.last = !topSeen;
      topSeen = true;
    } else {
      row.last = seen[row.parentRow] === 0;
      seen[row.parentRow] = 1;
    }
  }
}

/** The view in which a span has a row: everything above it open, its layer shown, its fold turned to its page. */
export function reveal(model: TraceModel, view: WaterfallView, span: number): WaterfallView {
  const layers = { ...view.layers, [TRACE_LAYERS[model.layer[span]!]!]: true };
  const collapsed = new Set(view.collapsed);
  const opened = new Set(view.opened);
  const folds = new Map(view.folds);
  const shown = { ...view, layers, collapsed, opened, folds };
  const tree = visibleTree(model, shown);
  const visible = (at: number): boolean => layers[TRACE_LAYERS[model.layer[at]!]!];
  const inTray = (at: number): boolean => model.linkProbability[at]! < view.minProbability;
  let at = span;
  while (true) {
    let above = model.parent[at]!;
    let weak = inTray(at);
    while (above !== -1 && !weak && !visible(above)) {
      weak = inTray(above);
      above = model.parent[above]!;
    }
    const top = weak || above === -1;
    if (!top) {
      collapsed.delete(above);
      opened.add(above);
    }
    const owner = top ? (weak ? 'tray' : 'roots') : String(above);
    const siblings = weak
      ? tree.trayRoots
      : top
        ? tree.roots
        : tree.list.subarray(tree.offset[above]!, tree.offset[above + 1]!);
    for (const child of fold(model, siblings, owner)) {
      if (child.kind !== 'fold' || !child.spans.includes(at)) continue;
      const pages = Math.floor(foldOrder(model, child.spans).indexOf(at) / FOLD_PAGE) + 1;
      folds.set(child.key, Math.max(pages, folds.get(child.key) ?? 0));
    }
    if (top) return shown;
    at = above;
  }
}
