import {
  formatDurationShort,
  formatFactor,
  formatRate,
  formatShare,
  HEALTH,
  isFailing,
  isSlow,
  shortStatement,
} from '@throughline/viz';
import {
  beforeSeconds,
  type Edge,
  figuresOf,
  kindOfProtocol,
  type Operation,
  type Overview,
  type ServiceRow,
  type SideFigures,
  telemetryTargets,
  windowSeconds,
} from './overview.ts';

/**
 * What is wrong, in words and numbers: origins first, whatever only passes trouble on behind them. Pure; words never
 * exceed the evidence.
 */

export type Severity = 'failing' | 'slow';

/** Where the cause lies, as far as the figures tell. */
export type Place = 'service' | 'network' | 'route' | 'database' | 'outside';

export interface Finding {
  readonly id: string;
  readonly severity: Severity;
  readonly place: Place;
  readonly source: string;
  readonly target: string;
  /** "catalog → mariadbd: SELECT … takes 1.8 s" */
  readonly title: string;
  /** What shows it, and what was ruled out. */
  readonly evidence: string;
  /** Requests per second that fail or are late because of it. */
  readonly rate: number;
  /** To rank by: failures a second, or added nanoseconds a second. */
  readonly weight: number;
  readonly endpoint: string | undefined;
  /** Services above it that suffer from it, nearest first. */
  readonly victims: readonly string[];
}

export type ServiceState = 'failing' | 'slow' | 'ok' | 'silent';

export function serviceState(row: ServiceRow): ServiceState {
  if (row.requests === 0) return (row.rateBefore ?? 0) > 0 ? 'silent' : 'ok';
  if (isFailing(row.requests, row.errors)) return 'failing';
  // The rows of services name no number of requests before: where there was a rate, there were enough.
  const requestsBefore = (row.rateBefore ?? 0) > 0 ? HEALTH.fewestCalls : 0;
  return isSlow({ ...row, requestsBefore }, row.requests / (row.rate ?? 1)) ? 'slow' : 'ok';
}

export function edgeState(edge: Edge, windows: Overview['windows']): 'failing' | 'slow' | 'ok' {
  const figures = figuresOf(edge);
  if (isFailing(figures.requests, figures.errors)) return 'failing';
  return isSlow(figures, windowSeconds(windows)) ? 'slow' : 'ok';
}

export function findFindings(overview: Overview): Finding[] {
  const telemetry = telemetryTargets(overview);
  const edges = overview.edges.filter(({ target }) => !telemetry.has(target));
  const failures = edges.filter((edge) => edgeState(edge, overview.windows) === 'failing');
  const findings = failures
    .filter((edge) => isOriginOfFailure(edge, failures))
    .map((edge) => failureFinding(edge, overview));
  const failing = new Set(findings.map(({ target }) => target));
  const late = edges.filter((edge) => edgeState(edge, overview.windows) === 'slow');
  for (const edge of late) {
    // A failing callee is slow or quick as it likes: the failure is what is told.
    if (!failing.has(edge.target) && isOriginOfDelay(edge, late)) findings.push(delayFinding(edge, overview));
  }
  return mergeByTarget(findings).sort(
    (a, b) => Number(b.severity === 'failing') - Number(a.severity === 'failing') || b.weight - a.weight
  );
}

/** Failures begin where the callee has no failing call of its own that could explain them. */
function isOriginOfFailure(edge: Edge, failures: readonly Edge[]): boolean {
  const { errors } = figuresOf(edge);
  if (brokenOnTheWay(edge)) return true;
  return !failures.some((next) => next.source === edge.target && figuresOf(next).errors >= errors * 0.3);
}

/**
 * Calls that got no answer because their connection broke, while the callee answered none of them with an error of its
 * own: they ended between the two. Which end sent a reset, if one did, the edge's outcomes tell.
 */
function brokenOnTheWay({ client, server }: Edge): boolean {
  if (!client || !server) return false;
  const lost = client.resets + client.timeouts;
  const answered = server.errors - server.resets - server.timeouts;
  return lost >= HEALTH.fewestFailures && lost > client.errors * 0.5 && answered < client.errors * 0.3;
}

