import { type GrafanaTheme2, PanelPlugin, type PanelPluginMeta, type PanelProps, PluginType } from '@grafana/data';
import { css } from '@emotion/css';
import { useStyles2 } from '@grafana/ui';
import { type ComponentType, type ReactNode } from 'react';

/**
 * npm has none of Grafana's own panels. These take their place in the workbench, under their ids; each says what it is,
 * and only reads what our dashboards set. They prove nothing about Grafana's own.
 */
export function standIn<Options>(
  id: string,
  name: string,
  Panel: ComponentType<PanelProps<Options>>
): PanelPlugin<Options> {
  const plugin = new PanelPlugin<Options>((props: PanelProps<Options>) => (
    <StandInFrame name={name}>
      <Panel {...props} />
    </StandInFrame>
  ));
  plugin.meta = {
    id,
    name,
    type: PluginType.panel,
    module: `workbench:${id}`,
    baseUrl: '',
    sort: 1,
    info: {
      version: '',
      logos: { small: '', large: '' },
      author: { name: 'Throughline workbench' },
      description: 'A stand-in',
      links: [],
      screenshots: [],
      updated: '',
    },
  } as PanelPluginMeta;
  return plugin;
}

function StandInFrame({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  const styles = useStyles2(getStyles);
  return (
    <div className={styles.frame} data-stand-in={name}>
      {children}
      <span className={styles.mark} title={`In place of Grafana's own ${name.toLowerCase()} panel`}>
        stand-in
      </span>
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  frame: css({ position: 'relative', width: '100%', height: '100%' }),
  mark: css({
    position: 'absolute',
    right: 0,
    bottom: 0,
    fontSize: 10,
    lineHeight: '12px',
    color: theme.colors.text.secondary,
    pointerEvents: 'none',
  }),
});
