import { type DataFrame } from '@grafana/data';
import {
  type ComparisonCustom,
  overviewEdgesFrame,
  overviewOperationsFrame,
  overviewServicesFrame,
} from '@throughline/query';
import { framesNamed, type RowOf, rowsOf } from '@throughline/ui';

/** What the app knows of a time range: every service, edge and operation, at its end ("now") and before. */
export interface Overview {
  readonly services: readonly ServiceRow[];
  readonly edges: readonly Edge[];
  readonly operations: readonly Operation[];
  readonly windows: ComparisonCustom;
}

export type ServiceRow = RowOf<typeof overviewServicesFrame>;
/** One side's figures of an edge or operation; times ns. */
export type SideFigures = Omit<RowOf<typeof overviewEdgesFrame>, 'source' | 'target' | 'side'>;

export interface Edge {
  readonly source: string;
  readonly target: string;
  readonly protocol: string;
  /** As the caller saw it; undefined where no agent watches the caller. */
  readonly client: SideFigures | undefined;
  readonly server: SideFigures | undefined;
}

export interface Operation extends Edge {
  readonly endpoint: string;
}

const NO_WINDOWS: ComparisonCustom = { nowFromMs: 0, nowToMs: 0, beforeFromMs: 0, beforeToMs: 0 };

export function readOverview(series: readonly DataFrame[]): Overview {
  const [frame] = framesNamed(series, overviewServicesFrame);
  return {
    services: rowsOf(series, overviewServicesFrame),
    edges: bySides(rowsOf(series, overviewEdgesFrame), ({ source, target }) => [source, target]),
    operations: bySides(rowsOf(series, overviewOperationsFrame), ({ source, target, endpoint }) => [
      source,
      target,
      endpoint,
    ]),
    windows: (frame?.meta?.custom as ComparisonCustom | undefined) ?? NO_WINDOWS,
  };
}

function bySides<Row extends SideFigures & { source: string; target: string; side: string }>(
  rows: readonly Row[],
  keyOf: (row: Row) => string[]
): (Row & { client: SideFigures | undefined; server: SideFigures | undefined })[] {
  const merged = new Map<string, Row & { client: SideFigures | undefined; server: SideFigures | undefined }>();
  for (const row of rows) {
    const key = JSON.stringify(keyOf(row));
    const found = merged.get(key) ?? { ...row, client: undefined, server: undefined };
    if (row.side === 'client') found.client = row;
    else found.server = row;
    merged.set(key, found);
  }
  return [...merged.values()];
}

/** Where SDKs send what they report: calls, but nobody's request waits for them. */
const TELEMETRY_ENDPOINTS = new Set(['/v1/traces', '/v1/metrics', '/v1/logs']);

/** Targets that were asked for nothing but telemetry. */
export function telemetryTargets({ operations }: Pick<Overview, 'operations'>): ReadonlySet<string> {
  const targets = new Set(operations.map(({ target }) => target));
  for (const { target, endpoint } of operations) if (!TELEMETRY_ENDPOINTS.has(endpoint)) targets.delete(target);
  return targets;
}

/** The caller's figures: they hold what a person feels; else the callee's. */
export function figuresOf({ client, server }: Edge): SideFigures {
  return (client ?? server)!;
}

export function windowSeconds({ nowFromMs, nowToMs }: ComparisonCustom): number {
  return Math.max(1, (nowToMs - nowFromMs) / 1_000);
}

export function beforeSeconds({ beforeFromMs, beforeToMs }: ComparisonCustom): number {
  return Math.max(1, (beforeToMs - beforeFromMs) / 1_000);
}

/** Kind of a callee by what it speaks. */
export function kindOfProtocol(protocol: string): 'database' | 'cache' | 'dns' | 'queue' | 'service' {
  const first = protocol.split(',')[0]!.trim();
  if (first === 'redis' || first === 'memcached') return 'cache';
  if (first === 'dns') return 'dns';
  if (first === 'kafka' || first === 'amqp' || first === 'mqtt') return 'queue';
  return first === 'mysql' || first === 'postgresql' ? 'database' : 'service';
}
