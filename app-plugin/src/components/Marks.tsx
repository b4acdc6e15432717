import { type GrafanaTheme2 } from '@grafana/data';
import { css } from '@emotion/css';
import { Icon, type IconName, useStyles2, useTheme2 } from '@grafana/ui';
import { paletteColour, paletteIndex } from '@throughline/viz';
import { AppLink } from '../links.tsx';
import { type ServiceState } from '../model/findings.ts';
import { routes } from '../routes.ts';

const MARKS: Readonly<Record<ServiceState, { readonly icon: IconName; readonly text: string }>> = {
  failing: { icon: 'exclamation-circle', text: 'failing' },
  slow: { icon: 'exclamation-triangle', text: 'slow' },
  ok: { icon: 'circle', text: 'ok' },
  silent: { icon: 'question-circle', text: 'silent' },
};

/** Never colour alone: shape and name say it too. */
export function StateMark({ state }: { readonly state: ServiceState }) {
  const styles = useStyles2(getStyles);
  const { icon, text } = MARKS[state];
  return (
    <span className={styles[state]} role="img" aria-label={text} title={text}>
      <Icon name={icon} size={state === 'ok' ? 'xs' : 'md'} />
    </span>
  );
}

interface ServiceNameProps {
  readonly name: string;
  readonly icon?: string;
}

/** The service's colour, what kind of thing it is, its name; leads to its page. */
export function ServiceName({ name, icon }: ServiceNameProps) {
  const styles = useStyles2(getStyles);
  const mode = useTheme2().isDark ? 'dark' : 'light';
  return (
    <AppLink to={routes.service(name)} className={styles.service}>
      <span className={styles.swatch} style={{ background: paletteColour(paletteIndex(name), mode) }} />
      {icon !== undefined && <Icon name={icon as IconName} size="sm" className={styles.icon} />}
      <span className={styles.name}>{name}</span>
    </AppLink>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  failing: css({ color: theme.colors.error.text }),
  slow: css({ color: theme.colors.warning.text }),
  ok: css({ color: theme.colors.text.secondary }),
  silent: css({ color: theme.colors.text.secondary }),
  service: css({ display: 'inline-flex', alignItems: 'center', gap: theme.spacing(0.75), minWidth: 0 }),
  swatch: css({ width: 3, height: 16, borderRadius: 1, flexShrink: 0 }),
  icon: css({ color: theme.colors.text.secondary, flexShrink: 0 }),
  name: css({ overflow: 'hidden', textOverflow: 'ellipsis', fontWeight: theme.typography.fontWeightMedium }),
});
