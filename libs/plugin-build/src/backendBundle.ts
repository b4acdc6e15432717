import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { licenceTexts, packagesOf } from './backendLicences.ts';
import { BACKEND_EXECUTABLE, backendLauncher, OLDEST_NODE, type Platform } from './backendLauncher.ts';
import { PROJECT_ROOT } from './plugins.ts';

/**
 * The data source's backend as files that Grafana can start: one script with everything in it, one executable per
 * platform that is Node with this script inside, and the launcher that picks one of them.
 */

const BACKEND = join(PROJECT_ROOT, 'datasource-plugin/backend');

export const PLATFORMS: readonly Platform[] = [
  { goArch: 'amd64', nodeArch: 'x64' },
  { goArch: 'arm64', nodeArch: 'arm64' },
];

export interface BackendOptions {
  readonly platforms?: readonly Platform[];
  readonly onProgress?: (line: string) => void;
}

/** Writes the backend's files into `folder`. @throws Error where a Node of a platform cannot be had */
export async function packageBackend(folder: string, options: BackendOptions = {}): Promise<void> {
  const { platforms = PLATFORMS, onProgress = () => {} } = options;
  mkdirSync(folder, { recursive: true });
  const { script, packages } = await bundleBackend();
  writeFileSync(join(folder, `${BACKEND_EXECUTABLE}.cjs`), script);
  writeFileSync(join(folder, `${BACKEND_EXECUTABLE}.licences.txt`), licenceTexts(packages));
  onProgress(`${BACKEND_EXECUTABLE}.cjs: ${(script.length / 1_024).toFixed(0)} KiB`);
  for (const platform of platforms) {
    const name = `${BACKEND_EXECUTABLE}_linux_${platform.goArch}`;
    buildExecutable(script, nodeOf(platform), join(folder, `${name}_glibc`));
    writeExecutable(join(folder, name), backendLauncher(platform));
    onProgress(`${name}: launcher and executable`);
  }
}

interface Bundle {
  readonly script: string;
  /** Folders of the packages from npm that are in it. */
  readonly packages: readonly string[];
}

/** The backend and its threads as one CommonJS script. */
async function bundleBackend(): Promise<Bundle> {
  const thread = await bundle(join(BACKEND, 'traceWorker.ts'), []);
  const { script, packages } = await bundle(join(BACKEND, 'main.ts'), [threadFromText(thread.script)]);
  return { script, packages: [...new Set([...packages, ...thread.packages])].sort() };
}

async function bundle(entry: string, plugins: Plugin[]): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: PROJECT_ROOT,
    metafile: true,
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    // An executable's main script must be CommonJS.
    format: 'cjs',
    target: `node${OLDEST_NODE}`,
    write: false,
    // Imports of types alone are left out whole; our tsconfig keeps them for the side effects of their modules.
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: false } },
    // Their texts stand in a file of their own.
    legalComments: 'none',
    // Names stay whole, so that an error's stack can be read.
    minifySyntax: true,
    minifyWhitespace: true,
    logLevel: 'warning',
    plugins,
  });
  const packages = packagesOf(Object.keys(metafile.inputs)).map((path) => join(PROJECT_ROOT, path));
  return { script: outputFiles[0]!.text, packages };
}

/** The module that starts a thread from its source is replaced by one that starts it from the text in this script. */
function threadFromText(script: string): Plugin {
  return {
    name: 'thread-from-text',
    setup({ onLoad }) {
      onLoad({ filter: /\/traceWorkerThread\.ts$/ }, () => ({
        loader: 'js',
        contents: `import { Worker } from 'node:worker_threads';
const SCRIPT = ${JSON.stringify(script)};
export const startTraceWorker = (options) => new Worker(SCRIPT, { ...options, eval: true });`,
      }));
    },
  };
}

const require = createRequire(import.meta.url);
/** By which Node finds out that a script was put into it. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

/** A copy of Node with the script inside: Node's "single executable application". */
function buildExecutable(script: string, node: string, file: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'throughline-backend-'));
  try {
    const configuration = {
      // Relative: the path goes into the blob.
      main: 'main.cjs',
      output: 'blob',
      disableExperimentalSEAWarning: true,
      // Both would tie the blob to the machine that made it, and make every build another.
      useSnapshot: false,
      useCodeCache: false,
    };
    writeFileSync(join(folder, configuration.main), script);
    writeFileSync(join(folder, 'sea.json'), JSON.stringify(configuration));
    execFileSync(process.execPath, ['--experimental-sea-config', 'sea.json'], { cwd: folder, stdio: 'pipe' });
    const copy = join(folder, 'node');
    copyFileSync(node, copy);
    chmodSync(copy, 0o755);
    const postject = require.resolve('postject/dist/cli.js');
    const parameters = [copy, 'NODE_SEA_BLOB', join(folder, configuration.output), '--sentinel-fuse', FUSE];
    execFileSync(process.execPath, [postject, ...parameters], { stdio: 'pipe' });
    copyFileSync(copy, file);
    chmodSync(file, 0o755);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Node of the version that runs this, for a platform. */
function nodeOf({ nodeArch }: Platform): string {
  return nodeArch === process.arch ? process.execPath : join(nodePackage(nodeArch), 'bin/node');
}

/** Node's own licence, and those of what Node has in it: whoever hands an executable on hands them on. */
export function nodeLicence({ nodeArch }: Platform): string {
  return readFileSync(join(nodePackage(nodeArch), 'LICENSE'), 'utf8');
}

/** npm has Node as a package for each platform, and checks what it brings. */
function nodePackage(nodeArch: Platform['nodeArch']): string {
  const version = process.versions.node;
  const cache = join(PROJECT_ROOT, '.throughline/cache/node', `${version}-${nodeArch}`);
  const folder = join(cache, 'package');
  if (existsSync(join(folder, 'bin/node'))) return folder;
  const name = `node-linux-${nodeArch}@${version}`;
  mkdirSync(cache, { recursive: true });
  try {
    execFileSync('npm', ['pack', name, '--silent', '--pack-destination', cache], { stdio: 'pipe' });
    execFileSync('tar', ['-xzf', join(cache, `node-linux-${nodeArch}-${version}.tgz`), '-C', cache], { stdio: 'pipe' });
  } catch (cause) {
    throw new Error(`PACKAGE_NODE_MISSING: npm gave no ${name}; leave the platform out with --platform`, { cause });
  }
  return folder;
}

function writeExecutable(file: string, text: string): void {
  writeFileSync(file, text);
  chmodSync(file, 0o755);
}
