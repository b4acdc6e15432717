import { type GrafanaTheme2 } from '@grafana/data';
import { css, cx } from '@emotion/css';
import { Icon, useStyles2, useTheme2 } from '@grafana/ui';
import { formatDuration, paletteColour, paletteIndex } from '@throughline/viz';
import { AppLink } from '../links.tsx';
import { outcomeText, type TraceRow } from '../model/traces.ts';
import { routes } from '../routes.ts';
import { ServiceName } from './Marks.tsx';
import { getPageStyles } from './styles.ts';

interface TraceTableProps {
  readonly rows: readonly TraceRow[];
  /** Fewer columns, for a side column. */
  readonly isCompact?: boolean;
}

/** Requests, each one a link to its trace; bars share one axis. */
export function TraceTable({ rows, isCompact = false }: TraceTableProps) {
  const styles = useStyles2(getPageStyles);
  const own = useStyles2(getStyles);
  const mode = useTheme2().isDark ? 'dark' : 'light';
  const longest = Math.max(1, ...rows.map(({ duration }) => duration));
  return (
    <div className={styles.scroll}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th>Status</th>
            <th className={styles.grow}>Request</th>
            {!isCompact && <th className={styles.wide}>Service</th>}
            {!isCompact && <th className={styles.wide}>Caller</th>}
            <th className={styles.number}>Duration</th>
            <th className={cx(styles.wide, own.barCell)} aria-label="Duration on one scale" />
            <th className={cx(styles.number, styles.wide)}>Start</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => {
            const isFailed = row.status === 'Error';
            return (
              <tr key={`${row.traceID}-${index}`}>
                <td className={isFailed ? own.failed : styles.secondary}>
                  {isFailed && <Icon name="exclamation-circle" size="sm" />} {outcomeText(row)}
                </td>
                <td className={styles.grow}>
                  <AppLink to={routes.trace(row.traceID, row.spanID)} data-testid="trace-link">
                    {row.name}
                  </AppLink>
                </td>
                {!isCompact && (
                  <td className={styles.wide}>
                    <ServiceName name={row.service} />
                  </td>
                )}
                {!isCompact && <td className={cx(styles.wide, styles.secondary)}>{row.caller}</td>}
                <td className={styles.number}>{formatDuration(row.duration)}</td>
                <td className={cx(styles.wide, own.barCell)}>
                  <span
                    className={own.bar}
                    style={{
                      width: `${Math.max(1.5, (row.duration / longest) * 100)}%`,
                      background: paletteColour(paletteIndex(row.service), mode),
                    }}
                  />
                </td>
                <td className={cx(styles.number, styles.wide, styles.secondary)}>{clock(row.startTime)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function clock(ms: number): string {
  const time = new Date(ms);
  const text = time.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
  return `${text}.${String(Math.floor(ms) % 1_000).padStart(3, '0')}`;
}

const getStyles = (theme: GrafanaTheme2) => ({
  failed: css({ color: theme.colors.error.text }),
  barCell: css({ 'table &&': { width: '22%', minWidth: 80 } }),
  bar: css({ display: 'block', height: 8 }),
});
