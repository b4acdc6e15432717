import { isWord, type Token, tokens } from './tokens.ts';

export interface InsertStatement {
  /** `INSERT INTO t (a, b) SETTINGS … FORMAT X`, without data. */
  readonly statement: string;
  /** Where inline data begins in the text; its length if the format's name ends it. */
  readonly dataStart: number;
}

/**
 * Splits an INSERT that brings data from that data, as ClickHouse's ParserInsertQuery does: data begins after VALUES, or
 * after the format's name and one line break.
 * @returns undefined for any other statement, INSERT … SELECT included; 'incomplete' if more text may decide otherwise
 */
export function splitInsert(text: string, complete: boolean): InsertStatement | 'incomplete' | undefined {
  let first: Token | undefined;
  let depth = 0;
  let format: Token | undefined;
  for (const token of tokens(text)) {
    if (first === undefined) {
      first = token;
      if (!isWord(token, 'INSERT')) return !complete && token.end === text.length ? 'incomplete' : undefined;
      continue;
    }
    // A token at the end of what has arrived may go on.
    if (!complete && token.end === text.length) return 'incomplete';
    if (format !== undefined) return { statement: text.slice(0, token.end), dataStart: afterFormat(text, token.end) };
    if (token.text === '(' && token.kind === 'symbol') depth++;
    else if (token.text === ')' && token.kind === 'symbol') depth--;
    else if (depth > 0) continue;
    else if (isWord(token, 'SELECT') || isWord(token, 'WITH')) return undefined;
    else if (isWord(token, 'FORMAT')) format = token;
    else if (isWord(token, 'VALUES')) {
      return { statement: `${text.slice(0, token.start)} FORMAT Values`, dataStart: token.end };
    }
  }
  if (!complete) return 'incomplete';
  if (first === undefined || format !== undefined) return undefined;
  return { statement: text, dataStart: text.length };
}

/** Spaces, then at most one line break; anything further belongs to the data. */
function afterFormat(text: string, from: number): number {
  let at = from;
  while (text[at] === ' ' || text[at] === '\t' || text[at] === '\r') at++;
  if (text[at] === ';') at++;
  while (text[at] === ' ' || text[at] === '\t' || text[at] === '\r') at++;
  return text[at] === '\n' ? at + 1 : from;
}

/**
 * The statement that reads the data from a file.
 * @param formatted the guarded statement, as the engine formats it
 */
export function insertFromFile(formatted: readonly Token[], formattedText: string, clause: string): string {
  let depth = 0;
  for (const token of formatted) {
    if (token.kind === 'symbol' && token.text === '(') depth++;
    else if (token.kind === 'symbol' && token.text === ')') depth--;
    else if (depth === 0 && token !== formatted[0] && (isWord(token, 'SETTINGS') || isWord(token, 'FORMAT'))) {
      return `${formattedText.slice(0, token.start)}${clause} ${formattedText.slice(token.start)}`;
    }
  }
  return `${formattedText} ${clause}`;
}
