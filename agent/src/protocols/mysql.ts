// https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html
import { sequenceAdd } from '@throughline/core';
import { type Chunk } from '../flows/ByteStream.ts';
import { Message, type MessageSink, type ProtocolParser, utf8 } from './message.ts';
import { MysqlFrameReader, mysqlFramePayload } from './mysqlCompression.ts';
import { redactedSql, redactedText, sqlFingerprint } from './naming.ts';

/*
  packet   = length:u24 sequence:u8 payload; a payload of 2^24-1 bytes goes on in the next packet
  command  = first packet of a client with sequence 0; payload = command:u8 argument
  response = OK (0x00) | ERR (0xff code:u16 '#' state:5 text) | LOCAL INFILE (0xfb)
           | column-count, column definitions, [EOF], rows, EOF or OK (0xfe)
*/

const COMMANDS: Readonly<Record<number, string>> = {
  0x01: 'COM_QUIT',
  0x02: 'COM_INIT_DB',
  0x03: 'COM_QUERY',
  0x04: 'COM_FIELD_LIST',
  0x08: 'COM_SHUTDOWN',
  0x09: 'COM_STATISTICS',
  0x0a: 'COM_PROCESS_INFO',
  0x0c: 'COM_PROCESS_KILL',
  0x0d: 'COM_DEBUG',
  0x0e: 'COM_PING',
  0x11: 'COM_CHANGE_USER',
  0x12: 'COM_BINLOG_DUMP',
  0x16: 'COM_STMT_PREPARE',
  0x17: 'COM_STMT_EXECUTE',
  0x18: 'COM_STMT_SEND_LONG_DATA',
  0x19: 'COM_STMT_CLOSE',
  0x1a: 'COM_STMT_RESET',
  0x1b: 'COM_SET_OPTION',
  0x1c: 'COM_STMT_FETCH',
  0x1f: 'COM_RESET_CONNECTION',
};
/** A statement's id in MariaDB's protocol, where the client does not wait for the id of what it prepares. */
const LAST_PREPARED = 0xffffffff;
const UNSEEN_STATEMENT = 'EXECUTE (prepared before capture)';

/** The server does not answer these. */
const UNANSWERED = new Set(['COM_QUIT', 'COM_STMT_SEND_LONG_DATA', 'COM_STMT_CLOSE']);

const CLIENT_CONNECT_WITH_DB = 0x8;
const CLIENT_COMPRESS = 0x20;
const CLIENT_SSL = 0x800;
const CLIENT_SECURE_CONNECTION = 0x8000;
const CLIENT_PLUGIN_AUTH_LENENC = 0x200000;
const CLIENT_ZSTD = 0x4000000;
const CLIENT_DEPRECATE_EOF = 0x1000000;
const CLIENT_QUERY_ATTRIBUTES = 0x8000000;
const SERVER_MORE_RESULTS = 0x8;
const SERVER_CURSOR_EXISTS = 0x40;

/** Bytes of a payload that are kept to be read. */
const KEPT_BYTES = 4096;
const MAX_STATEMENTS = 1000;

export function startsMysqlGreeting(bytes: Uint8Array, length: number): boolean {
  // Protocol version 10 and a version that starts with a digit.
  return (
    bytes.length > 6 &&
    bytes[3] === 0 &&
    bytes[4] === 10 &&
    u24(bytes, 0) + 4 >= length &&
    bytes[5]! >= 0x30 &&
    bytes[5]! <= 0x39
  );
}

/** A command on a connection joined in the middle: a packet with sequence 0 and a statement in it, in a frame or not. */
export function startsMysqlCommand(bytes: Uint8Array, length: number): 'plain' | 'compressed' | undefined {
  if (startsPlainCommand(bytes, length)) return 'plain';
  const inFrame = bytes[3] === 0 ? mysqlFramePayload(bytes, length) : undefined;
  return inFrame && startsPlainCommand(inFrame.bytes, inFrame.length) ? 'compressed' : undefined;
}

