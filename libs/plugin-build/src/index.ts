export { buildPlugins, type BuildAllOptions, watchPlugins } from './build.ts';
export { distOf, entryOf, type PluginFolder, PLUGINS, PROJECT_ROOT, projectVersion } from './plugins.ts';
