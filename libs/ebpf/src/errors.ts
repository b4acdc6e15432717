import { getSystemErrorName } from 'node:util';

/** What can go wrong below JavaScript. Messages carry the kernel's or libbpf's own reason. */
export const EBPF_ERROR_CODES = [
  'EBPF_FFI_MISSING',
  'EBPF_LIBRARY_MISSING',
  'EBPF_OBJECT_OPEN',
  'EBPF_OBJECT_LOAD',
  'EBPF_ATTACH',
  'EBPF_MAP',
  'EBPF_SYSCALL',
] as const;
export type EbpfErrorCode = (typeof EBPF_ERROR_CODES)[number];

export class EbpfError extends Error {
  override readonly name = 'EbpfError';
  readonly code: EbpfErrorCode;
  /** Name of the system's error (EPERM …), where there was one. */
  readonly errno: string | undefined;

  constructor(code: EbpfErrorCode, message: string, options: { errno?: number; cause?: unknown } = {}) {
    const errno = options.errno === undefined ? undefined : errnoName(options.errno);
    super(`${code}: ${message}${errno === undefined ? '' : ` (${errno})`}`, { cause: options.cause });
    this.code = code;
    this.errno = errno;
  }
}

/** @param errno positive, as in errno.h */
export function errnoName(errno: number): string {
  return errno > 0 ? getSystemErrorName(-errno) : 'unknown error';
}
