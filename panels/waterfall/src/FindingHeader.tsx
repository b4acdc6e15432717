import { css } from '@emotion/css';
import { type GrafanaTheme2, type IconName } from '@grafana/data';
import { Icon, useStyles2 } from '@grafana/ui';
import { useMemo } from 'react';
import { badgesOf, findingOf, type TraceBadge, type TraceTrust } from '@throughline/viz';
import { type Waterfall } from './useWaterfall.ts';

const BADGE_ICONS: Readonly<Record<TraceBadge['kind'], IconName>> = {
  links: 'link',
  sure: 'check-circle',
  sources: 'layer-group',
  size: 'sitemap',
  complete: 'clock-nine',
  clock: 'stopwatch',
  traces: 'copy',
  duplicates: 'copy',
};

export interface FindingHeaderProps {
  readonly waterfall: Waterfall;
  readonly trust: TraceTrust;
}

/** The answer first: one sentence of numbers, and below it what limits trust in them. */
export function FindingHeader({ waterfall, trust }: FindingHeaderProps) {
  const styles = useStyles2(getStyles);
  const { model, path } = waterfall;
  const parts = useMemo(() => findingOf(model, path), [model, path]);
  const badges = useMemo(() => badgesOf(model, trust), [model, trust]);
  return (
    <header className={styles.header}>
      <h2 className={styles.finding} data-testid="waterfall-finding">
        {parts.map(({ text, style }, index) => {
          if (style === 'code') return <code key={index}>{text}</code>;
          if (style === 'strong') return <b key={index}>{text}</b>;
          if (style === 'plain') return <span key={index}>{text}</span>;
          return (
            <b key={index} className={styles.failed}>
              <Icon name="exclamation-circle" size="sm" /> {text}
            </b>
          );
        })}
      </h2>
      <ul className={styles.badges} aria-label="What limits trust">
        {badges.map((badge) => (
          <li
            key={badge.kind}
            title={badge.detail}
            className={badge.tone === 'warning' ? styles.warning : styles.badge}
          >
            <Icon name={badge.tone === 'warning' ? 'exclamation-triangle' : BADGE_ICONS[badge.kind]} size="xs" />
            <span>{badge.text}</span>
          </li>
        ))}
      </ul>
    </header>
  );
}

const getStyles = (theme: GrafanaTheme2) => {
  const badge = {
    display: 'inline-flex',
    alignItems: 'center',
    gap: 5,
    minHeight: 22,
    padding: '0 8px',
    borderRadius: theme.shape.radius.default,
    border: `1px solid ${theme.colors.border.weak}`,
    background: theme.colors.action.hover,
    fontSize: theme.typography.bodySmall.fontSize,
    maxWidth: '100%',
    '& > span': { overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' },
  } as const;
  return {
    header: css({ padding: '6px 12px 2px', flex: 'none' }),
    finding: css({
      margin: 0,
      fontSize: 18,
      lineHeight: '26px',
      fontWeight: theme.typography.fontWeightRegular,
      overflowWrap: 'anywhere',
      b: { fontWeight: theme.typography.fontWeightMedium, color: theme.colors.text.maxContrast },
      code: {
        fontFamily: theme.typography.fontFamilyMonospace,
        fontSize: 15,
        padding: 0,
        border: 0,
        background: 'none',
        color: theme.colors.text.maxContrast,
      },
    }),
    failed: css({ '&&': { color: theme.colors.error.text }, '& svg': { verticalAlign: '-1px' } }),
    badges: css({ display: 'flex', flexWrap: 'wrap', gap: 6, margin: '5px 0 4px', padding: 0, listStyle: 'none' }),
    badge: css(badge),
    warning: css({
      ...badge,
      color: theme.colors.warning.text,
      background: theme.colors.warning.transparent,
      borderColor: theme.colors.warning.border,
    }),
  };
};
