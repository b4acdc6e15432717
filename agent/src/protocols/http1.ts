// https://www.rfc-editor.org/rfc/rfc9112
import { type Chunk } from '../flows/ByteStream.ts';
import { Message, type MessageSink, type ProtocolParser, latin1 } from './message.ts';
import { redactedTarget, routeTemplate } from './naming.ts';

/*
  HTTP-message = start-line CRLF *( field-line CRLF ) CRLF [ message-body ]
  start-line   = method SP request-target SP HTTP-version / HTTP-version SP status-code SP [ reason-phrase ]
  Length of a body, RFC 9112 section 6.3: none after HEAD, 1xx, 204, 304; chunked; Content-Length; else a response goes
  on until the connection closes.
*/

const REQUEST_START =
  /^(GET|POST|PUT|DELETE|HEAD|OPTIONS|PATCH|CONNECT|TRACE|PROPFIND|PROPPATCH|MKCOL|COPY|MOVE|LOCK|UNLOCK|REPORT|PURGE|LINK|UNLINK|SEARCH) [^ \r\n]/;
const RESPONSE_START = /^HTTP\/1\.[01] \d{3}/;
/** A start is told by this many bytes; a shorter piece waits for more. */
const START_BYTES = 12;
const MAX_HEAD = 16 << 10;

export function startsHttpRequest(bytes: Uint8Array): boolean {
  return REQUEST_START.test(latin1(bytes, 0, 24));
}

export function startsHttpResponse(bytes: Uint8Array): boolean {
  return RESPONSE_START.test(latin1(bytes, 0, 16));
}

type State =
  'start' | 'head' | 'length' | 'chunk-size' | 'chunk-data' | 'trailer' | 'until-close' | 'resync' | 'opaque';

export class Http1Parser implements ProtocolParser {
  readonly protocol = 'http';
  /** Methods of requests whose response has not begun, for bodies that depend on them. */
  private readonly methods: string[] = [];
  private readonly requests: Reader;
  private readonly responses: Reader;

  constructor(sink: MessageSink) {
    this.requests = new Reader('request', sink, this.methods, () => this.goOpaque());
    this.responses = new Reader('response', sink, this.methods, () => this.goOpaque());
  }

  onChunk(isFromClient: boolean, chunk: Chunk): void {
    // An answer to a request whose head never came to its end: packets were lost, or it was refused.
    if (!isFromClient && this.methods.length === 0) this.requests.endHead();
    (isFromClient ? this.requests : this.responses).onChunk(chunk);
  }

  onIdle(): void {
    this.responses.onIdle();
  }

  onEnd(): void {
    this.requests.onEnd();
    this.responses.onEnd();
  }

  /** After an upgrade or CONNECT the bytes are another protocol's. */
  private goOpaque(): void {
    this.requests.goOpaque();
    this.responses.goOpaque();
  }
}

class Reader {
  private readonly type: 'request' | 'response';
  private readonly sink: MessageSink;
  private readonly methods: string[];
  private readonly onUpgrade: () => void;
  private state: State = 'start';
  private message: Message | undefined;
  private line = '';
  private remaining = 0;
  private wasStartTold = false;

  constructor(type: 'request' | 'response', sink: MessageSink, methods: string[], onUpgrade: () => void) {
    this.type = type;
    this.sink = sink;
    this.methods = methods;
    this.onUpgrade = onUpgrade;
  }

  goOpaque(): void {
    this.state = 'opaque';
  }

  onIdle(): void {
    if (this.state === 'resync') this.finish();
  }

  onEnd(): void {
    if (this.state === 'head') this.endHead();
    else if (this.message !== undefined) {
      this.message.isCutOff = this.state !== 'until-close' && this.state !== 'resync';
      this.message.truncated ||= this.message.isCutOff;
      this.finish();
    }
  }

