import { totalmem } from 'node:os';
import { resolve } from 'node:path';
import { StoreError } from './errors.ts';
import { type StatementLimits } from './guard/settings.ts';
import { type Role } from './guard/roles.ts';
import { type Tokens } from './http/auth.ts';

export type ListenAddress = { readonly host: string; readonly port: number } | { readonly socketPath: string };

export interface StoreConfig {
  /** Folder of the data, the spool and the engine's configuration. */
  readonly path: string;
  readonly listen: ListenAddress;
  readonly tokens: Tokens;
  /** Statements that run at the same time. */
  readonly connections: number;
  readonly limits: Readonly<Record<Role, StatementLimits>>;
  readonly maxServerMemoryBytes: number;
  /** Longest statement text or parameters, bytes; bodies of inserts are not limited by it. */
  readonly maxStatementBytes: number;
  /** Largest body of an insert as sent, bytes. */
  readonly maxInsertBytes: number;
}

const GiB = 1024 ** 3;

/** @throws StoreError STORE_CONFIG_INVALID naming the variable and what it should be */
export function readConfig(environment: NodeJS.ProcessEnv): StoreConfig {
  const path = environment.THROUGHLINE_STORE_PATH;
  if (path === undefined || path === '') throw invalid('THROUGHLINE_STORE_PATH', 'is not set; name a folder to use');
  const tokens: Partial<Record<Role, string>> = {};
  for (const [role, name] of [
    ['read', 'THROUGHLINE_STORE_READ_TOKEN'],
    ['write', 'THROUGHLINE_STORE_WRITE_TOKEN'],
    ['admin', 'THROUGHLINE_STORE_ADMIN_TOKEN'],
  ] as const) {
    const token = environment[name];
    if (token !== undefined && token !== '') tokens[role] = token;
  }
  const given = Object.values(tokens);
  if (given.length === 0) throw invalid('THROUGHLINE_STORE_READ_TOKEN', 'and its like are not set; set at least one');
  if (new Set(given).size !== given.length) {
    throw invalid('THROUGHLINE_STORE_*_TOKEN', 'are equal for two roles; give each role its own');
  }
  const memory = integer(
    environment,
    'THROUGHLINE_STORE_MAX_MEMORY_BYTES',
    Math.min(4 * GiB, Math.floor(totalmem() / 2))
  );
  const read: StatementLimits = {
    maxExecutionSeconds: integer(environment, 'THROUGHLINE_STORE_MAX_EXECUTION_SECONDS', 60),
    maxMemoryBytes: Math.floor(memory / 2),
    maxResultRows: integer(environment, 'THROUGHLINE_STORE_MAX_RESULT_ROWS', 10_000_000),
    maxResultBytes: integer(environment, 'THROUGHLINE_STORE_MAX_RESULT_BYTES', 2 * GiB),
  };
  return {
    path: resolve(path),
    listen: listenAddress(environment),
    tokens,
    connections: integer(environment, 'THROUGHLINE_STORE_CONNECTIONS', 8),
    limits: {
      read,
      write: { ...read, maxExecutionSeconds: 300 },
      admin: { maxExecutionSeconds: 0, maxMemoryBytes: read.maxMemoryBytes, maxResultRows: 0, maxResultBytes: 0 },
    },
    maxServerMemoryBytes: memory,
    maxStatementBytes: 16 << 20,
    maxInsertBytes: integer(environment, 'THROUGHLINE_STORE_MAX_INSERT_BYTES', 2 * GiB),
  };
}

function listenAddress(environment: NodeJS.ProcessEnv): ListenAddress {
  const socketPath = environment.THROUGHLINE_STORE_SOCKET;
  const portText = environment.THROUGHLINE_STORE_PORT;
  if (socketPath !== undefined && socketPath !== '') {
    if (portText !== undefined && portText !== '') {
      throw invalid('THROUGHLINE_STORE_SOCKET', 'and THROUGHLINE_STORE_PORT are both set; set one');
    }
    if (Buffer.byteLength(socketPath) > 107) throw invalid('THROUGHLINE_STORE_SOCKET', 'is longer than 107 bytes');
    return { socketPath: resolve(socketPath) };
  }
  const host = environment.THROUGHLINE_STORE_HOST || '127.0.0.1';
  const loopback = /^(127(\.\d{1,3}){3}|::1|localhost)$/.test(host);
  if (!loopback && environment.THROUGHLINE_STORE_ALLOW_REMOTE !== '1') {
    throw invalid(
      'THROUGHLINE_STORE_HOST',
      `is ${host}, which other machines may reach, and tokens would cross the network unencrypted; ` +
        'use 127.0.0.1 behind a proxy with TLS, or set THROUGHLINE_STORE_ALLOW_REMOTE=1'
    );
  }
  const port = integer(environment, 'THROUGHLINE_STORE_PORT', 4301);
  if (port > 65_535) throw invalid('THROUGHLINE_STORE_PORT', `is ${port}; ports end at 65535`);
  return { host, port };
}

function integer(environment: NodeJS.ProcessEnv, name: string, fallback: number): number {
  const text = environment[name];
  if (text === undefined || text === '') return fallback;
  if (!/^\d{1,15}$/.test(text)) throw invalid(name, `is "${text}"; it must be a whole number`);
  return Number(text);
}

function invalid(name: string, problem: string): StoreError {
  return new StoreError('STORE_CONFIG_INVALID', `${name} ${problem}`);
}
