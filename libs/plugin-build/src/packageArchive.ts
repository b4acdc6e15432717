import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Zippable, zipSync } from 'fflate';

/** Zip archives that are the same bytes whenever and wherever they are made from the same files. */

export interface ArchiveEntry {
  /** With slashes, without one at its start. */
  readonly path: string;
  readonly content: Uint8Array;
  readonly isExecutable: boolean;
}

/** The files below a folder, under `prefix` in the archive. */
export function entriesOf(folder: string, prefix: string): ArchiveEntry[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const file = join(entry.parentPath, entry.name);
      return {
        path: `${prefix}/${file.slice(folder.length + 1)}`,
        content: readFileSync(file),
        isExecutable: (statSync(file).mode & 0o111) !== 0,
      };
    });
}

/** Archives keep local time, and none before this. */
const NO_TIME = new Date(1980, 0, 1);
const UNIX = 3;
const REGULAR_FILE = 0o100000;

export function zipArchive(entries: readonly ArchiveEntry[]): Uint8Array {
  const files: Zippable = {};
  for (const { path, content, isExecutable } of entries.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    if (Object.hasOwn(files, path)) throw new Error(`PACKAGE_TWICE: ${path} is in the archive twice`);
    // Grafana's validator wants exactly 0755 of what it starts.
    const mode = REGULAR_FILE | (isExecutable ? 0o755 : 0o644);
    files[path] = [content, { level: 6, mtime: NO_TIME, os: UNIX, attrs: (mode << 16) >>> 0 }];
  }
  return zipSync(files);
}
