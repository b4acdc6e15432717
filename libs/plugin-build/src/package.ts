// node libs/plugin-build/src/package.ts [--out FOLDER] [--platform amd64|arm64 …]: builds the plugins and their backend,
// and writes them as one archive that is unpacked into Grafana's folder of plugins.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { nodeLicence, packageBackend, PLATFORMS } from './backendBundle.ts';
import { BACKEND_EXECUTABLE, type Platform } from './backendLauncher.ts';
import { buildPlugins } from './build.ts';
import { type ArchiveEntry, entriesOf, zipArchive } from './packageArchive.ts';
import { distOf, PLUGINS, PROJECT_ROOT, projectVersion } from './plugins.ts';

const APP = PLUGINS.find(({ nestedAs }) => nestedAs === '')!;
const DATASOURCE = PLUGINS.find(({ id }) => id === 'throughline-datasource')!;

export interface PackageOptions {
  readonly folder: string;
  readonly platforms: readonly Platform[];
  readonly onProgress: (line: string) => void;
}

/** @returns path of the archive; its sha1 is beside it */
export async function packagePlugins({ folder, platforms, onProgress }: PackageOptions): Promise<string> {
  await buildPlugins({ onProgress });
  const backendFolder = mkdtempSync(join(tmpdir(), 'throughline-package-'));
  try {
    await packageBackend(backendFolder, { platforms, onProgress });
    writeFileSync(join(backendFolder, `${BACKEND_EXECUTABLE}.node-licence.txt`), nodeLicence(platforms[0]!));
    const entries = [...pluginEntries(), ...entriesOf(backendFolder, `${APP.id}/${DATASOURCE.nestedAs}`)];
    const archive = zipArchive(entries);
    mkdirSync(folder, { recursive: true });
    const name = `${APP.id}-${projectVersion()}.zip`;
    writeFileSync(join(folder, name), archive);
    const sha1 = createHash('sha1').update(archive).digest('hex');
    writeFileSync(join(folder, `${name}.sha1`), `${sha1}  ${name}\n`);
    onProgress(`${name}: ${entries.length} files, ${(archive.length / 2 ** 20).toFixed(0)} MiB, sha1 ${sha1}`);
    return join(folder, name);
  } finally {
    rmSync(backendFolder, { recursive: true, force: true });
  }
}

/** One folder named as the app, its nested plugins where its `includes` say. */
function pluginEntries(): ArchiveEntry[] {
  return PLUGINS.flatMap((plugin) => {
    const dist = distOf(plugin);
    if (!existsSync(join(dist, 'module.js'))) throw new Error(`PACKAGE_NOT_BUILT: ${plugin.id} has no module.js`);
    const prefix = plugin.nestedAs === '' ? APP.id : `${APP.id}/${plugin.nestedAs}`;
    // Stamps of the build begin with a dot; a backend in dist is an older one than what is packaged here.
    return entriesOf(dist, prefix).filter(({ path }) => !/\/(\.|gpx_)[^/]*$/.test(path));
  });
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: join(PROJECT_ROOT, 'dist') },
      platform: { type: 'string', multiple: true },
    },
  });
  const wanted = values.platform ?? PLATFORMS.map(({ goArch }) => goArch);
  const unknown = wanted.find((name) => !PLATFORMS.some(({ goArch }) => goArch === name));
  if (unknown !== undefined) {
    console.error(`--platform ${unknown}: give one of ${PLATFORMS.map(({ goArch }) => goArch).join(', ')}`);
    process.exit(2);
  }
  await packagePlugins({
    folder: values.out,
    platforms: PLATFORMS.filter(({ goArch }) => wanted.includes(goArch)),
    onProgress: (line) => console.log(line),
  });
}
