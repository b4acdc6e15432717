import { StatementError, type StoreError } from '../errors.ts';
import { Connection } from './connection.ts';
import { type WorkerOptions } from './messages.ts';
import { loadNativeEngine } from './native.ts';
import { quoteString } from './quoting.ts';

export interface PoolOptions extends WorkerOptions {
  /** Statements that run at the same time. */
  readonly size: number;
  /** Requests that may wait for a connection before further ones are refused. */
  readonly maxWaiting: number;
  readonly maxSessions: number;
  /** A thread of the engine has ended; the process cannot go on. */
  readonly onLost: (error: StoreError) => void;
}

interface Session {
  readonly connection: Connection;
  readonly owner: string;
  busy: boolean;
  timer: NodeJS.Timeout | undefined;
}

/** Connections of one engine: a fixed number shared by all requests, one per named session, one for kills. */
export class ConnectionPool {
  private readonly options: PoolOptions;
  private readonly idle: Connection[];
  private readonly all: Connection[];
  private readonly killer: Connection;
  private killQueue: Promise<unknown> = Promise.resolve();
  private readonly waiting: ((connection: Connection) => void)[] = [];
  private readonly sessions = new Map<string, Session>();
  private readonly openingSessions = new Set<string>();
  /** Closed connections of ended sessions, to open again: their threads must not end. */
  private readonly parked: Connection[] = [];

  private constructor(options: PoolOptions, connections: readonly Connection[], killer: Connection) {
    this.options = options;
    this.idle = [...connections];
    this.all = [...connections];
    this.killer = killer;
  }

  static async open(options: PoolOptions): Promise<ConnectionPool> {
    // Loaded by the main thread as well: loaded by workers only, its code goes before its threads and the exit crashes.
    loadNativeEngine();
    // The first one loads the data directory; the rest join it.
    const killer = new Connection(options, options.onLost);
    await killer.open();
    const connections = Array.from({ length: options.size }, () => new Connection(options, options.onLost));
    await Promise.all(connections.map((connection) => connection.open()));
    return new ConnectionPool(options, connections, killer);
  }

  get size(): number {
    return this.all.length;
  }
  get idleCount(): number {
    return this.idle.length;
  }
  get waitingCount(): number {
    return this.waiting.length;
  }
  get sessionCount(): number {
    return this.sessions.size;
  }

  /** Run `use` with a connection of the pool, which nobody else has meanwhile. */
  async withConnection<T>(use: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = await this.acquire();
    try {
      return await use(connection);
    } finally {
      this.release(connection);
    }
  }

  /** Run `use` with the connection of a session, which keeps temporary tables between requests. */
  async withSession<T>(
    id: string,
    owner: string,
    timeoutSeconds: number,
    mustExist: boolean,
    use: (connection: Connection) => Promise<T>
  ): Promise<T> {
    const session = await this.session(id, owner, mustExist);
    if (session.busy) throw new StatementError(373, `Session ${id} is locked by a concurrent client`);
    session.busy = true;
    clearTimeout(session.timer);
    try {
      return await use(session.connection);
    } finally {
      session.busy = false;
      session.timer = setTimeout(() => void this.endSession(id, session), timeoutSeconds * 1000);
      session.timer.unref();
    }
  }

  /**
   * End the statement that runs as `executionId`. Never SYNC: that form deadlocks in the embedded engine and the
   * process can then not exit.
   */
  kill(executionId: string): Promise<void> {
    const statement = `KILL QUERY WHERE Settings['log_comment'] = ${quoteString(executionId)} ASYNC`;
    const killed = this.killQueue.then(async () => {
      await this.killer.text([], statement);
    });
    this.killQueue = killed.catch(() => undefined);
    return killed;
  }

  async close(): Promise<void> {
    await this.killQueue;
    for (const session of this.sessions.values()) clearTimeout(session.timer);
    // One after another: the engine crashes when several connections close at once.
    for (const session of this.sessions.values()) await session.connection.close();
    for (const connection of this.all) await connection.close();
    await this.killer.close();
  }

  private acquire(): Promise<Connection> {
    const connection = this.idle.pop();
    if (connection !== undefined) return Promise.resolve(connection);
    if (this.waiting.length >= this.options.maxWaiting) {
      return Promise.reject(
        new StatementError(
          202,
          `Too many simultaneous queries: ${this.all.length} run and ${this.waiting.length} wait; try again later`
        )
      );
    }
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private release(connection: Connection): void {
    const next = this.waiting.shift();
    if (next === undefined) this.idle.push(connection);
    else next(connection);
  }

  private async session(id: string, owner: string, mustExist: boolean): Promise<Session> {
    const known = this.sessions.get(id);
    if (known !== undefined) {
      if (known.owner !== owner) throw new StatementError(372, `Session ${id} not found`);
      return known;
    }
    if (mustExist) throw new StatementError(372, `Session ${id} not found`);
    if (this.openingSessions.has(id)) throw new StatementError(373, `Session ${id} is locked by a concurrent client`);
    if (this.sessions.size + this.openingSessions.size >= this.options.maxSessions) {
      throw new StatementError(202, `Too many sessions: ${this.options.maxSessions} are open; close one or wait`);
    }
    this.openingSessions.add(id);
    try {
      const connection = this.parked.pop() ?? new Connection(this.options, this.options.onLost);
      await connection.open();
      const session: Session = { connection, owner, busy: false, timer: undefined };
      this.sessions.set(id, session);
      return session;
    } finally {
      this.openingSessions.delete(id);
    }
  }

  private async endSession(id: string, session: Session): Promise<void> {
    this.sessions.delete(id);
    await session.connection.close();
    this.parked.push(session.connection);
  }
}
