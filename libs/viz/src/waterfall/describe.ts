import { formatCount, formatDuration, plural } from '../format.ts';
import { failureWords, SURE } from './finding.ts';
import { betweenTime, placeWords, waySegments, wayTimes } from './hops.ts';
import { TRACE_LAYERS, SPAN_KINDS, spanDetail, textOf, type TraceModel } from './model.ts';
import { type WaterfallRow } from './rows.ts';

/** A row in words, as a screen reader says it: name, service, layer, duration, self, certainty, failed or not. */
export function rowText(model: TraceModel, row: WaterfallRow): string {
  switch (row.kind) {
    case 'span':
      return spanText(model, row.span, row.hidden);
    case 'fold': {
      const { spans, stats } = row;
      const span = spans[0]!;
      return [
        `${plural(spans.length, 'repeated call')}: ${model.names[model.name[span]!]}`,
        model.services[model.shownService[span]!]!,
        `median ${formatDuration(stats.p50Ns)}`,
        `together ${formatDuration(stats.totalNs)}`,
        `${formatCount(stats.failed)} failed`,
      ].join(', ');
    }
    case 'more':
      return `${formatCount(row.rest)} more repeated calls`;
    case 'strip': {
      const points = model.hops.get(row.span) ?? [];
      return `${plural(points.length, 'point')} on the way, ${formatDuration(betweenTime(points))} between the processes`;
    }
    case 'hop': {
      const segment = waySegments(model.hops.get(row.span) ?? [])[row.segment];
      if (segment === undefined) return '';
      const { place, label, request, response, bothNs } = segment;
      const both = `${formatDuration(bothNs)} both ways`;
      if (place === 'server' || place === 'beyond') return `${placeWords(place)} ${label}, ${formatDuration(bothNs)}`;
      return `${placeWords(place)} ${label}, request ${directionText(request)}, answer ${directionText(response)}, ${both}`;
    }
    case 'unexplained':
      return `${formatDuration(row.endNs - row.startNs)} in ${model.services[model.service[row.span]!]} nobody explains`;
    case 'tray':
      return `Not joined: ${plural(row.count, 'span')} with a link less sure than asked for`;
  }
}

function spanText(model: TraceModel, span: number, hidden: number): string {
  const certainty = certaintyText(model, span);
  return [
    model.names[model.name[span]!]!,
    model.services[model.shownService[span]!]!,
    TRACE_LAYERS[model.layer[span]!]!,
    formatDuration(model.durationsNs[span]),
    `self ${formatDuration(model.selfNs[span])}`,
    ...(certainty === '' ? [] : [certainty]),
    ...(hidden > 0 ? [`${formatCount(hidden)} rows below`] : []),
    model.failed[span] === 1 ? `failed ${failureWords(model, span)}`.trim() : 'not failed',
    ...(model.errorOrigin[span] === 1 ? ['the error starts here'] : []),
  ].join(', ');
}

/** Two figures, rounded down: what is not sure never reads as sure. */
export function probabilityText(probability: number): string {
  return Number.isNaN(probability) ? '–' : (Math.floor(probability * 100 + 1e-6) / 100).toFixed(2);
}

/** "sure 0.62", "one of 3 requests", or nothing where the link is sure or there is none. */
export function certaintyText(model: TraceModel, span: number): string {
  if (model.oneOf[span]! > 0) return `one of ${model.oneOf[span]} requests`;
  const probability = model.linkProbability[span]!;
  return probability < SURE ? `sure ${probabilityText(probability)}` : '';
}

export function directionText({ ns, atMost }: { readonly ns: number | undefined; readonly atMost: boolean }): string {
  return `${atMost ? '≤ ' : ''}${formatDuration(ns)}`;
}

/** Names of evidence in words, as the documentation has them. */
const EVIDENCE: Readonly<Record<string, string>> = {
  exchange: 'The other side of the same exchange: equal bytes and TCP sequence number',
  trace_context: 'The span id on the wire or from the SDK',
  request_id: 'The same request id came in and went out',
  ingress: 'The last message that the sending thread had received',
  answer: 'The request whose answer carries the id of this call’s answer',
  birth: 'What the thread had received when it connected',
  only_open: 'The only request that was open in the process',
  one_of: 'Several requests were open and nothing tells them apart',
  none: 'No request was open: the process called by itself',
};

export function evidenceText(evidence: string): string {
  return EVIDENCE[evidence] ?? evidence.replaceAll('_', ' ');
}

