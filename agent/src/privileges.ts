import { readFileSync } from 'node:fs';

/** include/uapi/linux/capability.h. */
const CAPABILITIES = { CAP_NET_RAW: 13, CAP_SYS_ADMIN: 21, CAP_PERFMON: 38, CAP_BPF: 39 } as const;
export type Capability = keyof typeof CAPABILITIES;

export interface Privileges {
  readonly capabilities: ReadonlySet<Capability>;
  /** Capabilities count only inside a user namespace of its own, and not for BPF. */
  readonly isConfined: boolean;
}

/** What this process may do. */
export function readPrivileges(
  status: string = readFileSync('/proc/self/status', 'utf8'),
  uidMap: string = readFileSync('/proc/self/uid_map', 'utf8')
): Privileges {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  const held = Object.entries(CAPABILITIES).filter(([, bit]) => ((effective >> BigInt(bit)) & 1n) === 1n);
  return {
    capabilities: new Set(held.map(([name]) => name as Capability)),
    // user_namespaces(7): the initial namespace maps everything onto itself.
    isConfined: !/^\s*0\s+0\s+4294967295\s*$/.test(uidMap),
  };
}

/** @returns why `needed` is not there, in words, or undefined where it is */
export function missingPrivileges(
  { capabilities, isConfined }: Privileges,
  needed: readonly Capability[],
  confinedSuffices: boolean
): string | undefined {
  // CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON (capabilities(7)).
  const holds = (capability: Capability): boolean =>
    capabilities.has(capability) || (capability !== 'CAP_NET_RAW' && capabilities.has('CAP_SYS_ADMIN'));
  const missing = needed.filter((capability) => !holds(capability));
  if (missing.length > 0) return `missing ${missing.join(' and ')}: run as root`;
  if (isConfined && !confinedSuffices) {
    return 'inside a user namespace, whose capabilities do not count for BPF: run as root outside of it';
  }
  return undefined;
}
