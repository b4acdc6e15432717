import { formatCount, formatDuration, formatShare, plural } from '../format.ts';
import { shortStatement } from '../statements.ts';
import { type CriticalPath, pathTime } from './criticalPath.ts';
import { clockUncertainty, type WayTimes, wayTimes } from './hops.ts';
import { KIND_CLIENT, KIND_PRODUCER, KIND_SERVER, TRACE_LAYERS, spanDetail, type TraceModel } from './model.ts';

/** A piece of the sentence; code is a statement or a route. */
export interface FindingPart {
  readonly text: string;
  readonly style: 'plain' | 'strong' | 'code' | 'failed';
}

/** Below this share of the time no single place is worth naming. */
const WORTH_NAMING = 0.2;

/** One sentence of at most three clauses: what it was and how it ended, where the time went, what the network took. */
export function findingOf(model: TraceModel, path: CriticalPath): readonly FindingPart[] {
  const { root } = path;
  if (root === -1) return [];
  const total = model.durationsNs[root]!;
  const parts: FindingPart[] = [
    { text: `${model.names[model.name[root]!]!} `, style: 'plain' },
    { text: formatDuration(total), style: 'strong' },
    ...failureParts(model, root),
  ];
  const { groups, way } = whereTimeWent(model, path);
  let largest: TimeGroup | undefined;
  for (const group of groups) if (group.ns > (largest?.ns ?? 0)) largest = group;
  if (largest && total > 0 && largest.ns / total >= WORTH_NAMING && model.count > 1) {
    parts.push(
      { text: '; ', style: 'plain' },
      { text: formatShare(Math.min(1, largest.ns / total)), style: 'strong' },
      { text: ' of the time in ', style: 'plain' },
      ...placeParts(model, largest.span)
    );
  }
  parts.push(...wayParts(way, total));
  return parts;
}

/** What is between processes without interfaces that saw it, is not called the network. */
interface TimeOnTheWay extends Partial<WayTimes> {
  readonly unseenNs: number | undefined;
}

/** Below this share of the time, what lies beside the network is not worth a word. */
const WORTH_A_WORD = 0.05;

function wayParts({ networkNs, stacksNs = 0, unseenNs }: TimeOnTheWay, total: number): FindingPart[] {
  const parts: FindingPart[] = [];
  const add = (before: string, ns: number, after: string): void => {
    parts.push(
      { text: parts.length === 0 ? `; ${before}` : `, ${before}`, style: 'plain' },
      { text: formatDuration(ns), style: 'strong' },
      ...(after === '' ? [] : [{ text: after, style: 'plain' } as const])
    );
  };
  const stacks = stacksNs >= total * WORTH_A_WORD;
  if (networkNs !== undefined) add('the network took ', networkNs, stacks ? '' : ' of it');
  if (stacks) add('sockets and stacks ', stacksNs, '');
  if (unseenNs !== undefined && (networkNs === undefined || unseenNs >= total * WORTH_A_WORD)) {
    add('', unseenNs, ' between processes');
  }
  return parts;
}

function failureParts(model: TraceModel, root: number): FindingPart[] {
  const origin = decidingOrigin(model);
  if (origin === undefined) return [];
  const where = model.services[model.service[origin]!]!;
  if (model.failed[root] === 0) {
    const services = originServices(model);
    const place = services === 1 ? where : plural(services, 'service');
    return [
      { text: ', ', style: 'plain' },
      { text: `${plural(model.errors, 'failed span')} in ${place}`, style: 'failed' },
      { text: ' did not fail it', style: 'plain' },
    ];
  }
  const reason = failureWords(model, root) || failureWords(model, origin);
  return [
    { text: ', failed ', style: 'plain' },
    { text: `${reason === '' ? '' : `${reason} `}in ${where}`, style: 'failed' },
  ];
}

function originServices({ errorOrigin, service, count }: TraceModel): number {
  const services = new Set<number>();
  for (let span = 0; span < count; span++) if (errorOrigin[span] === 1) services.add(service[span]!);
  return services.size;
}

/** The error that came last is the one that was not retried. */
function decidingOrigin({ errorOrigin, startNs, durationsNs, order }: TraceModel): number | undefined {
  let last: number | undefined;
  let end = -1;
  for (const span of order) {
    if (errorOrigin[span] === 0 || startNs[span]! + durationsNs[span]! <= end) continue;
    last = span;
    end = startNs[span]! + durationsNs[span]!;
  }
  return last;
}

