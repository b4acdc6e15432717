// Debian packages, downloaded with apt's own client and unpacked in a folder of ours: nothing is installed, and an
// ordinary user can do it. Only what the machine lacks is fetched, so the folder is good for this machine alone.
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { runProgram } from './run.ts';

export interface UnpackOptions {
  /** Default: `.throughline` of this checkout. */
  readonly stateDirectory?: string;
  readonly onProgress?: (message: string) => void;
}

/** Returns the folder that holds `usr/bin` and so on. Quick when it has been done before. */
export async function unpackDebian(packages: readonly string[], options: UnpackOptions = {}): Promise<string> {
  const stateDirectory = options.stateDirectory ?? resolve(import.meta.dirname, '../../.throughline');
  const key = createHash('sha256')
    .update([...packages].sort().join(' '))
    .digest('hex')
    .slice(0, 12);
  const unpacked = join(stateDirectory, 'packages', key);
  if (existsSync(unpacked)) return unpacked;
  const work = join(stateDirectory, 'packages', `${key}-unfinished-${process.pid}`);
  const root = join(work, 'root');
  for (const folder of ['lists/partial', 'deb/partial', 'root']) mkdirSync(join(work, folder), { recursive: true });
  try {
    options.onProgress?.('reading Debian’s package lists');
    await run(['apt-get', ...aptFolders(work), 'update']);
    options.onProgress?.(`downloading ${packages.join(', ')}`);
    const download = ['--no-install-recommends', '--download-only', '--yes', 'install', ...packages];
    await run(['apt-get', ...aptFolders(work), ...download]);
    options.onProgress?.('unpacking');
    for (const name of readdirSync(join(work, 'deb'))) {
      if (name.endsWith('.deb')) await run(['dpkg', '--extract', join(work, 'deb', name), root]);
    }
    chmodSync(root, 0o755);
    makeLinksRelative(root);
    if (!existsSync(unpacked)) renameSync(root, unpacked);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return unpacked;
}

function aptFolders(work: string): string[] {
  return [
    `Dir::State::lists=${join(work, 'lists')}`,
    `Dir::Cache=${work}`,
    `Dir::Cache::archives=${join(work, 'deb')}`,
    'Debug::NoLocking=1',
  ].flatMap((setting) => ['-o', setting]);
}

/** Links such as Java's configuration point to `/etc`: where the package is not installed, that has to be ours. */
function makeLinksRelative(root: string): void {
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) continue;
    const link = join(entry.parentPath, entry.name);
    const target = readlinkSync(link);
    if (!target.startsWith('/') || !existsSync(join(root, target))) continue;
    rmSync(link);
    symlinkSync(relative(dirname(link), join(root, target)), link);
  }
}

function run(argv: readonly string[]): Promise<void> {
  return runProgram(argv, '', { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' });
}
