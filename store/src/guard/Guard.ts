import { StatementError } from '../errors.ts';
import { quoteString } from '../engine/quoting.ts';
import { alterCommands, engines, forbiddenFunctions, statementKinds, systemTables, tableFunctions } from './policy.ts';
import { type Role } from './roles.ts';
import { judgeSetting } from './settings.ts';
import { parseSyntaxTree, type SyntaxNode } from './syntaxTree.ts';
import { isWord, parameterNames, type SettingAssignment, settingClauses, type Token, tokens } from './tokens.ts';

/** Runs statements on the connection the guarded statement will run on, so that both see the same parameters. */
export interface SyntaxOracle {
  text(setup: readonly string[], sql: string): Promise<string>;
}

export interface GuardedRequest {
  readonly statement: string;
  readonly role: Role;
  readonly database: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly limits: ReadonlyMap<string, number>;
}

export interface Inspected {
  /** Root of the syntax tree, e.g. `SelectWithUnionQuery`. */
  readonly kind: string;
  /** The statement as the engine formats it, in tokens. */
  readonly formatted: readonly Token[];
  readonly formattedText: string;
}

/**
 * Decides from the engine's own syntax tree whether a statement may run, before it runs.
 *
 * The text first goes to `formatQuerySingleLine` as a string literal, which parses it and refuses several statements in
 * one; only then is it placed behind EXPLAIN AST, where a second statement would be executed.
 */
export class Guard {
  private readonly forbiddenNames: ReadonlySet<string>;
  /** Verdicts on statements without parameters, oldest use first. Only text decides them, so they stay true. */
  private readonly allowed = new Map<string, Inspected>();

  /** @param engineTableFunctions every table function of the engine */
  constructor(engineTableFunctions: Iterable<string>) {
    const names = new Set<string>();
    for (const name of engineTableFunctions) {
      if (!tableFunctions.has(name.toLowerCase())) names.add(name.toLowerCase());
    }
    this.forbiddenNames = names;
  }

  static async create(oracle: SyntaxOracle): Promise<Guard> {
    const names = await oracle.text([], 'SELECT name FROM system.table_functions');
    return new Guard(names.split('\n').filter((name) => name !== ''));
  }

  /** The verdict on a statement that was allowed before, for whoever may save the way to the engine. */
  recall(request: GuardedRequest): Inspected | undefined {
    const key = cacheKey(request);
    const known = key === undefined ? undefined : this.allowed.get(key);
    if (key === undefined || known === undefined) return undefined;
    this.allowed.delete(key);
    this.allowed.set(key, known);
    return known;
  }

  /**
   * @param setup statements that give the connection the request's parameters
   * @throws StatementError if it may not run or does not parse
   */
  async inspect(oracle: SyntaxOracle, setup: readonly string[], request: GuardedRequest): Promise<Inspected> {
    const { statement, parameters } = request;
    const formattedText = await formatStatement(oracle, setup, statement);
    const formatted = [...tokens(formattedText)];
    for (const name of parameterNames(formatted)) {
      if (!parameters.has(name)) throw new StatementError(456, `Substitution \`${name}\` is not set.`);
    }
    // Settings of a statement already work on EXPLAIN AST, and so does a file it names.
    const early = refuseFiles(formatted) ?? refuseSettings(settingClauses(formatted).flat(), request);
    if (early !== undefined) throw denied(request.role, early);
    const tree = parseSyntaxTree(await oracle.text([], `EXPLAIN AST ${statement}`));
    if (tree === undefined) throw denied(request.role, 'Its syntax tree cannot be read; use plain names and aliases');
    const refusal = this.refusal(tree, formatted, request);
    if (refusal !== undefined) throw denied(request.role, refusal);
    const inspected = { kind: tree[0]?.kind ?? '', formatted, formattedText };
    this.remember(request, inspected);
    return inspected;
  }

  private remember(request: GuardedRequest, inspected: Inspected): void {
    const key = cacheKey(request);
    if (key === undefined) return;
    this.allowed.set(key, inspected);
    for (const oldest of this.allowed.keys()) {
      if (this.allowed.size <= maxRemembered) break;
      this.allowed.delete(oldest);
    }
  }

  private refusal(
    tree: readonly SyntaxNode[],
    formatted: readonly Token[],
    request: GuardedRequest
  ): string | undefined {
    const root = tree[0];
    if (root === undefined) return 'The statement is empty';
    if (!statementKinds[request.role].has(root.kind)) {
      return `Statements of kind ${root.kind} are not allowed with the ${request.role} token`;
    }
    return (
      this.refuseNodes(tree, request) ??
      refuseExplain(tree) ??
      refuseEngines(formatted) ??
      refuseUnreadSettings(tree, formatted) ??
      refuseSettings(modifiedSettings(tree, formatted), request)
    );
  }

