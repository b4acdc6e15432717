import { CodeEditor, type Monaco, type MonacoEditor } from '@grafana/ui';
import { useEffect, useRef } from 'react';
import { type DataSource } from '../DataSource.ts';
import { type Completion, completionsAt, wordStart } from '../sqlCompletion.ts';

export interface SqlEditorProps {
  readonly datasource: DataSource;
  readonly value: string;
  readonly onChange: (sql: string) => void;
  readonly onRun: () => void;
  readonly height?: number;
}

/** SQL with the store's tables, columns and macros; runs on leaving, Ctrl+Enter and Ctrl+S. */
export function SqlEditor({ datasource, value, onChange, onRun, height = 160 }: SqlEditorProps) {
  // Monaco keeps the commands of its first render.
  const latest = useRef({ onChange, onRun, value });
  useEffect(() => {
    latest.current = { onChange, onRun, value };
  });
  const commit = (sql: string) => {
    if (sql === latest.current.value) return;
    latest.current.onChange(sql);
    latest.current.onRun();
  };
  const onEditorDidMount = (editor: MonacoEditor, monaco: Monaco) => {
    editor.updateOptions({ ariaLabel: 'SQL' });
    editor.addCommand(monaco.KeyMod.CtrlCmd | monaco.KeyCode.Enter, () => {
      const sql = editor.getValue();
      if (sql === latest.current.value) latest.current.onRun();
      else commit(sql);
    });
    const completion = registerCompletion(editor, monaco, datasource);
    editor.onDidDispose(() => completion.dispose());
  };
  return (
    <CodeEditor
      language="sql"
      height={height}
      value={value}
      showLineNumbers
      showMiniMap={false}
      monacoOptions={{
        fixedOverflowWidgets: true,
        scrollBeyondLastLine: false,
        wordWrap: 'on',
        lineNumbersMinChars: 3,
      }}
      onEditorDidMount={onEditorDidMount}
      onBlur={commit}
      onSave={commit}
    />
  );
}

type TextModel = NonNullable<ReturnType<MonacoEditor['getModel']>>;

/** Providers are of a language and the page has one Monaco: this one answers for its own editor's text alone. */
export function registerCompletion(editor: MonacoEditor, monaco: Monaco, datasource: DataSource) {
  return monaco.languages.registerCompletionItemProvider('sql', {
    triggerCharacters: ['$', '.', ' '],
    provideCompletionItems: async (model: TextModel, position) => {
      if (model !== editor.getModel()) return { suggestions: [] };
      const schema = await datasource.schema().catch(() => []);
      const sql = model.getValue();
      const before = sql.slice(0, model.getOffsetAt(position));
      const written = before.length - wordStart(before);
      const range = {
        startLineNumber: position.lineNumber,
        endLineNumber: position.lineNumber,
        startColumn: position.column - written,
        endColumn: position.column,
      };
      const kinds = kindsOf(monaco);
      const found = completionsAt(sql, before, schema, datasource.variableNames());
      return {
        suggestions: found.map((each, index) => ({
          label: each.label,
          kind: kinds[each.kind],
          insertText: each.insert,
          ...(each.isSnippet && {
            insertTextRules: monaco.languages.CompletionItemInsertTextRule.InsertAsSnippet,
          }),
          detail: each.detail,
          documentation: each.doc,
          // In our order: columns of the tables at hand before everything else.
          sortText: String(index).padStart(4, '0'),
          range,
        })),
      };
    },
  });
}

function kindsOf(monaco: Monaco): Readonly<Record<Completion['kind'], number>> {
  const { CompletionItemKind } = monaco.languages;
  return {
    table: CompletionItemKind.Struct,
    column: CompletionItemKind.Field,
    macro: CompletionItemKind.Function,
    variable: CompletionItemKind.Variable,
    keyword: CompletionItemKind.Keyword,
  };
}
