export const ingestErrorCodes = [
  /** The body does not follow its protocol; sending it again is of no use. */
  'INGEST_BAD_PAYLOAD',
  /** The token is missing or wrong. */
  'INGEST_UNAUTHENTICATED',
  /** More bytes wait to be stored than may; send again later. */
  'INGEST_OVERLOADED',
  /** The store did not take the batch in time; send again later. */
  'INGEST_STORE_UNAVAILABLE',
  /** The store refused the batch; sending it again is of no use. */
  'INGEST_STORE_REFUSED',
] as const;

export type IngestErrorCode = (typeof ingestErrorCodes)[number];

export class IngestError extends Error {
  readonly code: IngestErrorCode;
  constructor(code: IngestErrorCode, message: string, options?: ErrorOptions) {
    super(`${code}: ${message}`, options);
    this.code = code;
  }
  get retryable(): boolean {
    return this.code === 'INGEST_OVERLOADED' || this.code === 'INGEST_STORE_UNAVAILABLE';
  }
  get httpStatus(): number {
    switch (this.code) {
      case 'INGEST_BAD_PAYLOAD':
        return 400;
      case 'INGEST_UNAUTHENTICATED':
        return 401;
      case 'INGEST_OVERLOADED':
        return 429;
      case 'INGEST_STORE_UNAVAILABLE':
        return 503;
      case 'INGEST_STORE_REFUSED':
        return 500;
    }
  }
}
