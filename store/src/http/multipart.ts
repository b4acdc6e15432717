import { StatementError } from '../errors.ts';

/** Fields of a multipart/form-data body (RFC 7578) by name; file contents are taken as text. */
export function parseMultipart(body: Buffer, contentType: string): Map<string, string> {
  const boundary = /boundary=(?:"([^"]{1,70})"|([^;\s]{1,70}))/.exec(contentType);
  const name = boundary?.[1] ?? boundary?.[2];
  if (name === undefined) throw new StatementError(36, 'multipart/form-data without a boundary');
  const fields = new Map<string, string>();
  const delimiter = Buffer.from(`--${name}`);
  let start = body.indexOf(delimiter);
  while (start >= 0) {
    const from = start + delimiter.length;
    const next = body.indexOf(Buffer.from(`\r\n--${name}`), from);
    if (next < 0) break;
    const part = body.subarray(from, next);
    const headerEnd = part.indexOf('\r\n\r\n');
    if (headerEnd >= 0) {
      const field = /\bname="([^"]*)"/i.exec(part.subarray(0, headerEnd).toString('utf8'))?.[1];
      if (field !== undefined) fields.set(field, part.subarray(headerEnd + 4).toString('utf8'));
    }
    start = next + 2;
  }
  return fields;
}
