import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { replay } from '../replay.ts';

/**
 * Oracle: captures with the messages another project's parsers read from them, one a line (beside the repository, not in it).
 *
 * Deliberate differences, each with its reason:
 * - HTTP/2 and gRPC captures are left out: not parsed yet.
 * - Endpoints are not compared: theirs are the first two segments of a path, or verb and table of a statement; ours the route's
 *   template and the statement's fingerprint (db.query.summary and http.route of OpenTelemetry need no more than that).
 * - Targets are cut after 1024 characters.
 * - Values of query strings, literals of SQL, arguments of Redis after the key are redacted here before they leave the host.
 * - Trace ids of SkyWalking (sw8), and request ids where their configuration names other headers: not read yet.
 * - MySQL: the greeting and the login are no request of the application and give no message; of an end of rows they report 254
 *   (the EOF packet's first byte) as a response code, which is none; of COM_STMT_EXECUTE they show the parameters, we the
 *   statement; they make a response of every packet of a large compressed response, we one of all.
 * - Redis: they give a line of nothing for every segment within a large value; we put segments together.
 * - COM_QUIT is a request that nobody answers; they call it a session.
 * - DNS: NXDOMAIN is always an error here; theirs is set to let names under certain suffixes pass.
 */
const CORPUS = fileURLToPath(new URL('../../../../shared/corpus/peer-captures', import.meta.url));
const isThere = existsSync(CORPUS);
if (!isThere) console.log('skipped: the corpus of captures is not beside the repository');

const MAX_TARGET = 1024;

interface Line {
  readonly type: 'request' | 'response';
  readonly method?: string;
  readonly target?: string;
  readonly host?: string;
  readonly responseCode?: number;
  readonly status?: string;
  readonly statusMessage?: string;
  readonly responseTimeNs?: number;
  readonly id?: number;
  readonly 'network.protocol.version'?: string;
}

function ours(file: string): Line[] {
  const lines: Line[] = [];
  replay(file, 'messages', (line) => lines.push(JSON.parse(line) as Line));
  return lines;
}

const resultOf = (file: string): string => file.replace(/\.pcap$/, '.result');
const linesOf = (file: string): string[] => readFileSync(resultOf(file), 'utf8').split('\n').filter(Boolean);
const capturesOf = (protocol: string): string[] =>
  globSync(`${CORPUS}/${protocol}/*.pcap`).filter((file) => existsSync(resultOf(file)));

/** Field of a line in Rust's debug format. */
function debugField(line: string, name: string): string {
  const value = new RegExp(`\\b${name}: (?:Some\\()?(?:"((?:[^"\\\\]|\\\\.)*)"|([\\w]+))`).exec(line);
  const text = value?.[1] ?? value?.[2] ?? '';
  return text === 'None' ? '' : text;
}

/** A number without a name is a value. */
const withoutValues = (path: string): string => path.replace(/=[^&]*/g, '=?').replace(/\?\d+$/, '??');

describe.runIf(isThere)('captures read by another parser', () => {
  const http1 = capturesOf('http').filter((file) => linesOf(file).every((line) => line.includes('proto: Http1,')));

  it.each(http1.map((file) => [basename(file), file]))('http/%s', (_, file) => {
    const expected = linesOf(file).map((line) => {
      const isRequest = debugField(line, 'msg_type') === 'Request';
      const status = { Ok: 'ok', ClientError: 'error', ServerError: 'error' }[debugField(line, 'status')];
      const version = debugField(line, 'version').replace('V', '').replace('_', '.');
      return isRequest
        ? {
            type: 'request',
            'network.protocol.version': version,
            method: debugField(line, 'method').toUpperCase(),
            target: withoutValues(debugField(line, 'path')),
            host: debugField(line, 'host'),
          }
        : {
            type: 'response',
            'network.protocol.version': version,
            responseCode: Number(debugField(line, 'status_code')),
            status,
          };
    });
    expect(ours(file)).toMatchObject(expected);
  });

  it.each(capturesOf('redis').map((file) => [basename(file), file]))('redis/%s', (_, file) => {
    const wholeMessages = linesOf(file).filter(
      (line) => debugField(line, 'request') !== '' || line.endsWith('is_redis: true')
    );
    const messages = ours(file);
    const expected = wholeMessages.map((line, i) => {
      const request = debugField(line, 'request');
      const target = messages[i]?.target ?? '';
      if (request !== '') {
        // Of a key with spaces they do not say where it ends.
        const isSame = target.includes(' ') === request.includes(' ') && request.startsWith(target);
        return { type: 'request', method: debugField(line, 'request_type'), target: isSame ? target : request };
      }
      const error = debugField(line, 'error');
      return error === ''
        ? { type: 'response', status: 'ok' }
        : { type: 'response', status: 'error', statusMessage: error.replace(/^-/, '') };
    });
    expect(messages).toMatchObject(expected);
  });

  it.each(capturesOf('dns').map((file) => [basename(file), file]))('dns/%s', (_, file) => {
    const expected = linesOf(file).map((line) => {
      const json = JSON.parse(line.replace(/\} headers_offset.*/, '}')) as Record<string, string & number>;
      const common = { id: json['request_id'], method: json['request_type'], target: json['request_resource'] };
      if (json['msg_type'] === 'Request') return { type: 'request', ...common };
      return {
        type: 'response',
        ...common,
        responseCode: json['response_code'],
        status: json['response_code'] === 0 ? 'ok' : 'error',
        responseTimeNs: json['rrt']! * 1000,
      };
    });
    expect(ours(file)).toMatchObject(expected);
  });

  const COMMANDS: Readonly<Record<number, string>> = {
    1: 'COM_QUIT',
    3: 'COM_QUERY',
    14: 'COM_PING',
    22: 'COM_STMT_PREPARE',
    23: 'COM_STMT_EXECUTE',
    25: 'COM_STMT_CLOSE',
  };

  it.each(capturesOf('mysql').map((file) => [basename(file), file]))('mysql/%s', (_, file) => {
    const expected: object[] = [];
    let isAnswered = true;
    for (const line of linesOf(file)) {
      const json = JSON.parse(line.replace(/\} is_mysql.*/, '}')) as Record<string, string & number>;
      const resource = String(json['request_resource'] ?? '');
      const isResponse = json['msg_type'] === 'Response';
      // The greeting, the login and its answer; packets of one answer after the first.
      if (json['msg_type'] === 'Other' || resource.startsWith('Login')) isAnswered = true;
      else if (!isResponse) {
        isAnswered = false;
        const method = COMMANDS[json['request_type']!];
        expected.push({
          type: 'request',
          method,
          ...(method !== 'COM_STMT_EXECUTE' &&
            resource !== '' && { target: withoutLiterals(resource).slice(0, MAX_TARGET) }),
        });
      } else if (!isAnswered) {
        isAnswered = true;
        const isOk = json['response_status'] === 'ok';
        expected.push({
          type: 'response',
          status: isOk ? 'ok' : 'error',
          responseCode: isOk ? 0 : json['response_code'],
        });
      }
    }
    expect(ours(file)).toMatchObject(expected);
  });
});

/** Of the statements in these captures; they hold numbers, strings and repeated spaces. */
function withoutLiterals(sql: string): string {
  return sql
    .replace(/'[^']*'/g, '?')
    .replace(/(?<![\w`])\d+\b/g, '?')
    .replace(/\s+/g, ' ')
    .trim();
}
