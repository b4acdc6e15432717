import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type StoreConfig } from './config.ts';
import { ConnectionPool } from './engine/pool.ts';
import { writeServerConfig } from './engine/serverConfig.ts';
import { Spool } from './engine/Spool.ts';
import { StoreError } from './errors.ts';
import { Guard } from './guard/Guard.ts';
import { limitSettings } from './guard/settings.ts';
import { StoreMetrics } from './http/metrics.ts';
import { createStoreServer } from './http/server.ts';

/** The running store: engine and HTTP interface. */
export class Store {
  private readonly server: Server;
  private readonly pool: ConnectionPool;
  private readonly socketPath: string | undefined;

  private constructor(server: Server, pool: ConnectionPool, socketPath: string | undefined) {
    this.server = server;
    this.pool = pool;
    this.socketPath = socketPath;
  }

  /**
   * Resolves when statements are taken.
   * @param onLost the engine has failed; the process should end and be started again
   */
  static async start(config: StoreConfig, onLost: (error: StoreError) => void): Promise<Store> {
    try {
      mkdirSync(config.path, { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw new StoreError(
        'STORE_PATH_UNUSABLE',
        `cannot use ${config.path}; make it a folder this user may write to`,
        cause
      );
    }
    const args = writeServerConfig(config.path, {
      maxMemoryBytes: config.limits.read.maxMemoryBytes,
      maxServerMemoryBytes: config.maxServerMemoryBytes,
    });
    const pool = await ConnectionPool.open({
      path: join(config.path, 'data'),
      args,
      size: config.connections,
      maxWaiting: 1_000,
      maxSessions: 32,
      onLost,
    });
    const spool = new Spool(join(config.path, 'spool'), config.maxInsertBytes);
    const [guard, settingNames, version] = await pool.withConnection(async (connection) => {
      const names = await connection.text([], 'SELECT name FROM system.settings');
      const version = (await connection.text([], 'SELECT version()')).trim();
      return [await Guard.create(connection), new Set(names.split('\n')), version] as const;
    });
    const limits = {
      read: limitSettings(config.limits.read),
      write: limitSettings(config.limits.write),
      admin: limitSettings(config.limits.admin),
    };
    const server = createStoreServer({ pool, guard, spool, settingNames, version, limits }, config, new StoreMetrics());
    const socketPath = 'socketPath' in config.listen ? config.listen.socketPath : undefined;
    // The engine's lock shows that no other store uses this folder, so a socket there is a dead one's.
    if (socketPath !== undefined) rmSync(socketPath, { force: true });
    try {
      await listen(server, config);
    } catch (error) {
      await pool.close();
      throw error;
    }
    if (socketPath !== undefined) chmodSync(socketPath, 0o660);
    return new Store(server, pool, socketPath);
  }

  get address(): string {
    if (this.socketPath !== undefined) return `unix:${this.socketPath}`;
    const { address, port, family } = this.server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  /** Takes nothing new, lets what runs end for a while, then closes the engine. */
  async stop(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.server.closeIdleConnections();
    const cut = setTimeout(() => this.server.closeAllConnections(), graceMs);
    await closed;
    clearTimeout(cut);
    await this.pool.close();
  }
}

function listen(server: Server, config: StoreConfig): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const place = 'socketPath' in config.listen ? config.listen.socketPath : JSON.stringify(config.listen);
      reject(
        cause.code === 'EADDRINUSE'
          ? new StoreError(
              'STORE_PORT_TAKEN',
              `${place} is in use by another program; end it or set THROUGHLINE_STORE_PORT (--port-base moves all ports)`
            )
          : new StoreError('STORE_CONFIG_INVALID', `cannot listen on ${place}: ${cause.message}`, cause)
      );
    });
    if ('socketPath' in config.listen) server.listen(config.listen.socketPath, resolve);
    else server.listen(config.listen.port, config.listen.host, resolve);
  });
}