/** "502", "reset by server", or nothing. */
export function failureWords(model: TraceModel, span: number): string {
  const { failure } = spanDetail(model, span);
  if (failure !== '') return failure.replaceAll('_', ' ');
  return model.code[span]! >= 400 ? String(model.code[span]) : '';
}

interface TimeGroup {
  ns: number;
  /** The longest of the group, to name it by. */
  span: number;
}

/** Time on the critical path by service and operation, and what of it lay between processes. */
function whereTimeWent(model: TraceModel, path: CriticalPath) {
  const groups = new Map<number, TimeGroup>();
  let networkNs: number | undefined;
  let stacksNs = 0;
  let unseenNs: number | undefined;
  for (const [span, segments] of path.segments) {
    let ns = pathTime(segments);
    if (model.kind[span] === KIND_CLIENT || model.kind[span] === KIND_PRODUCER) {
      const answered = answeredBelow(model, span);
      const times = wayTimes(model.hops.get(span) ?? []);
      if (times !== undefined) {
        const network = Math.min(ns, times.networkNs);
        const stacks = answered ? ns - network : Math.min(ns - network, times.stacksNs);
        networkNs = (networkNs ?? 0) + network;
        stacksNs += stacks;
        ns -= network + stacks;
      } else if (answered) {
        unseenNs = (unseenNs ?? 0) + ns;
        ns = 0;
      }
    }
    const key = model.shownService[span]! * model.names.length + model.name[span]!;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { ns, span });
    else {
      group.ns += ns;
      if (model.durationsNs[span]! > model.durationsNs[group.span]!) group.span = span;
    }
  }
  const way: TimeOnTheWay = { ...(networkNs !== undefined && { networkNs, stacksNs }), unseenNs };
  return { groups: [...groups.values()], way };
}

function answeredBelow({ firstChild, nextSibling, kind }: TraceModel, span: number): boolean {
  for (let child = firstChild[span]!; child !== -1; child = nextSibling[child]!) {
    if (kind[child] === KIND_SERVER) return true;
  }
  return false;
}

/** Names of stores and queues as their makers write them. */
const PRODUCTS: Readonly<Record<string, string>> = {
  mysql: 'MySQL',
  mariadb: 'MariaDB',
  postgresql: 'PostgreSQL',
  redis: 'Redis',
  mongodb: 'MongoDB',
  kafka: 'Kafka',
  memcached: 'Memcached',
  cassandra: 'Cassandra',
  clickhouse: 'ClickHouse',
  elasticsearch: 'Elasticsearch',
  rabbitmq: 'RabbitMQ',
  amqp: 'AMQP',
  dns: 'DNS',
};

export function productName(protocol: string): string | undefined {
  return PRODUCTS[protocol.toLowerCase()];
}

function placeParts(model: TraceModel, span: number): FindingPart[] {
  const product = productName(model.protocols[model.protocol[span]!]!);
  const service = model.services[model.shownService[span]!]!;
  const operation = model.names[model.name[span]!]!;
  const parts: FindingPart[] = [
    product === undefined ? { text: service, style: 'strong' } : { text: product, style: 'plain' },
    { text: ' ', style: 'plain' },
    { text: shortStatement(operation), style: 'code' },
  ];
  if (model.childCount[span]! > 0) parts.push({ text: ' itself', style: 'plain' });
  return parts;
}

/** What limits trust in a trace, and its size. */
export interface TraceBadge {
  readonly kind: 'links' | 'sure' | 'sources' | 'size' | 'complete' | 'clock' | 'traces' | 'duplicates';
  readonly tone: 'neutral' | 'warning';
  readonly text: string;
  readonly detail: string;
}

export interface TraceTrust {
  readonly gaps: readonly string[];
  /** Undefined where the datasource does not say. */
  readonly complete: boolean | undefined;
  readonly ageMs: number | undefined;
}

/** Certainty from which a link is called sure; what is below has a mark in the tree. */
export const SURE = 0.9;
/** Rows may arrive this long after the end of a trace. */
const STILL_ARRIVING_MS = 8_000;

