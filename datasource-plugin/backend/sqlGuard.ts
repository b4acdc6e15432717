import { DatasourceError } from './errors.ts';

/**
 * What a viewer's SQL may read: the tables of its own tenant and nothing else. Two guards together:
 *
 * 1. The statement's syntax tree (ClickHouse's own, by EXPLAIN AST) is checked here: one SELECT without SETTINGS or
 *    INTO OUTFILE, tables by plain names, table functions that only make numbers, no dictionaries.
 * 2. It then runs inside CTEs that have the tables' names and the tenant's rows (scope.ts), in a database without those
 *    tables: a plain name can mean nothing else.
 *
 * The store's own guard (files, network, limits) stands behind both.
 */

export interface Catalog {
  /** Tables and views that the CTEs stand for. */
  readonly readable: ReadonlySet<string>;
  /** Relations of the database that plain names are looked up in; a plain name that is neither is the viewer's CTE. */
  readonly others: ReadonlySet<string>;
}

const HARMLESS_TABLES = new Set(['system.one', 'system.numbers', 'system.zeros']);
const TABLE_FUNCTIONS = new Set([
  'numbers',
  'numbers_mt',
  'zeros',
  'zeros_mt',
  'generateseries',
  'generate_series',
  'values',
  'null',
]);
/** Functions that read tables or files by name. */
const READING_FUNCTION = /^(dict|joinGet|file$|filesystem|hasColumnInTable|catboost|executable|getServerSetting)/i;
const IN_FUNCTION = /^(global)?(not)?(null)?in(ignoreset)?$/i;

interface AstNode {
  readonly kind: string;
  /** What follows the kind: a name, a literal. */
  readonly text: string;
  readonly children: AstNode[];
}

/** @param lines EXPLAIN AST's output. @throws DatasourceError naming what is refused */
export function checkSelect(lines: readonly string[], catalog: Catalog): void {
  const root = parseAst(lines);
  if (root?.kind !== 'SelectWithUnionQuery') throw refused('the statement is no SELECT');
  // The list of selects only; INTO OUTFILE and FORMAT hang beside it.
  if (root.children.some((child) => child.kind !== 'ExpressionList')) {
    throw refused('the statement has INTO OUTFILE, FORMAT or SETTINGS');
  }
  checkNode(root, catalog);
}

function checkNode(node: AstNode, catalog: Catalog): void {
  if (node.kind === 'Set') throw refused('the statement has SETTINGS');
  if (node.kind === 'TableIdentifier') checkTable(node.text, catalog);
  if (node.kind === 'TableExpression') {
    for (const child of node.children) {
      if (child.kind === 'Function' && !TABLE_FUNCTIONS.has(child.text.toLowerCase())) {
        throw refused(`the table function ${child.text}`);
      }
    }
  }
  if (node.kind === 'Function') {
    if (READING_FUNCTION.test(node.text)) throw refused(`the function ${node.text}`);
    // "x IN name" reads the table of that name.
    const right = IN_FUNCTION.test(node.text) ? node.children[0]?.children[1] : undefined;
    if (right?.kind === 'Identifier') checkTable(right.text, catalog);
  }
  for (const child of node.children) checkNode(child, catalog);
}

function checkTable(name: string, { readable, others }: Catalog): void {
  if (HARMLESS_TABLES.has(name) || readable.has(name)) return;
  if (name.includes('.') || others.has(name)) throw refused(`the table ${name}`);
}

/**
 * One node per line, one space of indentation per level:
 *   Kind text… [(alias …)] [(children N)]
 * A name could hold line breaks and parentheses; what then looks like a node of its own only makes the check stricter,
 * and a cut name is on no list.
 */
function parseAst(lines: readonly string[]): AstNode | undefined {
  const path: AstNode[] = [];
  for (const line of lines) {
    if (line.trim() === '') continue;
    const depth = line.length - line.trimStart().length;
    const [, kind = '', text = ''] = /^(\w+)(?: (?!\()(.*?))?(?: \(|$)/.exec(line.trimStart()) ?? [];
    const node: AstNode = { kind, text, children: [] };
    path.length = Math.min(path.length, depth);
    path.at(-1)?.children.push(node);
    path.push(node);
  }
  return path[0];
}

function refused(what: string): DatasourceError {
  const hint = 'a query may only SELECT from the tables of its own tenant';
  return new DatasourceError('DATASOURCE_REFUSED', `${what} is refused`, hint);
}
