import { formatDuration, formatRate, formatShare } from '../format.ts';
import { KIND_NAMES } from './icons.ts';
import { type EdgeState, type TopologyEdge, type TopologyNode } from './model.ts';

/** What is said of a node or an edge where it cannot be seen: to a screen reader, in a hover. */
export function nodeSentence(node: TopologyNode, state: EdgeState): string {
  const parts = [`${node.name}, ${KIND_NAMES[node.kind]}`];
  if (node.kind === 'group') parts.push(`${node.members} services`);
  if (node.rate === null) parts.push('nothing arrived, it only calls');
  else parts.push(formatRate(node.rate), `${formatShare(node.errorShare)} failed`);
  if (node.p95 !== null) parts.push(`p95 ${formatDuration(node.p95)}`);
  if (state !== 'ok') parts.push(state);
  return parts.join(', ');
}

export function edgeSentence(edge: TopologyEdge, nameOf: (id: string) => string): string {
  const parts = [
    `${nameOf(edge.source)} calls ${nameOf(edge.target)}${edge.protocols ? ` by ${edge.protocols}` : ''}`,
    formatRate(edge.rate),
    `${formatShare(edge.errorShare)} failed`,
  ];
  if (edge.p95 !== null) parts.push(`p95 ${formatDuration(edge.p95)}`);
  if (edge.bad === 'slow' && edge.p95Before != null) parts.push(`before ${formatDuration(edge.p95Before)}`);
  if (edge.origin) parts.push('failures begin here');
  else if (edge.bad !== 'ok') parts.push(edge.bad);
  if (!isSeenByBoth(edge)) parts.push(`seen by the ${edge.evidence} only`);
  return parts.join(', ');
}

/** An edge that one side alone reported is drawn dashed. */
export function isSeenByBoth({ evidence }: TopologyEdge): boolean {
  return evidence === '' || evidence.includes(' and ');
}
