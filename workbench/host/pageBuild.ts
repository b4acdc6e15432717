// node workbench/host/pageBuild.ts [--set current|oldest] [--watch]: builds the host page, unless it is up to date.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build, type BuildOptions, context, type Plugin } from 'esbuild';

/**
 * The sets of Grafana's packages a host page is built from: the one the plugins are made with, and the oldest one they
 * support (Grafana 12.3, React 18).
 */
export const PACKAGE_SETS = ['current', 'oldest'] as const;
export type PackageSet = (typeof PACKAGE_SETS)[number];

const PROJECT_ROOT = resolve(import.meta.dirname, '../..');
const PAGE = join(import.meta.dirname, 'page');
const STAMP = 'built-from';

/** Where the packages of a set are installed. */
export function packagesOf(set: PackageSet): string {
  return join(PROJECT_ROOT, set === 'current' ? 'node_modules' : 'workbench/oldest/node_modules');
}

export function pageFolder(set: PackageSet): string {
  return join(PROJECT_ROOT, '.throughline/cache/page', set);
}

export interface BuildPageOptions {
  readonly set: PackageSet;
  readonly onProgress?: (line: string) => void;
}

/** Builds the page if its sources or packages changed. @throws Error where the packages are not installed */
export async function buildPage({ set, onProgress = () => {} }: BuildPageOptions): Promise<void> {
  const stamp = sourceStamp(set);
  const stampPath = join(pageFolder(set), STAMP);
  if (existsSync(stampPath) && readFileSync(stampPath, 'utf8') === stamp) return;
  const start = performance.now();
  mkdirSync(pageFolder(set), { recursive: true });
  await buildMonacoWorker(set);
  const result = await build({ ...pageOptions(set), metafile: true });
  writeFileSync(stampPath, stamp);
  const bytes = Object.values(result.metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);
  const seconds = ((performance.now() - start) / 1_000).toFixed(1);
  onProgress(`host page (${set} packages): ${(bytes / 2 ** 20).toFixed(1)} MiB, built in ${seconds} s`);
}

/** Builds again whenever a source changes. */
export async function watchPage(set: PackageSet): Promise<void> {
  await buildMonacoWorker(set);
  const watcher = await context({ ...pageOptions(set), logLevel: 'info' });
  await watcher.watch();
}

function pageOptions(set: PackageSet): BuildOptions {
  return {
    entryPoints: { index: join(PAGE, 'index.ts') },
    outdir: pageFolder(set),
    bundle: true,
    splitting: true,
    format: 'esm',
    minify: true,
    target: 'es2022',
    jsx: 'automatic',
    logLevel: 'error',
    publicPath: '/build',
    assetNames: '[name]-[hash]',
    chunkNames: 'chunks/[name]-[hash]',
    loader: { '.ttf': 'file', '.woff2': 'file', '.svg': 'text' },
    define: {
      GRAFANA_VERSION: JSON.stringify(grafanaVersion(set)),
      'process.env.NODE_ENV': '"production"',
      'process.env': '{}',
      global: 'globalThis',
    },
    mainFields: ['module', 'browser', 'main'],
    conditions: ['import', 'module', 'browser'],
    nodePaths: [packagesOf(set)],
    plugins: [packageSet(set)],
  };
}

function grafanaVersion(set: PackageSet): string {
  const manifest = join(packagesOf(set), '@grafana/data/package.json');
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}

/** Monaco asks for a classic script. */
async function buildMonacoWorker(set: PackageSet): Promise<void> {
  await build({
    entryPoints: { 'editor.worker': join(packagesOf(set), 'monaco-editor/esm/vs/editor/editor.worker.js') },
    outdir: pageFolder(set),
    bundle: true,
    format: 'iife',
    minify: true,
    logLevel: 'error',
  });
}

const GRAFANA_ESM = /@grafana\/[\w-]+\/dist\/esm\/.*\.mjs$/;
const NAMESPACE = 'grafana';

/**
 * Takes every package from the set's folder, and reads Grafana's modules as a bundler does.
 *
 * Grafana ships `.mjs` files, whose imports of CommonJS esbuild would answer as Node does: `import X from 'cjs'` would be
 * `{ default: X }`, and React components would be objects. Loaded under another name, they get what their authors tested.
 * `grafana-internal:<package>/<file>` reaches what npm's `exports` hide (page/internals.ts).
 */
function packageSet(set: PackageSet): Plugin {
  const packages = packagesOf(set);
  const resolved = { isResolved: true };
  return {
    name: 'package-set',
    setup(build) {
      build.onResolve({ filter: /^grafana-internal:/ }, ({ path }) => {
        const [, name, file] = /^grafana-internal:(\w+)\/(.+)$/.exec(path)!;
        return { path: join(packages, '@grafana', name!, 'dist/esm', file!), namespace: NAMESPACE };
      });
      // Scenes names generated files of the schema without their ending, which older sets do not resolve.
      build.onResolve({ filter: /^@grafana\/schema\/dist\/esm\/.*\.gen$/ }, ({ path }) => ({
        path: [`${path}.mjs`, `${path}.js`].map((name) => join(packages, name)).find((name) => existsSync(name))!,
      }));
      build.onResolve({ filter: /^@page\/internals$/ }, () => ({ path: join(PAGE, `internals.${set}.ts`) }));
      build.onResolve({ filter: /^[^./].*|\.mjs$/ }, async (args) => {
        if (args.pluginData === resolved || args.kind === 'entry-point') return undefined;
        const isOurs = args.importer.startsWith(PAGE);
        // Our page is resolved from the set's folder, packages from where they are.
        const resolveDir = isOurs && !args.path.startsWith('.') ? dirname(packages) : args.resolveDir;
        const { path, errors, external, sideEffects } = await build.resolve(args.path, {
          resolveDir,
          kind: args.kind,
          pluginData: resolved,
        });
        if (errors.length > 0) return { errors };
        if (GRAFANA_ESM.test(path)) return { path, namespace: NAMESPACE, sideEffects };
        return { path, external, sideEffects };
      });
      build.onLoad({ filter: /.*/, namespace: NAMESPACE }, async ({ path }) => ({
        contents: await readFile(path, 'utf8'),
        loader: 'js',
        resolveDir: dirname(path),
      }));
      // Its styles come with editor.main.css at once: styles of chunks would not be loaded.
      build.onLoad({ filter: /monaco-editor\/esm\/.*\.css$/ }, () => ({ contents: '', loader: 'js' }));
    },
  };
}

function sourceStamp(set: PackageSet): string {
  const hash = createHash('sha256');
  const lock = set === 'current' ? 'package-lock.json' : 'workbench/oldest/package-lock.json';
  for (const name of readdirSync(PAGE, { recursive: true, encoding: 'utf8' }).sort()) {
    const path = join(PAGE, name);
    if (statSync(path).isFile()) hash.update(name).update(readFileSync(path));
  }
  for (const path of [join(PROJECT_ROOT, lock), import.meta.filename]) {
    if (existsSync(path)) hash.update(readFileSync(path));
  }
  return hash.digest('hex');
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { set: { type: 'string', default: 'current' }, watch: { type: 'boolean' } },
  });
  const set = PACKAGE_SETS.find((each) => each === values.set);
  if (!set) throw new Error(`--set is one of ${PACKAGE_SETS.join(', ')}`);
  await (values.watch ? watchPage(set) : buildPage({ set, onProgress: (line) => console.log(line) }));
}