function startsPlainCommand(bytes: Uint8Array, length: number): boolean {
  if (bytes.length < 5 || bytes[3] !== 0 || u24(bytes, 0) + 4 < length) return false;
  switch (bytes[4]) {
    case 0x03:
    case 0x16: {
      // No attributes of the query, from clients that could send them.
      const text = bytes[5] === 0 && bytes[6] === 1 ? 7 : 5;
      return /^\s*(select|insert|update|delete|replace|begin|commit|rollback|set|show|use|create|alter|drop|call|with|start|\/\*)/i.test(
        utf8(bytes, text, text + 40)
      );
    }
    case 0x0e:
      return length === 5 && u24(bytes, 0) === 1;
    case 0x17:
      // Statement, flags, and how often it is to be executed: once.
      return (
        bytes.length >= 14 && bytes[9]! <= 8 && new DataView(bytes.buffer, bytes.byteOffset).getUint32(10, true) === 1
      );
    default:
      return false;
  }
}

function u24(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
}

/** What of the answer is awaited. */
type Awaiting = 'first' | 'definitions' | 'rows' | 'prepared' | 'single' | 'fields';

export class MysqlParser implements ProtocolParser {
  readonly protocol = 'mysql';
  private readonly sink: MessageSink;
  private readonly client: PacketReader;
  private readonly server: PacketReader;
  private request: Message | undefined;
  private response: Message | undefined;
  private awaiting: Awaiting = 'first';
  private definitionsLeft = 0;
  private isLoggedIn: boolean;
  private isOpaque = false;
  private database = '';
  private preparing = '';
  private lastPrepared: string | undefined;
  private readonly statements = new Map<number, string>();
  private pending: Message[] = [];
  private isContinued = false;
  /** Bytes of the answer that tell where it ends are missing: the next command ends it. */
  private isAnswerLost = false;
  /** Frames begin after the login. */
  private isCompressionAgreed = false;
  private hasAttributes = false;
  /** Whether EOF packets come between and after definitions; undefined where the login was not seen. */
  private hasEofs: boolean | undefined;
  private serverCapabilities = 0xffffffff;
  private isCompressed: boolean;
  private readonly clientFrames: MysqlFrameReader;
  private readonly serverFrames: MysqlFrameReader;

  /**
   * @param isJoined the connection was joined in the middle: its login was not seen
   * @param isCompressed packets come in frames, where it was joined
   */
  constructor(sink: MessageSink, isJoined: boolean, isCompressed = false) {
    this.sink = sink;
    this.isLoggedIn = isJoined;
    this.client = new PacketReader('request', sink, (packet) => this.onClientPacket(packet));
    this.server = new PacketReader(
      'response',
      sink,
      (packet) => this.onServerPacket(packet),
      (chunk) => this.onServerLoss(chunk)
    );
    this.isCompressed = isCompressed;
    this.clientFrames = new MysqlFrameReader((chunk) => this.client.onChunk(chunk));
    this.serverFrames = new MysqlFrameReader((chunk) => this.server.onChunk(chunk));
  }

  onChunk(isFromClient: boolean, chunk: Chunk): void {
    if (this.isOpaque) return;
    if (this.isCompressed) (isFromClient ? this.clientFrames : this.serverFrames).onChunk(chunk);
    else (isFromClient ? this.client : this.server).onChunk(chunk);
  }

  onIdle(): void {
    this.finishLost();
  }

  onEnd(): void {
    this.finishLost();
    if (this.response) {
      this.response.truncated = this.response.isCutOff = true;
      this.finish();
    }
  }

  private goOpaque(reason: string): void {
    this.isOpaque = true;
    this.sink.count(reason);
  }

