/** Low-cardinality names and default redaction: what leaves the host holds shapes, not values. */

const MAX_ENDPOINT = 200;
const MAX_TARGET = 1024;

/** Work is bounded whatever a client sends: what follows names nothing that is looked for. */
const MAX_PATH = 2048;
const MAX_SEGMENTS = 12;
/** Longer than the words of an API. */
const MAX_WORD = 40;

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const MONTH = /^(?:19|20)\d{2}-(?:0[1-9]|1[0-2])$/;
const VERSION = /^(?:v\d{1,3}(?:\.\d{1,3}){0,2}(?:[-.]?(?:alpha|beta|rc|preview)\d{0,2})?|\d\.\d{1,2}(?:\.\d{1,2})?)$/i;
/** Known types only: an ending of any letters could itself be an id. */
const FILE =
  /^(.+)\.(m?js|css|map|html?|json|xml|ya?ml|md|txt|csv|pdf|png|jpe?g|gif|svg|webp|avif|ico|woff2?|ttf|otf|mp[34]|webm|m3u8|m4s|ts|wasm|zip|gz|tgz|php|aspx?|jsp|do)$/i;
/** Words with digits in them: `oauth2`, `page3`, `k8s`, `i18n`, `2fa`. */
const WORD_WITH_DIGIT = /^(?:[a-z]{1,20}\d|[a-z]\d{1,2}[a-z]|\d[a-z]{1,3})$/i;
/** Names of algorithms and the like. */
const NAME_WITH_DIGITS = /^(?:sha(?:1|224|256|384|512)|base(?:32|58|64)|utf(?:16|32)|x509|h26[45]|[re]s256|top\d0)$/i;

/**
 * `/orders/17/items/ord_8f3a91` → `/orders/{id}/items/{id}`. Told by the segment alone: both ends of a call, and agents
 * that saw nothing else of it, come to one name.
 */
export function routeTemplate(path: string): string {
  return path.slice(0, MAX_PATH).split('/', MAX_SEGMENTS).map(segmentTemplate).join('/').slice(0, MAX_ENDPOINT);
}

function segmentTemplate(segment: string): string {
  const [word] = segment.split(';', 1) as [string];
  if (word === '') return word;
  const file = FILE.exec(word);
  if (file) return isId(file[1]!) ? `{id}.${file[2]!}` : word;
  if (DATE.test(word)) return '{date}';
  if (MONTH.test(word) || VERSION.test(word)) return word;
  return isId(word) ? '{id}' : word;
}

/** By its look: a number, or a token that no word looks like, alone or beside words. */
function isId(word: string): boolean {
  if (word.length > MAX_WORD || /[@%=]/.test(word) || isToken(word)) return true;
  return word.split(/[^\p{L}\p{N}]+/u).some(isIdPart);
}

function isIdPart(part: string): boolean {
  if (!/\d/.test(part)) return false;
  if (part.length >= 6 && /^[0-9a-f]+$/i.test(part)) return true;
  return !WORD_WITH_DIGIT.test(part) && !NAME_WITH_DIGITS.test(part);
}

/** Base64 may have few digits or none, but it changes its case more often than `aNameOfSomeWords`. */
function isToken(word: string): boolean {
  if (word.length < 16) return false;
  const changes = word.match(/[a-z\d](?=[A-Z])|[A-Z](?=[A-Z][a-z])|[A-Za-z](?=\d)/g)?.length ?? 0;
  return changes * 5 > word.length;
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
