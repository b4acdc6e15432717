import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { licenceTexts, packagesOf } from './backendLicences.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'throughline-licences-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, files: Readonly<Record<string, string>>): string {
  const path = join(folder, 'node_modules', name);
  mkdirSync(path, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
  return path;
}

describe('packagesOf', () => {
  it('names each package once, with its scope, and the inner of two', () => {
    expect(
      packagesOf([
        'libs/core/src/ids.ts',
        'node_modules/zod/v4/index.js',
        'node_modules/zod/v4/core.js',
        'node_modules/@grpc/grpc-js/build/src/index.js',
        'node_modules/a/node_modules/b/index.js',
      ])
    ).toEqual(['node_modules/@grpc/grpc-js', 'node_modules/a/node_modules/b', 'node_modules/zod']);
  });
});

describe('licenceTexts', () => {
  it('holds the name, the version and every text', () => {
    const one = write('one', {
      'package.json': '{"name":"one","version":"1.2.3","license":"MIT"}',
      'LICENSE.md': 'one may',
      NOTICE: 'by One',
      'license-checker.js': 'code',
    });
    const two = write('two', { 'package.json': '{"name":"two","version":"2.0.0","license":"ISC"}' });
    const text = licenceTexts([one, two]);
    expect(text).toContain('one 1.2.3, MIT\n\none may\n\nby One\n\n---');
    expect(text).toContain('two 2.0.0, ISC\n');
  });

  it('refuses a package that states none', () => {
    const none = write('none', { 'package.json': '{"name":"none","version":"1.0.0"}' });
    expect(() => licenceTexts([none])).toThrow('PACKAGE_LICENCE_MISSING: none');
  });
});
