/** What the main thread and a connection's worker say to each other. One statement at a time per worker. */
export type ToWorker =
  | {
      readonly kind: 'run';
      /** Statements run before, for their effect on the connection: SET, USE. */
      readonly setup: readonly string[];
      readonly sql: string;
      readonly format: string;
      /** Give the result piece by piece; otherwise in one. */
      readonly stream: boolean;
    }
  /** Answer to a chunk: send the next one. */
  | { readonly kind: 'next' }
  /** Stop before the next step; whoever sends this also kills the statement in the engine. */
  | { readonly kind: 'cancel' }
  /** Open and close the connection. The thread stays: its end would tear down the engine for the whole process. */
  | { readonly kind: 'open' }
  | { readonly kind: 'close' };

export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'chunk'; readonly bytes: Uint8Array; readonly rows: number }
  | { readonly kind: 'end'; readonly rowsRead: number; readonly bytesRead: number; readonly elapsedSeconds: number }
  | { readonly kind: 'error'; readonly message: string }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'closed' };

export interface WorkerOptions {
  readonly path: string;
  readonly args: readonly string[];
}
