import 'systemjs/dist/system.js';
import 'systemjs/dist/extras/amd.js';
import 'systemjs/dist/extras/named-register.js';
import {
  type AppPlugin,
  type DataSourceApi,
  type DataSourceInstanceSettings,
  type DataSourcePlugin,
  type PanelPlugin,
  type PanelPluginMeta,
} from '@grafana/data';
import { config } from '@grafana/runtime';

/** What SystemJS sets on the window. */
declare const System: {
  import(url: string): Promise<unknown>;
  set(id: string, module: object): void;
  addImportMap(map: { readonly imports: Readonly<Record<string, string>> }): void;
};

/** Loads built plugins at run time and gives them the host's own modules, as Grafana does. */

/** The modules that create-plugin's builds leave to the host. */
const SHARED: Readonly<Record<string, () => Promise<object>>> = {
  react: () => import('react'),
  'react-dom': () => import('react-dom'),
  'react/jsx-runtime': () => import('react/jsx-runtime'),
  'react/jsx-dev-runtime': () => import('react/jsx-dev-runtime'),
  rxjs: () => import('rxjs'),
  'rxjs/operators': () => import('rxjs/operators'),
  '@emotion/css': () => import('@emotion/css'),
  '@emotion/react': () => import('@emotion/react'),
  '@grafana/data': () => import('@grafana/data'),
  '@grafana/data/unstable': () => import('@grafana/data/unstable'),
  '@grafana/ui': () => import('@grafana/ui'),
  '@grafana/ui/unstable': () => import('@grafana/ui/unstable'),
  '@grafana/runtime': () => import('@grafana/runtime'),
  '@grafana/runtime/unstable': () => import('@grafana/runtime/unstable'),
  lodash: () => import('lodash'),
  moment: () => import('moment'),
  i18next: () => import('i18next'),
  'react-router': () => import('react-router'),
};

type PluginModule = { readonly plugin?: unknown };

export async function shareModules(): Promise<void> {
  const loaded = await Promise.all(Object.entries(SHARED).map(async ([name, load]) => [name, await load()] as const));
  const imports: Record<string, string> = {};
  for (const [name, module] of loaded) {
    imports[name] = `shared:${name}`;
    // A CommonJS module arrives as `default` alone: its members are what plugins ask for.
    const { default: whole } = module as { default?: object };
    System.set(`shared:${name}`, { ...whole, ...module, __esModule: true });
  }
  System.addImportMap({ imports });
}

async function importPlugin<P>(meta: { id: string; module: string; info: { version: string } }): Promise<P> {
  const module = (await System.import(`/${meta.module}?_cache=${meta.info.version}`)) as PluginModule;
  if (!module.plugin) throw new Error(`${meta.id}: its module.js exports no plugin`);
  return Object.assign(module.plugin, { meta }) as P;
}

const panels = new Map<string, Promise<PanelPlugin>>();
const readyPanels = new Map<string, PanelPlugin>();

/** Panels that are part of the page: stand-ins for Grafana's own. */
export function registerPanel(plugin: PanelPlugin): void {
  panels.set(plugin.meta.id, Promise.resolve(plugin));
  readyPanels.set(plugin.meta.id, plugin);
  config.panels[plugin.meta.id] = plugin.meta;
}

export function importPanelPlugin(id: string): Promise<PanelPlugin> {
  let panel = panels.get(id);
  if (!panel) {
    const meta: PanelPluginMeta | undefined = config.panels[id];
    if (!meta) return Promise.reject(new Error(`the workbench has no panel "${id}"`));
    panel = importPlugin<PanelPlugin>(meta).then((plugin) => {
      readyPanels.set(id, plugin);
      return plugin;
    });
    panels.set(id, panel);
  }
  return panel;
}

export function panelPluginFromCache(id: string): PanelPlugin | undefined {
  return readyPanels.get(id);
}

const datasourcePlugins = new Map<string, Promise<DataSourcePlugin<DataSourceApi>>>();

export function importDatasourcePlugin(
  meta: DataSourceInstanceSettings['meta']
): Promise<DataSourcePlugin<DataSourceApi>> {
  let plugin = datasourcePlugins.get(meta.id);
  if (!plugin) {
    plugin = importPlugin<DataSourcePlugin<DataSourceApi>>(meta);
    datasourcePlugins.set(meta.id, plugin);
  }
  return plugin;
}

const instances = new Map<string, Promise<DataSourceApi>>();

export function datasourceInstance(settings: DataSourceInstanceSettings): Promise<DataSourceApi> {
  let instance = instances.get(settings.uid);
  if (!instance) {
    instance = importDatasourcePlugin(settings.meta).then((plugin) => {
      const api = new plugin.DataSourceClass(settings);
      api.components = plugin.components;
      // A data source says itself what it is called, where it wants to.
      for (const [key, value] of Object.entries({ name: settings.name, type: settings.type, uid: settings.uid })) {
        Object.assign(api, { [key]: value });
      }
      api.meta = settings.meta;
      return api;
    });
    instances.set(settings.uid, instance);
  }
  return instance;
}

export async function importAppPlugin(id: string): Promise<AppPlugin> {
  const meta = (config.apps as Record<string, unknown>)[id] as Parameters<typeof importPlugin>[0] | undefined;
  if (!meta) throw new Error(`the workbench has no app "${id}"; build it with npm run build`);
  return importPlugin<AppPlugin>(meta);
}
