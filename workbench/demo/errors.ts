export const DEMO_ERROR_CODES = [
  'PROGRAM_MISSING',
  'NAMESPACE_FAILED',
  'COMMAND_FAILED',
  'PROCESS_ENDED',
  'NOT_READY',
  'NOT_RUNNING',
  'CONTROL_FAILED',
  'PROJECT_UNREADABLE',
] as const;

export type DemoErrorCode = (typeof DEMO_ERROR_CODES)[number];

export class DemoError extends Error {
  readonly code: DemoErrorCode;

  constructor(code: DemoErrorCode, message: string, cause?: unknown) {
    const reason = cause instanceof Error ? `: ${cause.message}` : '';
    super(`DEMO_${code}: ${message}${reason}`, { cause });
    this.name = 'DemoError';
    this.code = code;
  }
}
