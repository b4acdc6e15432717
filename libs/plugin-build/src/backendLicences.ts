import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What the licences of other people's code ask of everybody who hands it on: their text. */

const PACKAGE = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/;

/** Folders of npm's packages that files of a bundle are in. */
export function packagesOf(files: Iterable<string>): string[] {
  const folders = Array.from(files, (file) => PACKAGE.exec(file)?.[0]).filter((folder) => folder !== undefined);
  return [...new Set(folders)].sort();
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
}

/** @throws Error naming a package that states no licence */
export function licenceTexts(folders: readonly string[]): string {
  return folders
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
      const files = readdirSync(folder).filter((file) =>
        /^(licen[cs]e|notice|copying)(-\w+)?(\.(md|txt))?$/i.test(file)
      );
      if (license === undefined && files.length === 0) {
        throw new Error(`PACKAGE_LICENCE_MISSING: ${name} states no licence; leave it out of the backend`);
      }
      const texts = files.sort().map((file) => readFileSync(join(folder, file), 'utf8').trim());
      return [`${name} ${version}, ${license ?? 'licence as follows'}`, ...texts].join('\n\n');
    })
    .join(`\n\n${'-'.repeat(80)}\n\n`)
    .concat('\n');
}
