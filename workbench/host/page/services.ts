import {
  type DataSourceApi,
  type DataSourceInstanceSettings,
  type DataSourceRef,
  EventBusSrv,
  locationUtil,
  type ScopedVars,
  setTimeZoneResolver,
} from '@grafana/data';
import * as runtime from '@grafana/runtime';
import { config, type DataSourceSrv, type GetDataSourceListFilters, type TemplateSrv } from '@grafana/runtime';
import { sceneGraph, type SceneObject } from '@grafana/scenes';
import { internals } from '@page/internals';
import { WorkbenchBackendSrv } from './backendSrv.ts';
import { PanelDataErrorView, PanelRenderer, PluginPage } from './hostComponents.tsx';
import { datasourceInstance, importDatasourcePlugin, importPanelPlugin, panelPluginFromCache } from './pluginLoader.ts';
import { initRegistries } from './registries.tsx';
import { runRequest } from './runRequest.ts';

/** Every service that Grafana's front end gives to plugins, as far as ours and scenes use it. */

export const appEvents = new EventBusSrv();

function sceneOf(scopedVars: ScopedVars | undefined): SceneObject | undefined {
  const value = scopedVars?.['__sceneObject']?.value as { valueOf(): SceneObject } | undefined;
  return value?.valueOf() ?? (window as { __grafanaSceneContext?: SceneObject }).__grafanaSceneContext;
}

/** Interpolates with the variables of the scene on screen. */
const templateSrv: Partial<TemplateSrv> = {
  replace(target, scopedVars, format) {
    const scene = sceneOf(scopedVars);
    if (target === undefined) return '';
    return scene ? sceneGraph.interpolate(scene, target, scopedVars, format as never) : target;
  },
  getVariables() {
    const scene = sceneOf(undefined);
    if (!scene) return [];
    const variables = sceneGraph.getVariables(scene).state.variables;
    // As in Grafana: what was chosen ("$__all"), not what it stands for.
    return variables.map(({ state }) => {
      const { value, text } = state as { value?: unknown; text?: unknown };
      return { ...state, id: state.name, current: { value, text } };
    }) as never;
  },
  containsTemplate: (target) => /\$\w|\[\[|\$\{/.test(target ?? ''),
  updateTimeRange: () => {},
};

function settingsOf(ref: DataSourceRef | string | null | undefined, scopedVars?: ScopedVars) {
  const all = Object.values(config.datasources);
  const wanted = typeof ref === 'string' ? ref : ref?.uid;
  const id = wanted?.includes('$') ? runtime.getTemplateSrv().replace(wanted, scopedVars) : wanted;
  if (id === undefined || id === '' || id === 'default') {
    const type = typeof ref === 'string' ? undefined : ref?.type;
    return all.find((each) => each.type === type) ?? all.find((each) => each.name === config.defaultDatasource);
  }
  return all.find((each) => each.uid === id || each.name === id);
}

function listOf(filters: GetDataSourceListFilters = {}): DataSourceInstanceSettings[] {
  const types = [filters.type, filters.pluginId].flat().filter((type) => type !== undefined);
  return Object.values(config.datasources).filter(
    (each) => (types.length === 0 || types.includes(each.type)) && (filters.filter?.(each) ?? true)
  );
}

const datasourceSrv: DataSourceSrv = {
  async get(ref, scopedVars): Promise<DataSourceApi> {
    const settings = settingsOf(ref, scopedVars);
    if (!settings) throw new Error(`the workbench has no data source ${JSON.stringify(ref)}`);
    return datasourceInstance(settings);
  },
  getList: listOf,
  getInstanceSettings: settingsOf,
  reload: () => Promise.resolve(),
  registerRuntimeDataSource: () => {},
};

export async function initServices(): Promise<void> {
  // Before anything is translated.
  await internals.initializeI18n({
    language: 'en-US',
    ns: ['grafana-ui', 'grafana-scenes', 'grafana-data', 'grafana-runtime'],
  });
  internals.initializeLoggers?.();
  runtime.setEchoSrv(new runtime.FakeEchoSrv());
  runtime.setAppEvents(appEvents as never);
  runtime.setBackendSrv(new WorkbenchBackendSrv(appEvents) as never);
  runtime.setTemplateSrv(templateSrv as TemplateSrv);
  runtime.setDataSourceSrv(datasourceSrv);
  internals.initDataSources?.(config.datasources, config.defaultDatasource, importDatasourcePlugin);
  runtime.setRunRequest(runRequest);
  runtime.setPluginImportUtils({ importPanelPlugin, getPanelPluginFromCache: panelPluginFromCache });
  runtime.setLocationSrv(runtime.locationService as never);
  runtime.setReturnToPreviousHook(() => () => {});
  runtime.setChromeHeaderHeightHook(() => 0);
  runtime.setPluginLinksHook(() => ({ links: [], isLoading: false }));
  runtime.setPluginComponentHook(() => ({ component: null, isLoading: false }));
  runtime.setPluginComponentsHook(() => ({ components: [], isLoading: false }));
  runtime.setPluginFunctionsHook(() => ({ functions: [], isLoading: false }));
  runtime.setCurrentUser(config.bootData.user as never);
  runtime.setCorrelationsService({
    getCorrelationsBySourceUIDs: () => Promise.resolve({ correlations: [], page: 1, limit: 0, totalCount: 0 }),
  } as never);
  internals.setPluginPage(PluginPage as never);
  internals.setPanelRenderer(PanelRenderer as never);
  internals.setPanelDataErrorView(PanelDataErrorView as never);
  setTimeZoneResolver(() => config.bootData.user.timezone);
  locationUtil.initialize({
    config: config as never,
    getTimeRangeForUrl: () => ({ from: 'now-1h', to: 'now' }) as never,
    getVariablesUrlParams: () => ({}),
  });
  initRegistries();
}
