import { alignClocks, type ExchangePair } from './clocks.ts';
import { hopPoints } from './hops.ts';
import { type ClockOffset, type Trace, type TraceNode, type TraceSpan } from './model.ts';
import { type LaterLink, type Parent, Parents } from './parents.ts';

export interface AssembleOptions {
  /** Rows of `links` for these spans; preferred to the rows' own. */
  readonly links?: readonly LaterLink[];
  /** What collecting had to leave out, in words. */
  readonly cut?: readonly string[];
  /** Only the tree that holds this span; the whole of `spans` without it. */
  readonly focus?: string;
}

/** The tree of a trace. Pure: the same spans in any order give the same tree. */
export function assemble(given: readonly TraceSpan[], { links = [], cut = [], focus }: AssembleOptions = {}): Trace {
  const spans = unique(given);
  const parents = new Parents(spans, links);
  const parentOf = new Map<TraceSpan, Parent>();
  for (const span of spans) parentOf.set(span, parents.of(span));
  const cycles = breakCycles(spans, parentOf);
  insertNetworkRows(spans, parentOf);

  const childrenOf = new Map<TraceSpan, TraceSpan[]>();
  let roots: TraceSpan[] = [];
  for (const span of spans) {
    const { parent } = parentOf.get(span)!;
    if (!parent) roots.push(span);
    else {
      const list = childrenOf.get(parent);
      if (list) list.push(span);
      else childrenOf.set(parent, [span]);
    }
  }
  if (focus !== undefined) {
    const member = spans.find(({ spanId }) => spanId === focus);
    if (member) roots = [rootOf(member, parentOf)];
  }
  const members = reach(roots, childrenOf);

  const pairs: ExchangePair[] = [];
  for (const span of members) {
    const parent = parentOf.get(span)!.parent;
    if (span.layer === 'process' && span.kind === 'Server' && parent?.layer === 'process' && parent.kind === 'Client') {
      pairs.push({ client: parent, server: span });
    }
  }
  const first = roots.reduce<TraceSpan | undefined>((a, b) => (!a || compare(b, a) < 0 ? b : a), undefined);
  const clocks = first ? alignClocks(pairs, first.hostId, new Set(members.map(({ hostId }) => hostId))) : [];
  const offset = new Map(clocks.map((clock) => [clock.hostId, clock.offsetNs]));
  const uncertainty = new Map(clocks.map((clock) => [clock.hostId, clock.uncertaintyNs]));
  const origin = first?.startNs ?? 0n;
  const at = (span: TraceSpan): number => Number(span.startNs - origin) + (offset.get(span.hostId) ?? 0);

  const counts = { oneOf: 0, gaps: 0, truncated: 0, errors: 0, end: 0 };
  for (const span of members) {
    const { link, gap } = parentOf.get(span)!;
    if (link?.evidence === 'one_of') counts.oneOf++;
    if (gap !== undefined) counts.gaps++;
    if (span.truncated) counts.truncated++;
    if (span.status === 'Error') counts.errors++;
    counts.end = Math.max(counts.end, at(span) + span.durationNs);
  }
  return {
    traceId: traceIdOf(members),
    startNs: origin,
    durationNs: counts.end,
    roots: build(roots, parentOf, childrenOf, at, (hostId) => uncertainty.get(hostId) ?? Infinity),
    spanCount: members.length,
    errorCount: counts.errors,
    clocks,
    completeness: {
      oneOf: counts.oneOf,
      gaps: counts.gaps,
      truncated: counts.truncated,
      cut: cycles > 0 ? [...cut, `${cycles} links made a circle and were cut`] : cut,
    },
  };
}

export { type ClockOffset };

/** Total order that depends on content alone. */
function compare(a: TraceSpan, b: TraceSpan): number {
  if (a.startNs !== b.startNs) return a.startNs < b.startNs ? -1 : 1;
  if (a.durationNs !== b.durationNs) return b.durationNs - a.durationNs;
  const keyA = `${a.spanId}/${a.hostId}/${a.layer}`;
  const keyB = `${b.spanId}/${b.hostId}/${b.layer}`;
  return keyA < keyB ? -1 : keyA > keyB ? 1 : 0;
}

/** Rows that were stored twice are one. */
function unique(spans: readonly TraceSpan[]): TraceSpan[] {
  const seen = new Map<string, TraceSpan>();
  for (const span of spans) {
    const key = `${span.spanId}/${span.layer}/${span.hostId}/${span.startNs}/${span.clientPort}/${span.kind}`;
    if (!seen.has(key)) seen.set(key, span);
  }
  return [...seen.values()].sort(compare);
}

