import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { distOf, PLUGINS } from '@throughline/plugin-build';
import { DATASOURCE_NAME, DATASOURCE_UID } from './datasource.ts';

interface PluginJson {
  readonly id: string;
  readonly type: 'app' | 'datasource' | 'panel';
  readonly name: string;
  readonly info: { readonly logos: { readonly small: string; readonly large: string }; readonly version: string };
}

/** What Grafana's `/api/frontend/settings` says of plugins and data sources, from the built plugins' own plugin.json. */
export function frontendSettings(): Record<string, unknown> {
  const metas = PLUGINS.flatMap((plugin) => {
    const path = join(distOf(plugin), 'plugin.json');
    if (!existsSync(path)) return [];
    const json = JSON.parse(readFileSync(path, 'utf8')) as PluginJson;
    const baseUrl = `public/plugins/${json.id}`;
    const logo = (file: string): string => `${baseUrl}/${file}`;
    return [
      {
        ...json,
        info: { ...json.info, logos: { small: logo(json.info.logos.small), large: logo(json.info.logos.large) } },
        module: `${baseUrl}/module.js`,
        baseUrl,
        moduleHash: '',
        loadingStrategy: 'script',
        signature: 'unsigned',
        hideFromList: false,
        sort: 100,
        angular: { detected: false },
      },
    ];
  });
  const ofType = (type: PluginJson['type']) => metas.filter((meta) => meta.type === type);
  const datasource = ofType('datasource')[0];
  return {
    datasources: datasource
      ? {
          [DATASOURCE_NAME]: {
            id: 1,
            uid: DATASOURCE_UID,
            name: DATASOURCE_NAME,
            type: datasource.id,
            meta: datasource,
            url: `/api/datasources/proxy/uid/${DATASOURCE_UID}`,
            access: 'proxy',
            isDefault: true,
            readOnly: true,
            jsonData: {},
            cachingConfig: { enabled: false, TTLMs: 0 },
          },
        }
      : {},
    defaultDatasource: DATASOURCE_NAME,
    panels: Object.fromEntries(ofType('panel').map((meta) => [meta.id, meta])),
    apps: Object.fromEntries(
      ofType('app').map((meta) => [meta.id, { ...meta, path: meta.module, version: meta.info.version, preload: false }])
    ),
  };
}
