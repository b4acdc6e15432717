import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { PLUGINS, PROJECT_ROOT } from '../libs/plugin-build/src/plugins.ts';

/**
 * Every plugin.json against what Grafana documents of it (its reference of plugin.json, and for the last four keys of a
 * data source and `suggestions` of a panel what Grafana 13 reads). Unknown keys are refused: Grafana ignores a
 * misspelt one in silence.
 */

const text = z.string().min(1);
/** The catalog wants three parts, or two where the organisation's name is the plugin's too. */
const pluginId = z.string().regex(/^[0-9a-z]+-([0-9a-z]+-)?(app|panel|datasource)$/);
const svg = z.string().regex(/^img\/[\w-]+\.svg$/);

const info = z.strictObject({
  author: z.strictObject({ name: text, email: z.email().optional(), url: z.url().optional() }),
  description: text,
  keywords: z.array(text).min(1),
  links: z.array(z.strictObject({ name: text, url: z.url() })).optional(),
  logos: z.strictObject({ small: svg, large: svg }),
  screenshots: z.array(z.strictObject({ name: text, path: z.string().startsWith('img/') })).optional(),
  // Filled in by the build: a number written here would be forgotten.
  version: z.literal('%VERSION%'),
  updated: z.literal('%TODAY%'),
});

const dependencies = z.strictObject({
  grafanaDependency: z.string().regex(/^>=\d+\.\d+\.\d+$/),
  plugins: z.array(z.strictObject({ id: pluginId, name: text, type: text, version: text })).optional(),
  extensions: z.strictObject({ exposedComponents: z.array(text) }).optional(),
});

const common = {
  $schema: z.url().optional(),
  name: text,
  info,
  dependencies,
  languages: z
    .array(z.string().regex(/^[a-z]{2}-[A-Z]{2}$/))
    .min(1)
    .optional(),
  state: z.enum(['alpha', 'beta']).optional(),
};

const extensionPoint = z.string().regex(/^(grafana|plugins)\/|^throughline-[\w-]+\//);
const added = z.array(
  z.strictObject({
    targets: z.array(extensionPoint).min(1),
    title: z.string().min(10),
    description: z.string().optional(),
  })
);
const own = z.array(
  z.strictObject({
    id: z.string().regex(/^throughline-[\w-]+\/[\w-]+\/v\d+$/),
    title: z.string().min(10).optional(),
    description: z.string().optional(),
  })
);

const app = z.strictObject({
  ...common,
  type: z.literal('app'),
  id: pluginId.regex(/-app$/),
  preload: z.boolean().optional(),
  autoEnabled: z.boolean().optional(),
  includes: z.array(
    z.discriminatedUnion('type', [
      z.strictObject({
        type: z.literal('page'),
        name: text,
        path: z.string().startsWith('/a/%PLUGIN_ID%'),
        role: z.enum(['Viewer', 'Editor', 'Admin']),
        action: z.string().optional(),
        addToNav: z.boolean().optional(),
        defaultNav: z.boolean().optional(),
        icon: z.string().optional(),
      }),
      z.strictObject({ type: z.enum(['datasource', 'panel', 'dashboard']), name: text, path: text }),
    ])
  ),
  extensions: z
    .strictObject({
      addedLinks: added.optional(),
      addedComponents: added.optional(),
      addedFunctions: added.optional(),
      exposedComponents: own.optional(),
      extensionPoints: own.optional(),
    })
    .optional(),
});

const datasource = z.strictObject({
  ...common,
  type: z.literal('datasource'),
  id: pluginId.regex(/-datasource$/),
  backend: z.literal(true),
  // Its build must not delete it, and the launcher has this name.
  executable: z.literal('gpx_throughline'),
  alerting: z.boolean(),
  annotations: z.boolean(),
  metrics: z.boolean(),
  logs: z.boolean(),
  category: z.enum(['tsdb', 'logging', 'cloud', 'tracing', 'profiling', 'sql', 'enterprise', 'iot', 'other']),
  queryOptions: z
    .strictObject({
      maxDataPoints: z.boolean().optional(),
      minInterval: z.boolean().optional(),
      cacheTimeout: z.boolean().optional(),
    })
    .optional(),
  tracing: z.boolean(),
  streaming: z.boolean(),
  multiValueFilterOperators: z.boolean().optional(),
});

const panel = z.strictObject({
  ...common,
  type: z.literal('panel'),
  id: pluginId.regex(/-panel$/),
  skipDataQuery: z.boolean().optional(),
  suggestions: z.boolean().optional(),
});

const pluginJson = z.discriminatedUnion('type', [app, datasource, panel]);

const plugins = PLUGINS.map(({ id, folder, nestedAs }) => {
  const source = join(PROJECT_ROOT, folder, 'src');
  return { id, source, nestedAs, json: JSON.parse(readFileSync(join(source, 'plugin.json'), 'utf8')) as unknown };
});

describe.each(plugins)('plugin.json of $id', ({ id, source, json }) => {
  it('has what Grafana documents, and nothing else', () => {
    const { error } = pluginJson.safeParse(json);
    expect(error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? []).toEqual([]);
  });

  it('has the id of its folder, and pictures that are there and hold no script', () => {
    const { id: given, info: about, name } = pluginJson.parse(json);
    expect(given).toBe(id);
    expect(name).not.toBe(id);
    const pictures = [about.logos.small, about.logos.large, ...(about.screenshots ?? []).map(({ path }) => path)];
    expect(pictures.filter((path) => !existsSync(join(source, path)))).toEqual([]);
    for (const path of pictures.filter((picture) => picture.endsWith('.svg'))) {
      expect(readFileSync(join(source, path), 'utf8')).not.toMatch(/<script|\son\w+=|javascript:|<foreignObject/i);
    }
  });
});

describe('plugins together', () => {
  const parsed = () => plugins.map((plugin) => ({ ...plugin, json: pluginJson.parse(plugin.json) }));

  it('are of one organisation, and each is included in the app where the archive has it', () => {
    expect(new Set(plugins.map(({ id }) => id.split('-')[0]))).toEqual(new Set(['throughline']));
    const root = parsed()
      .map(({ json }) => json)
      .find((json) => json.type === 'app')!;
    const included = root.includes.flatMap((include) =>
      include.type === 'datasource' || include.type === 'panel' ? [`${include.type} ${include.path}`] : []
    );
    const nested = parsed().flatMap(({ nestedAs, json }) =>
      nestedAs === '' ? [] : [`${json.type} ${nestedAs}/plugin.json`]
    );
    expect(included.sort()).toEqual(nested.sort());
  });

  it('need the same Grafana', () => {
    expect(new Set(parsed().map(({ json }) => json.dependencies.grafanaDependency)).size).toBe(1);
  });

  it('have one page that the navigation opens', () => {
    const root = parsed()
      .map(({ json }) => json)
      .find((json) => json.type === 'app')!;
    const pages = root.includes.flatMap((include) => (include.type === 'page' ? [include] : []));
    expect(pages.filter(({ defaultNav }) => defaultNav)).toHaveLength(1);
    expect(new Set(pages.map(({ path }) => path)).size).toBe(pages.length);
  });
});
