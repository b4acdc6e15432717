// node libs/plugin-build/src/build.ts [--watch] [--development] [--force] [PLUGIN_ID…]: builds the plugins that changed,
// prints their sizes and fails where one is over its budget.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import webpack, { type Stats } from 'webpack';
import { distOf, type PluginFolder, PLUGINS, PROJECT_ROOT } from './plugins.ts';
import { webpackConfig } from './webpackConfig.ts';

const STAMP = '.built-from';

export interface BuildAllOptions {
  readonly plugins?: readonly PluginFolder[];
  readonly development?: boolean;
  readonly force?: boolean;
  readonly onProgress?: (line: string) => void;
}

/** Builds what is stale. @throws Error with the compiler's messages, or where a plugin is over its budget */
export async function buildPlugins(options: BuildAllOptions = {}): Promise<void> {
  const { plugins = PLUGINS, development = false, force = false, onProgress = () => {} } = options;
  for (const plugin of plugins) {
    const stamp = sourceStamp(plugin, development);
    const stampPath = join(distOf(plugin), STAMP);
    if (!force && existsSync(stampPath) && readFileSync(stampPath, 'utf8') === stamp) continue;
    const start = performance.now();
    await compile(plugin, development);
    if (!development) checkBudget(plugin);
    writeFileSync(stampPath, stamp);
    const seconds = ((performance.now() - start) / 1_000).toFixed(1);
    onProgress(`${plugin.id.padEnd(28)} ${sizesOf(plugin).text}, built in ${seconds} s`);
  }
}

function compile(plugin: PluginFolder, development: boolean): Promise<void> {
  const compiler = webpack(webpackConfig(plugin, { development }))!;
  return new Promise((resolve, reject) => {
    compiler.run((error, stats) => {
      const problem = problemOf(error, stats);
      compiler.close(() => (problem ? reject(new Error(`${plugin.id}: ${problem}`)) : resolve()));
    });
  });
}

function problemOf(error: Error | null, stats: Stats | undefined): string | undefined {
  if (error) return error.message;
  return stats?.hasErrors() ? stats.toString({ preset: 'errors-only', colors: false }) : undefined;
}

/** Builds again whenever a source changes, and tells with one line each time. */
export function watchPlugins(plugins: readonly PluginFolder[] = PLUGINS): void {
  const compiler = webpack(plugins.map((plugin) => webpackConfig(plugin, { development: true })))!;
  compiler.watch({ aggregateTimeout: 50 }, (error, stats) => {
    if (error) return console.error(error.message);
    for (const each of stats?.stats ?? []) {
      const problem = problemOf(null, each);
      const ms = (each.endTime ?? 0) - (each.startTime ?? 0);
      console.log(problem ?? `${each.compilation.name}: built in ${ms} ms`);
    }
  });
}

function sizesOf(plugin: PluginFolder): { moduleBytes: number; totalBytes: number; text: string } {
  const dist = distOf(plugin);
  const scripts = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js'));
  const bytes = (name: string): number => statSync(join(dist, name)).size;
  const totalBytes = scripts.reduce((sum, name) => sum + bytes(name), 0);
  const moduleBytes = bytes('module.js');
  const kib = (size: number): string => `${(size / 1_024).toFixed(0)} KiB`;
  return { moduleBytes, totalBytes, text: `module.js ${kib(moduleBytes)}, all scripts ${kib(totalBytes)}` };
}

function checkBudget(plugin: PluginFolder): void {
  const { moduleBytes, totalBytes, text } = sizesOf(plugin);
  if (moduleBytes <= plugin.budget.moduleBytes && totalBytes <= plugin.budget.totalBytes) return;
  const most = `${plugin.budget.moduleBytes / 1_024} and ${plugin.budget.totalBytes / 1_024} KiB`;
  throw new Error(
    `PLUGIN_TOO_BIG: ${plugin.id} has ${text}; its budget is ${most}. Find what grew, or raise the budget in libs/plugin-build/src/plugins.ts`
  );
}

/** Everything that goes into a plugin: its own sources, our libraries, the versions of all others. */
function sourceStamp(plugin: PluginFolder, development: boolean): string {
  const hash = createHash('sha256').update(String(development));
  const libraries = ['core', 'query', 'schema', 'viz', 'ui', 'plugin-build'].map((name) => `libs/${name}/src`);
  for (const folder of [`${plugin.folder}/src`, ...libraries]) {
    for (const name of readdirSync(join(PROJECT_ROOT, folder), { recursive: true, encoding: 'utf8' }).sort()) {
      const path = join(PROJECT_ROOT, folder, name);
      if (!/\.test\.tsx?$/.test(name) && statSync(path).isFile()) hash.update(name).update(readFileSync(path));
    }
  }
  for (const name of ['package-lock.json', 'CHANGELOG.md', `${plugin.folder}/package.json`]) {
    hash.update(readFileSync(join(PROJECT_ROOT, name)));
  }
  return hash.digest('hex');
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { watch: { type: 'boolean' }, development: { type: 'boolean' }, force: { type: 'boolean' } },
  });
  const plugins = positionals.length > 0 ? PLUGINS.filter(({ id }) => positionals.includes(id)) : PLUGINS;
  if (values.watch) watchPlugins(plugins);
  else {
    await buildPlugins({
      plugins,
      development: values.development ?? false,
      force: values.force ?? false,
      onProgress: (line) => console.log(line),
    });
  }
}
