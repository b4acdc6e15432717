import { initializeLoggersRegistry } from '@grafana/runtime/unstable';
import { initializeI18n } from 'grafana-internal:i18n/i18n.mjs';
import { setPanelDataErrorView } from 'grafana-internal:runtime/components/PanelDataErrorView.mjs';
import { setPanelRenderer } from 'grafana-internal:runtime/components/PanelRenderer.mjs';
import { setPluginPage } from 'grafana-internal:runtime/components/PluginPage.mjs';
import { setDataSourcePluginImporter } from 'grafana-internal:runtime/services/dataSource/dataSource.mjs';
import { initDataSourceInstanceSettings } from 'grafana-internal:runtime/services/dataSource/settings.mjs';
import { type GrafanaInternals } from './internals.ts';

export const internals: GrafanaInternals = {
  initializeI18n,
  setPluginPage,
  setPanelRenderer,
  setPanelDataErrorView,
  initDataSources(settings, defaultName, importPlugin) {
    initDataSourceInstanceSettings(settings, defaultName);
    setDataSourcePluginImporter(importPlugin);
  },
  initializeLoggers: () => initializeLoggersRegistry(),
};
