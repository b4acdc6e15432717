import { once } from 'node:events';
import { type ServerResponse } from 'node:http';
import { type Writable } from 'node:stream';
import zlib from 'node:zlib';
import { StatementError } from '../errors.ts';
import { type Outcome, type ResultSink } from './execute.ts';
import { httpStatus } from './statusCodes.ts';

/** Bytes held back before the status is sent, so that an early exception still gets its own. */
const holdBytes = 1 << 20;

export interface ResponseOptions {
  readonly queryId: string;
  /** Encodings the client takes and asked for; undefined for a plain answer. */
  readonly encoding: 'gzip' | 'zstd' | undefined;
  /** Wraps each piece in a ClickHouse block; undefined for plain bytes. */
  readonly wrapBlock: ((bytes: Uint8Array) => Uint8Array) | undefined;
}

/** The answer to a statement: headers late enough to know of early failures, body with back-pressure. */
export class ResponseWriter implements ResultSink {
  private readonly response: ServerResponse;
  private readonly options: ResponseOptions;
  private format = 'TabSeparated';
  private held: Uint8Array[] = [];
  private heldBytes = 0;
  private out: Writable | undefined;
  bytesWritten = 0;

  constructor(response: ServerResponse, options: ResponseOptions) {
    this.response = response;
    this.options = options;
  }

  begin(format: string): void {
    this.format = format;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const piece = this.options.wrapBlock?.(bytes) ?? bytes;
    this.bytesWritten += bytes.length;
    if (this.out === undefined) {
      this.held.push(piece);
      this.heldBytes += piece.length;
      if (this.heldBytes < holdBytes) return;
      this.open(undefined, false);
    } else if (!this.out.write(piece)) {
      await drained(this.out, this.response);
    }
  }

  /** @param outcome undefined for an answer that no statement of the engine made */
  finish(outcome: Outcome | undefined): void {
    if (this.response.destroyed) return;
    if (this.out === undefined) this.open(outcome, true);
    this.out?.end();
  }

  fail(error: unknown): void {
    if (this.response.destroyed) return;
    const failure = error instanceof StatementError ? error : undefined;
    const message = error instanceof Error ? error.message : String(error);
    if (this.out !== undefined) {
      // The status is gone. The text goes where a reader looks for it, then the broken chunk says that it is not whole.
      this.out.write(this.wrap(`\n${message}\n`), () => this.response.destroy());
      return;
    }
    const body = this.wrap(`${message}\n`);
    this.response.writeHead(httpStatus(failure?.exceptionCode), {
      ...this.headers(),
      'Content-Type': 'text/plain; charset=UTF-8',
      ...(failure?.exceptionCode === undefined ? {} : { 'X-ClickHouse-Exception-Code': String(failure.exceptionCode) }),
      'Content-Length': body.length,
    });
    this.response.end(body);
  }

  private wrap(text: string): Uint8Array {
    const bytes = Buffer.from(text, 'utf8');
    return this.options.wrapBlock?.(bytes) ?? bytes;
  }

  /** Sends the status and what was held. With the outcome known the answer has its summary and length. */
  private open(outcome: Outcome | undefined, complete: boolean): void {
    const headers: Record<string, string | number> = {
      ...this.headers(),
      'Content-Type': contentType(this.format),
      'X-ClickHouse-Format': this.format,
      'X-ClickHouse-Summary': summary(outcome, this.bytesWritten),
    };
    const { encoding } = this.options;
    const compressed = encoding !== undefined && this.heldBytes > 0;
    if (compressed) headers['Content-Encoding'] = encoding;
    else if (complete) headers['Content-Length'] = this.heldBytes;
    this.response.writeHead(200, headers);
    if (compressed) {
      const packer =
        encoding === 'gzip'
          ? zlib.createGzip({ level: 1 })
          : zlib.createZstdCompress({ params: { [zlib.constants.ZSTD_c_compressionLevel]: 1 } });
      packer.pipe(this.response);
      this.out = packer;
    } else {
      this.out = this.response;
    }
    for (const piece of this.held) this.out.write(piece);
    this.held = [];
  }

  private headers(): Record<string, string> {
    return {
      'X-ClickHouse-Server-Display-Name': 'throughline',
      'X-ClickHouse-Query-Id': this.options.queryId,
      'X-ClickHouse-Timezone': 'UTC',
    };
  }
}

/** Resolves when more may be written; rejects if the client has left meanwhile. */
async function drained(out: Writable, response: ServerResponse): Promise<void> {
  if (response.destroyed) throw new StatementError(394, 'The client has left.');
  const left = new AbortController();
  const leave = () => left.abort();
  response.once('close', leave);
  try {
    await once(out, 'drain', { signal: left.signal });
  } catch (cause) {
    throw left.signal.aborted ? new StatementError(394, 'The client has left.') : cause;
  } finally {
    response.off('close', leave);
  }
}

function contentType(format: string): string {
  if (/^JSON\w*EachRow|NDJSON$/.test(format)) return 'application/x-ndjson; charset=UTF-8';
  if (format.startsWith('JSON')) return 'application/json; charset=UTF-8';
  if (/^(TabSeparated|TSV)/.test(format)) return 'text/tab-separated-values; charset=UTF-8';
  if (format.startsWith('CSV')) return 'text/csv; charset=UTF-8';
  if (/^(Arrow|Parquet|ORC|Native|RowBinary|Avro|MsgPack|BSON|Protobuf|RawBLOB)/.test(format)) {
    return 'application/octet-stream';
  }
  return 'text/plain; charset=UTF-8';
}

/** Numbers as strings, as ClickHouse writes them. What is not known yet is 0. */
function summary(outcome: Outcome | undefined, resultBytes: number): string {
  return JSON.stringify({
    read_rows: String(outcome?.rowsRead ?? 0),
    read_bytes: String(outcome?.bytesRead ?? 0),
    written_rows: String(outcome?.writtenRows ?? 0),
    written_bytes: String(outcome === undefined || outcome.writtenRows === 0 ? 0 : outcome.bytesRead),
    total_rows_to_read: '0',
    result_rows: String(outcome?.resultRows ?? 0),
    result_bytes: String(resultBytes),
    elapsed_ns: String(Math.round((outcome?.elapsedSeconds ?? 0) * 1e9)),
  });
}
