import { describe, expect, it } from 'vitest';
import { checkSelect, type Catalog } from './sqlGuard.ts';

const catalog: Catalog = {
  readable: new Set(['spans', 'entities']),
  others: new Set(['leftover']),
};

/** EXPLAIN AST of ClickHouse 26.7 for `SELECT 1 FROM <table>`, with <expression> as its WHERE. */
function tree(table: string, where: string[] = []): string[] {
  return [
    'SelectWithUnionQuery (children 1)',
    ' ExpressionList (children 1)',
    '  SelectQuery (children 2)',
    '   ExpressionList (children 1)',
    '    Literal UInt64_1',
    '   TablesInSelectQuery (children 1)',
    '    TablesInSelectQueryElement (children 1)',
    '     TableExpression (children 1)',
    `      ${table}`,
    ...where.map((line) => `   ${line}`),
    '',
  ];
}

describe('checkSelect', () => {
  it.each([
    'TableIdentifier spans',
    'TableIdentifier entities (alias e)',
    'TableIdentifier system.one',
    'TableIdentifier a_cte',
    'Function numbers (alias n) (children 1)',
  ])('lets through %s', (table) => {
    expect(() => checkSelect(tree(table), catalog)).not.toThrow();
  });

  it.each([
    ['TableIdentifier throughline.spans_to_red', 'the table throughline.spans_to_red'],
    ['TableIdentifier throughline.spans', 'the table throughline.spans'],
    ['TableIdentifier leftover (alias spans)', 'the table leftover'],
    ['TableIdentifier system.query_log', 'the table system.query_log'],
    ['TableIdentifier other.spans', 'the table other.spans'],
    ['Function merge (alias spans) (children 1)', 'the table function merge'],
    ['Function remoteSecure (children 1)', 'the table function remoteSecure'],
    ['Function FILE (children 1)', 'FILE'],
    ['Function view (children 1)', 'the table function view'],
  ])('refuses %s', (table, message) => {
    expect(() => checkSelect(tree(table), catalog)).toThrow(`${message} is refused`);
  });

  it.each([
    [['Function dictGet (children 1)', ' ExpressionList (children 0)'], 'the function dictGet'],
    [['Function joinGetOrNull (children 1)'], 'the function joinGetOrNull'],
    [['Function file (children 1)'], 'the function file'],
    [
      ['Function globalNotIn (children 1)', ' ExpressionList (children 2)', '  Identifier A', '  Identifier leftover'],
      'the table leftover',
    ],
    [
      ['Function in (children 1)', ' ExpressionList (children 2)', '  Identifier A', '  Identifier system.parts'],
      'system.parts',
    ],
    [['Set'], 'the statement has SETTINGS'],
  ])('refuses %j', (where, message) => {
    expect(() => checkSelect(tree('TableIdentifier spans', where), catalog)).toThrow(message);
  });

  it.each([
    ['an INSERT', ['InsertQuery   (children 1)', ' Identifier x']],
    ['nothing', []],
    ['INTO OUTFILE', [...tree('TableIdentifier spans').slice(0, -1), " Literal \\'x\\'"]],
  ])('refuses %s', (_name, lines) => {
    expect(() => checkSelect(lines, catalog)).toThrow('DATASOURCE_REFUSED');
  });
});
