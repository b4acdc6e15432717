import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const PROJECT_ROOT = resolve(import.meta.dirname, '../../..');

/** A plugin of this repository. Its folder is laid out as create-plugin lays it out: `src/plugin.json`, `src/module.ts`. */
export interface PluginFolder {
  readonly id: string;
  /** Relative to the project's root. */
  readonly folder: string;
  /** Where it lies in the archive of the app; empty for the app itself. */
  readonly nestedAs: string;
  /** Most bytes of its module.js and of all its scripts together, as built for production. */
  readonly budget: { readonly moduleBytes: number; readonly totalBytes: number };
}

const KIB = 1_024;
const budget = (moduleKib: number, totalKib: number) => ({ moduleBytes: moduleKib * KIB, totalBytes: totalKib * KIB });

export const PLUGINS: readonly PluginFolder[] = [
  { id: 'throughline-app', folder: 'app-plugin', nestedAs: '', budget: budget(100, 1_000) },
  { id: 'throughline-datasource', folder: 'datasource-plugin', nestedAs: 'datasource', budget: budget(250, 300) },
  {
    id: 'throughline-topology-panel',
    folder: 'panels/topology',
    nestedAs: 'panels/topology',
    budget: budget(150, 250),
  },
  {
    id: 'throughline-waterfall-panel',
    folder: 'panels/waterfall',
    nestedAs: 'panels/waterfall',
    budget: budget(150, 250),
  },
];

export function distOf(plugin: PluginFolder): string {
  return join(PROJECT_ROOT, plugin.folder, 'dist');
}

export function entryOf(plugin: PluginFolder): string {
  const source = join(PROJECT_ROOT, plugin.folder, 'src');
  const entry = ['module.tsx', 'module.ts'].find((name) => existsSync(join(source, name)));
  if (entry === undefined) throw new Error(`PLUGIN_ENTRY_MISSING: ${plugin.folder}/src has no module.ts`);
  return join(source, entry);
}

export function projectVersion(): string {
  return (JSON.parse(readFileSync(join(PROJECT_ROOT, 'package.json'), 'utf8')) as { version: string }).version;
}
