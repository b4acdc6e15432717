import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface StartStoreOptions {
  /** Folder to use; kept when the store stops. @default a new temporary folder, removed with the store */
  readonly path?: string;
  /** Further environment, e.g. limits. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface RunningStore {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  readonly path: string;
  readonly pid: number;
  readonly readToken: string;
  readonly writeToken: string;
  readonly adminToken: string;
  /** Time from start to ready, milliseconds. */
  readonly readyMs: number;
  /** SIGTERM, and SIGKILL after ten seconds. Resolves with the exit code, or the signal's name. */
  stop(): Promise<number | string>;
  /** SIGKILL; the folder stays. */
  kill(): Promise<void>;
}

const main = fileURLToPath(new URL('../../../store/src/main.ts', import.meta.url));

/** A store of one's own on a free port. It holds no tables; apply migrations or create what the test needs. */
export async function startStore(options: StartStoreOptions = {}): Promise<RunningStore> {
  const path = options.path ?? (await mkdtemp(join(tmpdir(), 'throughline-store-')));
  const [readToken, writeToken, adminToken] = [token(), token(), token()];
  const started = performance.now();
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      UV_THREADPOOL_SIZE: '32',
      // Makes the store end with the test, however that ends.
      THROUGHLINE_STORE_PARENT: String(process.pid),
      THROUGHLINE_STORE_PATH: path,
      THROUGHLINE_STORE_PORT: '0',
      THROUGHLINE_STORE_READ_TOKEN: readToken,
      THROUGHLINE_STORE_WRITE_TOKEN: writeToken,
      THROUGHLINE_STORE_ADMIN_TOKEN: adminToken,
      ...options.environment,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = new Promise<number | string>((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  });
  const remove = async () => {
    if (options.path === undefined) await rm(path, { recursive: true, force: true });
  };
  const url = await readyAddress(child, exited).catch(async (error: unknown) => {
    await remove();
    throw error;
  });
  return {
    url,
    path,
    pid: child.pid ?? 0,
    readToken,
    writeToken,
    adminToken,
    readyMs: performance.now() - started,
    async stop() {
      child.kill('SIGTERM');
      const force = setTimeout(() => child.kill('SIGKILL'), 10_000);
      const code = await exited;
      clearTimeout(force);
      await remove();
      return code;
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

function token(): string {
  return randomBytes(16).toString('hex');
}

/** The address in the store's own `ready` line. */
async function readyAddress(child: ChildProcess, exited: Promise<number | string>): Promise<string> {
  const lines: string[] = [];
  const ready = new Promise<string>((resolve) => {
    if (child.stderr === null) return;
    createInterface({ input: child.stderr }).on('line', (line) => {
      const address = addressOf(line);
      if (address !== undefined) resolve(address);
      else if (lines.length < 50) lines.push(line);
    });
  });
  const failed = exited.then((code) => {
    throw new Error(`the store ended with ${code} before it was ready:\n${lines.join('\n')}`);
  });
  failed.catch(() => undefined);
  return Promise.race([ready, failed]);
}

function addressOf(line: string): string | undefined {
  if (!line.includes('"msg":"ready"')) return undefined;
  return (JSON.parse(line) as { address: string }).address;
}
