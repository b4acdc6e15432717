import { randomBytes } from 'node:crypto';
import { unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Server, ServerCredentials } from '@grpc/grpc-js';
import { GrafanaBackendError } from './errors.ts';
import { type Logger } from './log.ts';

/**
 * hashicorp/go-plugin's handshake. The host sets the magic cookie and what it speaks in the environment; the plugin
 * answers with one line on stdout and never writes there again:
 *
 *   core protocol | plugin protocol | network | address | "grpc" | server certificate [| multiplexing]
 */

const COOKIE_NAME = 'grafana_plugin_type';
const COOKIE_VALUE = 'datasource';
const CORE_PROTOCOL = 1;
/** Version 2 is pluginv2 over gRPC. */
const PLUGIN_PROTOCOL = 2;

/** sun_path of sockaddr_un holds 108 bytes with the final zero. */
const MAX_SOCKET_PATH_BYTES = 107;

export type Environment = Readonly<Record<string, string | undefined>>;

/** @throws GrafanaBackendError where nobody, or a host we cannot serve, started this process */
export function checkHost(env: Environment): void {
  if (env[COOKIE_NAME] !== COOKIE_VALUE) {
    throw new GrafanaBackendError(
      'GRAFANA_NOT_STARTED_BY_HOST',
      `${COOKIE_NAME} is not set to ${COOKIE_VALUE}: this program is a Grafana plugin, let Grafana start it`
    );
  }
  const versions = (env['PLUGIN_PROTOCOL_VERSIONS'] ?? '').split(',').filter((version) => version !== '');
  if (versions.length > 0 && !versions.includes(String(PLUGIN_PROTOCOL))) {
    throw new GrafanaBackendError(
      'GRAFANA_HANDSHAKE_UNSUPPORTED',
      `the host speaks plugin protocol ${versions.join(', ')}, this plugin ${PLUGIN_PROTOCOL}; update Grafana`
    );
  }
  if (env['PLUGIN_CLIENT_CERT']) {
    throw new GrafanaBackendError(
      'GRAFANA_HANDSHAKE_UNSUPPORTED',
      'the host asks for mutual TLS (PLUGIN_CLIENT_CERT), which Grafana does not use and this plugin does not speak'
    );
  }
}

export interface Address {
  readonly network: 'unix' | 'tcp';
  readonly address: string;
}

export function handshakeLine({ network, address }: Address, env: Environment): string {
  const fields = [CORE_PROTOCOL, PLUGIN_PROTOCOL, network, address, 'grpc', ''];
  // The seventh field answers whether broker connections share one socket; hosts that do not ask may not expect it.
  if (env['PLUGIN_MULTIPLEX_GRPC']) fields.push('false');
  return fields.join('|') + '\n';
}

/** @returns undefined unless `line` is a handshake of protocol 2 over gRPC */
export function parseHandshake(line: string): Address | undefined {
  const [core, protocol, network, address, kind] = line.trim().split('|');
  if (core !== String(CORE_PROTOCOL) || protocol !== String(PLUGIN_PROTOCOL) || kind !== 'grpc' || !address) {
    return undefined;
  }
  return network === 'unix' || network === 'tcp' ? { network, address } : undefined;
}

/** Listens on a unix socket in PLUGIN_UNIX_SOCKET_DIR or the temporary folder; where that fails, on loopback TCP. */
export async function listen(server: Server, env: Environment, logger: Logger): Promise<Address> {
  if (process.platform !== 'win32') {
    try {
      return { network: 'unix', address: await listenUnix(server, env) };
    } catch (error) {
      logger.log('warn', 'no unix socket, listening on loopback TCP instead', { error });
    }
  }
  return { network: 'tcp', address: await listenTcp(server, env) };
}

export function removeSocket({ network, address }: Address): void {
  if (network !== 'unix') return;
  try {
    unlinkSync(address);
  } catch {
    // Already gone: closing the server removes it too.
  }
}

async function listenUnix(server: Server, env: Environment): Promise<string> {
  const folder = env['PLUGIN_UNIX_SOCKET_DIR'] || tmpdir();
  const path = join(folder, `plugin${process.pid}${randomBytes(4).toString('hex')}`);
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
    throw new GrafanaBackendError(
      'GRAFANA_SOCKET_PATH_TOO_LONG',
      `${path} is longer than ${MAX_SOCKET_PATH_BYTES} bytes; set PLUGIN_UNIX_SOCKET_DIR to a shorter folder`
    );
  }
  // What crosses it are decrypted secrets: no other user may connect.
  const umask = process.umask(0o077);
  try {
    await bind(server, `unix:${path}`);
  } finally {
    process.umask(umask);
  }
  return path;
}

async function listenTcp(server: Server, env: Environment): Promise<string> {
  const first = Number(env['PLUGIN_MIN_PORT'] ?? 0);
  const last = Number(env['PLUGIN_MAX_PORT'] ?? first);
  for (let port = first; ; port++) {
    try {
      return `127.0.0.1:${await bind(server, `127.0.0.1:${port}`)}`;
    } catch (error) {
      if (!(port < last)) throw error;
    }
  }
}

function bind(server: Server, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port)
    );
  });
}
