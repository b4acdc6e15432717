import { existsSync } from 'node:fs';
import { libbpf } from '@throughline/ebpf';
import { AfPacketSource } from './capture/AfPacketSource.ts';
import { type EventSource } from './events.ts';
import { type Capability, missingPrivileges, readPrivileges } from './privileges.ts';
import { type CaptureOptions, DEFAULT_CAPTURE } from './probes/options.ts';
import { PacketSource } from './probes/packetSource.ts';
import { openRawTp } from './probes/rawTp.ts';
import { openTpBtf } from './probes/tpBtf.ts';

/**
 * The ladder of capabilities: what this kernel and these privileges allow is found by doing it, from the best rung down.
 * A rung that cannot be had says why.
 */

export const RUNGS = ['tp_btf', 'raw_tp', 'af_packet'] as const;
export type Rung = (typeof RUNGS)[number];

/** `packets` is no rung of its own: it stands beside the socket rungs. */
export interface RungReport {
  readonly rung: Rung | 'packets';
  readonly works: boolean;
  /** Why it does not work; or a remark on how it does. */
  readonly reason: string | undefined;
}

export interface LadderOptions {
  /** `auto`: the first that works; a name forces that rung. */
  readonly rung: Rung | 'auto';
  /** TCP packets at interfaces beside a socket rung, for hops. Datagrams of `udpPort` are captured in any case. */
  readonly packets: boolean;
  readonly capture?: Partial<CaptureOptions>;
}

export interface OpenLadder {
  readonly rung: Rung;
  readonly sources: readonly EventSource[];
  /** Every rung tried, in order, the one in use and its packet source last. */
  readonly report: readonly RungReport[];
}

/** @throws Error AGENT_NO_RUNG listing each rung tried with its reason */
export function openLadder(options: LadderOptions): OpenLadder {
  const capture = { ...DEFAULT_CAPTURE, ...options.capture };
  const report: RungReport[] = [];
  for (const rung of options.rung === 'auto' ? RUNGS : [options.rung]) {
    const source = attempt(rung, report, () => openRung(rung, capture));
    if (source === undefined) continue;
    if (rung === 'af_packet') return { rung, sources: [source], report };
    const packets = openPackets(capture, options.packets, report);
    return { rung, sources: packets === undefined ? [source] : [source, packets], report };
  }
  const reasons = report.map(({ rung, reason }) => `${rung}: ${reason}`).join('; ');
  throw new Error(`AGENT_NO_RUNG: nothing can be captured on this host. ${reasons}`);
}

/** Loads, attaches and closes every rung, for `doctor`. */
export function probeLadder(): readonly RungReport[] {
  // The kernel allocates rings in full: for a trial small ones do.
  const capture = { ...DEFAULT_CAPTURE, socketRingBytes: 1 << 16, packetRingBytes: 1 << 16 };
  const report: RungReport[] = [];
  for (const rung of RUNGS) attempt(rung, report, () => openRung(rung, capture))?.close();
  attempt('packets', report, () => PacketSource.open(capture, true))?.close();
  return report;
}

function openRung(rung: Rung, capture: CaptureOptions): EventSource {
  if (rung === 'tp_btf') return openTpBtf(capture);
  if (rung === 'raw_tp') return openRawTp(capture);
  return AfPacketSource.open({ ...capture, tcp: true });
}

/** Packets from BPF; where that fails, from packet sockets. */
function openPackets(capture: CaptureOptions, tcp: boolean, report: RungReport[]): EventSource | undefined {
  return (
    attempt('packets', report, () => PacketSource.open(capture, tcp)) ??
    attempt('af_packet', report, () => AfPacketSource.open({ ...capture, tcp }))
  );
}

function attempt<S extends EventSource>(rung: RungReport['rung'], report: RungReport[], open: () => S): S | undefined {
  try {
    const source = open();
    report.push({ rung, works: true, reason: remark(source) });
    return source;
  } catch (error) {
    report.push({ rung, works: false, reason: explain(rung, error) });
    return undefined;
  }
}

function remark(source: EventSource): string | undefined {
  if (!(source instanceof AfPacketSource)) return `libbpf ${libbpf().version} from ${libbpf().source}`;
  const refused = source.refusedNamespaces();
  if (refused.size === 0) return undefined;
  return `${refused.size} network namespaces cannot be entered: ${refused.values().next().value}`;
}

const BPF_CAPABILITIES: readonly Capability[] = ['CAP_BPF', 'CAP_PERFMON'];
const KERNEL_BTF = '/sys/kernel/btf/vmlinux';

/** The plain cause where there is one, then what the kernel or libbpf said. */
function explain(rung: RungReport['rung'], error: unknown): string {
  const said = error instanceof Error ? error.message : String(error);
  const usesBpf = rung !== 'af_packet';
  const missing = missingPrivileges(readPrivileges(), usesBpf ? BPF_CAPABILITIES : ['CAP_NET_RAW'], !usesBpf);
  if (missing !== undefined) return missing;
  if (usesBpf && !existsSync(KERNEL_BTF)) {
    return `this kernel has no ${KERNEL_BTF} (CONFIG_DEBUG_INFO_BTF); ${said}`;
  }
  if (rung === 'tp_btf' && /sock_send_length/.test(said)) return `this kernel is older than Linux 6.3; ${said}`;
  return said;
}
