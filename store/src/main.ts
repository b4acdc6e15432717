import { spawn } from 'node:child_process';
import { readConfig } from './config.ts';
import { StoreError } from './errors.ts';
import { log } from './log.ts';
import { Store } from './Store.ts';

/** Each running statement holds a libuv thread; the pool's size is fixed when the process starts. */
const threads = '32';
const stopGraceMs = 5_000;

if (process.env.UV_THREADPOOL_SIZE === undefined) startAgainWithThreads();
else await main();

/** The pool of threads cannot be made larger from inside, so a child does the work and this process stands for it. */
function startAgainWithThreads(): void {
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    env: { ...process.env, UV_THREADPOOL_SIZE: threads, THROUGHLINE_STORE_PARENT: String(process.pid) },
    stdio: 'inherit',
  });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    log.error('store ended by a signal', { signal });
    process.exit(1);
  });
}

async function main(): Promise<void> {
  const started = performance.now();
  let store: Store | undefined;
  let stopping = false;
  const stop = (reason: string) => {
    if (stopping) return;
    stopping = true;
    log.info('stopping', { reason });
    void Promise.resolve(store?.stop(stopGraceMs)).then(() => process.exit(0));
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop(signal));
  watchParent(stop);
  try {
    const config = readConfig(process.env);
    store = await Store.start(config, (error) => {
      log.error(error.message, { code: error.code });
      process.exit(1);
    });
    log.info('ready', { address: store.address, path: config.path, ms: Math.round(performance.now() - started) });
  } catch (error) {
    log.error(error instanceof Error ? error.message : String(error), {
      code: error instanceof StoreError ? error.code : undefined,
    });
    process.exit(1);
  }
}

/** After kill -9 of the process that stands for this one nobody would end it. */
function watchParent(stop: (reason: string) => void): void {
  const parent = process.env.THROUGHLINE_STORE_PARENT;
  if (parent === undefined) return;
  setInterval(() => {
    if (process.ppid !== Number(parent)) stop('its parent ended');
  }, 500).unref();
}