  private onClientPacket({ message, payload, sequence, length }: Packet): void {
    if (!this.isLoggedIn && sequence > 0) {
      // What follows in an exchange of credentials (sequence 3 and on) has no form of its own.
      if (sequence === 1) this.readHandshakeResponse(payload, length);
      return;
    }
    if (sequence !== 0) {
      // The rest of a command of 16 MiB or more, or the client's part of a change of user.
      if (this.request && this.isContinued) this.isContinued = length === 0xffffff;
      return;
    }
    this.isLoggedIn = true;
    this.finishLost();
    this.isContinued = length === 0xffffff;
    const method = COMMANDS[payload[0] ?? -1];
    if (method === undefined) {
      this.sink.count('mysql_unknown_command');
      return;
    }
    message.method = method;
    message.endpoint = method;
    message.host = this.database;
    this.describe(message, payload);
    this.sink.onRequestStart(message);
    this.sink.onMessage(message);
    if (UNANSWERED.has(method)) {
      // Complete by itself.
      const answer = new Message('response', { ...emptyChunk(message) }, 0);
      answer.endNs = message.endNs;
      this.sink.onMessage(answer);
      return;
    }
    if (this.request) {
      if (this.pending.length < 1000) this.pending.push(message);
    } else this.await(message);
  }

  private describe(message: Message, payload: Uint8Array): void {
    switch (message.method) {
      case 'COM_QUERY':
      case 'COM_STMT_PREPARE': {
        message.target = redactedSql(utf8(payload, message.method === 'COM_QUERY' ? this.startOfQuery(payload) : 1));
        message.endpoint = sqlFingerprint(message.target) || message.method;
        if (message.method === 'COM_STMT_PREPARE') this.lastPrepared = message.target;
        break;
      }
      case 'COM_INIT_DB':
        message.target = utf8(payload, 1, 129);
        break;
      case 'COM_STMT_EXECUTE':
      case 'COM_STMT_FETCH':
      case 'COM_STMT_RESET':
      case 'COM_STMT_CLOSE':
      case 'COM_STMT_SEND_LONG_DATA': {
        if (payload.length < 5) break;
        const id = new DataView(payload.buffer, payload.byteOffset).getUint32(1, true);
        message.attributes['db.mysql.statement_id'] = String(id);
        const statement = id === LAST_PREPARED ? this.lastPrepared : this.statements.get(id);
        message.target = statement ?? '';
        if (message.method === 'COM_STMT_EXECUTE') {
          message.endpoint = statement === undefined ? UNSEEN_STATEMENT : sqlFingerprint(statement) || message.method;
        }
        if (message.method === 'COM_STMT_CLOSE') this.statements.delete(id);
      }
    }
  }

  /** Clients that can send attributes of a query put them, or that there are none, before its text. */
  private startOfQuery(payload: Uint8Array): number {
    const isWithout = payload[1] === 0 && payload[2] === 1;
    if (isWithout) return 3;
    return this.hasAttributes ? endOfAttributes(payload, 1) : 1;
  }

  private await(request: Message): void {
    this.request = request;
    this.response = undefined;
    this.awaiting =
      request.method === 'COM_STMT_PREPARE'
        ? 'prepared'
        : request.method === 'COM_FIELD_LIST'
          ? 'fields'
          : request.method === 'COM_QUERY' || request.method === 'COM_STMT_EXECUTE'
            ? 'first'
            : request.method === 'COM_STMT_FETCH'
              ? 'rows'
              : 'single';
    // Rows that are fetched come without definitions, and so without an EOF before them.
    this.hasRowsBegun = request.method === 'COM_STMT_FETCH';
    this.preparing = request.method === 'COM_STMT_PREPARE' ? request.target : '';
    this.definitionsLeft = 0;
  }

  private onServerPacket(packet: Packet): void {
    const { message, payload, length } = packet;
    if (!this.request) {
      if (!this.isLoggedIn && payload[0] === 10) this.serverCapabilities = readServerCapabilities(payload);
      if (this.isCompressionAgreed && !this.isLoggedIn && payload[0] === 0) this.isCompressed = true;
      return;
    }
    if (this.response) {
      this.response.bytes += message.bytes;
      this.response.sequenceEnd = message.sequenceEnd;
      this.response.endNs = message.endNs;
      this.response.truncated ||= message.truncated;
    } else this.response = message;
    if (!this.isAnswerLost && this.isLast(payload, length)) this.finish();
  }

