import { parentPort } from 'node:worker_threads';
import { toDatasourceError } from './errors.ts';
import { StorePool } from './store.ts';
import { runTraceJob, type TraceJob } from './traceJob.ts';
import { type FromWorker, type ToWorker } from './traceWorkers.ts';

/** The thread's side of TraceWorkers. */

const port = parentPort;
if (!port) throw new Error('traceWorker.ts runs as a worker thread only');

const stores = new StorePool();
const running = new Map<number, AbortController>();

port.on('message', (message: ToWorker) => {
  if (message.kind === 'cancel') running.get(message.number)?.abort();
  else void run(message.number, message.job).then((answer) => port.postMessage(answer));
});

async function run(number: number, job: TraceJob): Promise<FromWorker> {
  const abort = new AbortController();
  running.set(number, abort);
  try {
    const parts = await runTraceJob(job, stores.get(job.settings), abort.signal);
    return { kind: 'done', number, parts };
  } catch (error) {
    const { code, what, hint } = toDatasourceError(error);
    return { kind: 'failed', number, code, what, hint };
  } finally {
    running.delete(number);
  }
}
