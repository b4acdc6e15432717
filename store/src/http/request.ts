import { randomUUID } from 'node:crypto';
import { type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { StatementError } from '../errors.ts';
import { type InsertStatement, splitInsert } from '../guard/insertStatement.ts';
import { decodeBody, type InfileCompression, infileCompression } from './bodyEncoding.ts';
import { parseMultipart } from './multipart.ts';

export interface StatementRequest {
  readonly queryId: string;
  readonly statement: string;
  readonly insert: InsertBody | undefined;
  readonly parameters: ReadonlyMap<string, string>;
  /** As asked for; not yet judged. */
  readonly settings: ReadonlyMap<string, string>;
  readonly database: string;
  readonly defaultFormat: string;
  readonly session: { readonly id: string; readonly timeoutSeconds: number; readonly mustExist: boolean } | undefined;
  /** `compress=1`: the answer is made of ClickHouse's own compressed blocks. */
  readonly blockCompression: boolean;
  readonly contentCompression: boolean;
  readonly clientProtocolVersion: number;
}

export interface InsertBody {
  readonly data: Readable;
  readonly compression: InfileCompression;
}

/** Parameters of the interface itself; every other one is a setting. */
const interfaceParameters = new Set([
  'query',
  'query_id',
  'database',
  'default_format',
  'session_id',
  'session_timeout',
  'session_check',
  'role',
  'user',
  'password',
  'compress',
  'decompress',
  'quota_key',
  'buffer_size',
  'wait_end_of_query',
  'stacktrace',
  'enable_http_compression',
  'http_zlib_compression_level',
  'http_response_buffer_size',
  'http_headers_progress_interval_ms',
  'send_progress_in_http_headers',
  'http_write_exception_in_output_format',
  'cancel_http_readonly_queries_on_client_close',
  'add_http_cors_header',
  'client_protocol_version',
  'close_session',
  'log_comment',
]);

const maxParameters = 1_000;

/** @throws StatementError if the request is not one ClickHouse's interface would take */
export async function readStatementRequest(
  request: IncomingMessage,
  url: URL,
  maxStatementBytes: number
): Promise<StatementRequest> {
  const fields = new Map<string, string>();
  const parameters = new Map<string, string>();
  const settings = new Map<string, string>();
  const take = (name: string, value: string) => {
    if (fields.size + parameters.size + settings.size >= maxParameters) {
      throw new StatementError(36, `More than ${maxParameters} parameters in one request`);
    }
    if (name.startsWith('param_')) parameters.set(parameterName(name.slice('param_'.length)), value);
    else if (interfaceParameters.has(name)) fields.set(name, value);
    else settings.set(settingName(name), value);
  };
  for (const [name, value] of url.searchParams) take(name, value);

  const contentType = request.headers['content-type'] ?? '';
  const compressedBlocks = fields.get('decompress') === '1';
  const encoding = (request.headers['content-encoding'] ?? 'identity').toLowerCase();
  let text = fields.get('query') ?? '';
  let insert: InsertBody | undefined;
  if (contentType.startsWith('multipart/form-data')) {
    const body = await collect(decodeBody(request, encoding, compressedBlocks), maxStatementBytes);
    for (const [name, value] of parseMultipart(body, contentType)) take(name, value);
    text = fields.get('query') ?? text;
  } else if (text !== '') {
    const split = splitInsert(text, true);
    if (typeof split === 'object') {
      insert = insertBody(request, text, split, encoding, compressedBlocks);
      text = split.statement;
    } else {
      const body = await collect(decodeBody(request, encoding, compressedBlocks), maxStatementBytes);
      if (body.length > 0) text += `\n${body.toString('utf8')}`;
    }
  } else {
    ({ text, insert } = await statementFromBody(decodeBody(request, encoding, compressedBlocks), maxStatementBytes));
  }
  const sessionId = fields.get('session_id');
  return {
    queryId: fields.get('query_id') || randomUUID(),
    statement: text,
    insert,
    parameters,
    settings,
    database: fields.get('database') || header(request, 'x-clickhouse-database') || 'default',
    defaultFormat: fields.get('default_format') || header(request, 'x-clickhouse-format') || 'TabSeparated',
    session:
      sessionId === undefined
        ? undefined
        : {
            id: sessionId,
            timeoutSeconds: Math.min(3_600, Number(fields.get('session_timeout')) || 60),
            mustExist: fields.get('session_check') === '1',
          },
    blockCompression: fields.get('compress') === '1',
    contentCompression: fields.get('enable_http_compression') === '1',
    clientProtocolVersion: Number(fields.get('client_protocol_version')) || 0,
  };
}

/** An INSERT in the URL: inline data first, as far as there is any, then the body. */
function insertBody(
  request: IncomingMessage,
  text: string,
  split: InsertStatement,
  encoding: string,
  compressedBlocks: boolean
): InsertBody {
  const inline = Buffer.from(text.slice(split.dataStart), 'utf8');
  if (inline.length === 0 && !compressedBlocks) {
    return { data: request, compression: infileCompression(encoding) };
  }
  const body = decodeBody(request, encoding, compressedBlocks);
  return { data: inline.length === 0 ? body : Readable.from(concat(inline, body)), compression: 'none' };
}

/** A statement that is the body. Read as latin1 for the search, because data behind an INSERT may be binary. */
async function statementFromBody(
  body: Readable,
  maxStatementBytes: number
): Promise<{ text: string; insert: InsertBody | undefined }> {
  const iterator = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let head: Buffer = Buffer.alloc(0);
  let complete = false;
  for (;;) {
    const next = await iterator.next();
    if (next.done === true) complete = true;
    else head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
    // Only INSERTs need a decision before the end.
    const split = splitInsert(head.subarray(0, maxInsertHead).toString('latin1'), complete);
    if (typeof split === 'object') {
      const statement = Buffer.from(split.statement, 'latin1').toString('utf8');
      const data = Readable.from(concat(head.subarray(split.dataStart), { [Symbol.asyncIterator]: () => iterator }));
      return { text: statement, insert: { data, compression: 'none' } };
    }
    if (complete) return { text: head.toString('utf8'), insert: undefined };
    if (head.length > maxStatementBytes) throw tooLong(maxStatementBytes);
  }
}

const maxInsertHead = 1 << 20;

async function* concat(first: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  if (first.length > 0) yield first;
  yield* rest;
}

async function collect(stream: Readable, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLong(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

function tooLong(maxBytes: number): StatementError {
  return new StatementError(62, `Statement is longer than ${maxBytes} bytes`);
}

function parameterName(name: string): string {
  if (!/^[A-Za-z_]\w{0,127}$/.test(name)) throw new StatementError(36, `Bad name of a query parameter: ${name}`);
  return name;
}

function settingName(name: string): string {
  if (!/^[A-Za-z_]\w{0,127}$/.test(name)) throw new StatementError(115, `Unknown setting '${name}'`);
  return name;
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
