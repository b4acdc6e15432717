import { css } from '@emotion/css';
import { type GrafanaTheme2 } from '@grafana/data';
import { useStyles2 } from '@grafana/ui';
import {
  directionText,
  evidenceText,
  formatCount,
  formatDuration,
  type HopPoint,
  placeWords,
  probabilityText,
  spanDetail,
  type TraceModel,
  waySegments,
  type WaterfallRow,
} from '@throughline/viz';

export interface RowTooltipProps {
  readonly model: TraceModel;
  readonly row: WaterfallRow;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const WIDTH = 340;

/** What a row does not have room to say. */
export function RowTooltip({ model, row, x, y, width, height }: RowTooltipProps) {
  const styles = useStyles2(getStyles);
  const content = contentOf(model, row);
  if (content === undefined) return null;
  const left = Math.max(4, Math.min(x + 14, width - WIDTH - 8));
  const below = y < height / 2;
  return (
    <div
      className={styles.tooltip}
      style={{ left, maxWidth: Math.min(WIDTH, width - 8), ...(below ? { top: y + 18 } : { bottom: height - y + 10 }) }}
      aria-hidden
    >
      <b>{content.title}</b>
      {content.subtitle !== '' && <div className={styles.secondary}>{content.subtitle}</div>}
      <dl className={styles.pairs}>
        {content.pairs.map(([key, value]) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

interface Content {
  readonly title: string;
  readonly subtitle: string;
  readonly pairs: readonly (readonly [string, string])[];
}

function contentOf(model: TraceModel, row: WaterfallRow): Content | undefined {
  switch (row.kind) {
    case 'span': {
      const { span } = row;
      const { link, warnings, peer } = spanDetail(model, span);
      const service = model.services[model.service[span]!]!;
      const sure = link && !Number.isNaN(link.probability) ? `, ${probabilityText(link.probability)}` : '';
      return {
        title: model.names[model.name[span]!]!,
        subtitle: peer !== '' && peer !== service ? `${service} → ${peer}` : service,
        pairs: [
          ['Start', `+${formatDuration(model.startNs[span])}`],
          ['Duration', formatDuration(model.durationsNs[span])],
          ['Self', formatDuration(model.selfNs[span])],
          ...(link ? ([['Joined by', `${link.reason || evidenceText(link.evidence)}${sure}`]] as const) : []),
          ...warnings.map((warning, index) => [index === 0 ? 'Doubt' : `Doubt ${index + 1}`, warning] as const),
        ],
      };
    }
    case 'fold':
      return {
        title: `×${formatCount(row.spans.length)} ${model.names[model.name[row.spans[0]!]!]}`,
        subtitle: 'Repeated calls: open for failed and slowest first',
        pairs: [
          ['Median', formatDuration(row.stats.p50Ns)],
          ['Together', formatDuration(row.stats.totalNs)],
          ['Failed', formatCount(row.stats.failed)],
        ],
      };
    case 'strip':
      return {
        title: 'The way of the request',
        subtitle: 'Both directions; open for each direction on its own scale',
        pairs: segmentPairs(model.hops.get(row.span) ?? []),
      };
    case 'hop': {
      const segment = waySegments(model.hops.get(row.span) ?? [])[row.segment];
      if (segment === undefined) return undefined;
      const end = segment.place === 'server' || segment.place === 'beyond';
      return {
        title: segment.label,
        subtitle: `${placeWords(segment.place)} · ${segment.host}`,
        pairs: end
          ? [['Time', formatDuration(segment.bothNs)]]
          : [
              ['Request', directionText(segment.request)],
              ['Answer', directionText(segment.response)],
              ['Both', formatDuration(segment.bothNs)],
              ['Sent again', formatCount(segment.retransmissions)],
            ],
      };
    }
    case 'unexplained':
      return {
        title: `${formatDuration(row.endNs - row.startNs)} nobody explains`,
        subtitle: model.services[model.service[row.span]!]!,
        pairs: [
          ['Looked for', 'calls and spans below'],
          ['Not watched', 'locks, garbage collection, run queue, disk'],
        ],
      };
    case 'tray':
      return { title: 'Not joined', subtitle: 'Their link is less sure than the slider asks for', pairs: [] };
    case 'more':
      return undefined;
  }
}

function segmentPairs(points: readonly HopPoint[]): readonly (readonly [string, string])[] {
  return waySegments(points).map(({ label, bothNs }) => [label, formatDuration(bothNs)] as const);
}

const getStyles = (theme: GrafanaTheme2) => ({
  tooltip: css({
    position: 'absolute',
    zIndex: theme.zIndex.tooltip,
    pointerEvents: 'none',
    padding: '6px 10px',
    fontSize: theme.typography.bodySmall.fontSize,
    lineHeight: '17px',
    background: theme.colors.background.elevated ?? theme.colors.background.secondary,
    border: `1px solid ${theme.colors.border.medium}`,
    borderRadius: theme.shape.radius.default,
    boxShadow: theme.shadows.z2,
    overflowWrap: 'anywhere',
  }),
  secondary: css({ color: theme.colors.text.secondary }),
  pairs: css({
    margin: '2px 0 0',
    '& > div': { display: 'flex', gap: 8 },
    dt: { flex: '0 0 auto', minWidth: 64, color: theme.colors.text.secondary, fontWeight: 'normal' },
    dd: { margin: 0, fontVariantNumeric: 'tabular-nums' },
  }),
});
