import {
  type DataFrame,
  type Field,
  formattedValueToString,
  getFieldDisplayName,
  type GrafanaTheme2,
  type PanelProps,
} from '@grafana/data';
import { locationService } from '@grafana/runtime';
import { css } from '@emotion/css';
import { useStyles2 } from '@grafana/ui';

interface Options {
  readonly frameIndex?: number;
}

/** Beyond, a note says so: the stand-in does not draw rows only when they are in view. */
const MAX_ROWS = 500;

export function TablePanel({ data, options, height }: PanelProps<Options>) {
  const styles = useStyles2(getStyles);
  const frame = data.series[options.frameIndex ?? 0];
  if (!frame || frame.length === 0) return <div className={styles.empty}>No data in this time range</div>;
  return (
    // A region that scrolls has to be reachable by keyboard.
    <div className={styles.scroll} style={{ height }} tabIndex={0} role="region" aria-label="Rows">
      <FrameTable frame={frame} />
      {frame.length > MAX_ROWS && <p>{`${frame.length - MAX_ROWS} more rows are not drawn here.`}</p>}
    </div>
  );
}

function FrameTable({ frame }: { readonly frame: DataFrame }) {
  const styles = useStyles2(getStyles);
  const fields = frame.fields.filter(
    ({ config }) => (config.custom as { hidden?: boolean } | undefined)?.hidden !== true
  );
  const rows = Array.from({ length: Math.min(frame.length, MAX_ROWS) }, (_, index) => index);
  return (
    <table className={styles.table}>
      <thead>
        <tr>
          {fields.map((field) => (
            <th key={field.name} className={field.type === 'number' ? styles.number : undefined}>
              {getFieldDisplayName(field, frame)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row}>
            {fields.map((field) => (
              <td key={field.name} className={field.type === 'number' ? styles.number : undefined}>
                <Cell field={field} row={row} />
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Cell({ field, row }: { readonly field: Field; readonly row: number }) {
  const value: unknown = field.values[row];
  const text =
    value === null || value === undefined
      ? ''
      : typeof value === 'object'
        ? JSON.stringify(value)
        : field.display
          ? formattedValueToString(field.display(value))
          : String(value as string | number);
  const [link] = text === '' ? [] : (field.getLinks?.({ valueRowIndex: row }) ?? []);
  if (!link) return <>{text}</>;
  return (
    <a
      href={link.href}
      title={link.title}
      onClick={(event) => {
        if (link.onClick) link.onClick(event);
        else if (link.href.startsWith('/') && !event.ctrlKey && !event.metaKey) {
          event.preventDefault();
          locationService.push(link.href);
        }
      }}
    >
      {text}
    </a>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  empty: css({ display: 'grid', placeItems: 'center', height: '100%', color: theme.colors.text.secondary }),
  scroll: css({ overflow: 'auto' }),
  table: css({
    width: '100%',
    fontSize: theme.typography.bodySmall.fontSize,
    fontVariantNumeric: 'tabular-nums',
    'th, td': {
      padding: theme.spacing(0.25, 1),
      borderBottom: `1px solid ${theme.colors.border.weak}`,
      whiteSpace: 'nowrap',
      textAlign: 'left',
    },
    th: { color: theme.colors.text.secondary, fontWeight: theme.typography.fontWeightMedium },
    a: { color: theme.colors.text.link },
  }),
  number: css({ 'table &&': { textAlign: 'right' } }),
});
