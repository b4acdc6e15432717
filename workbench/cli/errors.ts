export const CLI_ERROR_CODES = [
  'USAGE',
  'PORT_TAKEN',
  'PORT_FORBIDDEN',
  'ALREADY_RUNNING',
  'NOT_RUNNING',
  'SEVERAL_RUNNING',
  'START_FAILED',
  'FRONTEND_BUILD',
  'PROJECT_UNREADABLE',
  'QUERY_FAILED',
  'NOT_FOUND',
] as const;

export type CliErrorCode = (typeof CLI_ERROR_CODES)[number];

/** Something a person can act on; printed without a stack. */
export class CliError extends Error {
  readonly code: CliErrorCode;

  constructor(code: CliErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CliError';
    this.code = code;
  }
}
