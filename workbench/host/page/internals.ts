import { type DataSourceApi, type DataSourceInstanceSettings, type DataSourcePlugin } from '@grafana/data';
import { type ComponentType } from 'react';

/**
 * What a host must set and npm's `exports` hide: one file for each set of packages, internals.current.ts and
 * internals.oldest.ts, is the only place that knows where. An upgrade breaks here, and loudly.
 */
export interface GrafanaInternals {
  initializeI18n(options: { readonly language: string; readonly ns: readonly string[] }): Promise<unknown>;
  setPluginPage(component: ComponentType<never>): void;
  setPanelRenderer(component: ComponentType<never>): void;
  setPanelDataErrorView(component: ComponentType<never>): void;
  /** Newer sets keep data sources apart from DataSourceSrv. */
  initDataSources?(
    settings: Readonly<Record<string, DataSourceInstanceSettings>>,
    defaultName: string,
    importPlugin: (meta: DataSourceInstanceSettings['meta']) => Promise<DataSourcePlugin<DataSourceApi>>
  ): void;
  /** Newer sets throw where a logger is asked for before. */
  initializeLoggers?(): void;
}
