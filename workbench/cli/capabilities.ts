import { readFileSync } from 'node:fs';

/** Capabilities that matter here, by their bit (linux/capability.h). */
const CAPABILITIES = {
  CAP_DAC_READ_SEARCH: 2,
  CAP_NET_ADMIN: 12,
  CAP_NET_RAW: 13,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
  CAP_SYS_RESOURCE: 24,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
} as const;

export type Capability = keyof typeof CAPABILITIES;

export const CAPABILITY_NAMES = Object.keys(CAPABILITIES) as readonly Capability[];

/** Those of the list that a mask of /proc/PID/status holds. */
export function decodeCapabilities(hexMask: string): Capability[] {
  const mask = BigInt(`0x${hexMask}`);
  return CAPABILITY_NAMES.filter((name) => (mask >> BigInt(CAPABILITIES[name])) & 1n);
}

export function effectiveCapabilities(): Capability[] {
  const status = readFileSync('/proc/self/status', 'latin1');
  return decodeCapabilities(/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0');
}

/** Without it there is no rung of the ladder; with it alone there are packets. */
export function mayCapture(effective: readonly Capability[] = effectiveCapabilities()): boolean {
  return effective.includes('CAP_NET_RAW');
}

/** What lets an ordinary user's agent use every rung: look at other processes, and enter their networks. */
export function setcapArgument(): string {
  const needed: readonly Capability[] = ['CAP_BPF', 'CAP_PERFMON', 'CAP_NET_RAW', 'CAP_SYS_PTRACE', 'CAP_SYS_ADMIN'];
  return `${needed.map((name) => name.toLowerCase()).join(',')}+ep`;
}