function failureFinding(edge: Edge, overview: Overview): Finding {
  const { source, target, client, server } = edge;
  const figures = figuresOf(edge);
  const share = formatShare(figures.errors / figures.requests);
  const rate = figures.errors / windowSeconds(overview.windows);
  const common = {
    id: `failing ${source} → ${target}`,
    severity: 'failing' as const,
    source,
    target,
    rate,
    weight: rate,
    victims: victimsOf(source, overview, 'failing'),
  };
  const moved = movedOperation(edge, overview);
  if (moved) {
    return {
      ...common,
      place: 'route',
      endpoint: moved.operation.endpoint,
      title: `${source} sends ${moved.operation.endpoint} to ${target}, which rejects it`,
      evidence: `${share} of these calls fail at once; before, ${moved.formerly} answered ${moved.operation.endpoint}. ${target} has no such route: look at the routing of ${source}`,
    };
  }
  const worst = worstOperation(edge, overview);
  if (brokenOnTheWay(edge)) {
    const how = client!.resets >= client!.timeouts ? 'are reset' : 'get no answer';
    return {
      ...common,
      place: 'network',
      endpoint: worst?.endpoint,
      title: `${source} → ${target}: connections ${how} on the way`,
      evidence: `${share} of ${source}’s calls fail; ${target} saw ${server!.requests} of ${client!.requests} and answered none of them with an error: likely the network between`,
    };
  }
  if (!server) {
    const how =
      figures.resets > figures.errors / 2
        ? 'resets connections'
        : figures.timeouts > figures.errors / 2
          ? 'does not answer'
          : 'fails';
    return {
      ...common,
      place: 'outside',
      endpoint: worst?.endpoint,
      title: `${source} → ${target}: ${target} ${how}`,
      evidence: `${share} of ${formatRate(figures.requests / windowSeconds(overview.windows))} fail; no agent watches ${target}, so this is ${source}’s view only`,
    };
  }
  const own = worst ? ` in ${worst.endpoint}` : '';
  const before =
    figures.requestsBefore > 0 ? `, ${formatShare(figures.errorsBefore / figures.requestsBefore)} before` : '';
  return {
    ...common,
    place: 'service',
    endpoint: worst?.endpoint,
    title: `${target} fails ${share} of ${source}’s calls itself${own}`,
    evidence: `It answers with an error${before}; nothing that it calls fails, and the network delivers: ${target} saw the same failures`,
  };
}

/** An operation that goes to `target` only now, and went to another before. */
function movedOperation(
  { source, target }: Edge,
  { operations, windows }: Overview
): { readonly operation: Operation; readonly formerly: string } | undefined {
  const rateNow = (operation: Operation) => figuresOf(operation).requests / windowSeconds(windows);
  const rateBefore = (operation: Operation) => figuresOf(operation).requestsBefore / beforeSeconds(windows);
  for (const operation of operations) {
    if (operation.source !== source || operation.target !== target) continue;
    const figures = figuresOf(operation);
    if (figures.errors < figures.requests * 0.9 || figures.errors < HEALTH.fewestFailures) continue;
    if (rateBefore(operation) > rateNow(operation) * 0.1) continue;
    const former = operations.find(
      (other) =>
        other.source === source &&
        other.endpoint === operation.endpoint &&
        other.target !== target &&
        // The window may hold the time before the change too: what the other lost is what this one gets.
        rateBefore(other) - rateNow(other) > rateNow(operation) * 0.4
    );
    if (former) return { operation, formerly: former.target };
  }
  return undefined;
}

function worstOperation({ source, target }: Edge, { operations }: Overview): Operation | undefined {
  return operations
    .filter(
      (operation) => operation.source === source && operation.target === target && figuresOf(operation).errors > 0
    )
    .sort((a, b) => figuresOf(b).errors - figuresOf(a).errors)[0];
}

/** Time that calls take longer than before, ns, on one side, in the window now. */
function addedTime(figures: SideFigures | undefined): number {
  if (!figures || figures.mean === null || figures.meanBefore === null) return 0;
  return (figures.mean - figures.meanBefore) * figures.requests;
}

/** A delay begins where the callee's own callees do not explain it. */
function isOriginOfDelay(edge: Edge, late: readonly Edge[]): boolean {
  const added = addedTime(figuresOf(edge));
  if (networkShare(edge) > 0.5) return true;
  const below = late
    .filter(({ source }) => source === edge.target)
    .reduce((sum, next) => sum + addedTime(figuresOf(next)), 0);
  return below < added * 0.4;
}

/** Of the time that calls take longer, the share that the callee did not spend. */
function networkShare({ client, server }: Edge): number {
  const added = addedTime(client);
  if (added <= 0 || !server || server.mean === null || server.meanBefore === null) return 0;
  return Math.max(0, 1 - ((server.mean - server.meanBefore) * client!.requests) / added);
}

