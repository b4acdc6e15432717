import { type ClockOffset, type TraceSpan } from './model.ts';

/**
 * Brings the clocks of hosts together from the exchanges themselves. A request cannot arrive before it left, nor an answer: for
 * client [c1, c2] and server [s1, s2], the server's clock minus the client's lies in [s2 - c2, s1 - c1]. All exchanges of two
 * hosts together bound it, as NTP does. Where 0 is possible nothing is moved: hosts that keep time are left alone.
 */

interface Bounds {
  low: number;
  high: number;
}

export interface ExchangePair {
  readonly client: TraceSpan;
  readonly server: TraceSpan;
}

export function alignClocks(pairs: readonly ExchangePair[], reference: string, hosts: Iterable<string>): ClockOffset[] {
  const bounds = new Map<string, Map<string, Bounds>>();
  const narrow = (from: string, to: string, low: number, high: number): void => {
    let of = bounds.get(from);
    if (!of) bounds.set(from, (of = new Map()));
    const known = of.get(to);
    if (!known) of.set(to, { low, high });
    else {
      known.low = Math.max(known.low, low);
      known.high = Math.min(known.high, high);
    }
  };
  for (const { client, server } of pairs) {
    if (client.hostId === server.hostId) continue;
    const high = Number(server.startNs - client.startNs);
    // A client that gave up did not wait for the answer: only the request bounds then.
    const low =
      client.failure === '' && server.failure === '' ? high + server.durationNs - client.durationNs : -Infinity;
    narrow(client.hostId, server.hostId, low, high);
    narrow(server.hostId, client.hostId, -high, -low);
  }
  const offsets = new Map<string, ClockOffset>([[reference, { hostId: reference, offsetNs: 0, uncertaintyNs: 0 }]]);
  const queue = [reference];
  for (let host = queue.shift(); host !== undefined; host = queue.shift()) {
    const own = offsets.get(host)!;
    for (const [other, { low, high }] of bounds.get(host) ?? []) {
      if (offsets.has(other)) continue;
      // Bounds that cross come from late stamps or drift; their middle is the best there is.
      const isPossible = low <= 0 && high >= 0;
      const skew = isPossible ? 0 : middle(low, high);
      offsets.set(other, {
        hostId: other,
        offsetNs: own.offsetNs - skew,
        uncertaintyNs: own.uncertaintyNs + Math.abs(high - low) / 2,
      });
      queue.push(other);
    }
  }
  for (const host of hosts) {
    if (!offsets.has(host)) offsets.set(host, { hostId: host, offsetNs: 0, uncertaintyNs: Infinity });
  }
  return [...offsets.values()].sort((a, b) => (a.hostId < b.hostId ? -1 : 1));
}

function middle(low: number, high: number): number {
  if (low === -Infinity) return high;
  return high === Infinity ? low : (low + high) / 2;
}
