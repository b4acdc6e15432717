// https://redis.io/docs/latest/develop/reference/protocol-spec/
import { type Chunk } from '../flows/ByteStream.ts';
import { redactedText } from './naming.ts';
import { Message, type MessageSink, type ProtocolParser, latin1, utf8 } from './message.ts';

/*
  value = '+' text | '-' error | ':' number | '$' length CRLF bytes | '*' count values | RESP3: '_' '#' ',' '(' '!' '='
        | '%' count pairs | '~' count values | '>' count values (push), each CRLF
  request = '*' count of '$' strings; or an inline command: words to the end of the line
*/

const MAX_LINE = 4096;
const MAX_KEY = 128;
const MAX_DEPTH = 32;

export function startsRedisRequest(bytes: Uint8Array): boolean {
  return /^\*[1-9]\d{0,6}\r\n\$\d{1,9}\r\n/.test(latin1(bytes, 0, 32));
}

export class RedisParser implements ProtocolParser {
  readonly protocol = 'redis';
  private readonly requests: ValueReader;
  private readonly responses: ValueReader;
  /** Requests whose response has not been told. */
  private unanswered = 0;

  constructor(sink: MessageSink) {
    const counted: MessageSink = {
      onRequestStart: (message) => sink.onRequestStart(message),
      onMessage: (message) => {
        if (message.type === 'request') this.unanswered++;
        else if (this.unanswered > 0) this.unanswered--;
        sink.onMessage(message);
      },
      count: (reason) => sink.count(reason),
    };
    this.requests = new ValueReader('request', counted);
    this.responses = new ValueReader('response', counted);
  }

  onChunk(isFromClient: boolean, chunk: Chunk): void {
    // Where one lost answer ends and the next begins nobody knows; that all are over, the next request says.
    if (isFromClient) this.responses.finishLost(this.unanswered);
    (isFromClient ? this.requests : this.responses).onChunk(chunk);
  }

  onIdle(): void {
    this.responses.finishLost(this.unanswered);
  }

  onEnd(): void {
    this.responses.finishLost(this.unanswered);
    this.responses.finishCutOff();
  }
}

/** Reads values of one direction; strings are skipped but for the command, its key and an error's text. */
class ValueReader {
  private readonly type: 'request' | 'response';
  private readonly sink: MessageSink;
  private message: Message | undefined;
  private line = '';
  /** Values still to come, per open aggregate. */
  private open: number[] = [];
  private bulkLeft = 0;
  private bulkLength = 0;
  private bulkText = '';
  private isBulk = false;
  private isPush = false;
  private words: string[] = [];
  private isLost = false;
  /** What came in place of responses whose ends are unknown. */
  private lost: Message | undefined;
  private wasStartTold = false;

  constructor(type: 'request' | 'response', sink: MessageSink) {
    this.type = type;
    this.sink = sink;
  }

  onChunk(chunk: Chunk): void {
    if (chunk.lostBefore > 0) {
      if (this.isBulk && chunk.lostBefore < this.bulkLeft) this.bulkLeft -= chunk.lostBefore;
      else this.lose(chunk, 0);
    }
    let at = 0;
    if (this.isLost) {
      if (this.lost || !this.startsHere(chunk)) {
        this.lost?.consume(chunk, 0, chunk.length);
        return;
      }
      this.isLost = false;
    }
    while (at < chunk.length && !this.isLost) {
      if (!this.message) {
        this.message = new Message(this.type, chunk, at);
        this.wasStartTold = false;
      }
      at = this.isBulk ? this.readBulk(chunk, at) : this.readLine(chunk, at);
      if (this.message && this.type === 'request' && this.message.hasWholePrefix) this.tellStart();
    }
  }

  /** @param count how many responses were lost at most */
  finishLost(count: number): void {
    const { lost } = this;
    if (!lost) return;
    this.lost = undefined;
    for (let i = 0; i < count; i++) this.sink.onMessage(lost);
  }

  /** A response of which the rest will not come. */
  finishCutOff(): void {
    if (!this.message) return;
    this.message.truncated = this.message.isCutOff = true;
    this.finish();
  }