  private onServerLoss(chunk: Chunk): void {
    if (!this.request) return;
    this.isAnswerLost = true;
    this.response ??= new Message('response', chunk, 0);
    this.response.consume(chunk, 0, chunk.length);
    this.response.sequenceEnd = sequenceAdd(chunk.sequence, chunk.length);
    this.response.truncated = true;
  }

  private finishLost(): void {
    if (this.isAnswerLost) this.finish();
  }

  /** Follows an answer packet by packet; rows are not looked at. */
  private isLast(payload: Uint8Array, length: number): boolean {
    const kind = payload[0] ?? -1;
    const response = this.response!;
    if (kind === 0xff && this.awaiting !== 'definitions') {
      readError(response, payload);
      return true;
    }
    switch (this.awaiting) {
      case 'single':
        return true;
      case 'prepared':
        return this.readPrepared(payload, kind);
      case 'fields':
        return isEnd(kind, length);
      case 'first':
        if (kind === 0x00) return !hasMore(payload, lengthEncodedEnd(payload, lengthEncodedEnd(payload, 1)));
        if (kind === 0xfb) return false;
        this.definitionsLeft = readLengthEncoded(payload, 0);
        this.awaiting = this.definitionsLeft > 0 ? 'definitions' : 'rows';
        return false;
      case 'definitions':
        if (--this.definitionsLeft <= 0) this.awaiting = 'rows';
        return false;
      case 'rows':
        if (kind !== 0xfe || length >= 0xffffff) return false;
        // EOF has 5 bytes: the first comes after the definitions, unless the client asked to do without.
        if (length === 5 && !this.hasRowsBegun) {
          this.hasRowsBegun = true;
          // The rows stay at the server until they are fetched.
          return hasStatus(payload, 3, SERVER_CURSOR_EXISTS);
        }
        this.hasRowsBegun = false;
        if (!hasMore(payload, length === 5 ? 3 : lengthEncodedEnd(payload, lengthEncodedEnd(payload, 1)))) return true;
        this.awaiting = 'first';
        return false;
    }
  }

  /** The EOF after the column definitions was seen. */
  private hasRowsBegun = false;

  private readPrepared(payload: Uint8Array, kind: number): boolean {
    if (this.definitionsLeft === 0) {
      if (kind !== 0x00 || payload.length < 9) return true;
      const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
      if (this.statements.size >= MAX_STATEMENTS) this.statements.delete(this.statements.keys().next().value as number);
      this.statements.set(view.getUint32(1, true), this.preparing);
      const columns = view.getUint16(5, true);
      const parameters = view.getUint16(7, true);
      const eofs = this.hasEofs === true ? Number(columns > 0) + Number(parameters > 0) : 0;
      this.definitionsLeft = columns + parameters + eofs;
      return this.definitionsLeft === 0;
    }
    // Where it is not known whether EOFs come, they are no definitions, and what follows the last one is not waited for.
    if (kind === 0xfe && this.hasEofs !== true) return false;
    return --this.definitionsLeft === 0;
  }

  private finish(): void {
    const { response } = this;
    this.request = undefined;
    this.response = undefined;
    this.hasRowsBegun = false;
    this.isAnswerLost = false;
    if (response) this.sink.onMessage(response);
    const next = this.pending.shift();
    if (next) this.await(next);
  }

  private readHandshakeResponse(payload: Uint8Array, length: number): void {
    if (payload.length < 32) return;
    // What both can do holds; but what a client asks for in its login it also sends there.
    const asked = new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
    const capabilities = asked & this.serverCapabilities;
    if (asked & CLIENT_SSL && length === 32) {
      this.goOpaque('mysql_encrypted');
      return;
    }
    this.hasAttributes = (capabilities & CLIENT_QUERY_ATTRIBUTES) !== 0;
    this.hasEofs = (capabilities & CLIENT_DEPRECATE_EOF) === 0;
    this.isCompressionAgreed = (capabilities & CLIENT_COMPRESS) !== 0;
    if (!this.isCompressionAgreed && capabilities & CLIENT_ZSTD) {
      this.goOpaque('mysql_compressed_with_zstd');
      return;
    }
    if (!(asked & CLIENT_CONNECT_WITH_DB)) return;
    let at = payload.indexOf(0, 32) + 1;
    if (at === 0) return;
    if (asked & CLIENT_PLUGIN_AUTH_LENENC) at = lengthEncodedEnd(payload, at) + readLengthEncoded(payload, at);
    else if (asked & CLIENT_SECURE_CONNECTION) at += 1 + (payload[at] ?? 0);
    else at = payload.indexOf(0, at) + 1;
    const end = payload.indexOf(0, at);
    if (end > at) this.database = utf8(payload, at, Math.min(end, at + 64));
  }
}

