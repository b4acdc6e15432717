const STATEMENT_LENGTH = 64;

/** "SELECT … FROM orders …" of a long statement: what tells it from others, in little room. */
export function shortStatement(statement: string): string {
  if (statement.length <= STATEMENT_LENGTH) return statement;
  const select = /^\s*select\b.*?\bfrom\s+([`\w.]+)/is.exec(statement);
  return select ? `SELECT … FROM ${select[1]!.replaceAll('`', '')} …` : `${statement.slice(0, STATEMENT_LENGTH - 1)}…`;
}
