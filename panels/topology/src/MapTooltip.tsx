import {
  type EdgeState,
  formatDuration,
  formatRate,
  formatShare,
  isSeenByBoth,
  KIND_NAMES,
  type MapHit,
  type MapPoint,
  type MapSize,
  type TopologyEdge,
  type TopologyNode,
} from '@throughline/viz';
import { StateMark } from './StateMark.tsx';
import { type TopologyStyles } from './styles.ts';

interface MapTooltipProps {
  readonly styles: TopologyStyles;
  readonly hit: MapHit;
  readonly at: MapPoint;
  readonly size: MapSize;
  readonly nodes: ReadonlyMap<string, TopologyNode>;
  readonly edges: ReadonlyMap<string, TopologyEdge>;
  readonly states: ReadonlyMap<string, EdgeState>;
}

export function MapTooltip({ styles, hit, at, size, nodes, edges, states }: MapTooltipProps) {
  const isRight = at.x > size.width / 2;
  const isLow = at.y > size.height / 2;
  const place = {
    ...(isRight ? { right: size.width - at.x + 14 } : { left: at.x + 14 }),
    ...(isLow ? { bottom: size.height - at.y + 10 } : { top: at.y + 14 }),
  };
  const nameOf = (id: string): string => nodes.get(id)?.name ?? id;
  if (hit.kind === 'island') {
    return (
      <div className={styles.tooltip} style={place}>
        <strong>{hit.group}</strong> · click to close
      </div>
    );
  }
  if (hit.kind === 'node') {
    const node = nodes.get(hit.id);
    if (!node) return null;
    return (
      <div className={styles.tooltip} style={place} data-testid="tooltip">
        <div>
          <StateMark state={states.get(node.id) ?? 'ok'} /> <strong>{node.name}</strong>
        </div>
        <div>{node.kind === 'group' ? `${node.members} services, double-click to open` : KIND_NAMES[node.kind]}</div>
        <div>{figures(node.rate, node.errorShare, node.p95)}</div>
      </div>
    );
  }
  const edge = edges.get(hit.id);
  if (!edge) return null;
  return (
    <div className={styles.tooltip} style={place} data-testid="tooltip">
      <div>
        <StateMark state={edge.bad} /> <strong>{`${nameOf(edge.source)} → ${nameOf(edge.target)}`}</strong>
      </div>
      <div>{figures(edge.rate, edge.errorShare, edge.p95)}</div>
      {edge.p95Before != null && <div>p95 before {formatDuration(edge.p95Before)}</div>}
      <div>
        {[
          edge.protocols,
          !isSeenByBoth(edge) && `seen by the ${edge.evidence} only`,
          edge.origin && 'failures begin here',
        ]
          .filter(Boolean)
          .join(' · ')}
      </div>
    </div>
  );
}

function figures(rate: number | null, errorShare: number, p95: number | null): string {
  if (rate === null) return 'nothing arrived, it only calls';
  return [formatRate(rate), `${formatShare(errorShare)} failed`, p95 !== null && `p95 ${formatDuration(p95)}`]
    .filter(Boolean)
    .join(' · ');
}