  private startsHere(chunk: Chunk): boolean {
    if (this.type === 'request') return startsRedisRequest(chunk.bytes);
    return /^[+\-:$*_#,(!=%~>]/.test(latin1(chunk.bytes, 0, 1));
  }

  private readBulk(chunk: Chunk, at: number): number {
    const end = Math.min(chunk.length, at + this.bulkLeft);
    if (this.type === 'request' && this.words.length < 2 && this.bulkText.length < MAX_KEY) {
      this.bulkText += utf8(chunk.bytes, at, Math.min(end, at + MAX_KEY));
    }
    this.message!.consume(chunk, at, end);
    this.bulkLeft -= end - at;
    if (this.bulkLeft === 0) {
      this.isBulk = false;
      if (this.words.length < 2) this.words.push(this.bulkText.slice(0, Math.min(MAX_KEY, this.bulkLength)));
      this.bulkText = '';
      this.valueDone();
    }
    return end;
  }

  private readLine(chunk: Chunk, at: number): number {
    let end = at;
    while (end < chunk.bytes.length && chunk.bytes[end] !== 10) end++;
    if (end >= chunk.bytes.length) {
      this.line += latin1(chunk.bytes, at);
      this.message!.consume(chunk, at, chunk.length);
      if (chunk.bytes.length < chunk.length || this.line.length > MAX_LINE) this.lose(chunk, at);
      return chunk.length;
    }
    const line = (this.line + latin1(chunk.bytes, at, end)).replace(/\r$/, '');
    this.line = '';
    this.message!.consume(chunk, at, end + 1);
    if (!this.readValue(line)) {
      this.lose(chunk, at);
      return chunk.length;
    }
    return end + 1;
  }

  /** @returns false where the line is not understood */
  private readValue(line: string): boolean {
    const kind = line[0] ?? '';
    const count = /^.(-?\d{1,9})$/.exec(line)?.[1];
    switch (kind) {
      case '$':
      case '!':
      case '=':
        if (count === undefined) return false;
        if (Number(count) < 0) return this.valueDone();
        this.isBulk = true;
        this.bulkLength = Number(count);
        this.bulkLeft = this.bulkLength + 2;
        if (kind === '!' && this.open.length === 0) this.message!.isError = true;
        return true;
      case '*':
      case '~':
      case '%':
      case '>': {
        if (count === undefined || this.open.length >= MAX_DEPTH) return false;
        if (this.open.length === 0) this.isPush = kind === '>';
        const values = Number(count) * (kind === '%' ? 2 : 1);
        if (values <= 0) return this.valueDone();
        this.open.push(values);
        return true;
      }
      case '-':
        if (this.open.length === 0) {
          this.message!.isError = true;
          // The first word is the code; the rest may quote arguments.
          this.message!.statusMessage = redactedText(line.slice(1)).slice(0, MAX_KEY);
        }
        return this.valueDone();
      case '+':
      case ':':
      case '_':
      case '#':
      case ',':
      case '(':
        return this.valueDone();
      default:
        if (this.type === 'request' && this.open.length === 0 && /^[\x20-\x7e]+$/.test(line)) {
          this.words = line.trim().split(/\s+/).slice(0, 2);
          return this.finish();
        }
        return false;
    }
  }

  private valueDone(): true {
    while (this.open.length > 0) {
      const left = --this.open[this.open.length - 1]!;
      if (left > 0) return true;
      this.open.pop();
    }
    return this.finish();
  }

  private describe(message: Message): void {
    const [command = '', key = ''] = this.words;
    message.method = /^[\w.|-]{1,32}$/.test(command) ? command.toUpperCase() : 'UNKNOWN';
    message.endpoint = message.method;
    // AUTH and the like carry secrets where others have a key.
    message.target =
      key === '' || /^(AUTH|HELLO|ACL|CONFIG|MIGRATE|EVAL)$/.test(message.method)
        ? message.method
        : `${message.method} ${key}`;
  }

  private tellStart(): void {
    if (this.wasStartTold || this.words.length === 0) return;
    this.wasStartTold = true;
    this.describe(this.message!);
    this.sink.onRequestStart(this.message!);
  }

  private finish(): true {
    const message = this.message!;
    this.message = undefined;
    const isPush = this.isPush;
    this.isPush = false;
    if (this.type === 'request') {
      this.describe(message);
      if (!this.wasStartTold) this.sink.onRequestStart(message);
    }
    this.words = [];
    // A push answers no request.
    if (!isPush) this.sink.onMessage(message);
    return true;
  }

  private lose(chunk: Chunk, at: number): void {
    this.sink.count('redis_bytes_not_understood');
    if (this.type === 'response') {
      this.lost ??= this.message ?? new Message('response', chunk, at);
      this.lost.truncated = true;
    } else if (this.message && this.words.length > 0) {
      // The command is known; only its arguments are not.
      this.message.truncated = true;
      this.tellStart();
      this.sink.onMessage(this.message);
    }
    this.message = undefined;
    this.line = '';
    this.open = [];
    this.isBulk = false;
    this.words = [];
    this.bulkText = '';
    this.isPush = false;
    this.isLost = true;
  }
}
