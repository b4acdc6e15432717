import { createHash, timingSafeEqual } from 'node:crypto';
import { type IncomingMessage } from 'node:http';
import { StatementError } from '../errors.ts';
import { type Role, roles } from '../guard/roles.ts';

export type Tokens = Readonly<Partial<Record<Role, string>>>;

interface Credentials {
  /** undefined with a bearer token, which names its role by itself. */
  readonly user: string | undefined;
  readonly token: string;
}

/**
 * Role of a request. The user is `read`, `write` or `admin` with the token as password; with `default`, which clients
 * send when no user is given, or with a bearer token, the token alone decides.
 * @throws StatementError 516 or 194
 */
export function authenticate(request: IncomingMessage, query: URLSearchParams, tokens: Tokens): Role {
  const credentials = credentialsOf(request, query);
  if (credentials === undefined || credentials.token === '') {
    throw new StatementError(194, 'A token is required: send it as the password of the user read, write or admin');
  }
  for (const role of roles) {
    const token = tokens[role];
    if (token === undefined || !equal(token, credentials.token)) continue;
    if (credentials.user === undefined || credentials.user === 'default' || credentials.user === role) return role;
  }
  throw new StatementError(
    516,
    `${credentials.user ?? 'bearer token'}: Authentication failed: password is incorrect, or there is no user with such name.`
  );
}

function credentialsOf(request: IncomingMessage, query: URLSearchParams): Credentials | undefined {
  const key = request.headers['x-clickhouse-key'];
  const user = request.headers['x-clickhouse-user'];
  if (typeof key === 'string') return { user: typeof user === 'string' ? user : undefined, token: key };
  const [scheme = '', value = ''] = (request.headers.authorization ?? '').split(' ');
  if (scheme.toLowerCase() === 'bearer') return { user: undefined, token: value };
  if (scheme.toLowerCase() === 'basic') {
    const text = Buffer.from(value, 'base64').toString('utf8');
    const colon = text.indexOf(':');
    if (colon >= 0) return { user: text.slice(0, colon) || undefined, token: text.slice(colon + 1) };
  }
  const password = query.get('password');
  return password === null ? undefined : { user: query.get('user') ?? undefined, token: password };
}

/** Compared by digest, so that neither length nor content shows in the time taken. */
function equal(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
