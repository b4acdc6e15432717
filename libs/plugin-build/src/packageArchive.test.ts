import { chmodSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { strFromU8, unzipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ArchiveEntry, entriesOf, zipArchive } from './packageArchive.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'throughline-archive-'));
  mkdirSync(join(folder, 'panels/one'), { recursive: true });
  writeFileSync(join(folder, 'panels/one/plugin.json'), '{}');
  writeFileSync(join(folder, 'gpx_one'), '#!/bin/sh\n');
  chmodSync(join(folder, 'gpx_one'), 0o700);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Unix modes by path, from the archive's central directory. */
function modesOf(archive: Uint8Array): Record<string, string> {
  const buffer = Buffer.from(archive);
  const modes: Record<string, string> = {};
  for (let at = buffer.indexOf('PK\x01\x02'); at >= 0; at = buffer.indexOf('PK\x01\x02', at + 4)) {
    const path = buffer.toString('utf8', at + 46, at + 46 + buffer.readUInt16LE(at + 28));
    expect(buffer[at + 5], 'made on Unix').toBe(3);
    modes[path] = (buffer.readUInt32LE(at + 38) >>> 16).toString(8);
  }
  return modes;
}

describe('zipArchive', () => {
  it('holds every file under its prefix, what is started with mode 0755', () => {
    const archive = zipArchive(entriesOf(folder, 'app'));
    const contents = Object.entries(unzipSync(archive)).map(([path, bytes]) => [path, strFromU8(bytes)]);
    expect(contents).toEqual([
      ['app/gpx_one', '#!/bin/sh\n'],
      ['app/panels/one/plugin.json', '{}'],
    ]);
    expect(modesOf(archive)).toEqual({ 'app/gpx_one': '100755', 'app/panels/one/plugin.json': '100644' });
  });

  it('is the same bytes from the same files, whatever their times and order', () => {
    const first = zipArchive(entriesOf(folder, 'app'));
    utimesSync(join(folder, 'gpx_one'), 1, 1);
    expect(Buffer.from(zipArchive(entriesOf(folder, 'app').reverse())).equals(first)).toBe(true);
  });

  it('refuses two files of one path', () => {
    const entry: ArchiveEntry = { path: 'app/a', content: new Uint8Array(), isExecutable: false };
    expect(() => zipArchive([entry, entry])).toThrow('PACKAGE_TWICE: app/a');
  });
});
