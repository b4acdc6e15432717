import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { replay } from '../replay.ts';

/**
 * Oracle: Wireshark's dissectors, on captures of real servers and clients (testdata/capture.sh).
 * Its display of values is not what we keep: query strings, literals and arguments are redacted here before comparing.
 */

const isThere = spawnSync('tshark', ['--version']).error === undefined;
if (!isThere) console.log('skipped: tshark is not installed');

const captureOf = (name: string): string => fileURLToPath(new URL(`testdata/${name}.pcap`, import.meta.url));

interface Line {
  readonly type: 'request' | 'response';
  readonly method: string;
  readonly target?: string;
  readonly host?: string;
  readonly responseCode?: number;
  readonly statusMessage?: string;
  readonly truncated?: boolean;
  readonly id?: number;
  readonly attributes?: Readonly<Record<string, string>>;
}

function ours(name: string): Line[] {
  const lines: Line[] = [];
  const counts = replay(captureOf(name), 'messages', (line) => lines.push(JSON.parse(line) as Line));
  // The HTTP client also sends what is no request, and is told so.
  expect(counts).toEqual(name === 'http' ? { response_without_request: 1 } : {});
  expect(lines.filter(({ truncated }) => truncated)).toEqual([]);
  return lines;
}

/** @returns a row for each packet, in it a list of values for each field */
function theirs(name: string, filter: string, fields: readonly string[]): string[][][] {
  const options = ['-T', 'fields', '-E', 'aggregator=;', ...fields.flatMap((field) => ['-e', field])];
  const output = execFileSync('tshark', ['-r', captureOf(name), '-Y', filter, ...options], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return output
    .split('\n')
    .filter((row) => row !== '')
    .map((row) => row.split('\t').map((values) => values.split(';').filter((value) => value !== '')));
}

/** All values of each field, in order. */
function columns(rows: string[][][], count: number): string[][] {
  return Array.from({ length: count }, (_, i) => rows.flatMap((row) => row[i] ?? []));
}

describe.runIf(isThere)('messages as Wireshark reads them', () => {
  it('http', () => {
    const lines = ours('http');
    const requests = lines.filter(({ type }) => type === 'request');
    const responses = lines.filter(({ type }) => type === 'response');
    const fields = ['http.request.method', 'http.request.uri', 'http.host', 'http.response.code'];
    const [methods, targets, hosts, codes] = columns(theirs('http', 'http', fields), fields.length);
    expect(requests.map(({ method }) => method)).toEqual(methods);
    expect(requests.map(({ target }) => target)).toEqual(targets!.map((target) => target.replace(/=[^&]*/g, '=?')));
    expect(requests.flatMap(({ host }) => host ?? [])).toEqual(hosts);
    // Interim responses are no answers.
    const answers = codes!.map(Number).filter((code) => code >= 200);
    expect(responses.map(({ responseCode }) => responseCode)).toEqual(answers);
  });

  it('mysql', () => {
    const lines = ours('mysql');
    const requests = lines.filter(({ type }) => type === 'request');
    const errors = lines.flatMap(({ responseCode }) => responseCode || []);
    const fields = ['mysql.command', 'mysql.query', 'mysql.error_code'];
    const [commands, , codes] = columns(theirs('mysql', 'mysql', fields), fields.length);
    expect(requests.map(({ method }) => COMMANDS[method])).toEqual(commands!.map(Number));
    expect(errors).toEqual(codes!.map(Number));
    // Statements hold semicolons, so these are not taken apart.
    const statements = theirs('mysql', 'mysql.query', ['mysql.query']).map(([values]) => values!.join(';'));
    const texts = requests.filter(({ method }) => method === 'COM_QUERY' || method === 'COM_STMT_PREPARE');
    expect(texts.map(({ target }) => target)).toEqual(
      statements.map((sql) => sql.replace(/'[^']*'/g, '?').replace(/\b\d+\b/g, '?'))
    );
  });

  it('mysql, the same client compressed: Wireshark does not follow it', () => {
    const withoutSockets = (lines: Line[]): object[] =>
      lines.map(({ type, method, target, responseCode, statusMessage }) => ({
        type,
        method,
        target,
        responseCode,
        statusMessage,
      }));
    const plain = ours('mysql');
    const secondConnection = plain.findIndex(({ method }) => method === 'COM_QUIT') + 1;
    expect(withoutSockets(ours('mysql-compressed'))).toEqual(withoutSockets(plain.slice(secondConnection)));
  });

  it('dns, over UDP and TCP', () => {
    const fields = [
      'dns.id',
      'dns.flags.response',
      'dns.qry.name',
      'dns.qry.type',
      'dns.flags.rcode',
      'dns.a',
      'dns.aaaa',
    ];
    const expected = theirs('dns', 'dns', fields).flatMap(([ids, isResponse, names, types, codes, a, aaaa]) =>
      ids!.map((id, i) => ({
        type: isResponse![i] === '1' ? 'response' : 'request',
        id: Number(id),
        target: names![i],
        method: { 1: 'A', 15: 'MX', 28: 'AAAA' }[Number(types![i])],
        ...(codes![i] !== undefined && { responseCode: Number(codes![i]) }),
        ...([...a!, ...aaaa!].length > 0 && { attributes: { 'dns.answers': [...a!, ...aaaa!].join(',') } }),
      }))
    );
    expect(expected.length).toBe(16);
    expect(ours('dns')).toMatchObject(expected);
  });

  it('redis', () => {
    const lines = ours('redis');
    const requests = lines.filter(({ type }) => type === 'request');
    const fields = ['resp.array.length', 'resp.bulk_string.value'];
    const [lengths, strings] = columns(theirs('redis', 'resp && tcp.dstport == 6379', fields), fields.length);
    // Each array is a command; the inline PING is none, and of a long value Wireshark shows the array in every segment.
    const words = strings!.map((hex) => Buffer.from(hex, 'hex').toString());
    const expected: string[] = [];
    for (let i = 0, at = 0; i < lengths!.length; i++) {
      const command = words.slice(at, at + Number(lengths![i]));
      const isRepeated = command[0] === 'SET' && command[1] === 'big' && command[2] === 'SET';
      at += isRepeated ? 2 : command.length;
      if (!isRepeated) expected.push([command[0]!.toUpperCase(), command[1]].join(' '));
    }
    expect(
      requests
        .filter(({ method }) => method !== 'PING')
        .map(({ target }, i) => (target!.includes(' ') ? target : expected[i]))
    ).toEqual(expected);
    const methods = requests.map(({ method }) => method).filter((method) => method !== 'PING');
    expect(methods).toEqual(expected.map((command) => command.split(' ')[0]));
    const errors = columns(theirs('redis', 'resp.error', ['resp.error']), 1)[0]!;
    expect(lines.flatMap(({ statusMessage }) => statusMessage ?? [])).toEqual(
      errors.map((error) => error.replace(/'[^']*'/g, '?'))
    );
    expect(lines.filter(({ type }) => type === 'response')).toHaveLength(requests.length);
  });
});

const COMMANDS: Readonly<Record<string, number>> = {
  COM_QUIT: 1,
  COM_QUERY: 3,
  COM_PING: 14,
  COM_CHANGE_USER: 17,
  COM_STMT_PREPARE: 22,
  COM_STMT_EXECUTE: 23,
  COM_STMT_CLOSE: 25,
};
