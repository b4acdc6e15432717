/** Reads SQL just far enough to know where strings, quoted names and comments are. */

/** Sticky: matches a string, a quoted name or a comment at lastIndex. */
const OPAQUE = /'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`|--[^\n]*|#[! ][^\n]*|\/\*[\s\S]*?\*\//y;

/** @returns the index after the string, quoted name or comment that starts at `index`; `index` where none does */
export function skipOpaque(sql: string, index: number): number {
  OPAQUE.lastIndex = index;
  return OPAQUE.test(sql) ? OPAQUE.lastIndex : index;
}

/** @param open index of "(". @returns arguments as written and the index after ")"; undefined where it never closes */
export function readArguments(sql: string, open: number): { arguments: string[]; end: number } | undefined {
  const parts: string[] = [];
  let depth = 0;
  let start = open + 1;
  for (let i = open; i < sql.length;) {
    const next = skipOpaque(sql, i);
    if (next > i) {
      i = next;
      continue;
    }
    const character = sql[i]!;
    if (character === '(' || character === '[') depth++;
    else if (character === ')' || character === ']') depth--;
    if ((character === ',' && depth === 1) || depth === 0) {
      parts.push(sql.slice(start, i).trim());
      start = i + 1;
    }
    i++;
    if (depth === 0) return { arguments: parts.length === 1 && parts[0] === '' ? [] : parts, end: i };
  }
  return undefined;
}