  /** What came of a head counts, where the rest will not come. */
  endHead(): void {
    const end = this.line.lastIndexOf('\n');
    if (this.state !== 'head' || end < 0) return;
    const head = this.line.slice(0, end + 1);
    this.line = '';
    this.message!.truncated = true;
    this.sink.count('http_head_not_captured');
    this.interpret(head);
    if (this.message !== undefined) this.finish();
  }

  onChunk(chunk: Chunk): void {
    if (chunk.lostBefore > 0) this.onLoss(chunk.lostBefore);
    let at = 0;
    while (at < chunk.length && this.state !== 'opaque') {
      const before = this.state;
      const next = this.step(chunk, at);
      this.tellStart();
      // Every step moves on or changes the state; anything else would be a loop without end.
      if (next === at && this.state === before) return;
      at = next;
    }
  }

  /** Lost bytes are fine inside a body whose length is known. */
  private onLoss(lost: number): void {
    if ((this.state === 'length' || this.state === 'chunk-data') && lost <= this.remaining) {
      this.remaining -= lost;
      this.message!.bytes += lost;
      if (this.remaining === 0) this.endOfKnownBytes();
      return;
    }
    if (this.message !== undefined && this.state !== 'until-close') this.giveUp('http_bytes_lost');
  }

  /** @returns position after what was read */
  private step(chunk: Chunk, at: number): number {
    switch (this.state) {
      case 'start':
        return this.begin(chunk, at);
      case 'length':
      case 'chunk-data':
        return this.skip(chunk, at);
      case 'until-close':
        this.message!.consume(chunk, at, chunk.length);
        return chunk.length;
      case 'resync':
        return this.resync(chunk, at);
      case 'head':
        return this.readHead(chunk, at);
      default:
        return this.readLine(chunk, at);
    }
  }

  /** @returns where the message starts; the end of the chunk where none does */
  private begin(chunk: Chunk, at: number): number {
    let from = at;
    // Empty lines before a request are to be ignored, RFC 9112 section 2.2.
    while (from < chunk.bytes.length && (chunk.bytes[from] === 13 || chunk.bytes[from] === 10)) from++;
    if (from >= chunk.bytes.length) return chunk.length;
    const start = latin1(chunk.bytes, from, from + 24);
    const pattern = this.type === 'request' ? REQUEST_START : RESPONSE_START;
    const isCut = start.length < START_BYTES && from + start.length === chunk.length;
    if (!pattern.test(start) && !(isCut && couldStart(this.type, start))) {
      this.sink.count('http_not_a_message');
      return chunk.length;
    }
    this.message = new Message(this.type, chunk, from);
    this.wasStartTold = false;
    this.line = '';
    this.state = 'head';
    return from;
  }

  private skip(chunk: Chunk, at: number): number {
    const end = Math.min(chunk.length, at + this.remaining);
    this.message!.consume(chunk, at, end);
    this.remaining -= end - at;
    if (this.remaining === 0) this.endOfKnownBytes();
    return end;
  }

  private endOfKnownBytes(): void {
    if (this.state === 'length') {
      this.finish();
      return;
    }
    this.state = 'chunk-size';
    this.line = '';
  }

  private readHead(chunk: Chunk, at: number): number {
    const before = this.line.length;
    const limit = at + MAX_HEAD + 1 - before;
    const text = latin1(chunk.bytes, at, Math.min(chunk.bytes.length, limit));
    this.line += text;
    const end = endOfHead(this.line, Math.max(0, before - 3));
    if (end >= 0) {
      const position = at + end - before;
      this.message!.consume(chunk, at, position);
      const head = this.line.slice(0, end);
      this.line = '';
      this.interpret(head);
      return position;
    }
    this.message!.consume(chunk, at, chunk.length);
    if (chunk.bytes.length < chunk.length || this.line.length > MAX_HEAD) {
      // The rest of the head was not captured: what is there counts, where the message ends is unknown.
      this.message!.truncated = true;
      this.sink.count('http_head_not_captured');
      const head = this.line.slice(0, MAX_HEAD);
      this.line = '';
      this.interpret(head.slice(0, head.lastIndexOf('\n') + 1 || head.length));
      if (this.message !== undefined) this.state = 'resync';
    }
    return chunk.length;
  }

