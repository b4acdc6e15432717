/** Low-cardinality names and default redaction: what leaves the host holds shapes, not values. */

const MAX_ENDPOINT = 200;
const MAX_TARGET = 1024;

/** `/orders/17/items/3f2a…` → `/orders/{id}/items/{id}`; segments that hold an id by their look are replaced. */
export function routeTemplate(path: string): string {
  return path
    .split('/')
    .slice(0, 12)
    .map((segment) => (looksLikeId(segment) ? '{id}' : segment))
    .join('/')
    .slice(0, MAX_ENDPOINT);
}

function looksLikeId(segment: string): boolean {
  if (segment.length === 0) return false;
  if (/^\d+$/.test(segment) || /^[0-9a-f]{8}-[0-9a-f-]{20,}$/i.test(segment)) return true;
  if (segment.length > 40 || segment.includes('@') || segment.includes('%40')) return true;
  // Hex and mixed tokens: long enough, with a digit in them.
  if (/^[0-9a-f]{8,}$/i.test(segment) && /\d/.test(segment)) return true;
  return segment.length >= 16 && /\d/.test(segment) && /^[\w.-]+$/.test(segment) && !/^v\d/.test(segment);
}

/** Names of parameters look like names; anything else without a value is one. */
const PARAMETER_NAME = /^[A-Za-z_][\w.[\]-]{0,40}$/;

/** Path and the names of the query's parameters; their values stay on the host. */
export function redactedTarget(target: string): string {
  const query = target.indexOf('?');
  if (query < 0) return target.slice(0, MAX_TARGET);
  const parameters = target
    .slice(query + 1)
    .split('&')
    .map((pair) => {
      const equals = pair.indexOf('=');
      if (equals >= 0) return `${pair.slice(0, equals)}=?`;
      return pair === '' || PARAMETER_NAME.test(pair) ? pair : '?';
    });
  return `${target.slice(0, query)}?${parameters.join('&')}`.slice(0, MAX_TARGET);
}

/** A server's message without what it quotes: values, names. An apostrophe within a word quotes nothing. */
export function redactedText(text: string): string {
  return text.replace(/(?<!\w)'(?:[^'\\]|\\[\s\S]|'(?=\w))*(?:'|$)|"(?:[^"\\]|\\[\s\S])*(?:"|$)/g, '?');
}

/** A statement without its literals, comments and extra space. */
export function redactedSql(sql: string): string {
  return sql
    .replace(/\/\*[\s\S]*?(?:\*\/|$)|--[^\n]*|#[^\n]*/g, ' ')
    .replace(/'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)|"(?:[^"\\]|\\[\s\S]|"")*(?:"|$)/g, '?')
    .replace(/\b0x[0-9a-f]+\b|(?<![\w.`])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?\b/gi, '?')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, MAX_TARGET);
}

/** The redacted statement with lists of any length made one, so that a query has one name. */
export function sqlFingerprint(redacted: string): string {
  return redacted
    .replace(/\(\s*\?(?:\s*,\s*\?)+\s*\)/g, '(?)')
    .replace(/(\(\?\))(?:\s*,\s*\(\?\))+/g, '$1')
    .slice(0, MAX_ENDPOINT);
}