/** One sentence about a span: how long, how much of it its own, how it ended, what the network took. */
export function spanSummary(model: TraceModel, span: number): string {
  const service = model.services[model.service[span]!]!;
  const detail = spanDetail(model, span);
  const total = model.durationsNs[span]!;
  const self = model.selfNs[span]!;
  const kind = SPAN_KINDS[model.kind[span]!]!;
  const to = detail.peer !== '' && (kind === 'client' || kind === 'producer') ? ` to ${detail.peer}` : '';
  const what = kind === 'client' || kind === 'producer' ? `Call of ${service}${to}` : `Work of ${service}`;
  const own =
    model.childCount[span] === 0
      ? ''
      : `, ${formatDuration(self)} of it outside of its ${plural(model.childCount[span]!, 'child', 'children')}`;
  const times = wayTimes(model.hops.get(span) ?? []);
  const ended = endText(model, span, detail.statusMessage);
  return [
    `${what}: ${formatDuration(total)}${own}.`,
    ...(ended === '' ? [] : [ended]),
    ...(times === undefined
      ? []
      : [`The network took ${formatDuration(times.networkNs)}, sockets and stacks ${formatDuration(times.stacksNs)}.`]),
  ].join(' ');
}

function endText(model: TraceModel, span: number, message: string): string {
  if (model.failed[span] === 0) return '';
  const words = failureWords(model, span);
  const why = [words, message].filter((part) => part !== '').join(': ');
  const start = model.errorOrigin[span] === 1 ? 'The error starts here' : 'Failed through a call below';
  return why === '' ? `${start}.` : `${start}: ${why}.`;
}

export interface AttributeGroup {
  readonly title: string;
  readonly pairs: readonly { readonly key: string; readonly value: string }[];
}

const GROUPS: readonly (readonly [string, RegExp])[] = [
  [
    'Request',
    /^(http|url|rpc|grpc|network|user_agent)\.|^throughline\.(protocol|target|response_code|failure)$|^error/,
  ],
  ['Database', /^db\./],
  ['Messaging', /^messaging\./],
  ['Ends', /^(client|server|peer|net|source|destination)\.|^throughline\.peer\./],
  ['Code', /^(code|thread|exception)\./],
  ['Process', /^(process|service|telemetry|container|deployment)\./],
  ['Host', /^(host|k8s|cloud|os)\.|^throughline\.entity\./],
];

/** Attributes by meaning; what the drawer shows elsewhere is left out. */
export function attributeGroups(model: TraceModel, span: number): readonly AttributeGroup[] {
  const { attributes, resource } = spanDetail(model, span);
  const groups = new Map<string, { key: string; value: string }[]>();
  for (const { key, value } of [...attributes, ...resource]) {
    if (/^throughline\.(link|hop)\./.test(key)) continue;
    const title = GROUPS.find(([, pattern]) => pattern.test(key))?.[0] ?? 'Other';
    const pairs = groups.get(title) ?? [];
    groups.set(title, pairs);
    pairs.push({ key, value: typeof value === 'object' && value !== null ? JSON.stringify(value) : textOf(value) });
  }
  const titles = [...GROUPS.map(([title]) => title), 'Other'];
  return titles.flatMap((title) => (groups.has(title) ? [{ title, pairs: groups.get(title)! }] : []));
}

/** Everything about a span as plain text, to paste into a ticket. */
export function spanAsText(model: TraceModel, span: number): string {
  const detail = spanDetail(model, span);
  const start = new Date(model.originMs + model.startNs[span]! / 1e6).toISOString();
  const lines = [
    `${model.names[model.name[span]!]} (${model.services[model.service[span]!]})`,
    spanSummary(model, span),
    `trace ${model.traceId}, span ${model.spanIds[span]}`,
    `start ${start}, +${formatDuration(model.startNs[span])} in the trace`,
  ];
  const segments = waySegments(model.hops.get(span) ?? []);
  if (segments.length > 1) {
    lines.push('', 'Way of the request');
    for (const { place, label, host, request, response, bothNs, retransmissions } of segments) {
      const times =
        place === 'server' || place === 'beyond'
          ? formatDuration(bothNs)
          : `request ${directionText(request)}, answer ${directionText(response)}`;
      lines.push(`  ${placeWords(place)} ${label} on ${host}: ${times}, ${plural(retransmissions, 'retransmission')}`);
    }
  }
  if (detail.link) {
    const { evidence, probability, reason } = detail.link;
    const sure = Number.isNaN(probability) ? '' : ` (${probabilityText(probability)})`;
    lines.push('', `Why joined: ${evidenceText(evidence)}${reason === '' ? '' : `, ${reason}`}${sure}`);
  }
  for (const { title, pairs } of attributeGroups(model, span)) {
    lines.push('', title, ...pairs.map(({ key, value }) => `  ${key}: ${value}`));
  }
  if (detail.warnings.length > 0) lines.push('', 'Warnings', ...detail.warnings.map((warning) => `  ${warning}`));
  return lines.join('\n');
}
