import { type GrafanaTheme2 } from '@grafana/data';
import { css, cx } from '@emotion/css';
import { Icon, useStyles2 } from '@grafana/ui';
import { type ReactNode } from 'react';
import { type Badge } from '../model/badge.ts';
import { NARROW } from './styles.ts';

interface PageHeaderProps {
  /** The finding, as a sentence. */
  readonly finding: ReactNode;
  readonly sub?: ReactNode;
  readonly badges?: readonly Badge[];
  readonly actions?: ReactNode;
}

/** The answer first: one sentence with its numbers, then what limits trust in it. */
export function PageHeader({ finding, sub, badges = [], actions }: PageHeaderProps) {
  const styles = useStyles2(getStyles);
  return (
    <div className={styles.header}>
      <h1 className={styles.finding} data-testid="finding">
        {finding}
      </h1>
      {sub !== undefined && <p className={styles.sub}>{sub}</p>}
      {(badges.length > 0 || actions !== undefined) && (
        <div className={styles.badges}>
          {badges.map(({ text, icon, tone = 'neutral', title }) => (
            <span key={text} className={cx(styles.badge, styles[tone])} title={title}>
              {icon && <Icon name={icon} size="sm" />}
              {text}
            </span>
          ))}
          {actions}
        </div>
      )}
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  header: css({ display: 'flex', flexDirection: 'column', gap: theme.spacing(0.75) }),
  finding: css({
    fontSize: 20,
    lineHeight: '26px',
    fontWeight: theme.typography.fontWeightMedium,
    margin: 0,
    textWrap: 'pretty',
    [NARROW]: { fontSize: 17, lineHeight: '22px' },
  }),
  sub: css({ margin: 0, color: theme.colors.text.secondary }),
  badges: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(0.75), alignItems: 'center' }),
  badge: css({
    display: 'inline-flex',
    alignItems: 'center',
    gap: theme.spacing(0.5),
    padding: theme.spacing(0, 0.75),
    height: 22,
    fontSize: 12,
    borderRadius: theme.shape.radius.default,
    border: '1px solid',
  }),
  neutral: css({ borderColor: theme.colors.border.weak, background: theme.colors.background.secondary }),
  warning: css({
    borderColor: theme.colors.warning.borderTransparent,
    background: theme.colors.warning.transparent,
    svg: { color: theme.colors.warning.text },
  }),
  error: css({
    borderColor: theme.colors.error.borderTransparent,
    background: theme.colors.error.transparent,
    svg: { color: theme.colors.error.text },
  }),
});
