import { type CaptureOptions } from './options.ts';
import { SocketSource } from './socketSource.ts';

/** First rung: tracepoints of the socket layer with typed arguments. Linux 6.3, BTF, CAP_BPF and CAP_PERFMON. */
export function openTpBtf(options: CaptureOptions): SocketSource {
  return SocketSource.open('tp_btf', options);
}
