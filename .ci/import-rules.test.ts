import { describe, expect, it } from 'vitest';
import { checkFile, ownerOf } from './import-rules.ts';

const declared = new Set(['@throughline/core', '@throughline/schema', '@throughline/testkit', 'zod']);

function reasons(file: string, text: string): string[] {
  return checkFile(file, text, declared).map(({ reason }) => reason);
}

describe('import rules', () => {
  it('knows the package of a file', () => {
    expect(ownerOf('libs/core/src/ids.ts')).toBe('libs/core');
    expect(ownerOf('agent/src/main.ts')).toBe('agent');
    expect(ownerOf('vitest.config.ts')).toBe('');
  });

  it('allows what the table lists', () => {
    expect(reasons('ingest/src/a.ts', "import { table } from '@throughline/schema';\nimport z from 'zod';")).toEqual(
      []
    );
    expect(reasons('ingest/src/a.ts', "import { b } from './b.ts';\nimport fs from 'node:fs';")).toEqual([]);
  });

  it.each([
    ['a package that is not listed', 'agent/src/a.ts', "import { table } from '@throughline/schema';"],
    ['types only', 'agent/src/a.ts', "import { type Table } from '@throughline/schema';"],
    ['an export from it', 'agent/src/a.ts', "export * from '@throughline/schema';"],
    ['loading it later', 'agent/src/a.ts', "const t = await import('@throughline/schema');"],
    ['a way around by path', 'agent/src/a.ts', "import { table } from '../../libs/schema/src/index.ts';"],
    ['a way around to the same top folder', 'libs/wire/src/a.ts', "import { table } from '../../schema/src/index.ts';"],
    ['test tools in shipped code', 'agent/src/a.ts', "import { openStore } from '@throughline/testkit';"],
    ['a built-in in the browser', 'libs/query/src/a.ts', "import fs from 'node:fs';"],
    ['a built-in without its prefix', 'agent/src/a.ts', "import fs from 'fs';"],
    ['what is not declared', 'agent/src/a.ts', "import koffi from 'koffi';"],
  ])('refuses %s', (_, file, text) => {
    expect(reasons(file, text)).toHaveLength(1);
  });

  it('lets tests import everything', () => {
    const text = "import { openStore } from '@throughline/testkit';\nimport { x } from '../../store/src/index.ts';";
    expect(reasons('agent/src/a.test.ts', text)).toEqual([]);
    expect(reasons('workbench/cli/a.ts', text)).toEqual([]);
  });

  it('does not take text for an import', () => {
    expect(
      reasons('agent/src/a.ts', "// import '@throughline/schema'\nconst a = \"import '@throughline/schema'\";")
    ).toEqual([]);
  });
});
