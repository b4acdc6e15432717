import {
  applyFieldOverrides,
  EventBusSrv,
  type FieldConfigSource,
  getPanelOptionsWithDefaults,
  type GrafanaTheme2,
  type NavModelItem,
  PageLayoutType,
  type PanelData,
  type PanelPlugin,
} from '@grafana/data';
import { css } from '@emotion/css';
import { Alert, Tab, TabsBar, useStyles2, useTheme2 } from '@grafana/ui';
import { type ReactNode, useEffect, useMemo, useState } from 'react';
import { importPanelPlugin } from './pluginLoader.ts';

/** Components that Grafana's core gives to @grafana/runtime. */

interface PluginPageProps {
  readonly pageNav?: NavModelItem;
  readonly layout?: PageLayoutType;
  readonly renderTitle?: (title: string) => ReactNode;
  readonly subTitle?: ReactNode;
  readonly actions?: ReactNode;
  readonly children?: ReactNode;
}

export function PluginPage({ pageNav, layout, renderTitle, subTitle, actions, children }: PluginPageProps) {
  const styles = useStyles2(getStyles);
  if (layout === PageLayoutType.Custom || !pageNav) return <div className={styles.page}>{children}</div>;
  const tabs = pageNav.children?.filter(({ hideFromTabs }) => hideFromTabs !== true) ?? [];
  return (
    <div className={styles.page}>
      <div className={styles.header}>
        {renderTitle ? renderTitle(pageNav.text) : <h1 className={styles.title}>{pageNav.text}</h1>}
        {actions}
      </div>
      {subTitle}
      {tabs.length > 0 && (
        <TabsBar>
          {tabs.map(({ text, url, active }) => (
            <Tab key={url} label={text} href={url ?? ''} active={active ?? false} />
          ))}
        </TabsBar>
      )}
      {children}
    </div>
  );
}

interface PanelRendererProps {
  readonly pluginId: string;
  readonly title: string;
  readonly data: PanelData | undefined;
  readonly width: number;
  readonly height: number;
  readonly options?: Record<string, unknown>;
  readonly fieldConfig?: FieldConfigSource;
  readonly timeZone?: string;
  readonly onOptionsChange?: (options: unknown) => void;
  readonly onChangeTimeRange?: (range: { from: number; to: number }) => void;
}

const asIs = (text: string): string => text;
const NO_FIELD_CONFIG: FieldConfigSource = { defaults: {}, overrides: [] };

export function PanelRenderer(props: PanelRendererProps) {
  const {
    pluginId,
    title,
    data,
    width,
    height,
    options = {},
    fieldConfig = NO_FIELD_CONFIG,
    timeZone = 'browser',
  } = props;
  const theme = useTheme2();
  const [plugin, setPlugin] = useState<PanelPlugin>();
  const [failure, setFailure] = useState<string>();
  const eventBus = useMemo(() => new EventBusSrv(), []);
  useEffect(() => {
    importPanelPlugin(pluginId).then(setPlugin, (error: Error) => setFailure(error.message));
  }, [pluginId]);
  const ready = useMemo(() => {
    if (!plugin || !data) return undefined;
    const withDefaults = getPanelOptionsWithDefaults({
      plugin,
      currentOptions: options,
      currentFieldConfig: fieldConfig,
      isAfterPluginChange: false,
    });
    const series = applyFieldOverrides({
      data: data.series,
      fieldConfig: withDefaults.fieldConfig,
      fieldConfigRegistry: plugin.fieldConfigRegistry,
      replaceVariables: asIs,
      theme,
      timeZone,
    });
    return { ...withDefaults, data: { ...data, series } };
  }, [plugin, data, options, fieldConfig, theme, timeZone]);
  if (failure !== undefined) return <Alert severity="warning" title={failure} />;
  const Panel = plugin?.panel;
  if (!Panel || !ready) return null;
  return (
    <Panel
      id={1}
      title={title}
      data={ready.data}
      width={width}
      height={height}
      options={ready.options}
      fieldConfig={ready.fieldConfig}
      timeRange={ready.data.timeRange}
      timeZone={timeZone}
      transparent={false}
      renderCounter={0}
      replaceVariables={asIs}
      onOptionsChange={props.onOptionsChange ?? (() => {})}
      onFieldConfigChange={() => {}}
      onChangeTimeRange={props.onChangeTimeRange ?? (() => {})}
      eventBus={eventBus}
    />
  );
}

export function PanelDataErrorView({ message }: { readonly message?: string }) {
  return <div style={{ display: 'grid', placeItems: 'center', height: '100%' }}>{message ?? 'No data'}</div>;
}

const getStyles = (theme: GrafanaTheme2) => ({
  page: css({ padding: theme.spacing(2), display: 'flex', flexDirection: 'column', flexGrow: 1, minHeight: 0 }),
  header: css({ display: 'flex', alignItems: 'start', justifyContent: 'space-between', gap: theme.spacing(2) }),
  title: css({ fontSize: theme.typography.h3.fontSize, margin: theme.spacing(0, 0, 1) }),
});
