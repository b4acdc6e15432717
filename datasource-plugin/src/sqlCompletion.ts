import { type SchemaTable } from './DataSource.ts';
import { MACROS } from './macros.ts';

/** What can follow in an SQL text: pure, the editor turns it into Monaco's items. */
export interface Completion {
  readonly kind: 'table' | 'column' | 'macro' | 'variable' | 'keyword';
  readonly label: string;
  readonly insert: string;
  readonly isSnippet: boolean;
  readonly detail: string;
  readonly doc: string;
}

const KEYWORDS =
  'SELECT FROM WHERE GROUP BY ORDER BY LIMIT WITH JOIN LEFT JOIN ON AS AND OR NOT IN BETWEEN LIKE HAVING UNION ALL DISTINCT DESC ASC';
const KEYWORD_LIST = [...new Set(KEYWORDS.replaceAll(' BY', '_BY').split(' '))].map((word) => word.replace('_', ' '));

/** @returns where the word before the cursor starts: macros and variables start with $ */
export function wordStart(before: string): number {
  return before.length - (/[$\w]*$/.exec(before)?.[0].length ?? 0);
}

/** @param before text up to the cursor, the word being written included */
export function completionsAt(
  sql: string,
  before: string,
  schema: readonly SchemaTable[],
  variables: readonly string[]
): Completion[] {
  const start = wordStart(before);
  const preceding = before.slice(0, start);
  if (before[start] === '$') return [...macros(), ...variables.map(variable)];
  if (/\b(from|join)\s+$/i.test(preceding)) return schema.map(table);
  const named = schema.filter(({ name }) => new RegExp(`\\b${name}\\b`).test(sql));
  // Nothing read yet: the columns of all tables would be a list of hundreds with the same names.
  const columns = named.flatMap(({ name, columns: of }) => of.map((column) => toColumn(name, column)));
  if (preceding.endsWith('.')) return columns;
  return [...columns, ...macros(), ...variables.map(variable), ...schema.map(table), ...KEYWORD_LIST.map(keyword)];
}

const table = ({ name, doc }: SchemaTable): Completion => ({
  kind: 'table',
  label: name,
  insert: name,
  isSnippet: false,
  detail: 'table',
  doc,
});

const toColumn = (of: string, { name, type, unit, doc }: SchemaTable['columns'][number]): Completion => ({
  kind: 'column',
  label: name,
  insert: name,
  isSnippet: false,
  detail: `${of}: ${type}${unit ? `, ${unit}` : ''}`,
  doc,
});

const macros = (): Completion[] =>
  MACROS.map(({ name, snippet, doc }) => ({
    kind: 'macro',
    label: name,
    insert: snippet,
    isSnippet: true,
    detail: 'macro',
    doc,
  }));

const variable = (name: string): Completion => ({
  kind: 'variable',
  label: name,
  insert: name,
  isSnippet: false,
  detail: 'dashboard variable',
  doc: '',
});

const keyword = (name: string): Completion => ({
  kind: 'keyword',
  label: name,
  insert: name,
  isSnippet: false,
  detail: '',
  doc: '',
});
