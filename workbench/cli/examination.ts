import { existsSync, statfsSync, statSync } from 'node:fs';
import { release } from 'node:os';
import { probeLadder, type RungReport } from '@throughline/agent/ladder';
import { DEFAULT_PORT_BASE, firstUnprivilegedPort, listed, portUses, takenPorts, type PortUse } from './ports.ts';
import { effectiveCapabilities, setcapArgument, mayCapture, type Capability } from './capabilities.ts';
import { PROJECT_ROOT } from './instance.ts';
import { systemLibbpf, unpackLibbpf } from './libbpf.ts';
import { debianReachability, npmReachability, type Reachability } from './registries.ts';

const BTF = '/sys/kernel/btf/vmlinux';
/** A demo that runs for a day, with its packages, fits. */
const WANTED_BYTES = 4 * 2 ** 30;

/** What this machine allows. */
export interface Examination {
  readonly kernel: string;
  readonly architecture: string;
  readonly node: string;
  /** Bytes of the kernel's type information; undefined where it has none. */
  readonly btfBytes: number | undefined;
  readonly user: string;
  readonly capabilities: readonly Capability[];
  /** Path, or what went wrong. */
  readonly libbpf: string;
  readonly ladder: readonly RungReport[];
  readonly freeBytes: number;
  /** Where packages come from; undefined without apt. */
  readonly debian: Reachability | undefined;
  readonly npm: Reachability;
  readonly takenPorts: readonly PortUse[];
  /** Lower ones need privileges. */
  readonly firstUnprivilegedPort: number;
  readonly portBase: number;
}

export async function examine(portBase: number): Promise<Examination> {
  const { bavail, bsize } = statfsSync(PROJECT_ROOT);
  const libbpf = await findLibbpf();
  const [debian, npm] = await Promise.all([debianReachability(), npmReachability()]);
  return {
    kernel: release(),
    architecture: process.arch,
    node: process.versions.node,
    btfBytes: existsSync(BTF) ? statSync(BTF).size : undefined,
    user: process.getuid?.() === 0 ? 'root' : `uid ${process.getuid?.()}`,
    capabilities: effectiveCapabilities(),
    libbpf,
    ladder: probeLadder(),
    freeBytes: bavail * bsize,
    debian,
    npm,
    firstUnprivilegedPort: firstUnprivilegedPort(),
    takenPorts: await takenPorts(portUses(portBase, { agents: 2, gateway: true })),
    portBase,
  };
}

export function render(examination: Examination): string {
  const { kernel, architecture, node, btfBytes, user, capabilities, libbpf, ladder, freeBytes } = examination;
  const rows: [string, string][] = [
    ['kernel', `${kernel} (${architecture})`],
    ['node', node],
    ['BTF', btfBytes === undefined ? `none: ${BTF} is missing` : `${BTF}, ${(btfBytes / 2 ** 20).toFixed(1)} MiB`],
    ['user', user],
    ['capabilities', capabilities.length === 0 ? 'none of those that matter' : capabilities.join(' ')],
    ['libbpf', libbpf],
    ['disk', `${(freeBytes / 2 ** 30).toFixed(1)} GiB free${freeBytes < WANTED_BYTES ? ', 4 GiB are advisable' : ''}`],
    ['Debian', describeSource(examination.debian)],
    ['npm', describeSource(examination.npm)],
    ['ports', describePorts(examination)],
  ];
  const rungs = ladder.map(
    ({ rung, works, reason }) => `  ${works ? 'yes' : 'no '}  ${rung.padEnd(10)} ${reason ?? ''}`.trimEnd() + '\n'
  );
  const advice = mayCapture(capabilities)
    ? ''
    : `\nTo capture as this user: sudo setcap ${setcapArgument()} ${process.execPath}\n` +
      'The demo works without: there agents run in a user namespace of their own.\n';
  return (
    rows.map(([name, value]) => `${name.padEnd(13)} ${value}\n`).join('') +
    `\nways to capture, best first:\n${rungs.join('')}${advice}`
  );
}

function describeSource(source: Reachability | undefined): string {
  if (source === undefined) return 'no apt, or no source configured; the demo needs Debian packages';
  return source.reachable ? `${source.url} answers` : `${source.url} does not answer; a first start needs it`;
}

function describePorts({ takenPorts: taken, portBase, firstUnprivilegedPort: first }: Examination): string {
  if (portBase < first) return `those below ${first} need root; take --port-base ${first} or higher`;
  if (taken.length === 0) return `all free above ${portBase}`;
  const example = portBase === DEFAULT_PORT_BASE ? 14_300 : DEFAULT_PORT_BASE;
  return `taken: ${listed(taken)}; --port-base ${example} moves all`;
}

/** The agent's own way to it: the system's, else Debian's unpacked, which this process then uses too. */
async function findLibbpf(): Promise<string> {
  const system = systemLibbpf();
  if (system !== undefined) return `${system} (the system's)`;
  try {
    const unpacked = await unpackLibbpf((message) => process.stderr.write(`${message}\n`));
    if (unpacked === undefined) return 'not found';
    process.env['THROUGHLINE_LIBBPF'] = unpacked;
    return `${unpacked} (unpacked)`;
  } catch (error) {
    return `not found, and not downloaded: ${(error as Error).message}`;
  }
}
