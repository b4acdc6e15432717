import { type HopPoint, type TraceSpan } from './model.ts';

/**
 * The way of one exchange, from the client's process over every interface that saw it to the server's process.
 * @param at start of a span, ns from the start of the trace, clocks brought together
 * @param uncertaintyOf of a host's clock, ns
 */
export function hopPoints(
  observations: readonly TraceSpan[],
  at: (span: TraceSpan) => number,
  uncertaintyOf: (hostId: string) => number
): HopPoint[] {
  const points: { order: number; point: HopPoint }[] = [];
  for (const span of observations) {
    const start = at(span);
    const side = span.layer === 'network' ? 1 : span.kind === 'Client' ? 0 : 2;
    if (span.layer === 'process') {
      const point = `${span.service || span.entityId} ${span.kind === 'Client' ? 'client' : 'server'}`;
      const end = span.failure === '' ? start + span.durationNs : undefined;
      points.push({
        order: side === 0 ? -1 : 3,
        point: {
          point,
          hostId: span.hostId,
          kind: 'process',
          requestAtNs: start,
          responseAtNs: end,
          retransmissions: 0,
          uncertaintyNs: 0,
        },
      });
    }
    for (const hop of span.hops) {
      const requestAtNs = start + hop.offsetNs;
      points.push({
        order: side,
        point: {
          point: hop.interfaceName,
          hostId: span.hostId,
          kind: 'interface',
          requestAtNs,
          responseAtNs: hop.durationNs > 0 ? requestAtNs + hop.durationNs : undefined,
          retransmissions: hop.retransmissions,
          uncertaintyNs: 0,
        },
      });
    }
  }
  points.sort((a, b) => a.order - b.order || a.point.requestAtNs - b.point.requestAtNs);
  // What is left of clock error and late stamps must not show as negative time: a request never goes back on its way,
  // nor does an answer on its way home.
  const ordered: HopPoint[] = [];
  let last = -Infinity;
  for (const { point } of withoutRepeats(points)) {
    last = Math.max(last, point.requestAtNs);
    const previous = ordered.at(-1);
    const isSameClock = previous === undefined || previous.hostId === point.hostId;
    const between = isSameClock ? 0 : uncertaintyOf(previous.hostId) + uncertaintyOf(point.hostId);
    ordered.push({ ...point, requestAtNs: last, uncertaintyNs: between });
  }
  // A send is stamped when the call returns, and on its way in the kernel the answer has passed the interfaces by then:
  // it left the process no later than the interface beside it saw it.
  const server = ordered.at(-1);
  const beside = ordered.findLast(({ kind, hostId }) => kind === 'interface' && hostId === server?.hostId);
  if (server?.kind === 'process' && server.responseAtNs !== undefined && beside?.responseAtNs !== undefined) {
    ordered[ordered.length - 1] = { ...server, responseAtNs: Math.min(server.responseAtNs, beside.responseAtNs) };
  }
  let answer = -Infinity;
  for (let i = ordered.length - 1; i >= 0; i--) {
    const point = ordered[i]!;
    if (point.responseAtNs === undefined) continue;
    answer = Math.max(answer, point.responseAtNs, point.requestAtNs);
    ordered[i] = { ...point, responseAtNs: answer };
  }
  return ordered;
}

/** Both ends on one host see the same packets at the same interfaces; each counts once. */
function withoutRepeats<Item extends { point: HopPoint }>(points: readonly Item[]): Item[] {
  const seen = new Set<string>();
  return points.filter(({ point }) => {
    if (point.kind === 'process') return true;
    const key = `${point.hostId}/${point.point}/${Math.round(point.requestAtNs / 1000)}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