export function badgesOf(model: TraceModel, trust: TraceTrust): readonly TraceBadge[] {
  const badges: TraceBadge[] = [];
  const { known, oneOf, missingParent } = model.links;
  const all = known + oneOf + missingParent;
  if (all > 0 && known > 0) {
    const rest = [
      ...(oneOf > 0 ? [`${formatCount(oneOf)} one of several`] : []),
      ...(missingParent > 0 ? [`${formatCount(missingParent)} without parent`] : []),
    ];
    badges.push({
      kind: 'links',
      tone: 'neutral',
      text: [`${formatCount(known)} of ${formatCount(all)} links joined`, ...rest].join(' · '),
      detail: 'Links whose evidence is stated, of all that a span should have.',
    });
    badges.push(certainty(model));
  } else if (missingParent > 0) {
    badges.push({
      kind: 'links',
      tone: 'warning',
      text: `${plural(missingParent, 'parent')} missing`,
      detail: 'These spans name a parent that is not in the trace; they stand at the top.',
    });
  }
  const calls = callsOf(model);
  badges.push(sources(model));
  const services = new Set(model.shownService).size;
  badges.push({
    kind: 'size',
    tone: 'neutral',
    text: `${plural(services, 'service')} · ${plural(calls, 'call')}`,
    detail: `${plural(model.count, 'span')}; a call seen from both ends counts once.`,
  });
  const doubt = clockUncertainty(model);
  if (doubt > 0) {
    badges.push({
      kind: 'clock',
      tone: 'neutral',
      text: `clocks ± ${formatDuration(doubt)}`,
      detail: 'Doubt between the hosts’ clocks: one-way times below it are upper bounds, both ways together are exact.',
    });
  }
  badges.push(...completeness(trust));
  if (model.otherTraces > 0) {
    badges.push({
      kind: 'traces',
      tone: 'warning',
      text: `first of ${plural(model.otherTraces + 1, 'trace')}`,
      detail: 'The query answers several traces; this is the first of them.',
    });
  }
  if (model.duplicates > 0) {
    badges.push({
      kind: 'duplicates',
      tone: 'neutral',
      text: `${plural(model.duplicates, 'duplicate')} left out`,
      detail: 'Rows equal to another in id, time, operation and service.',
    });
  }
  return badges;
}

function certainty({ linkProbability, oneOf }: TraceModel): TraceBadge {
  let sure = 0;
  let weak = 0;
  let least = 1;
  for (let i = 0; i < linkProbability.length; i++) {
    const probability = linkProbability[i]!;
    if (Number.isNaN(probability) || oneOf[i]! > 0) continue;
    if (probability >= SURE) sure++;
    else {
      weak++;
      least = Math.min(least, probability);
    }
  }
  return {
    kind: 'sure',
    tone: 'neutral',
    text: `${formatCount(sure)} sure ≥ ${SURE}${weak > 0 ? `, ${formatCount(weak)} weak from ${(Math.floor(least * 100 + 1e-6) / 100).toFixed(2)}` : ''}`,
    detail: 'How probable it is that each link is right.',
  };
}

function sources({ layer }: TraceModel): TraceBadge {
  const seen = TRACE_LAYERS.map((_, index) => layer.includes(index));
  const observed = seen[1]! || seen[2]!;
  const text = observed ? (seen[0] ? 'zero-code + SDK mixed' : 'zero-code') : 'SDK only';
  return { kind: 'sources', tone: 'neutral', text, detail: 'Who reported the spans.' };
}

/** Requests between processes: client spans, and server spans whose client is not here. */
function callsOf({ kind, parent, count }: TraceModel): number {
  let calls = 0;
  for (let i = 0; i < count; i++) {
    const above = parent[i]!;
    if (kind[i] === KIND_CLIENT || kind[i] === KIND_PRODUCER) calls++;
    else if (kind[i] === KIND_SERVER && (above === -1 || kind[above] !== KIND_CLIENT)) calls++;
  }
  return calls;
}

function completeness({ gaps, complete, ageMs }: TraceTrust): TraceBadge[] {
  if (gaps.length > 0) {
    const more = gaps.length > 1 ? `, ${gaps.length - 1} more` : '';
    return [{ kind: 'complete', tone: 'warning', text: `${gaps[0]}${more}`, detail: gaps.join('; ') }];
  }
  if (ageMs !== undefined && ageMs < STILL_ARRIVING_MS) {
    const detail = 'The trace ended a moment ago: spans may follow.';
    return [{ kind: 'complete', tone: 'warning', text: 'still arriving', detail }];
  }
  return complete === true
    ? [{ kind: 'complete', tone: 'neutral', text: 'complete', detail: 'No span is known to be missing.' }]
    : [];
}
