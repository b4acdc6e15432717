/** Default rules for attributes that SDKs send: statements lose their literals, credentials never get in. */

const STATEMENTS = new Set(['db.statement', 'db.query.text']);
const SECRETS = /(^|\.)(authorization|proxy-authorization|cookie|set-cookie|x-api-key|password|passwd|secret|token)$/i;
/** Values bound to a statement: db.query.parameter.<key>. */
const PARAMETERS = /^db\.query\.parameter\./;
const URLS = new Set(['url.full', 'http.url', 'url.query', 'http.target']);

/** @returns the value to keep; a secret becomes "[redacted]", so that its presence stays visible. */
export function redactAttribute(key: string, value: string): string {
  if (SECRETS.test(key) || PARAMETERS.test(key)) return '[redacted]';
  if (STATEMENTS.has(key)) return redactStatement(value);
  if (URLS.has(key)) return key === 'url.query' ? redactQuery(value) : redactUrl(value);
  return value;
}

/** Quoted literals and numbers of a statement become `?`, a literal that is cut off too; identifiers with digits stay. */
export function redactStatement(statement: string): string {
  return statement
    .slice(0, 4096)
    .replace(/'(?:[^'\\]|\\[^]|'')*(?:'|\\?$)|"(?:[^"\\]|\\[^]|"")*(?:"|\\?$)/g, '?')
    .replace(/\b0x[0-9a-f]+\b|(?<![\w.])\d+(?:\.\d+)?(?:e[+-]?\d+)?\b/gi, '?');
}

function redactUrl(url: string): string {
  const query = url.indexOf('?');
  const withoutUser = url.replace(/^(\w+:\/\/)[^/@]*@/, '$1');
  return query < 0 ? withoutUser : withoutUser.replace(/\?.*$/, (text) => `?${redactQuery(text.slice(1))}`);
}

function redactQuery(query: string): string {
  return query
    .split('&')
    .map((pair) => pair.replace(/=.*$/, '=?'))
    .join('&');
}