function emptyChunk(request: Message): Chunk {
  return {
    ...request.origin,
    sequence: 0,
    bytes: new Uint8Array(0),
    length: 0,
    lostBefore: 0,
    timestampNs: request.endNs,
  };
}

function isEnd(kind: number, length: number): boolean {
  return kind === 0xfe && length < 9;
}

/** Status flags of OK and EOF are at `at`. */
function hasStatus(payload: Uint8Array, at: number, flag: number): boolean {
  return payload.length >= at + 2 && ((payload[at]! | (payload[at + 1]! << 8)) & flag) !== 0;
}

function hasMore(payload: Uint8Array, at: number): boolean {
  return hasStatus(payload, at, SERVER_MORE_RESULTS);
}

/** Bytes of a value in the binary protocol, by its type; others have their length before them. */
const FIXED_BYTES: Readonly<Record<number, number>> = { 1: 1, 2: 2, 13: 2, 3: 4, 9: 4, 4: 4, 8: 8, 5: 8 };

/** count, sets (1), which are null, 1, types with names, values. @returns the start of the text, the end where it cannot be told */
function endOfAttributes(payload: Uint8Array, start: number): number {
  const count = readLengthEncoded(payload, start);
  let at = lengthEncodedEnd(payload, lengthEncodedEnd(payload, start));
  if (count === 0) return at;
  const nulls = at;
  at += Math.ceil(count / 8) + 1;
  const types: number[] = [];
  for (let i = 0; i < count && at < payload.length; i++) {
    types.push(payload[at]!);
    at = lengthEncodedEnd(payload, at + 2) + readLengthEncoded(payload, at + 2);
  }
  for (const [i, type] of types.entries()) {
    if ((payload[nulls + (i >> 3)]! & (1 << (i & 7))) !== 0) continue;
    at =
      FIXED_BYTES[type] !== undefined
        ? at + FIXED_BYTES[type]
        : lengthEncodedEnd(payload, at) + readLengthEncoded(payload, at);
  }
  return Math.min(at, payload.length);
}

function readLengthEncoded(payload: Uint8Array, at: number): number {
  const first = payload[at] ?? 0;
  if (first < 0xfb) return first;
  if (first === 0xfc) return (payload[at + 1] ?? 0) | ((payload[at + 2] ?? 0) << 8);
  return first === 0xfd ? u24(payload, at + 1) : 0;
}

function lengthEncodedEnd(payload: Uint8Array, at: number): number {
  const first = payload[at] ?? 0;
  return at + (first < 0xfb ? 1 : first === 0xfc ? 3 : first === 0xfd ? 4 : 9);
}

/** version\0 thread:u32 proof:8 0 low:u16 charset:u8 status:u16 high:u16. @returns all where the greeting is cut */
function readServerCapabilities(payload: Uint8Array): number {
  const at = payload.indexOf(0, 1) + 14;
  if (at < 15 || at + 7 > payload.length) return 0xffffffff;
  return payload[at]! | (payload[at + 1]! << 8) | (payload[at + 5]! << 16) | (payload[at + 6]! << 24);
}

function readError(response: Message, payload: Uint8Array): void {
  response.isError = true;
  response.responseCode = (payload[1] ?? 0) | ((payload[2] ?? 0) << 8);
  const text = payload[3] === 0x23 ? 9 : 3;
  response.statusMessage = redactedText(utf8(payload, text)).slice(0, 256);
}

