import { type HopPoint, type Trace, type TraceNode } from './assemble/model.ts';

/** A trace as text for a terminal: one line a span, under a call its way over the network. */

export interface RenderOptions {
  /** ANSI colours. @default false */
  readonly colour?: boolean;
}

export function renderTrace(trace: Trace, { colour = false }: RenderOptions = {}): string {
  const paint = (code: number, text: string): string => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  const dim = (text: string): string => paint(2, text);
  const red = (text: string): string => paint(31, text);
  const lines: string[] = [];
  const errors = trace.errorCount > 0 ? `, ${red(`${trace.errorCount} failed`)}` : '';
  lines.push(
    `${trace.traceId === '' ? 'trace without an id on the wire' : `trace ${trace.traceId}`}: ` +
      `${trace.spanCount} spans${errors}, ${formatNs(trace.durationNs)}, ${new Date(Number(trace.startNs / 1_000_000n)).toISOString()}`
  );
  // Depth first without recursion: a trace may be deeper than the stack.
  const stack: { node: TraceNode; indent: string; isLast: boolean; isRoot: boolean }[] = [];
  const push = (nodes: readonly TraceNode[], indent: string, isRoot: boolean): void => {
    for (let i = nodes.length - 1; i >= 0; i--)
      stack.push({ node: nodes[i]!, indent, isLast: i === nodes.length - 1, isRoot });
  };
  push(trace.roots, '', true);
  for (let next = stack.pop(); next; next = stack.pop()) {
    const { node, indent, isLast, isRoot } = next;
    const branch = isRoot ? '' : isLast ? '└─ ' : '├─ ';
    const inner = isRoot ? '' : indent + (isLast ? '   ' : '│  ');
    if (node.gap !== undefined) lines.push(`${indent}${isRoot ? '' : '│  '}${dim(`⋯ ${node.gap}`)}`);
    lines.push(`${indent}${branch}${spanLine(node, dim, red)}`);
    const bar = node.children.length > 0 ? '│  ' : '   ';
    const isRetransmitted = node.hops.some(({ retransmissions }) => retransmissions > 0);
    if (node.hops.length > 1)
      lines.push(`${inner}${bar}${dim(hopLine(node.hops))}${isRetransmitted ? red(' retransmitted') : ''}`);
    push(node.children, inner, false);
  }
  const { oneOf, gaps, truncated, cut } = trace.completeness;
  const notes = [
    ...(oneOf > 0 ? [`${oneOf} calls are one of several open requests and have no parent here`] : []),
    ...(gaps > 0 ? [`${gaps} spans are missing`] : []),
    ...(truncated > 0 ? [`${truncated} messages were longer than the capture`] : []),
    ...cut,
    ...trace.clocks
      .filter(({ offsetNs }) => offsetNs !== 0)
      .map(
        ({ hostId, offsetNs, uncertaintyNs }) =>
          `clock of ${hostId} moved by ${formatNs(offsetNs)} ± ${formatNs(uncertaintyNs)}`
      ),
  ];
  for (const note of notes) lines.push(dim(`note: ${note}`));
  return lines.join('\n') + '\n';
}

function spanLine(node: TraceNode, dim: (text: string) => string, red: (text: string) => string): string {
  const { span, link } = node;
  const who = span.layer === 'network' ? `host ${span.hostId}` : span.service || 'unknown';
  const code = span.responseCode !== 0 ? ` ${span.responseCode}` : '';
  const to = span.layer === 'process' && span.kind === 'Client' && span.peerName !== '' ? ` → ${span.peerName}` : '';
  const outcome =
    span.failure !== ''
      ? red(` ${span.failure.replaceAll('_', ' ')}`)
      : span.status === 'Error'
        ? red(`${code} failed`)
        : code;
  const certainty =
    link && link.probability < 0.995 && link.evidence !== 'one_of' ? ` ${Math.round(link.probability * 100)} %` : '';
  const reason = link ? dim(`  [${link.reason}${certainty}]`) : '';
  const marker = span.layer === 'application' ? 'sdk ' : '';
  return `${marker}${who}${to}  ${span.name}${outcome}  ${formatNs(span.durationNs)}${dim(` +${formatNs(node.startNs)}`)}${reason}`;
}

/** Time spent between neighbouring points, on the way of the request. */
function hopLine(hops: readonly HopPoint[]): string {
  let line = '';
  hops.forEach((hop, i) => {
    const label = hop.kind === 'process' ? '▪' : hop.point;
    if (i === 0) {
      line = label;
      return;
    }
    const timeNs = hop.requestAtNs - hops[i - 1]!.requestAtNs;
    // Between two clocks that are no better than this, the time itself says little.
    const doubt = hop.uncertaintyNs > timeNs ? ` ± ${formatNs(hop.uncertaintyNs)}` : '';
    line += ` ─${formatNs(timeNs)}${doubt}─ ${label}`;
  });
  return line;
}

/** Sub-millisecond times exact, longer ones to three digits. */
export function formatNs(ns: number): string {
  const size = Math.abs(ns);
  if (!Number.isFinite(ns)) return 'unknown';
  if (size < 1_000) return `${Math.round(ns)} ns`;
  if (size < 1_000_000) return `${(ns / 1_000).toFixed(size < 10_000 ? 1 : 0)} µs`;
  if (size < 1_000_000_000) return `${(ns / 1_000_000).toFixed(size < 10_000_000 ? 2 : size < 100_000_000 ? 1 : 0)} ms`;
  return `${(ns / 1_000_000_000).toFixed(2)} s`;
}
