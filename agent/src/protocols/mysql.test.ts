import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { MysqlParser, startsMysqlCommand } from './mysql.ts';
import { chunkOf, client, converse, RecordingSink, server, type Turn } from './testMessages.ts';

type Part = string | readonly number[];

/** length:u24 sequence:u8 payload, from the protocol's documentation. */
function packet(sequence: number, ...parts: readonly Part[]): number[] {
  const payload = parts.flatMap((part) => (typeof part === 'string' ? [...Buffer.from(part, 'latin1')] : part));
  return [payload.length & 255, (payload.length >> 8) & 255, payload.length >> 16, sequence, ...payload];
}

const query = (sql: string): number[] => packet(0, [0x03], sql);
const OK = [0x00, 0, 0, 2, 0, 0, 0];
const eof = (status: number): number[] => [0xfe, 0, 0, status, 0];
const okAtEnd = (status: number): number[] => [0xfe, 0, 0, status, 0, 0, 0];
const column = [3, 0x64, 0x65, 0x66, 0, 0, 0, 1, 0x61, 0, 0x0c, 0x3f, 0, 1, 0, 0, 0, 8, 0, 0, 0, 0, 0];

const joined = (...turns: Turn[]): RecordingSink => converse((sink) => new MysqlParser(sink, true), turns);
const fromStart = (...turns: Turn[]): RecordingSink => converse((sink) => new MysqlParser(sink, false), turns);
const responsesOf = (sink: RecordingSink) => sink.messages.filter(({ type }) => type === 'response');

/** HandshakeResponse41 with a database, 20 bytes of proof. */
function login(capabilities: number): number[] {
  const flags = [capabilities & 255, (capabilities >> 8) & 255, (capabilities >> 16) & 255, capabilities >>> 24];
  const fixed = [...flags, 0, 0, 0, 1, 45, ...Array<number>(23).fill(0)];
  return packet(1, fixed, 'me\0', [20], Array<number>(20).fill(7), 'shop\0', 'mysql_native_password\0');
}
const greeting = packet(0, [10], '8.0.36\0', [...Array<number>(12).fill(1), 0, ...Array<number>(60).fill(0xff)]);
const CAPABILITIES = 0x0000_8208 | 0x0008_0000; // protocol 41, secure connection, with a database, plugin auth

describe('startsMysqlCommand', () => {
  it.each([
    ['a statement', query('select 1'), 'plain'],
    ['the beginning of a statement', query('select 1 from t').slice(0, 12), 'plain'],
    ['a ping, alone', packet(0, [0x0e]), 'plain'],
    ['a ping with more behind it', [...packet(0, [0x0e]), 1], undefined],
    ['an answer', packet(1, OK), undefined],
    ['another protocol', [...Buffer.from('GET / HTTP/1.1')], undefined],
  ])('of %s', (_, bytes, expected) => {
    expect(startsMysqlCommand(Uint8Array.from(bytes), bytes.length)).toBe(expected);
  });
});

