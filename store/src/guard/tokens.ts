export type TokenKind = 'word' | 'quoted' | 'string' | 'number' | 'symbol';

export interface Token {
  readonly kind: TokenKind;
  /** As written; of a quoted identifier without its quotes, of a string without them and unescaped. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const pattern =
  /(?<space>\s+|--[^\n]*|#[! ][^\n]*|\/\*[\s\S]*?\*\/)|(?<string>'(?:[^'\\]|\\[\s\S]|'')*')|(?<heredoc>\$(?<tag>\w*)\$[\s\S]*?\$\k<tag>\$)|(?<quoted>"(?:[^"\\]|\\[\s\S]|"")*"|`(?:[^`\\]|\\[\s\S]|``)*`)|(?<word>[A-Za-z_][A-Za-z0-9_]*)|(?<number>\d[\w.]*)|(?<symbol>[\s\S])/y;

/**
 * The tokens of one statement, without spaces and comments (ClickHouse: src/Parsers/Lexer.cpp). Decides nothing by
 * itself: what a statement may do is read from the engine's own syntax tree. It serves to find where an INSERT's inline
 * data begins, and which settings and parameters a statement names, in text the engine has formatted.
 */
export function* tokens(sql: string): Generator<Token> {
  const scan = new RegExp(pattern);
  while (scan.lastIndex < sql.length) {
    const start = scan.lastIndex;
    const match = scan.exec(sql);
    if (match?.groups === undefined) return;
    const end = scan.lastIndex;
    const { space, string, heredoc, tag, quoted, word, number } = match.groups;
    if (space !== undefined) continue;
    if (string !== undefined) yield { kind: 'string', text: unescape(string.slice(1, -1)), start, end };
    else if (heredoc !== undefined) {
      const mark = (tag ?? '').length + 2;
      yield { kind: 'string', text: heredoc.slice(mark, -mark), start, end };
    } else if (quoted !== undefined) yield { kind: 'quoted', text: unescape(quoted.slice(1, -1)), start, end };
    else if (word !== undefined) yield { kind: 'word', text: word, start, end };
    else if (number !== undefined) yield { kind: 'number', text: number, start, end };
    else yield { kind: 'symbol', text: match[0], start, end };
  }
}

function unescape(text: string): string {
  return text.replace(/\\([\s\S])|(['"`])\2/g, (_, escaped: string | undefined, doubled: string | undefined) =>
    escaped !== undefined ? (escapes[escaped] ?? escaped) : (doubled ?? '')
  );
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', 0: '\0', b: '\b', f: '\f' };

export function isWord(token: Token | undefined, word: string): boolean {
  return token?.kind === 'word' && token.text.toUpperCase() === word;
}

/** Names of the substitutions `{name:Type}` in a statement. */
export function parameterNames(statement: readonly Token[]): Set<string> {
  const names = new Set<string>();
  for (let i = 0; i + 2 < statement.length; i++) {
    const [open, name, colon] = [statement[i], statement[i + 1], statement[i + 2]];
    if (open?.text === '{' && open.kind === 'symbol' && name?.kind === 'word' && colon?.text === ':') {
      names.add(name.text);
    }
  }
  return names;
}

export interface SettingAssignment {
  readonly name: string;
  /** undefined: not a plain literal, for instance DEFAULT or a function. */
  readonly value: string | undefined;
}

/** Every `SETTINGS name = value, …` of a statement that the engine has formatted; one list per clause. */
export function settingClauses(statement: readonly Token[]): SettingAssignment[][] {
  const clauses: SettingAssignment[][] = [];
  for (let i = 0; i < statement.length; i++) {
    if (!isWord(statement[i], 'SETTINGS')) continue;
    const clause: SettingAssignment[] = [];
    let at = i + 1;
    for (;;) {
      const name = statement[at];
      if (name === undefined || (name.kind !== 'word' && name.kind !== 'quoted')) break;
      if (statement[at + 1]?.text !== '=') break;
      const value = statement[at + 2];
      const literal = value?.kind === 'string' || value?.kind === 'number';
      clause.push({ name: name.text, value: literal ? value.text : undefined });
      // Values that are not literals run to the next comma outside brackets.
      at = afterValue(statement, at + 2);
      if (statement[at]?.text !== ',') break;
      at++;
    }
    if (clause.length > 0) clauses.push(clause);
  }
  return clauses;
}

function afterValue(statement: readonly Token[], from: number): number {
  let depth = 0;
  let at = from;
  for (; at < statement.length; at++) {
    const token = statement[at];
    if (token?.kind !== 'symbol') {
      if (depth === 0 && at > from && token?.kind === 'word') return at;
      continue;
    }
    if ('([{'.includes(token.text)) depth++;
    else if (')]}'.includes(token.text)) {
      if (depth === 0) return at;
      depth--;
    } else if (token.text === ',' && depth === 0) return at;
  }
  return at;
}