/** Makes the earliest span of every circle a root. */
function breakCycles(spans: readonly TraceSpan[], parentOf: Map<TraceSpan, Parent>): number {
  const state = new Map<TraceSpan, 'open' | 'done'>();
  let cycles = 0;
  for (const start of spans) {
    const path: TraceSpan[] = [];
    let span: TraceSpan | undefined = start;
    while (span && !state.has(span)) {
      state.set(span, 'open');
      path.push(span);
      span = parentOf.get(span)?.parent;
    }
    if (span && state.get(span) === 'open') {
      const circle = path.slice(path.indexOf(span)).sort(compare);
      parentOf.set(circle[0]!, { parent: undefined, link: undefined, gap: 'its parents led back to itself' });
      cycles++;
    }
    for (const each of path) state.set(each, 'done');
  }
  return cycles;
}

/** Hosts in between stand between client and server: client → network rows by time → server. */
function insertNetworkRows(spans: readonly TraceSpan[], parentOf: Map<TraceSpan, Parent>): void {
  const networkOf = new Map<string, TraceSpan[]>();
  for (const span of spans) {
    if (span.layer !== 'network') continue;
    const list = networkOf.get(span.parentSpanId);
    if (list) list.push(span);
    else networkOf.set(span.parentSpanId, [span]);
  }
  for (const rows of networkOf.values()) {
    for (let i = 1; i < rows.length; i++) parentOf.set(rows[i]!, { ...parentOf.get(rows[i]!)!, parent: rows[i - 1] });
  }
  for (const span of spans) {
    if (span.layer !== 'process' || span.kind !== 'Server') continue;
    const rows = networkOf.get(span.parentSpanId);
    const own = parentOf.get(span)!;
    if (rows && (own.parent === undefined || own.parent.spanId === span.parentSpanId)) {
      const link = own.link ?? {
        evidence: 'exchange' as const,
        probability: 1,
        reason: 'same exchange',
        alternatives: [],
      };
      parentOf.set(span, { parent: rows.at(-1), link, gap: own.gap });
    }
  }
}

function rootOf(span: TraceSpan, parentOf: ReadonlyMap<TraceSpan, Parent>): TraceSpan {
  let root = span;
  for (let parent = parentOf.get(root)?.parent; parent; parent = parentOf.get(root)?.parent) root = parent;
  return root;
}

function reach(roots: readonly TraceSpan[], childrenOf: ReadonlyMap<TraceSpan, TraceSpan[]>): TraceSpan[] {
  const members: TraceSpan[] = [];
  const stack = [...roots];
  for (let span = stack.pop(); span; span = stack.pop()) {
    members.push(span);
    for (const child of childrenOf.get(span) ?? []) stack.push(child);
  }
  return members.sort(compare);
}

function traceIdOf(members: readonly TraceSpan[]): string {
  return members.find(({ traceId }) => traceId !== '')?.traceId ?? '';
}

/** Children before parents, without recursion: a trace may be deeper than the stack. */
function build(
  roots: readonly TraceSpan[],
  parentOf: ReadonlyMap<TraceSpan, Parent>,
  childrenOf: ReadonlyMap<TraceSpan, TraceSpan[]>,
  at: (span: TraceSpan) => number,
  uncertaintyOf: (hostId: string) => number
): TraceNode[] {
  const order: TraceSpan[] = [];
  const stack = [...roots];
  for (let span = stack.pop(); span; span = stack.pop()) {
    order.push(span);
    for (const child of childrenOf.get(span) ?? []) stack.push(child);
  }
  const nodes = new Map<TraceSpan, TraceNode>();
  const byStart = (a: TraceNode, b: TraceNode): number => a.startNs - b.startNs || compare(a.span, b.span);
  for (const span of order.reverse()) {
    const children = (childrenOf.get(span) ?? []).map((child) => nodes.get(child)!).sort(byStart);
    const { link, gap, parent } = parentOf.get(span)!;
    const isHead = span.layer === 'process' && (span.kind === 'Client' || !isSameExchange(parent, span));
    nodes.set(span, {
      span,
      startNs: at(span),
      link,
      children,
      hops: isHead ? hopPoints(observations(span, childrenOf), at, uncertaintyOf) : [],
      gap,
    });
  }
  return roots.map((root) => nodes.get(root)!).sort(byStart);
}

function isSameExchange(parent: TraceSpan | undefined, span: TraceSpan): boolean {
  return (
    parent !== undefined &&
    parent.layer !== 'application' &&
    (parent.spanId === span.parentSpanId || parent.layer === 'network')
  );
}

/** A client's row with the rows of hosts in between and of the server. */
function observations(head: TraceSpan, childrenOf: ReadonlyMap<TraceSpan, TraceSpan[]>): TraceSpan[] {
  const chain = [head];
  if (head.kind === 'Server') return chain;
  for (let i = 0; i < chain.length; i++) {
    for (const child of childrenOf.get(chain[i]!) ?? []) {
      const isOfExchange =
        child.parentSpanId === head.spanId && child.layer !== 'application' && child.kind !== 'Client';
      if (isOfExchange || (child.layer === 'network' && child.parentSpanId === head.spanId)) chain.push(child);
    }
  }
  return chain;
}