  private refuseNodes(tree: readonly SyntaxNode[], request: GuardedRequest): string | undefined {
    for (const node of tree) {
      const refusal = this.refuseNode(node, request);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  private refuseNode(node: SyntaxNode, request: GuardedRequest): string | undefined {
    switch (node.kind) {
      case 'Function':
        return this.refuseFunction(node);
      case 'TableIdentifier':
        return request.role === 'admin' ? undefined : refuseTable(node.name, request.database);
      case 'Identifier':
        return request.role === 'admin' ? undefined : refuseIdentifier(node);
      case 'AlterCommand':
        return alterCommands.test(node.name.split(' ')[0] ?? '')
          ? undefined
          : `ALTER … ${node.name.replaceAll('_', ' ')} is not allowed`;
      case 'Dictionary':
      case 'FunctionWithKeyValueArguments':
        return 'Dictionaries are not allowed: their sources reach outside the store';
      default:
        return undefined;
    }
  }

  private refuseFunction(node: SyntaxNode): string | undefined {
    const name = node.name.toLowerCase();
    if (node.parent?.kind === 'TableExpression' && !tableFunctions.has(name)) {
      return `Table function ${node.name} is not allowed`;
    }
    if (this.forbiddenNames.has(name)) return `Table function ${node.name} is not allowed`;
    if (forbiddenFunctions.test(name)) return `Function ${node.name} is not allowed`;
    return undefined;
  }
}

const maxRemembered = 512;
const maxRememberedLength = 8 << 10;

function cacheKey({ statement, role, database, parameters }: GuardedRequest): string | undefined {
  if (parameters.size > 0 || statement.length > maxRememberedLength) return undefined;
  return JSON.stringify([role, database, statement]);
}

/**
 * Parse and format one statement without running any of it.
 * @throws StatementError 62 on a syntax error or on more than one statement
 */
async function formatStatement(oracle: SyntaxOracle, setup: readonly string[], statement: string): Promise<string> {
  try {
    return (await oracle.text(setup, `SELECT formatQuerySingleLine(${quoteString(statement)})`)).trimEnd();
  } catch (error) {
    if (!(error instanceof StatementError)) throw error;
    // The engine adds where it failed: in our own SELECT, with the statement repeated.
    const message = error.message.replace(/: In scope SELECT formatQuerySingleLine\([\s\S]*\)\. \(/, '. (');
    throw new StatementError(undefined, message);
  }
}

function denied(role: Role, reason: string): StatementError {
  return new StatementError(497, `${role}: Not enough privileges. ${reason}`);
}

/** Before EXPLAIN AST, so that not even that could open a file. */
function refuseFiles(formatted: readonly Token[]): string | undefined {
  for (let i = 0; i + 1 < formatted.length; i++) {
    if (isWord(formatted[i], 'INTO') && isWord(formatted[i + 1], 'OUTFILE')) return 'INTO OUTFILE is not allowed';
    if (isWord(formatted[i], 'FROM') && isWord(formatted[i + 1], 'INFILE')) return 'FROM INFILE is not allowed';
  }
  return undefined;
}

/** ENGINE of a table, of a database, or inside a materialized view, where the syntax tree does not show it. */
function refuseEngines(formatted: readonly Token[]): string | undefined {
  for (let i = 0; i + 2 < formatted.length; i++) {
    if (!isWord(formatted[i], 'ENGINE') || formatted[i + 1]?.text !== '=') continue;
    const engine = formatted[i + 2]?.text ?? '';
    if (!engines.test(engine)) return `Engine ${engine} is not allowed: it reaches outside the store`;
  }
  return undefined;
}

function refuseExplain(tree: readonly SyntaxNode[]): string | undefined {
  for (const [index, node] of tree.entries()) {
    if (node.kind !== 'Explain') continue;
    const inner = tree.slice(index + 1).filter((child) => child.parent === node && child.kind !== 'Set');
    const explained = inner[0]?.kind;
    if (explained !== 'SelectWithUnionQuery' && explained !== 'Explain') {
      return `${node.name} explains ${explained ?? 'nothing'}; only SELECT can be explained`;
    }
  }
  return undefined;
}

function refuseTable(name: string, database: string): string | undefined {
  const dot = name.indexOf('.');
  const inSystem = dot < 0 ? database === 'system' : name.slice(0, dot) === 'system';
  if (!inSystem || systemTables.has(name.slice(dot + 1))) return undefined;
  return `Table system.${name.slice(dot + 1)} is not open to this token`;
}

/** `a IN system.processes` names a table by a plain identifier; so does the target of an INSERT. */
function refuseIdentifier(node: SyntaxNode): string | undefined {
  if (node.parent?.kind === 'InsertQuery') {
    return /^(system|information_schema)$/i.test(node.name) ? `Nothing may be inserted into ${node.name}` : undefined;
  }
  if (!node.name.startsWith('system.')) return undefined;
  const table = node.name.split('.')[1] ?? '';
  return systemTables.has(table) ? undefined : `Table system.${table} is not open to this token`;
}

function refuseSettings(assignments: readonly SettingAssignment[], request: GuardedRequest): string | undefined {
  for (const { name, value } of assignments) {
    const verdict = judgeSetting(request.role, name, value, request.limits);
    if (verdict.kind === 'refused') return `Setting ${name}: ${verdict.reason}`;
    if (verdict.kind === 'limit') return `Setting ${name} may not go above ${verdict.value}`;
  }
  return undefined;
}

/** The tree shows where settings are but not which; every place must have been found in the text. */
function refuseUnreadSettings(tree: readonly SyntaxNode[], formatted: readonly Token[]): string | undefined {
  const places = tree.filter(
    (node) => node.kind === 'Set' && node.parent?.kind !== 'Explain' && node.parent?.name !== 'MODIFY_SETTING'
  );
  return settingClauses(formatted).length < places.length
    ? 'SETTINGS could not be read; pass them with the request instead'
    : undefined;
}

/** `ALTER TABLE t (MODIFY SETTING name = value, …)`. */
function modifiedSettings(tree: readonly SyntaxNode[], formatted: readonly Token[]): SettingAssignment[] {
  if (!tree.some((node) => node.kind === 'AlterCommand' && node.name === 'MODIFY_SETTING')) return [];
  const asClauses = formatted.map((token) => (isWord(token, 'SETTING') ? { ...token, text: 'SETTINGS' } : token));
  return settingClauses(asClauses).flat();
}
