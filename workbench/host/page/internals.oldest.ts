import { initializeI18n } from 'grafana-internal:i18n/i18n.mjs';
import { setPanelDataErrorView } from 'grafana-internal:runtime/components/PanelDataErrorView.mjs';
import { setPanelRenderer } from 'grafana-internal:runtime/components/PanelRenderer.mjs';
import { setPluginPage } from 'grafana-internal:runtime/components/PluginPage.mjs';
import { type GrafanaInternals } from './internals.ts';

export const internals: GrafanaInternals = {
  initializeI18n,
  setPluginPage,
  setPanelRenderer,
  setPanelDataErrorView,
};
