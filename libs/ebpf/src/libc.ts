/** The few libc calls that Node has no door to. Constants are those of Linux on x86-64 and arm64. */
import { closeSync, openSync } from 'node:fs';
import { EbpfError } from './errors.ts';
import { bind, koffi, lastErrno, type Pointer, viewMemory } from './native.ts';

export const PROT_READ = 1;
export const PROT_WRITE = 2;
const MAP_SHARED = 1;
const MAP_FAILED = 0xffffffffffffffffn;
const CLONE_NEWNET = 0x40000000;
const CLOCK_REALTIME = 0;

interface Libc {
  mmap(address: null, length: number, protection: number, flags: number, fd: number, offset: number): Pointer | null;
  munmap(address: Pointer, length: number): number;
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, length: number): number;
  setsockopt(fd: number, level: number, option: number, value: ArrayBufferView, length: number): number;
  getsockopt(fd: number, level: number, option: number, value: ArrayBufferView, length: Uint32Array): number;
  ioctl(fd: number, request: number, argument: Uint8Array): number;
  close(fd: number): number;
  setns(fd: number, type: number): number;
  clock_gettime(clock: number, time: BigInt64Array): number;
  vsnprintf(into: Uint8Array, size: number, format: Pointer, parameters: Pointer): number;
}

let loaded: Libc | undefined;

export function libc(): Libc {
  if (loaded) return loaded;
  const library = koffi().load('libc.so.6');
  loaded = {
    mmap: bind(library, 'void *mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)'),
    munmap: bind(library, 'int munmap(void *address, size_t length)'),
    socket: bind(library, 'int socket(int domain, int type, int protocol)'),
    bind: bind(library, 'int bind(int fd, void *address, uint32_t length)'),
    setsockopt: bind(library, 'int setsockopt(int fd, int level, int option, void *value, uint32_t length)'),
    getsockopt: bind(library, 'int getsockopt(int fd, int level, int option, void *value, void *length)'),
    ioctl: bind(library, 'int ioctl(int fd, unsigned long request, void *argument)'),
    close: bind(library, 'int close(int fd)'),
    setns: bind(library, 'int setns(int fd, int type)'),
    clock_gettime: bind(library, 'int clock_gettime(int clock, void *time)'),
    vsnprintf: bind(library, 'int vsnprintf(void *into, size_t size, void *format, void *parameters)'),
  };
  return loaded;
}

/** @throws EbpfError naming the call where `result` is negative */
export function check(result: number, what: string): number {
  if (result < 0) throw new EbpfError('EBPF_SYSCALL', `${what} failed`, { errno: lastErrno() });
  return result;
}

/** Memory shared with the kernel. After `unmap` the buffer must not be touched. */
export interface Mapping {
  readonly buffer: ArrayBuffer;
  unmap(): void;
}

export function mapShared(fd: number, offset: number, bytes: number, protection: number): Mapping {
  const pointer = libc().mmap(null, bytes, protection, MAP_SHARED, fd, offset);
  if (pointer === null || BigInt.asUintN(64, pointer) === MAP_FAILED) {
    throw new EbpfError('EBPF_SYSCALL', `mmap of ${bytes} bytes failed`, { errno: lastErrno() });
  }
  return { buffer: viewMemory(pointer, bytes), unmap: () => void libc().munmap(pointer, bytes) };
}

const timespec = new BigInt64Array(2);

/** CLOCK_REALTIME, ns since 1970. Node's own clock has milliseconds only. */
export function wallClockNs(): bigint {
  check(libc().clock_gettime(CLOCK_REALTIME, timespec), 'clock_gettime');
  return timespec[0]! * 1_000_000_000n + timespec[1]!;
}

/**
 * Runs `inside` with this thread in another network namespace, then returns to the one before. Synchronous on purpose:
 * nothing else may run on the thread meanwhile.
 * @param path /run/netns/NAME or /proc/PID/ns/net
 */
export function withNetworkNamespace<T>(path: string, inside: () => T): T {
  const home = openSync('/proc/thread-self/ns/net', 'r');
  try {
    const away = openSync(path, 'r');
    try {
      check(libc().setns(away, CLONE_NEWNET), `entering network namespace ${path}`);
    } finally {
      closeSync(away);
    }
    try {
      return inside();
    } finally {
      check(libc().setns(home, CLONE_NEWNET), 'returning to the own network namespace');
    }
  } finally {
    closeSync(home);
  }
}
