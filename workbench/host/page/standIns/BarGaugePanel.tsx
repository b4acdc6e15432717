import { formattedValueToString, getFieldDisplayValues, type GrafanaTheme2, type PanelProps } from '@grafana/data';
import { css } from '@emotion/css';
import { useStyles2, useTheme2 } from '@grafana/ui';

interface Options {
  readonly reduceOptions?: { readonly calcs: string[]; readonly values?: boolean; readonly fields?: string };
}

/** Horizontal bars with their names and values. */
export function BarGaugePanel({ data, fieldConfig, replaceVariables, timeZone, options }: PanelProps<Options>) {
  const theme = useTheme2();
  const styles = useStyles2(getStyles);
  const values = getFieldDisplayValues({
    fieldConfig,
    reduceOptions: options.reduceOptions ?? { calcs: ['lastNotNull'], values: false },
    replaceVariables,
    theme,
    data: data.series,
    timeZone,
  });
  const most = Math.max(0, ...values.map(({ display }) => display.numeric || 0));
  return (
    <dl className={styles.list}>
      {values.map(({ display }, index) => (
        <div key={index} className={styles.row}>
          <dt>{display.title}</dt>
          <dd>
            <span className={styles.track}>
              <span className={styles.bar} style={{ width: `${most > 0 ? (display.numeric / most) * 100 : 0}%` }} />
            </span>
            {formattedValueToString(display)}
          </dd>
        </div>
      ))}
    </dl>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  list: css({ margin: 0, fontVariantNumeric: 'tabular-nums', overflow: 'auto', height: '100%' }),
  row: css({
    display: 'grid',
    gridTemplateColumns: '1fr 2fr',
    gap: theme.spacing(1),
    dd: { margin: 0, display: 'flex', gap: theme.spacing(1) },
  }),
  track: css({ flexGrow: 1, alignSelf: 'center', height: 8, background: theme.colors.background.secondary }),
  bar: css({ display: 'block', height: 8, background: theme.colors.primary.main }),
});