  /** Sizes of chunks and trailer lines. */
  private readLine(chunk: Chunk, at: number): number {
    let end = at;
    while (end < chunk.bytes.length && chunk.bytes[end] !== 10) end++;
    if (end >= chunk.bytes.length) {
      this.line += latin1(chunk.bytes, at);
      this.message!.consume(chunk, at, chunk.length);
      if (chunk.bytes.length < chunk.length || this.line.length > 1024) this.giveUp('http_chunk_not_captured');
      return chunk.length;
    }
    const line = (this.line + latin1(chunk.bytes, at, end)).replace(/\r$/, '');
    this.line = '';
    this.message!.consume(chunk, at, end + 1);
    if (this.state === 'trailer') {
      if (line === '') this.finish();
      return end + 1;
    }
    const size = /^([0-9a-fA-F]{1,8})\s*(?:;|$)/.exec(line);
    if (!size) {
      this.giveUp('http_chunk_size_invalid');
      return chunk.length;
    }
    const length = parseInt(size[1]!, 16);
    if (length === 0) this.state = 'trailer';
    else {
      this.state = 'chunk-data';
      this.remaining = length + 2; // its CRLF
    }
    return end + 1;
  }

  private resync(chunk: Chunk, at: number): number {
    const pattern = this.type === 'request' ? REQUEST_START : RESPONSE_START;
    if (at === 0 && pattern.test(latin1(chunk.bytes, 0, 24))) {
      this.finish();
      return 0;
    }
    this.message?.consume(chunk, at, chunk.length);
    return chunk.length;
  }

  private interpret(head: string): void {
    const message = this.message!;
    const lines = head.split('\n');
    const fields = readFields(lines);
    const startLine = lines[0]!.trimEnd();
    if (this.type === 'request') this.interpretRequest(message, startLine, fields);
    else if (!this.interpretResponse(message, startLine)) return;
    message.requestId = (fields.get('x-request-id') ?? '').slice(0, 128);
    this.beginBody(message, fields);
  }

