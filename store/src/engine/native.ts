import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

declare const connectionBrand: unique symbol;
declare const streamBrand: unique symbol;
/** Opaque handles of the addon. */
export type NativeConnection = { readonly [connectionBrand]: true };
export type NativeStream = { readonly [streamBrand]: true };

export interface NativeResult {
  readonly bytes: Uint8Array;
  readonly elapsed: number;
  readonly rowsRead: number;
  readonly bytesRead: number;
}

export type NativeChunk =
  { readonly done: true } | { readonly done: false; readonly bytes: Uint8Array; readonly numRows: number };

/**
 * The engine's addon, below the `chdb` package: that package's Session binds parameters process-wide and so runs
 * parameterised queries one at a time, and its signatures hide the streaming handle.
 */
export interface NativeEngine {
  CreateConnection(path: string, args: readonly string[]): NativeConnection;
  CloseConnection(connection: NativeConnection): void;
  /** Runs every statement in `sql`, one after another. Occupies one libuv thread. */
  QueryAsyncConnection(connection: NativeConnection, sql: string, format: string): Promise<NativeResult>;
  /** Runs exactly one statement. Analyses it on the calling thread, scalar subqueries included. */
  StreamQuery(connection: NativeConnection, sql: string, format: string): NativeStream;
  StreamFetch(stream: NativeStream): Promise<NativeChunk>;
  /** Never while a StreamFetch runs: the fetch reads the handle. */
  StreamCancel(stream: NativeStream): void;
}

export function loadNativeEngine(): NativeEngine {
  const require = createRequire(import.meta.url);
  // By path, because the package's exports do not name its loader.
  const loader = join(dirname(require.resolve('chdb')), 'dist', 'loader.js');
  const { loadNative } = require(loader) as { loadNative(): NativeEngine };
  return loadNative();
}