describe('MysqlParser', () => {
  it('logs in, then names database, command and fingerprint', () => {
    const sink = fromStart(
      server(greeting),
      client(login(CAPABILITIES)),
      server(packet(2, OK)),
      client(query("SELECT * FROM t WHERE id IN (1, 2,3) AND name = 'o''brien' -- who")),
      server(packet(1, OK))
    );
    expect(sink.messages[0]).toMatchObject({
      method: 'COM_QUERY',
      host: 'shop',
      endpoint: 'SELECT * FROM t WHERE id IN (?) AND name = ?',
      target: 'SELECT * FROM t WHERE id IN (?, ?,?) AND name = ?',
    });
    expect(sink.messages).toHaveLength(2);
  });

  it.each([
    [
      'with EOF packets',
      [packet(1, [1]), packet(2, column), packet(3, eof(2)), packet(4, [1, 0x35]), packet(5, eof(2))],
    ],
    ['without them', [packet(1, [1]), packet(2, column), packet(3, [1, 0x35]), packet(4, okAtEnd(2))]],
    ['of no rows', [packet(1, [1]), packet(2, column), packet(3, eof(2)), packet(4, eof(2))]],
    ['of no rows, without EOF packets', [packet(1, [1]), packet(2, column), packet(3, okAtEnd(2))]],
    [
      'more than one',
      [packet(1, [1]), packet(2, column), packet(3, eof(10)), packet(4, [1, 0x35]), packet(5, eof(10)), packet(6, OK)],
    ],
    [
      'that fails on the way',
      [packet(1, [1]), packet(2, column), packet(3, eof(2)), packet(4, [0xff, 0x15, 4], '#70100x')],
    ],
  ])('takes a result set %s as one answer', (_, packets) => {
    const sink = joined(
      client(query('select a from t')),
      server(...packets),
      client(packet(0, [0x0e])),
      server(packet(1, OK))
    );
    expect(responsesOf(sink).map(({ bytes }) => bytes)).toEqual([packets.flat().length, 11]);
  });

  it.each([
    ["Table 'shop.absent' doesn't exist", "Table ? doesn't exist"],
    ["Incorrect value: 'o'brien' for column 'name'", 'Incorrect value: ? for column ?'],
    ["near 'select 1 fr", 'near ?'],
  ])('hides what an error quotes: %s', (text, expected) => {
    const sink = joined(client(query('select 1')), server(packet(1, [0xff, 0x26, 0x04], `#42000${text}`)));
    expect(responsesOf(sink)[0]!.statusMessage).toBe(expected);
  });

  it('reports the error and hides what it quotes', () => {
    const error = packet(1, [0xff, 0x26, 0x04], "#23000Duplicate entry 'bob' for key 'name'");
    expect(responsesOf(joined(client(query('insert into t values (1)')), server(error)))[0]).toMatchObject({
      isError: true,
      responseCode: 1062,
      statusMessage: 'Duplicate entry ? for key ?',
    });
  });

  it('knows what a prepared statement was', () => {
    const prepared = [packet(1, [0, 7, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]), packet(2, column), packet(3, eof(2))];
    const execute = packet(0, [0x17, 7, 0, 0, 0, 0, 1, 0, 0, 0]);
    const sink = joined(
      client(packet(0, [0x16], 'select a from t where b = ? and c = 5')),
      server(...prepared),
      client(execute),
      server(packet(1, OK)),
      client(packet(0, [0x19, 7, 0, 0, 0])),
      client(execute)
    );
    const requests = sink.messages.filter(({ type }) => type === 'request');
    const statement = 'select a from t where b = ? and c = ?';
    expect(requests.map(({ method, endpoint, target }) => [method, endpoint, target])).toEqual([
      ['COM_STMT_PREPARE', statement, statement],
      ['COM_STMT_EXECUTE', statement, statement],
      ['COM_STMT_CLOSE', 'COM_STMT_CLOSE', statement],
      ['COM_STMT_EXECUTE', 'EXECUTE (prepared before capture)', ''],
    ]);
  });

  it('knows what is executed before the answer to its preparation', () => {
    const sink = joined(
      client(packet(0, [0x16], 'select 1 from t')),
      client(packet(0, [0x17, 255, 255, 255, 255, 0, 1, 0, 0, 0]))
    );
    expect(sink.messages.map(({ endpoint }) => endpoint)).toEqual(['select ? from t', 'select ? from t']);
  });

  it('ends the answer that opens a cursor, and each fetch', () => {
    const sink = joined(
      client(packet(0, [0x17, 7, 0, 0, 0, 1, 1, 0, 0, 0])),
      server(packet(1, [1]), packet(2, column), packet(3, eof(0x42))),
      client(packet(0, [0x1c, 7, 0, 0, 0, 10, 0, 0, 0])),
      server(packet(1, [0, 0, 5]), packet(2, eof(0x82)))
    );
    expect(responsesOf(sink).map(({ bytes }) => bytes)).toEqual([5 + 27 + 9, 7 + 9]);
  });

  it.each([
    ['mysql_encrypted', packet(1, [0, 0x0a, 0, 0, 0, 0, 0, 1, 45, ...Array<number>(23).fill(0)])],
    ['mysql_compressed_with_zstd', login(CAPABILITIES | 0x4000000)],
  ])('reads no further and says %s', (reason, response) => {
    const sink = fromStart(server(greeting), client(response), client(query('select 1')));
    expect(sink.messages).toEqual([]);
    expect(sink.counts).toEqual({ [reason]: 1 });
  });

  const frame = (sequence: number, plain: readonly number[], isDeflated: boolean): number[] => {
    const payload = isDeflated ? [...deflateSync(Uint8Array.from(plain))] : plain;
    const length = (n: number): number[] => [n & 255, (n >> 8) & 255, n >> 16];
    return [...length(payload.length), sequence, ...length(isDeflated ? plain.length : 0), ...payload];
  };
  const compressed = [
    client(frame(0, query('SELECT a FROM t'), false)),
    server(
      frame(1, [...packet(1, [1]), ...packet(2, column), ...packet(3, [1, 0x35]), ...packet(4, okAtEnd(2))], true)
    ),
    client(frame(0, query(`SELECT '${'x'.repeat(9000)}'`), true)),
    server(frame(1, packet(1, [0xff, 0x48, 0x04, 0x23], 'HY000gone'), false)),
  ];

  it.each([[[]], [[1]], [[3, 11]]])('reads packets in compressed frames, cut at %j', (cuts: number[]) => {
    const turns = [server(greeting), client(login(CAPABILITIES | 0x20)), server(packet(2, OK)), ...compressed];
    const sink = converse((sink) => new MysqlParser(sink, false), turns, cuts);
    expect(sink.messages.map(({ target, responseCode }) => target || responseCode)).toEqual([
      'SELECT a FROM t',
      0,
      'SELECT ?',
      1096,
    ]);
    expect(sink.counts).toEqual({});
  });

  it('knows frames on a connection joined in the middle', () => {
    for (const { bytes } of [compressed[0]!, compressed[2]!]) {
      expect(startsMysqlCommand(bytes, bytes.length)).toBe('compressed');
    }
    const sink = converse((sink) => new MysqlParser(sink, true, true), compressed);
    expect(sink.messages).toHaveLength(4);
  });

  it.each([
    ['none', [0, 1]],
    ['a string and a number', [2, 1, 0, 1, 0xfe, 0, 1, 0x61, 8, 0, 1, 0x62, 2, 0x76, 0x77, 1, 2, 3, 4, 5, 6, 7, 8]],
    ['one that is null', [1, 1, 1, 1, 0xfe, 0, 1, 0x61]],
  ])('skips attributes of a query: %s', (_, attributes) => {
    const sink = fromStart(
      server(greeting),
      client(login(CAPABILITIES | 0x8000000)),
      server(packet(2, OK)),
      client(packet(0, [3], attributes, 'select 1'))
    );
    expect(sink.messages[0]!.target).toBe('select ?');
  });

  it('expects attributes of a query only where the server can read them', () => {
    const mariadb = packet(0, [10], '5.5.5-10.11\0', Array<number>(12).fill(1), [0, 0xfe, 0xf7, 45, 2, 0, 0xff, 0x81]);
    const sink = fromStart(server(mariadb), client(login(CAPABILITIES | 0x8000000)), client(query('select 1')));
    expect(sink.messages[0]!.target).toBe('select ?');
  });

  it('counts the EOFs of a prepared statement where they come', () => {
    const sink = fromStart(
      server(greeting),
      client(login(CAPABILITIES)),
      client(packet(0, [0x16], 'select ?')),
      server(packet(1, [0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0]), packet(2, column), packet(3, eof(2)), packet(4, column)),
      server(packet(5, eof(2)))
    );
    expect(responsesOf(sink)[0]).toMatchObject({ bytes: 16 + 27 + 9 + 27 + 9, truncated: false });
  });

  it('does not take an encrypted password for a login', () => {
    const proof = packet(3, Array<number>(256).fill(0xff));
    const sink = fromStart(server(greeting), client(login(CAPABILITIES)), client(proof), client(query('select 1')));
    expect(sink.messages).toHaveLength(1);
  });

  it('follows a command of more than 16 MB, of which only the beginning was captured', () => {
    const sink = new RecordingSink();
    const parser = new MysqlParser(sink, true);
    const start = Buffer.from([0xff, 0xff, 0xff, 0, 3, ...Buffer.from('insert into t values (')]);
    parser.onChunk(true, chunkOf(start, { length: 4 + 0xffffff }));
    parser.onChunk(true, chunkOf(Buffer.from(packet(1, 'x)')), { sequence: 4 + 0xffffff }));
    parser.onChunk(false, chunkOf(Buffer.from(packet(2, OK))));
    expect(sink.messages.map(({ type, truncated }) => [type, truncated])).toEqual([
      ['request', true],
      ['response', false],
    ]);
  });

  it('ends an answer whose rows were not captured with the next command, and pairs the next rightly', () => {
    const sink = new RecordingSink();
    const parser = new MysqlParser(sink, true);
    parser.onChunk(true, chunkOf(Buffer.from(query('select a from t'))));
    const begin = Buffer.from([...packet(1, [1]), ...packet(2, column), ...packet(3, eof(2)), ...packet(4, [1, 0x35])]);
    parser.onChunk(false, chunkOf(begin, { length: 9000 }));
    parser.onChunk(false, chunkOf(Buffer.alloc(1000, 0x41), { length: 9000, sequence: 9000 }));
    parser.onChunk(true, chunkOf(Buffer.from(packet(0, [0x0e])), { sequence: 100 }));
    parser.onChunk(false, chunkOf(Buffer.from(packet(1, OK)), { sequence: 18000 }));
    expect(responsesOf(sink).map(({ truncated, sequence, sequenceEnd }) => [truncated, sequence, sequenceEnd])).toEqual(
      [
        [true, 0, 18000],
        [false, 18000, 18011],
      ]
    );
  });
});
