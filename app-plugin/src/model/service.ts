import { formatDurationShort, formatFactor, formatRate, formatShare } from '@throughline/viz';
import { type Finding, serviceState } from './findings.ts';
import { type Edge, figuresOf, type Operation, type Overview, type SideFigures, windowSeconds } from './overview.ts';

/** The first line of a service's page. Pure. */
export function serviceFinding(service: string, overview: Overview, findings: readonly Finding[]): string {
  const row = overview.services.find((each) => each.service === service);
  if (!row) return `${service} was not seen in this time range`;
  if (row.requests === 0) return `${service} only calls others: nothing arrived at it`;
  const state = serviceState(row);
  const factor = formatFactor(row.p95, row.p95Before);
  const cause =
    findings.find(({ target }) => target === service) ?? findings.find(({ victims }) => victims.includes(service));
  const because = cause ? `: ${cause.target === service ? '' : 'because '}${cause.title}` : '';
  if (state === 'failing') {
    return `${service} fails ${formatShare(row.errorShare)} of ${formatRate(row.rate)}, ${formatShare(row.errorShareBefore)} before${because}`;
  }
  if (state === 'slow') {
    return `${service} p95 ${formatDurationShort(row.p95)}${factor === undefined ? '' : `, ${factor} of before`}${because}`;
  }
  const compared = factor === undefined ? '' : `, ${factor} of before`;
  return `${service} works: ${formatRate(row.rate)}, p95 ${formatDurationShort(row.p95)}${compared}, ${formatShare(row.errorShare ?? 0)} fail`;
}

export interface Endpoint {
  readonly endpoint: string;
  readonly protocol: string;
  readonly rate: number;
  readonly errorShare: number;
  readonly mean: number | null;
  readonly p95: number;
  readonly p95Before: number | null;
  /** Of all time that requests to the service take. */
  readonly share: number;
}

/** What the service was asked, by its own view where it has one; endpoints of several callers together. */
export function endpointsOf(service: string, { operations, windows }: Overview): Endpoint[] {
  const merged = new Map<string, { operation: Operation; figures: SideFigures[] }>();
  for (const operation of operations) {
    if (operation.target !== service) continue;
    const found = merged.get(operation.endpoint) ?? { operation, figures: [] };
    found.figures.push(operation.server ?? figuresOf(operation));
    merged.set(operation.endpoint, found);
  }
  const rows = [...merged.values()].map(({ operation, figures }) => {
    const total = (pick: (each: SideFigures) => number) => figures.reduce((sum, each) => sum + pick(each), 0);
    const requests = total((each) => each.requests);
    const busiest = [...figures].sort((a, b) => b.requests - a.requests)[0]!;
    const time = total((each) => (each.mean ?? 0) * each.requests);
    return {
      endpoint: operation.endpoint,
      protocol: operation.protocol,
      rate: requests / windowSeconds(windows),
      errorShare: requests === 0 ? 0 : total((each) => each.errors) / requests,
      mean: requests === 0 ? null : time / requests,
      p95: Math.max(...figures.map(({ p95 }) => p95 ?? 0)),
      p95Before: busiest.p95Before,
      time,
    };
  });
  const all = rows.reduce((sum, { time }) => sum + time, 0);
  return rows
    .filter(({ rate }) => rate > 0)
    .map(({ time, ...row }) => ({ ...row, share: all === 0 ? 0 : time / all }))
    .sort((a, b) => b.share - a.share);
}

export interface Neighbour {
  readonly edge: Edge;
  readonly name: string;
  readonly rate: number;
  readonly errorShare: number;
  readonly client: number | null;
  readonly server: number | null;
  /** Between the two; null where one side was not seen. */
  readonly network: number | null;
}

export function neighboursOf(
  service: string,
  { edges, windows }: Overview
): { callers: Neighbour[]; callees: Neighbour[] } {
  const neighbour = (edge: Edge, name: string): Neighbour => {
    const figures = figuresOf(edge);
    const client = edge.client?.mean ?? null;
    const server = edge.server?.mean ?? null;
    return {
      edge,
      name,
      rate: figures.requests / windowSeconds(windows),
      errorShare: figures.requests === 0 ? 0 : figures.errors / figures.requests,
      client,
      server,
      network: client === null || server === null ? null : Math.max(0, client - server),
    };
  };
  const byTime = (a: Neighbour, b: Neighbour) =>
    b.rate * (b.client ?? b.server ?? 0) - a.rate * (a.client ?? a.server ?? 0);
  const seen = edges.filter((edge) => figuresOf(edge).requests > 0);
  return {
    callers: seen
      .filter(({ target }) => target === service)
      .map((edge) => neighbour(edge, edge.source))
      .sort(byTime),
    callees: seen
      .filter(({ source }) => source === service)
      .map((edge) => neighbour(edge, edge.target))
      .sort(byTime),
  };
}
