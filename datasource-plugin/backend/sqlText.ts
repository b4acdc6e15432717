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

/** `throughline.spans` → `spans`, outside strings, quoted names and comments. */
export function dropDatabase(sql: string, database: string, tables: ReadonlySet<string>): string {
  const qualified = new RegExp(`${database}\\s*\\.\\s*(\\w+)`, 'y');
  let result = '';
  for (let i = 0; i < sql.length;) {
    const opaque = skipOpaque(sql, i);
    qualified.lastIndex = i;
    const match = opaque === i && !/[\w.$]/.test(sql[i - 1] ?? '') ? qualified.exec(sql) : null;
    const table = match?.[1];
    if (match && table !== undefined && tables.has(table)) {
      result += table;
      i = qualified.lastIndex;
    } else {
      const next = Math.max(opaque, i + 1);
      result += sql.slice(i, next);
      i = next;
    }
  }
  return result;
}
