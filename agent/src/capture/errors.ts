/** Reading a capture file: only opening it can fail; what is broken inside is counted. */
export const CAPTURE_ERROR_CODES = ['CAPTURE_FILE_UNREADABLE', 'CAPTURE_FORMAT_UNKNOWN'] as const;
export type CaptureErrorCode = (typeof CAPTURE_ERROR_CODES)[number];

export class CaptureError extends Error {
  override readonly name = 'CaptureError';
  readonly code: CaptureErrorCode;

  constructor(code: CaptureErrorCode, message: string, cause?: unknown) {
    super(`${code}: ${message}`, { cause });
    this.code = code;
  }
}
