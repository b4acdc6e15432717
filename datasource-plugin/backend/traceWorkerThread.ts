import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * Starts the thread's program from its source. The packaged backend is one file: there, libs/plugin-build puts a module
 * that holds the program's text in the place of this one.
 */
export function startTraceWorker(options: WorkerOptions): Worker {
  return new Worker(new URL('./traceWorker.ts', import.meta.url), options);
}
