import { parentPort, workerData } from 'node:worker_threads';
import { type FromWorker, type ToWorker, type WorkerOptions } from './messages.ts';
import { loadNativeEngine, type NativeConnection, type NativeEngine } from './native.ts';

/**
 * One connection of the engine in a thread of its own, because StreamQuery runs scalar subqueries on the calling
 * thread: on the main thread one such query would stop every request, and the kill that should end it.
 */
const port = parentPort;
if (port === null) throw new Error('connectionWorker runs as a worker thread only');
const options = workerData as WorkerOptions;
const send = (message: FromWorker, transfer: readonly ArrayBuffer[] = []) => port.postMessage(message, [...transfer]);

let cancelled = false;
let resume: (() => void) | undefined;

const native = loadNativeEngine();
let connection: NativeConnection | undefined;

port.on('message', (message: ToWorker) => {
  switch (message.kind) {
    case 'open':
      open();
      return;
    case 'run':
      if (connection === undefined) throw new Error('the connection is not open');
      cancelled = false;
      void run(native, connection, message);
      return;
    case 'next':
      resume?.();
      return;
    case 'cancel':
      cancelled = true;
      resume?.();
      return;
    case 'close':
      if (connection !== undefined) native.CloseConnection(connection);
      connection = undefined;
      send({ kind: 'closed' });
  }
});

function open(): void {
  try {
    connection = native.CreateConnection(options.path, options.args);
    send({ kind: 'ready' });
  } catch (error) {
    send({ kind: 'failed', message: messageOf(error) });
  }
}

async function run(
  native: NativeEngine,
  handle: NativeConnection,
  request: Extract<ToWorker, { kind: 'run' }>
): Promise<void> {
  try {
    if (request.setup.length > 0) await native.QueryAsyncConnection(handle, request.setup.join(';\n'), 'Null');
    stopIfCancelled();
    const started = performance.now();
    if (request.stream) {
      await stream(native, handle, request);
      send({ kind: 'end', rowsRead: 0, bytesRead: 0, elapsedSeconds: (performance.now() - started) / 1000 });
    } else {
      const result = await native.QueryAsyncConnection(handle, request.sql, request.format);
      if (result.bytes.length > 0) await sendChunk(result.bytes, result.rowsRead);
      send({
        kind: 'end',
        rowsRead: result.rowsRead,
        bytesRead: result.bytesRead,
        elapsedSeconds: result.elapsed,
      });
    }
  } catch (error) {
    // A statement that failed while writing output leaves what it wrote on the connection, and the next result would
    // begin with it. A throw-away query takes it off.
    await native.QueryAsyncConnection(handle, 'SELECT 1', 'Null').catch(() => undefined);
    send({ kind: 'error', message: messageOf(error) });
  }
}

async function stream(
  native: NativeEngine,
  handle: NativeConnection,
  request: Extract<ToWorker, { kind: 'run' }>
): Promise<void> {
  const result = native.StreamQuery(handle, request.sql, request.format);
  let open = true;
  try {
    for (;;) {
      stopIfCancelled();
      const chunk = await native.StreamFetch(result).catch((error: unknown) => {
        open = false; // the failed fetch has closed the stream
        throw error;
      });
      if (chunk.done) break;
      if (chunk.bytes.length > 0) await sendChunk(chunk.bytes, chunk.numRows);
    }
  } finally {
    if (open) native.StreamCancel(result);
  }
}

/** Resolves when the main thread wants more, so that one slow reader holds one chunk and not the whole result. */
async function sendChunk(bytes: Uint8Array, rows: number): Promise<void> {
  // The addon's memory may not be transferable, so the chunk is copied once and that copy moved.
  const copy = new Uint8Array(bytes);
  const wanted = new Promise<void>((resolve) => {
    resume = resolve;
  });
  send({ kind: 'chunk', bytes: copy, rows }, [copy.buffer]);
  await wanted;
  resume = undefined;
  stopIfCancelled();
}

function stopIfCancelled(): void {
  if (cancelled) throw new Error('Code: 394. DB::Exception: Query was cancelled. (QUERY_WAS_CANCELLED)');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