  private interpretRequest(message: Message, line: string, fields: ReadonlyMap<string, string>): void {
    const [method = '', target = '', version = ''] = line.split(' ');
    message.method = method;
    message.version = version.replace(/^HTTP\//, '');
    message.host = (fields.get('host') ?? '').slice(0, 255);
    const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(target);
    const path = absolute ? absolute[2] || '/' : target;
    if (absolute) message.host = absolute[1]!.slice(0, 255);
    message.target = redactedTarget(path);
    message.endpoint = routeTemplate(path.split(/[?#]/, 1)[0]!);
    readTraceContext(message, fields);
    const userAgent = fields.get('user-agent');
    if (userAgent !== undefined) message.attributes['user_agent.original'] = userAgent.slice(0, 256);
    this.methods.push(method);
    if (this.methods.length > 1000) this.methods.shift();
  }

  /** @returns false for an interim response, which is not the answer */
  private interpretResponse(message: Message, line: string): boolean {
    const match = /^HTTP\/(\d\.\d) (\d{3})(?: (.*))?/.exec(line);
    message.version = match?.[1] ?? '';
    message.responseCode = Number(match?.[2] ?? 0);
    message.isError = message.responseCode >= 400;
    if (message.isError) message.statusMessage = (match?.[3] ?? '').slice(0, 128);
    if (message.responseCode >= 100 && message.responseCode < 200 && message.responseCode !== 101) {
      this.message = undefined;
      this.state = 'start';
      return false;
    }
    return true;
  }

  private beginBody(message: Message, fields: ReadonlyMap<string, string>): void {
    if (this.type === 'response') {
      const method = this.methods.shift() ?? '';
      const code = message.responseCode;
      if (code === 101 || (method === 'CONNECT' && code >= 200 && code < 300)) {
        this.finish();
        this.onUpgrade();
        return;
      }
      if (method === 'HEAD' || code === 204 || code === 304) {
        this.finish();
        return;
      }
    }
    if (/\bchunked\b/i.test(fields.get('transfer-encoding') ?? '')) {
      this.state = 'chunk-size';
      return;
    }
    const length = fields.get('content-length');
    if (length !== undefined && /^\d{1,15}$/.test(length.trim())) {
      this.remaining = Number(length.trim());
      if (this.remaining === 0) this.finish();
      else this.state = 'length';
      return;
    }
    if (this.type === 'request' || message.truncated) {
      if (message.truncated) this.state = 'resync';
      else this.finish();
      return;
    }
    this.state = 'until-close';
  }

  private tellStart(): void {
    const { message } = this;
    if (message === undefined || this.wasStartTold || this.type !== 'request' || message.method === '') return;
    if (!message.hasWholePrefix) return;
    this.wasStartTold = true;
    this.sink.onRequestStart(message);
  }

  private finish(): void {
    const { message } = this;
    this.state = 'start';
    this.message = undefined;
    if (message === undefined || (message.method === '' && message.responseCode === 0)) return;
    if (this.type === 'request' && !this.wasStartTold) this.sink.onRequestStart(message);
    this.sink.onMessage(message);
  }

  private giveUp(reason: string): void {
    this.sink.count(reason);
    if (this.message !== undefined) this.message.truncated = true;
    this.state = 'resync';
  }
}

function couldStart(type: 'request' | 'response', start: string): boolean {
  return type === 'request'
    ? /^[A-Z]{1,9}( |$)/.test(start)
    : 'HTTP/1.'.startsWith(start.slice(0, 7)) || start.startsWith('HTTP/1.');
}

function endOfHead(text: string, from: number): number {
  const crlf = text.indexOf('\r\n\r\n', from);
  if (crlf >= 0) return crlf + 4;
  const lf = text.indexOf('\n\n', from);
  return lf < 0 ? -1 : lf + 2;
}

/** What is read of a head; no other field is kept, however it is called. */
const FIELDS = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'user-agent',
  'traceparent',
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-request-id',
]);
const SPACE = 0x20;
const TAB = 0x09;

/** Names in lower case; the first of repeated fields; folded lines are joined (obs-fold). */
function readFields(lines: readonly string[]): Map<string, string> {
  const fields = new Map<string, string>();
  let last = '';
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i]!;
    const first = line.charCodeAt(0);
    if (first === SPACE || first === TAB) {
      if (last !== '') fields.set(last, `${fields.get(last)!} ${line.trim()}`);
      continue;
    }
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    last = line.slice(0, colon).toLowerCase();
    if (!FIELDS.has(last) || fields.has(last)) last = '';
    else fields.set(last, line.slice(colon + 1).trim());
  }
  return fields;
}

const ZERO_TRACE = /^0+$/;

/** W3C Trace Context first, then B3 in one header, then in several. */
function readTraceContext(message: Message, fields: ReadonlyMap<string, string>): void {
  const w3c = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}/i.exec(fields.get('traceparent') ?? '');
  const b3 = /^([0-9a-f]{16}|[0-9a-f]{32})-([0-9a-f]{16})/i.exec(fields.get('b3') ?? '');
  let traceId = w3c?.[1] ?? b3?.[1] ?? '';
  let spanId = w3c?.[2] ?? b3?.[2] ?? '';
  if (traceId === '') {
    const id = fields.get('x-b3-traceid') ?? '';
    const span = fields.get('x-b3-spanid') ?? '';
    if (/^([0-9a-f]{16}|[0-9a-f]{32})$/i.test(id) && /^[0-9a-f]{16}$/i.test(span)) {
      traceId = id;
      spanId = span;
    }
  }
  if (traceId === '' || ZERO_TRACE.test(traceId) || ZERO_TRACE.test(spanId)) return;
  message.traceId = traceId.toLowerCase().padStart(32, '0');
  message.parentSpanId = spanId.toLowerCase();
}
