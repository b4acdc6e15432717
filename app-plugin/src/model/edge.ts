import { type DataFrame } from '@grafana/data';
import { edgeOutcomesFrame, edgeSegmentsFrame } from '@throughline/query';
import { type RowOf, rowsOf } from '@throughline/ui';
import { formatCount, formatDurationShort, formatFactor, formatRate, formatShare } from '@throughline/viz';
import { edgeState, type Finding } from './findings.ts';
import { beforeSeconds, type Edge, figuresOf, type Overview, windowSeconds } from './overview.ts';

/** One edge, looked at closely. Pure. */

export type Segment = RowOf<typeof edgeSegmentsFrame>;
export type Outcome = RowOf<typeof edgeOutcomesFrame>;

export interface EdgeDetail {
  readonly segments: readonly Segment[];
  readonly outcomes: readonly Outcome[];
}

export function readEdge(series: readonly DataFrame[]): EdgeDetail {
  return { segments: rowsOf(series, edgeSegmentsFrame), outcomes: rowsOf(series, edgeOutcomesFrame) };
}

/** Where the way of a call is looked at: the client's process and host, the wire, the server's host and process. */
export interface Station {
  readonly name: string;
  readonly verdict: 'clean' | 'cause' | 'unseen';
  readonly detail: string;
}

export interface Verdict {
  /** "It is the network", "The network is clean; payments answers 503". */
  readonly title: string;
  readonly detail: string;
  readonly severity: 'failing' | 'slow' | 'ok';
  readonly stations: readonly Station[];
}

const SEGMENT_NAMES: Readonly<Record<string, string>> = {
  clientStack: 'caller’s process and kernel',
  clientHost: 'caller’s host',
  wire: 'wire',
  serverHost: 'callee’s host',
  serverStack: 'callee’s kernel',
  server: 'callee’s process',
  network: 'between the processes',
  call: 'whole call',
};

export function segmentName(segment: string): string {
  return SEGMENT_NAMES[segment] ?? segment;
}

export function segmentTone(segment: string): 'own' | 'network' {
  return segment === 'server' || segment === 'call' ? 'own' : 'network';
}

/** @param findings of the whole overview: an edge may only pass on what began elsewhere */
export function judgeEdge(
  source: string,
  target: string,
  overview: Overview,
  findings: readonly Finding[],
  detail: EdgeDetail
): Verdict {
  const edge = overview.edges.find((each) => each.source === source && each.target === target);
  if (!edge) {
    return {
      title: `${source} did not call ${target} in this time range`,
      detail: 'Choose a longer time range, or open another edge from the map.',
      severity: 'ok',
      stations: [],
    };
  }
  const finding =
    findings.find((each) => each.source === source && each.target === target) ??
    // Told once for the busiest caller; it holds for this one as well.
    findings.find((each) => each.target === target && each.severity === edgeState(edge, overview.windows));
  const state = edgeState(edge, overview.windows);
  const stations = stationsOf(edge, finding, detail);
  if (finding) return { ...words(edge, finding, overview, detail), severity: finding.severity, stations };
  const origin = state === 'ok' ? undefined : findings.find(({ victims }) => victims.includes(target));
  if (origin) {
    return {
      title: `${target} only passes it on: ${origin.title}`,
      detail: `${source} → ${target} is ${state} because of ${origin.source} → ${origin.target}.`,
      severity: state,
      stations,
    };
  }
  return { ...quiet(edge, overview, detail), severity: state, stations };
}

function words(
  edge: Edge,
  finding: Finding,
  overview: Overview,
  { outcomes }: EdgeDetail
): { readonly title: string; readonly detail: string } {
  const { source, target } = edge;
  const figures = figuresOf(edge);
  const share = `${formatShare(figures.errors / Math.max(1, figures.requests))} of ${formatRate(figures.requests / windowSeconds(overview.windows))} fail`;
  const answer = mainAnswer(outcomes);
  switch (finding.place) {
    case 'network':
      return {
        title:
          finding.severity === 'failing'
            ? `It is the network: connections between ${source} and ${target} break`
            : `It is the network: calls from ${source} to ${target} are slow on the way`,
        detail: finding.severity === 'failing' ? `${share}. ${finding.evidence}.` : `${finding.evidence}.`,
      };
    case 'route':
      return {
        title: `It is the route: ${source} sends ${finding.endpoint ?? 'calls'} to ${target}, which answers ${answer}`,
        detail: `The network is clean and ${target} works: it has no such route. ${share}. ${finding.evidence}.`,
      };
    case 'database':
      return {
        title: `The network is clean. It is the statement: ${finding.title}`,
        detail: `${finding.evidence}.`,
      };
    case 'outside':
      return {
        title: `Likely ${target}, which nothing here watches: ${answer}`,
        detail: `${share}. ${finding.evidence}.`,
      };
    case 'service':
      return {
        title:
          finding.severity === 'failing'
            ? `The network is clean. ${target} itself answers ${answer}`
            : `The network is clean. ${finding.title}`,
        detail: finding.severity === 'failing' ? `${share}. ${finding.evidence}.` : `${finding.evidence}.`,
      };
  }
}

/** "503", "404", "connection reset by server": what most failed calls got. */
export function mainAnswer(outcomes: readonly Outcome[]): string {
  const [first] = outcomes.filter(({ failed, side, calls }) => failed && side === 'client' && calls > 0);
  const found = first ?? outcomes.find(({ failed, calls }) => failed && calls > 0);
  if (!found) return 'an error';
  return outcomeName(found);
}

