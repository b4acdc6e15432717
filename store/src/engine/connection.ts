import { Worker } from 'node:worker_threads';
import { StatementError, StoreError } from '../errors.ts';
import { type FromWorker, type ToWorker, type WorkerOptions } from './messages.ts';
import { quoteIdentifier, quoteString } from './quoting.ts';

export interface RunRequest {
  readonly sql: string;
  readonly format: string;
  readonly stream: boolean;
}

/** What a request brings to the connection it runs on. */
export interface RequestContext {
  readonly parameters: ReadonlyMap<string, string>;
  readonly database: string;
  /** Stands in `log_comment`; the engine offers no way to set query_id. */
  readonly executionId: string;
}

export interface Statistics {
  readonly rowsRead: number;
  readonly bytesRead: number;
  readonly elapsedSeconds: number;
}

interface Running {
  onChunk(bytes: Uint8Array, rows: number): void;
  resolve(statistics: Statistics): void;
  reject(error: Error): void;
}

/** One connection of the engine, in a thread of its own. Runs one statement at a time; the pool sees to that. */
export class Connection {
  private readonly options: WorkerOptions;
  private readonly worker: Worker;
  private running: Running | undefined;
  private lost: StoreError | undefined;
  private waiting: { resolve(): void; reject(error: StoreError): void } | undefined;
  /** Settings an earlier request changed and this connection still carries. */
  private readonly changedSettings = new Set<string>();

  /** @param onLost the thread has ended, which leaves the engine of the whole process in doubt */
  constructor(options: WorkerOptions, onLost: (error: StoreError) => void) {
    this.options = options;
    this.worker = new Worker(new URL('./connectionWorker.ts', import.meta.url), {
      workerData: { path: options.path, args: options.args } satisfies WorkerOptions,
    });
    this.worker.on('message', (message: FromWorker) => this.receive(message));
    const lose = (cause: Error) => {
      if (this.lost !== undefined) return;
      this.lost = new StoreError('STORE_ENGINE_LOST', `a connection to the engine ended: ${cause.message}`, cause);
      this.waiting?.reject(this.lost);
      this.running?.reject(this.lost);
      onLost(this.lost);
    };
    this.worker.on('error', lose);
    this.worker.on('exit', () => lose(new Error('its thread ended')));
  }

  open(): Promise<void> {
    return this.ask({ kind: 'open' });
  }

  /** Afterwards it may be opened again, and carries nothing of before. */
  close(): Promise<void> {
    this.changedSettings.clear();
    return this.ask({ kind: 'close' });
  }

  /** Statements that take away what an earlier request set and give this one's parameters and database. */
  contextStatements(context: RequestContext): string[] {
    const statements: string[] = [];
    if (this.changedSettings.size > 0) {
      statements.push(`SET ${[...this.changedSettings].map((name) => `${name} = DEFAULT`).join(', ')}`);
      this.changedSettings.clear();
    }
    const assignments = [`log_comment = ${quoteString(context.executionId)}`];
    for (const [name, value] of context.parameters) assignments.push(`param_${name} = ${quoteString(value)}`);
    statements.push(`SET ${assignments.join(', ')}`, `USE ${quoteIdentifier(context.database)}`);
    return statements;
  }

  /** Statements that give the settings of a request, after it has been found allowed. */
  settingStatements(settings: ReadonlyMap<string, string>): string[] {
    if (settings.size === 0) return [];
    for (const name of settings.keys()) this.changedSettings.add(name);
    return [`SET ${[...settings].map(([name, value]) => `${name} = ${quoteString(value)}`).join(', ')}`];
  }

  /** Run one statement; `onChunk` resolves when the next chunk is wanted. */
  run(
    setup: readonly string[],
    request: RunRequest,
    onChunk: (bytes: Uint8Array, rows: number) => void | Promise<void>
  ): Promise<Statistics> {
    if (this.lost !== undefined) return Promise.reject(this.lost);
    if (this.running !== undefined) throw new Error('a statement is already running on this connection');
    return new Promise((resolve, reject) => {
      this.running = {
        onChunk: (bytes, rows) => {
          Promise.resolve(onChunk(bytes, rows)).then(
            () => this.send({ kind: 'next' }),
            () => this.send({ kind: 'cancel' })
          );
        },
        resolve,
        reject,
      };
      this.send({ kind: 'run', setup, ...request });
    });
  }

  /** The whole result as text. */
  async text(setup: readonly string[], sql: string, format = 'TSVRaw'): Promise<string> {
    const chunks: Uint8Array[] = [];
    await this.run(setup, { sql, format, stream: false }, (bytes) => {
      chunks.push(bytes);
    });
    return Buffer.concat(chunks).toString('utf8');
  }

  cancel(): void {
    this.send({ kind: 'cancel' });
  }

  private ask(message: ToWorker): Promise<void> {
    if (this.lost !== undefined) return Promise.reject(this.lost);
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject };
      this.send(message);
    });
  }

  private send(message: ToWorker): void {
    this.worker.postMessage(message);
  }

  private receive(message: FromWorker): void {
    switch (message.kind) {
      case 'ready':
      case 'closed':
        this.waiting?.resolve();
        return;
      case 'failed':
        this.waiting?.reject(openError(this.options.path, message.message));
        return;
      case 'chunk':
        this.running?.onChunk(message.bytes, message.rows);
        return;
      case 'end':
        this.take()?.resolve(message);
        return;
      case 'error':
        this.take()?.reject(new StatementError(undefined, message.message));
    }
  }

  private take(): Running | undefined {
    const running = this.running;
    this.running = undefined;
    return running;
  }
}

function openError(path: string, message: string): StoreError {
  return /Code: 76\b|Cannot lock file/.test(message)
    ? new StoreError(
        'STORE_PATH_LOCKED',
        `${path} is in use by another store; stop it or set THROUGHLINE_STORE_PATH to another folder`
      )
    : new StoreError('STORE_PATH_UNUSABLE', `the engine cannot open ${path}: ${message}`);
}
