import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Compiler, type Configuration } from 'webpack';
import VirtualModulesPlugin from 'webpack-virtual-modules';
import { distOf, entryOf, type PluginFolder, PROJECT_ROOT, projectVersion } from './plugins.ts';

/**
 * What Grafana supplies at run time: the list of create-plugin 7 (its webpack configuration's externals), which must not
 * be changed. A string matches exactly: importing `react-dom/client`, say, would bundle a second React.
 */
const EXTERNALS: NonNullable<Configuration['externals']> = [
  { 'amd-module': 'module' },
  'lodash',
  'jquery',
  'moment',
  'slate',
  'emotion',
  '@emotion/react',
  '@emotion/css',
  'prismjs',
  'slate-plain-serializer',
  '@grafana/slate-react',
  'react',
  'react/jsx-runtime',
  'react/jsx-dev-runtime',
  'react-dom',
  'react-redux',
  'redux',
  'rxjs',
  'i18next',
  'react-router',
  'd3',
  'angular',
  /^@grafana\/ui/i,
  /^@grafana\/runtime/i,
  /^@grafana\/data/i,
];

export interface BuildOptions {
  readonly development: boolean;
}

const require = createRequire(import.meta.url);
const PUBLIC_PATH_MODULE = join(PROJECT_ROOT, 'node_modules/throughline-public-path.js');

/** AMD output that Grafana's loader takes. One configuration for all plugins: Grafana's tools know webpack's alone. */
export function webpackConfig(plugin: PluginFolder, { development }: BuildOptions): Configuration {
  return {
    name: plugin.id,
    mode: development ? 'development' : 'production',
    target: ['web', 'es2022'],
    devtool: development ? 'eval-source-map' : 'source-map',
    context: join(PROJECT_ROOT, plugin.folder),
    // The public path is set before anything else runs; the module's own exports are the last entry's.
    entry: { module: [PUBLIC_PATH_MODULE, entryOf(plugin)] },
    externals: EXTERNALS,
    cache: {
      type: 'filesystem',
      cacheDirectory: join(PROJECT_ROOT, '.throughline/cache/webpack'),
      name: `${plugin.id}-${development ? 'development' : 'production'}`,
      buildDependencies: { config: [import.meta.filename] },
    },
    module: {
      rules: [
        {
          test: /\.[jt]sx?$/,
          exclude: /node_modules\/(?!@throughline)/,
          use: {
            loader: require.resolve('swc-loader'),
            options: {
              jsc: {
                target: 'es2022',
                parser: { syntax: 'typescript', tsx: true },
                transform: { react: { runtime: 'automatic' } },
              },
            },
          },
        },
        { test: /\.mjs$/, resolve: { fullySpecified: false } },
        { test: /\.(png|jpe?g|gif|svg)$/, type: 'asset/resource', generator: { filename: 'img/[hash][ext]' } },
      ],
    },
    output: {
      clean: { keep: /(gpx_|go_plugin_build_manifest)/ },
      filename: '[name].js',
      chunkFilename: development ? '[name].js' : '[name].js?_cache=[contenthash]',
      library: { type: 'amd' },
      path: distOf(plugin),
      publicPath: `public/plugins/${plugin.id}/`,
      uniqueName: plugin.id,
      crossOriginLoading: 'anonymous',
    },
    resolve: { extensions: ['.ts', '.tsx', '.js', '.mjs', '.jsx'] },
    plugins: [
      new VirtualModulesPlugin({ [PUBLIC_PATH_MODULE]: publicPathModule(plugin) }),
      { apply: copyFiles(plugin) },
    ],
    performance: { hints: false },
    stats: 'errors-warnings',
    infrastructureLogging: { level: 'error' },
  };
}

/** Chunks and workers lie beside module.js, wherever the host serves it from: nested in an app, below a sub-path, a CDN. */
function publicPathModule({ id }: PluginFolder): string {
  return `import amdModule from 'amd-module';
__webpack_public_path__ = amdModule && amdModule.uri
  ? amdModule.uri.slice(0, amdModule.uri.lastIndexOf('/') + 1)
  : 'public/plugins/${id}/';
`;
}

function copyFiles(plugin: PluginFolder): (compiler: Compiler) => void {
  const source = join(PROJECT_ROOT, plugin.folder, 'src');
  return (compiler) => {
    compiler.hooks.afterEmit.tap('CopyFiles', () => {
      const dist = distOf(plugin);
      mkdirSync(dist, { recursive: true });
      const today = new Date().toISOString().slice(0, 10);
      const text = readFileSync(join(source, 'plugin.json'), 'utf8')
        .replaceAll('%VERSION%', projectVersion())
        .replaceAll('%TODAY%', today)
        .replaceAll('%PLUGIN_ID%', plugin.id);
      writeFileSync(join(dist, 'plugin.json'), text);
      const readme = join(PROJECT_ROOT, plugin.folder, 'README.md');
      if (existsSync(readme)) copyFileSync(readme, join(dist, 'README.md'));
      for (const name of ['LICENSE', 'CHANGELOG.md']) copyFileSync(join(PROJECT_ROOT, name), join(dist, name));
      if (existsSync(join(source, 'img'))) cpSync(join(source, 'img'), join(dist, 'img'), { recursive: true });
    });
    compiler.hooks.afterCompile.tap('CopyFiles', (compilation) => {
      compilation.fileDependencies.add(join(source, 'plugin.json'));
    });
  };
}