export function outcomeName({ failure, code, message, failed }: Outcome): string {
  if (failure !== '') return failure.replaceAll('_', ' ');
  if (code !== 0) return message === '' ? String(code) : `${code} ${message}`;
  if (message !== '') return message;
  return failed ? 'error' : 'ok';
}

function quiet(
  edge: Edge,
  overview: Overview,
  { segments }: EdgeDetail
): { readonly title: string; readonly detail: string } {
  const { source, target } = edge;
  const figures = figuresOf(edge);
  const own = segments.find(({ segment }) => segment === 'server')?.mean ?? edge.server?.mean ?? null;
  const between = own !== null && figures.mean !== null ? `, ${formatDurationShort(own)} of it in ${target}` : '';
  const factor = formatFactor(figures.p95, figures.p95Before);
  return {
    title: `${source} → ${target} works: ${formatDurationShort(figures.mean)} a call${between}`,
    detail: `${formatRate(figures.requests / windowSeconds(overview.windows))}, ${formatShare(figures.errors / Math.max(1, figures.requests))} fail, p95 ${formatDurationShort(figures.p95)}${factor === undefined ? '' : `, ${factor} of before`}.`,
  };
}

const CAUSE_STATION: Readonly<Record<Finding['place'], number>> = {
  route: 0,
  network: 2,
  service: 4,
  database: 4,
  outside: 4,
};

function stationsOf(edge: Edge, finding: Finding | undefined, { segments }: EdgeDetail): Station[] {
  const bySegment = new Map(segments.map((segment) => [segment.segment, segment]));
  const cause = finding ? CAUSE_STATION[finding.place] : -1;
  const station = (index: number, name: string, names: readonly string[], unseen: string): Station => {
    const found = names.flatMap((each) => bySegment.get(each) ?? []);
    const mean = sum(found.map((each) => each.mean));
    const before = sum(found.map((each) => each.meanBefore));
    const retransmissions = found.reduce((total, each) => total + each.retransmissions, 0);
    const resent = retransmissions > 0 ? `, ${formatCount(retransmissions)} segments resent` : '';
    const time =
      mean === null
        ? unseen
        : `${formatDurationShort(mean)}${before === null ? '' : `, ${formatDurationShort(before)} before`}${resent}`;
    return { name, verdict: index === cause ? 'cause' : mean === null ? 'unseen' : 'clean', detail: time };
  };
  const isCoarse = bySegment.has('network');
  return [
    station(0, edge.source, ['clientStack'], isCoarse ? 'not apart from the network' : 'not seen'),
    station(1, 'caller’s host', ['clientHost'], isCoarse ? 'not apart from the network' : 'not seen'),
    station(2, 'network', ['wire', 'network'], 'not seen'),
    station(
      3,
      'callee’s host',
      ['serverHost', 'serverStack'],
      isCoarse ? 'not apart from the network' : 'no agent there'
    ),
    station(4, edge.target, ['server', 'call'], 'no agent there'),
  ];
}

function sum(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((total, value) => total + value, 0);
}

export interface Check {
  readonly name: string;
  readonly before: string;
  readonly now: string;
  readonly isChanged: boolean;
}

/** What was looked at beside the cause, now against before. */
export function checksOf(edge: Edge, overview: Overview, { segments }: EdgeDetail): Check[] {
  const { client, server } = edge;
  const figures = figuresOf(edge);
  const seconds = windowSeconds(overview.windows);
  const before = beforeSeconds(overview.windows);
  const check = (
    name: string,
    was: number | null,
    is: number | null,
    write: (value: number | null) => string,
    least = 0
  ): Check => ({
    name,
    before: write(was),
    now: write(is),
    isChanged: was !== null && is !== null && is - was > least && is > was * 1.5,
  });
  const share = (count: number, all: number) => (all === 0 ? null : count / all);
  const between = (mean: number | null | undefined, own: number | null | undefined) =>
    mean == null || own == null ? null : Math.max(0, mean - own);
  const resent = segments.reduce((total, each) => total + each.retransmissions, 0);
  const resentBefore = segments.reduce((total, each) => total + each.retransmissionsBefore, 0);
  const calls = Math.max(0, ...segments.map((each) => each.calls));
  const callsBefore = Math.max(0, ...segments.map((each) => each.callsBefore));
  const checks: Check[] = [
    check('Calls', figures.requestsBefore / before, figures.requests / seconds, formatRate, 1),
    check(
      'Failed, caller’s view',
      share(client?.errorsBefore ?? 0, client?.requestsBefore ?? 0),
      share(client?.errors ?? 0, client?.requests ?? 0),
      formatShare,
      0.004
    ),
    check(
      'Failed, callee’s view',
      share(server?.errorsBefore ?? 0, server?.requestsBefore ?? 0),
      share(server?.errors ?? 0, server?.requests ?? 0),
      formatShare,
      0.004
    ),
    check('Time in the callee', server?.meanBefore ?? null, server?.mean ?? null, formatDurationShort, 1e6),
    check(
      'Time between the two',
      between(client?.meanBefore, server?.meanBefore),
      between(client?.mean, server?.mean),
      formatDurationShort,
      2e6
    ),
    check(
      'Segments resent',
      share(resentBefore, callsBefore),
      share(resent, calls),
      (value) => (value === null ? '–' : `${value.toFixed(2)} a call`),
      0.01
    ),
  ];
  return checks;
}
