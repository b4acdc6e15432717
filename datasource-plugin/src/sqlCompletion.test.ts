import { describe, expect, it } from 'vitest';
import backendMacros from '../backend/macros.ts?raw';
import { registerCompletion } from './components/SqlEditor.tsx';
import { type SchemaTable } from './DataSource.ts';
import { MACROS } from './macros.ts';
import { completionsAt } from './sqlCompletion.ts';
import { dataSource, serve } from './testHost.ts';

const column = (name: string, unit = '') => ({ name, type: 'UInt64', unit, doc: `${name} of a row` });
const SCHEMA: readonly SchemaTable[] = [
  { name: 'spans', doc: 'one side of one exchange', columns: [column('Duration', 'ns'), column('StatusCode')] },
  { name: 'red_1m', doc: 'rollup', columns: [column('Requests')] },
];

/** @param marked the cursor is at the bar */
function labelsAt(marked: string): string[] {
  const before = marked.slice(0, marked.indexOf('|'));
  return completionsAt(marked.replace('|', ''), before, SCHEMA, ['$shop']).map(({ label }) => label);
}

describe('completion', () => {
  it('offers the tables after FROM and JOIN', () => {
    expect(labelsAt('SELECT 1 FROM |')).toEqual(['spans', 'red_1m']);
    expect(labelsAt('SELECT 1 from spans join re|')).toEqual(['spans', 'red_1m']);
  });

  it('offers the columns of the tables that are read first, those of no others', () => {
    const labels = labelsAt('SELECT | FROM spans');
    expect(labels.slice(0, 2)).toEqual(['Duration', 'StatusCode']);
    expect(labels).not.toContain('Requests');
    expect(labelsAt('SELECT s.| FROM spans s')).toEqual(['Duration', 'StatusCode']);
  });

  it('offers macros and dashboard variables alone after $', () => {
    const labels = labelsAt('SELECT 1 FROM spans WHERE $__ti|');
    expect(labels).toEqual([...MACROS.map(({ name }) => name), '$shop']);
  });
});

describe('macros', () => {
  it('are those of the backend', () => {
    const table = backendMacros.slice(backendMacros.indexOf('const MACROS'), backendMacros.indexOf('MACRO_NAMES'));
    const names = Array.from(table.matchAll(/\[\s*'(\w+)',\s*\{/g), ([, name]) => `$__${name}`);
    expect(names.length).toBeGreaterThan(10);
    expect(MACROS.map(({ name }) => name)).toEqual(names);
  });
});

describe('registered completion', () => {
  type Editor = Parameters<typeof registerCompletion>[0];
  type Monaco = Parameters<typeof registerCompletion>[1];
  type Provider = Parameters<Monaco['languages']['registerCompletionItemProvider']>[1];

  function register() {
    let provider: Provider | undefined;
    const own = { getValue: () => 'SELECT $__ti', getOffsetAt: () => 12 };
    const monaco = {
      languages: {
        registerCompletionItemProvider: (_language: string, given: Provider) => {
          provider = given;
          return { dispose: () => {} };
        },
        CompletionItemKind: { Struct: 1, Field: 2, Function: 3, Variable: 4, Keyword: 5 },
        CompletionItemInsertTextRule: { InsertAsSnippet: 4 },
      },
    };
    registerCompletion({ getModel: () => own } as unknown as Editor, monaco as unknown as Monaco, dataSource());
    const ask = async (model: object) =>
      (await provider!.provideCompletionItems(
        model as never,
        { lineNumber: 1, column: 13 } as never,
        {} as never,
        {} as never
      ))!;
    return { own, ask };
  }

  it('replaces the macro that is being written, its $ included', async () => {
    serve(() => ({ data: SCHEMA }));
    const { own, ask } = register();
    const { suggestions } = await ask(own);
    const range = { startLineNumber: 1, endLineNumber: 1, startColumn: 8, endColumn: 13 };
    expect(suggestions[0]).toMatchObject({ label: '$__timeFilter', insertText: '\\$__timeFilter(${1:Time})', range });
  });

  it("does not answer for another editor's text", async () => {
    serve(() => ({ data: SCHEMA }));
    const { own, ask } = register();
    expect(await ask({ ...own })).toEqual({ suggestions: [] });
  });

  it('works without a schema', async () => {
    serve(() => ({ data: {}, status: 500 }));
    const { own, ask } = register();
    expect((await ask(own)).suggestions.length).toBe(MACROS.length);
  });
});
