import { type CaptureOptions } from './options.ts';
import { SocketSource } from './socketSource.ts';

/**
 * Second rung: entry and exit of system calls. Linux 5.8, BTF, CAP_BPF and CAP_PERFMON. Dearer, since every system call
 * of the machine runs the program; stamps a send where it began.
 */
export function openRawTp(options: CaptureOptions): SocketSource {
  return SocketSource.open('raw_tp', options);
}
