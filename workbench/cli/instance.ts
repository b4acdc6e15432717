import {
  accessSync,
  chownSync,
  constants,
  existsSync,
  statSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { type UserIds } from '../demo/index.ts';
import { isRunning, type ProcessIdentity } from '../demo/processes.ts';
import { CliError } from './errors.ts';
import { isRoot } from './user.ts';

/** A running, or killed, set of services: its folder and what is written there. */

export const PROJECT_ROOT = resolve(import.meta.dirname, '../..');
export const STATE_DIRECTORY = join(PROJECT_ROOT, '.throughline');

export interface Tokens {
  readonly read: string;
  readonly write: string;
  readonly admin: string;
  readonly ingest: string;
}

/** What other programs may rely on; `endpoints.json`. */
export interface Endpoints {
  readonly workbench: string;
  readonly store: string;
  readonly ingest: string;
  readonly otlpHttp: string;
  readonly otlpGrpc: string;
  readonly pids: Readonly<Record<string, number>>;
}

export interface NamedProcess extends ProcessIdentity {
  readonly name: string;
}

export interface ProcessRecord {
  /** The command that ends the rest when it ends; undefined once a detached instance is ready. */
  readonly supervisor?: ProcessIdentity;
  /** In the order they were started. */
  readonly processes: readonly NamedProcess[];
}

export class Instance {
  readonly portBase: number;
  readonly directory: string;
  readonly #stateDirectory: string;

  constructor(portBase: number, stateDirectory: string = STATE_DIRECTORY) {
    this.portBase = portBase;
    this.directory = join(stateDirectory, `instance-${portBase}`);
    this.#stateDirectory = stateDirectory;
  }

  get storeDirectory(): string {
    return join(this.directory, 'data/store');
  }

  /** Of whoever starts it. */
  get lockPath(): string {
    return this.#path('lock');
  }

  get ingestSocket(): string {
    return join(this.directory, 'run/ingest.sock');
  }

  logPath(name: string): string {
    return join(this.directory, 'logs', `${name}.log`);
  }

  /**
   * Makes the folders. Under root only what services write belongs to the user they run as: root itself writes to, and
   * trusts, the others. @throws CliError START_FAILED where another user made them
   */
  prepare(user: UserIds): void {
    try {
      for (const folder of [this.#stateDirectory, this.directory, this.#path('logs')])
        mkdirSync(folder, { recursive: true });
      accessSync(this.directory, constants.W_OK);
      if (isRoot()) giveToOwnerOf(PROJECT_ROOT, this.#stateDirectory);
      for (const folder of ['data', 'run']) {
        // Rows may hold what nobody else should read.
        mkdirSync(this.#path(folder), { recursive: true, mode: 0o700 });
        if (isRoot()) chownSync(this.#path(folder), user.uid, user.gid);
      }
    } catch (cause) {
      throw new CliError(
        'START_FAILED',
        `${this.directory} cannot be used (${(cause as Error).message}); it may belong to another user: ` +
          'remove it as that user, or take another --port-base',
        { cause }
      );
    }
  }

  /** Made once and kept, so that other programs' configuration stays valid. */
  tokens(user: UserIds): Tokens {
    const path = this.#path('tokens.json');
    if (!existsSync(path)) {
      const token = (): string => randomBytes(24).toString('base64url');
      const tokens: Tokens = { read: token(), write: token(), admin: token(), ingest: token() };
      writeFileSync(path, JSON.stringify(tokens, undefined, 2) + '\n', { mode: 0o600 });
      if (isRoot()) chownSync(path, user.uid, user.gid);
    }
    return this.readTokens();
  }

  /** @throws CliError NOT_RUNNING where this user may not read them */
  readTokens(): Tokens {
    const path = this.#path('tokens.json');
    try {
      return JSON.parse(readFileSync(path, 'utf8')) as Tokens;
    } catch (cause) {
      throw new CliError(
        'NOT_RUNNING',
        `${path} cannot be read (${(cause as Error).message}); it belongs to the user who started the instance`,
        { cause }
      );
    }
  }

  readProcesses(): ProcessRecord | undefined {
    return readJson<ProcessRecord>(this.#path('processes.json'));
  }

  writeProcesses(record: ProcessRecord): void {
    writeJson(this.#path('processes.json'), record);
  }

  readEndpoints(): Endpoints | undefined {
    return readJson<Endpoints>(this.#path('endpoints.json'));
  }

  writeEndpoints(endpoints: Endpoints): void {
    writeJson(this.#path('endpoints.json'), endpoints);
    writeJson(this.#latestPath, endpoints);
  }

  /** What says that it runs; data, logs and tokens stay. */
  removeRecords(): void {
    const own = this.readEndpoints();
    const latest = readJson<Endpoints>(this.#latestPath);
    if (own !== undefined && latest?.workbench === own.workbench) rmSync(this.#latestPath, { force: true });
    for (const file of ['endpoints.json', 'processes.json', 'run/ingest.sock'])
      rmSync(this.#path(file), { force: true });
  }

  isRunning(): boolean {
    const record = this.readProcesses();
    return (
      record !== undefined && [...record.processes, ...(record.supervisor ? [record.supervisor] : [])].some(isRunning)
    );
  }

  get #latestPath(): string {
    return join(this.#stateDirectory, 'endpoints.json');
  }

  #path(file: string): string {
    return join(this.directory, file);
  }
}

/** Instances that have a record, running or killed, lowest port base first. */
export function recordedInstances(stateDirectory: string = STATE_DIRECTORY): Instance[] {
  const names = existsSync(stateDirectory) ? readdirSync(stateDirectory) : [];
  return names
    .flatMap((name) => {
      const [, base] = /^instance-(\d+)$/.exec(name) ?? [];
      return base === undefined ? [] : [new Instance(Number(base), stateDirectory)];
    })
    .filter((instance) => instance.readProcesses() !== undefined)
    .sort((a, b) => a.portBase - b.portBase);
}

/**
 * The instance a command speaks to: that of the port base, else the one that runs.
 * @throws CliError NOT_RUNNING, SEVERAL_RUNNING
 */
export function runningInstance(portBase: number | undefined, stateDirectory: string = STATE_DIRECTORY): Instance {
  if (portBase !== undefined) {
    const instance = new Instance(portBase, stateDirectory);
    if (instance.isRunning()) return instance;
    throw new CliError('NOT_RUNNING', `nothing runs with --port-base ${portBase}; start it with "./throughline up"`);
  }
  const running = recordedInstances(stateDirectory).filter((instance) => instance.isRunning());
  const [only, ...others] = running;
  if (only === undefined) {
    throw new CliError('NOT_RUNNING', 'nothing runs; start it with "./throughline demo" or "./throughline up"');
  }
  if (others.length > 0) {
    const bases = running.map((instance) => instance.portBase).join(', ');
    throw new CliError('SEVERAL_RUNNING', `instances run with port bases ${bases}; name one with --port-base N`);
  }
  return only;
}

/** So that the owner of a checkout can still work in it after `sudo`. */
function giveToOwnerOf(reference: string, path: string): void {
  const { uid, gid } = statSync(reference);
  chownSync(path, uid, gid);
}

function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Replaced as a whole: a reader, or a kill, never meets half a file. */
function writeJson(path: string, value: unknown): void {
  writeFileSync(`${path}.new`, JSON.stringify(value, undefined, 2) + '\n');
  renameSync(`${path}.new`, path);
}
