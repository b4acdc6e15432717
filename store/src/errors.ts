/** Start-up and usage errors of the store itself. Exceptions of statements carry ClickHouse's own numbers instead. */
export const errorCodes = [
  'STORE_CONFIG_INVALID',
  'STORE_PORT_TAKEN',
  'STORE_PATH_UNUSABLE',
  'STORE_PATH_LOCKED',
  'STORE_ENGINE_LOST',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(`${code}: ${message}`, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** ClickHouse's names for the numbers this interface raises itself (src/Common/ErrorCodes.cpp). */
export const exceptionNames = {
  36: 'BAD_ARGUMENTS',
  62: 'SYNTAX_ERROR',
  89: 'UNKNOWN_COMPRESSION_METHOD',
  115: 'UNKNOWN_SETTING',
  194: 'REQUIRED_PASSWORD',
  241: 'MEMORY_LIMIT_EXCEEDED',
  271: 'CANNOT_DECOMPRESS',
  372: 'SESSION_NOT_FOUND',
  373: 'SESSION_IS_LOCKED',
  394: 'QUERY_WAS_CANCELLED',
  452: 'SETTING_CONSTRAINT_VIOLATION',
  456: 'UNKNOWN_QUERY_PARAMETER',
  497: 'ACCESS_DENIED',
  516: 'AUTHENTICATION_FAILED',
  202: 'TOO_MANY_SIMULTANEOUS_QUERIES',
} as const;

/** An exception as a ClickHouse client expects it. `exceptionCode` undefined: the engine gave no number. */
export class StatementError extends Error {
  override readonly name = 'StatementError';
  readonly exceptionCode: number | undefined;

  constructor(exceptionCode: keyof typeof exceptionNames, message: string);
  constructor(exceptionCode: undefined, engineMessage: string);
  constructor(exceptionCode: keyof typeof exceptionNames | undefined, message: string) {
    super(
      exceptionCode === undefined
        ? message
        : `Code: ${exceptionCode}. DB::Exception: ${message} (${exceptionNames[exceptionCode]})`
    );
    const number = exceptionCode ?? /^Code: (\d+)\./.exec(message)?.[1];
    this.exceptionCode = number === undefined ? undefined : Number(number);
  }
}