interface Packet {
  readonly message: Message;
  readonly payload: Uint8Array;
  readonly sequence: number;
  readonly length: number;
}

/** Cuts one direction into packets; keeps the beginning of each payload. */
class PacketReader {
  private readonly type: 'request' | 'response';
  private readonly sink: MessageSink;
  private readonly onPacket: (packet: Packet) => void;
  private readonly onLoss: (chunk: Chunk) => void;
  private message: Message | undefined;
  private readonly header = new Uint8Array(4);
  private headerLength = 0;
  private kept = new Uint8Array(256);
  private keptLength = 0;
  private payloadLeft = 0;
  private length = 0;
  private isLost = false;

  /** @param onLoss called with each chunk in which the packets cannot be told apart */
  constructor(
    type: 'request' | 'response',
    sink: MessageSink,
    onPacket: (packet: Packet) => void,
    onLoss: (chunk: Chunk) => void = () => {}
  ) {
    this.type = type;
    this.sink = sink;
    this.onPacket = onPacket;
    this.onLoss = onLoss;
  }

  onChunk(chunk: Chunk): void {
    if (chunk.lostBefore > 0) {
      if (this.headerLength === 4 && chunk.lostBefore < this.payloadLeft) this.payloadLeft -= chunk.lostBefore;
      else this.lose(chunk);
    }
    let at = 0;
    while (at < chunk.length) {
      if (this.isLost) {
        // Packets that begin a call are the rule: the next one that fits goes on.
        if (at !== 0 || chunk.bytes.length < 4 || u24(chunk.bytes, 0) + 4 > chunk.length) {
          if (at === 0) this.onLoss(chunk);
          return;
        }
        this.isLost = false;
      }
      this.message ??= new Message(this.type, chunk, at);
      if (this.headerLength < 4) {
        if (at >= chunk.bytes.length) {
          this.lose(chunk);
          return;
        }
        this.header[this.headerLength++] = chunk.bytes[at]!;
        this.message.consume(chunk, at, at + 1);
        at++;
        if (this.headerLength === 4) {
          this.length = this.payloadLeft = u24(this.header, 0);
          if (this.payloadLeft === 0) this.end();
        }
        continue;
      }
      const end = Math.min(chunk.length, at + this.payloadLeft);
      this.keep(chunk, at, end);
      this.message.consume(chunk, at, end);
      this.payloadLeft -= end - at;
      at = end;
      if (this.payloadLeft === 0) this.end();
    }
  }

  private keep(chunk: Chunk, at: number, end: number): void {
    const isContiguous = this.keptLength === this.length - this.payloadLeft;
    const from = Math.min(at, chunk.bytes.length);
    const to = Math.min(end, chunk.bytes.length, from + KEPT_BYTES - this.keptLength);
    if (!isContiguous || to <= from) {
      if (this.keptLength < Math.min(this.length, KEPT_BYTES)) this.message!.truncated = this.type === 'request';
      return;
    }
    if (this.keptLength + to - from > this.kept.length) {
      const grown = new Uint8Array(KEPT_BYTES);
      grown.set(this.kept);
      this.kept = grown;
    }
    this.kept.set(chunk.bytes.subarray(from, to), this.keptLength);
    this.keptLength += to - from;
    if (to < end && this.keptLength < KEPT_BYTES) this.message!.truncated = this.type === 'request';
  }

  private end(): void {
    const packet = {
      message: this.message!,
      payload: this.kept.subarray(0, this.keptLength),
      sequence: this.header[3]!,
      length: this.length,
    };
    this.message = undefined;
    this.headerLength = 0;
    this.keptLength = 0;
    this.onPacket(packet);
  }

  private lose(chunk: Chunk): void {
    if (!this.isLost) this.sink.count('mysql_bytes_lost');
    this.onLoss(chunk);
    this.message = undefined;
    this.headerLength = 0;
    this.keptLength = 0;
    this.isLost = true;
  }
}