function delayFinding(edge: Edge, overview: Overview): Finding {
  const { source, target, protocol } = edge;
  const figures = figuresOf(edge);
  const common = {
    id: `slow ${source} → ${target}`,
    severity: 'slow' as const,
    source,
    target,
    rate: figures.requests / windowSeconds(overview.windows),
    weight: addedTime(figures) / windowSeconds(overview.windows),
    victims: victimsOf(source, overview, 'slow'),
  };
  const share = networkShare(edge);
  if (share > 0.5) {
    return {
      ...common,
      place: 'network',
      endpoint: undefined,
      title: `${source} → ${target}: the time between the two grew`,
      evidence: `${formatShare(share)} of the added time passes between the processes; ${target} itself answers in ${formatDurationShort(edge.server!.mean)}, ${formatDurationShort(edge.server!.meanBefore)} before`,
    };
  }
  const slowest = slowestOperation(edge, overview);
  const isStore = kindOfProtocol(protocol) === 'database' || kindOfProtocol(protocol) === 'cache';
  const worst = slowest ? figuresOf(slowest) : figures;
  const what = slowest ? shortStatement(slowest.endpoint) : 'calls';
  const compared = comparison(worst, overview.windows);
  const server = edge.server;
  const network =
    server && server.mean !== null && figures.mean !== null
      ? `; ${target} spends ${formatShare(Math.min(1, server.mean / figures.mean))} of the time itself, the network is clean`
      : '';
  return {
    ...common,
    place: isStore ? 'database' : 'service',
    endpoint: slowest?.endpoint,
    title: isStore
      ? `${target} is slow for ${source}: ${what} takes ${formatDurationShort(worst.mean)}`
      : `${target} itself is slow: ${what} takes ${formatDurationShort(worst.mean)}`,
    evidence: `${compared}; ${formatRate(worst.requests / windowSeconds(overview.windows))} now${network}`,
  };
}

/** "7.8× of before (1.1 ms)", "called 38× as often as before": whichever explains the added time. */
function comparison(figures: SideFigures, windows: Overview['windows']): string {
  if (figures.requestsBefore === 0) return 'Not seen before';
  const slower = formatFactor(figures.mean, figures.meanBefore);
  const more = formatFactor(figures.requests / windowSeconds(windows), figures.requestsBefore / beforeSeconds(windows));
  const factorOf = (now: number, before: number) => (before > 0 ? now / before : 0);
  const slowed = factorOf(figures.mean ?? 0, figures.meanBefore ?? 0);
  const oftener = factorOf(figures.requests / windowSeconds(windows), figures.requestsBefore / beforeSeconds(windows));
  return slowed >= oftener || more === undefined
    ? `${slower ?? '1×'} of before (${formatDurationShort(figures.meanBefore)})`
    : `Called ${more} as often as before`;
}

/**
 * The operation to which most of the added time goes, by time a second: one that was hardly there before counts with
 * nearly all of its time.
 */
function slowestOperation({ source, target }: Edge, { operations, windows }: Overview): Operation | undefined {
  const added = (operation: Operation): number => {
    const { mean, meanBefore, requests, requestsBefore } = figuresOf(operation);
    return (
      ((mean ?? 0) * requests) / windowSeconds(windows) - ((meanBefore ?? 0) * requestsBefore) / beforeSeconds(windows)
    );
  };
  const [first] = operations
    .filter((operation) => operation.source === source && operation.target === target)
    .sort((a, b) => added(b) - added(a));
  return first && added(first) > 0 ? first : undefined;
}

/** Callers of `service` that are in trouble too, nearest first. */
function victimsOf(service: string, { edges, windows }: Overview, severity: Severity): string[] {
  const found = [service];
  for (const name of found) {
    for (const edge of edges) {
      if (edge.target !== name || found.includes(edge.source) || edge.source === 'unknown') continue;
      if (edgeState(edge, windows) === severity) found.push(edge.source);
    }
  }
  return found;
}

/** One cause is told once: several callers of one callee suffer from the one that weighs most. */
function mergeByTarget(findings: readonly Finding[]): Finding[] {
  const merged = new Map<string, Finding>();
  for (const finding of [...findings].sort((a, b) => b.weight - a.weight)) {
    const key = `${finding.severity} ${finding.target}`;
    const first = merged.get(key);
    const together = first && {
      ...first,
      rate: first.rate + finding.rate,
      weight: first.weight + finding.weight,
      victims: [...new Set([...first.victims, ...finding.victims])],
    };
    merged.set(key, together ?? finding);
  }
  return [...merged.values()];
}

/** The page's first line. */
export function headline(overview: Overview, findings: readonly Finding[], where = 'below'): string {
  const [first, ...others] = findings;
  const names = overview.services.filter(({ kind }) => kind === 'service').length;
  if (!first) {
    const asked = overview.services.filter(({ requests }) => requests > 0);
    if (asked.length === 0) return 'No requests in this time range';
    return `All ${names} services answer: nothing fails more than ${formatShare(HEALTH.failingShare)}, nothing is ${HEALTH.slowFactor}× slower than before`;
  }
  const more =
    others.length === 0 ? '' : `; ${others.length} more ${others.length === 1 ? 'finding' : 'findings'} ${where}`;
  return `${first.title}${more}`;
}
