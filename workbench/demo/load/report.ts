/** What the load generator sent and got back. Every request sent is in exactly one outcome once it is over. */
export interface LoadReport {
  readonly pid: number;
  readonly startedAt: string;
  /** Undefined while it still sends. */
  readonly endedAt?: string;
  readonly sent: number;
  readonly finished: number;
  /** By route ("GET /api/products/{id}"), then by outcome: a status, or the code of an error. */
  readonly routes: Readonly<
    Record<string, { readonly sent: number; readonly outcomes: Readonly<Record<string, number>> }>
  >;
}

export interface LoadOptions {
  /** Stop after so many; without it, until told. */
  readonly requests?: number;
  /** At most so many at once; default 4. */
  readonly concurrency?: number;
  /** At most so many a second; default 20 for endless load, no limit for a number of requests. */
  readonly rate?: number;
  /** Sends a fresh `x-truth` header with each request, which the services pass on. For measuring links; off. */
  readonly truth?: boolean;
}
