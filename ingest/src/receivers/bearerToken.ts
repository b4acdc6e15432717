import { timingSafeEqual } from 'node:crypto';
import { IngestError } from '../errors.ts';

/**
 * @param header value of Authorization
 * @param token what it must bear; empty: nothing is asked for
 * @throws IngestError UNAUTHENTICATED
 */
export function assertBearerToken(header: string | undefined, token: string): void {
  if (token === '') return;
  const given = Buffer.from(header ?? '');
  const wanted = Buffer.from(`Bearer ${token}`);
  if (given.length === wanted.length && timingSafeEqual(given, wanted)) return;
  throw new IngestError(
    'INGEST_UNAUTHENTICATED',
    'the sender showed no token or a wrong one; send "Authorization: Bearer" with the value of THROUGHLINE_INGEST_TOKEN'
  );
}
