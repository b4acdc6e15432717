import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { entityId, formatAddress, isIPv4Mapped } from '@throughline/core';
import { Procfs } from './procfs.ts';
import { type NameSource, serviceName } from './serviceName.ts';

export interface HostIdentity {
  readonly hostId: string;
  readonly hostName: string;
  readonly bootId: string;
}

export interface ProcessIdentity {
  readonly id: bigint;
  readonly pid: number;
  readonly startTicks: number;
  readonly name: string;
  readonly nameSource: NameSource;
  readonly netns: number;
  /** Wall clock, ns; 0 while it runs. */
  validFromNs: bigint;
  validToNs: bigint;
  /** By OpenTelemetry's names; arguments that look like secrets are redacted. */
  readonly attributes: ReadonlyMap<string, string>;
}

export interface Listener {
  readonly owner: ProcessIdentity;
  readonly address: Uint8Array;
  readonly port: number;
  readonly netns: number;
  /** Loopback and the like mean something inside their namespace only. */
  readonly isNamespaceLocal: boolean;
  readonly validFromNs: bigint;
  validToNs: bigint;
}

export interface RegistryOptions {
  readonly host: HostIdentity;
  /** Namespaces of this host; empty means all. */
  readonly netns?: readonly number[];
  readonly procfs?: Procfs;
  /** Processes remembered; the least recently seen leave. @default 20_000 */
  readonly maxProcesses?: number;
}

const TICKS_PER_SECOND = 100;
const CHECK_AGAIN_MS = 5_000;

/** Who the processes of this host are, and where they listen; bounded, with validity. */
export class ProcessRegistry {
  private readonly options: RegistryOptions;
  private readonly procfs: Procfs;
  private readonly processes = new Map<number, { identity: ProcessIdentity; checkedMs: number }>();
  private listeners = new Map<string, Listener>();
  private sockets = new Map<string, ProcessIdentity>();
  private socketsReadMs = -Infinity;
  private readonly bootWallNs: bigint;
  /** What could not be read, by reason. */
  readonly unreadable: Record<string, number> = { process_gone: 0, descriptors_denied: 0 };

  constructor(options: RegistryOptions) {
    this.options = options;
    this.procfs = options.procfs ?? new Procfs();
    const uptime = Number((this.procfs.text('uptime') ?? '0').split(' ')[0]);
    this.bootWallNs = BigInt(Math.round(Date.now() - uptime * 1000)) * 1_000_000n;
  }

  /** @returns undefined for a process that is gone, or whose /proc may not be read */
  lookup(pid: number): ProcessIdentity | undefined {
    const nowMs = Date.now();
    const known = this.processes.get(pid);
    if (known && nowMs - known.checkedMs < CHECK_AGAIN_MS) return known.identity;
    const startTicks = this.procfs.startTicks(pid);
    if (startTicks === undefined) {
      // Its last exchanges are handed over after its end: they are still its own.
      if (known) return known.identity;
      this.unreadable['process_gone']!++;
      return undefined;
    }
    if (known && known.identity.startTicks === startTicks) {
      known.checkedMs = nowMs;
      return known.identity;
    }
    if (known) known.identity.validToNs = BigInt(nowMs) * 1_000_000n;
    const identity = this.identify(pid, startTicks);
    this.processes.set(pid, { identity, checkedMs: nowMs });
    if (this.processes.size > (this.options.maxProcesses ?? 20_000)) {
      this.processes.delete(this.processes.keys().next().value as number);
    }
    return identity;
  }

  /** Who listens there; undefined where nobody is known to. Reads what `scan` found. */
  listenerAt(netns: number, address: Uint8Array, port: number): ProcessIdentity | undefined {
    const text = formatAddress(address);
    return (this.listeners.get(`${netns}/${text}:${port}`) ?? this.listeners.get(`/${text}:${port}`))?.owner;
  }

  /** Who holds a connected socket with this local end; for rungs that see no processes. */
  socketOwner(netns: number, address: Uint8Array, port: number): ProcessIdentity | undefined {
    const key = `${netns}/${formatAddress(address)}:${port}`;
    const owner = this.sockets.get(key);
    if (owner || Date.now() - this.socketsReadMs < 1_000) return owner;
    this.scan();
    return this.sockets.get(key);
  }

  /**
   * Reads all listening and connected sockets of this host's namespaces and who holds them.
   * @returns processes and listeners that live, for the next report
   */
  scan(): { processes: readonly ProcessIdentity[]; listeners: readonly Listener[] } {
    const nowNs = BigInt(Date.now()) * 1_000_000n;
    this.socketsReadMs = Date.now();
    const ownerOfInode = new Map<number, ProcessIdentity>();
    const memberOf = new Map<number, number>();
    const seen: ProcessIdentity[] = [];
    for (const pid of this.procfs.pids()) {
      const netns = this.procfs.netns(pid);
      if (netns === undefined || !this.isOurs(netns)) continue;
      if (!memberOf.has(netns)) memberOf.set(netns, pid);
      const inodes = this.procfs.socketInodes(pid);
      if (inodes === undefined) {
        this.unreadable['descriptors_denied']!++;
        continue;
      }
      if (inodes.length === 0) continue;
      const identity = this.lookup(pid);
      if (!identity) continue;
      seen.push(identity);
      // The first holder made it: a master's listener stays the master's when workers inherit it.
      for (const inode of inodes) if (!ownerOfInode.has(inode)) ownerOfInode.set(inode, identity);
    }
    const listeners = new Map<string, Listener>();
    const sockets = new Map<string, ProcessIdentity>();
    for (const [netns, pid] of memberOf) {
      const local = this.procfs.localAddresses(pid);
      for (const table of ['tcp', 'tcp6', 'udp', 'udp6'] as const) {
        for (const socket of this.procfs.sockets(pid, table)) {
          const owner = ownerOfInode.get(socket.inode);
          if (!owner) continue;
          if (!socket.isListening) {
            sockets.set(`${netns}/${formatAddress(socket.address)}:${socket.port}`, owner);
            continue;
          }
          const addresses = isWildcard(socket.address)
            ? local.filter((each) => table.endsWith('6') || isIPv4Mapped(each))
            : [socket.address];
          for (const address of addresses) {
            const isNamespaceLocal = isLoopback(address);
            const key = `${isNamespaceLocal ? netns : ''}/${formatAddress(address)}:${socket.port}`;
            const known = this.listeners.get(key);
            listeners.set(
              key,
              known?.owner === owner
                ? known
                : {
                    owner,
                    address,
                    port: socket.port,
                    netns,
                    isNamespaceLocal,
                    validFromNs: owner.validFromNs,
                    validToNs: 0n,
                  }
            );
          }
        }
      }
    }
    const ended: Listener[] = [];
    for (const [key, listener] of this.listeners) {
      if (listeners.get(key) !== listener) {
        listener.validToNs = nowNs;
        ended.push(listener);
      }
    }
    this.listeners = listeners;
    this.sockets = sockets;
    return { processes: seen, listeners: [...listeners.values(), ...ended] };
  }

  private isOurs(netns: number): boolean {
    const { netns: ours = [] } = this.options;
    return ours.length === 0 || ours.includes(netns);
  }

  private identify(pid: number, startTicks: number): ProcessIdentity {
    const { hostId, bootId } = this.options.host;
    // A title that is shorter than the arguments it overwrote leaves empty ones behind.
    const commandLine = (this.procfs.text(`${pid}/cmdline`) ?? '').replace(/\0+$/, '').split('\0');
    const executable = this.procfs.link(`${pid}/exe`) ?? commandLine[0] ?? '';
    const cgroup = this.procfs.text(`${pid}/cgroup`) ?? '';
    const working = this.procfs.link(`${pid}/cwd`) ?? '/';
    const { name, source } = serviceName({
      executable,
      commandLine: titleAware(commandLine),
      environment: this.otelEnvironment(pid),
      systemdUnit: systemdUnit(cgroup),
      packageName: (script) =>
        packageName(
          join(this.procfs.root, String(pid), 'root'),
          join(working, script.startsWith('/') ? '' : '.'),
          script
        ),
    });
    const container = containerId(cgroup);
    const attributes = new Map<string, string>([
      ['process.pid', String(pid)],
      ['process.executable.path', executable],
      ['process.command_line', redactArguments(commandLine).join(' ').slice(0, 1024)],
    ]);
    if (container !== undefined) attributes.set('container.id', container);
    return {
      id: entityId('process', hostId, bootId, pid, startTicks),
      pid,
      startTicks,
      name,
      nameSource: source,
      netns: this.procfs.netns(pid) ?? 0,
      validFromNs: this.bootWallNs + BigInt(Math.round((startTicks / TICKS_PER_SECOND) * 1e9)),
      validToNs: 0n,
      attributes,
    };
  }

  /** Only names that OpenTelemetry defines leave the environment; everything else may be a secret. */
  private otelEnvironment(pid: number): Map<string, string> {
    const found = new Map<string, string>();
    for (const entry of (this.procfs.text(`${pid}/environ`) ?? '').split('\0')) {
      const at = entry.indexOf('=');
      const key = entry.slice(0, at);
      if (key === 'OTEL_SERVICE_NAME' || key === 'OTEL_RESOURCE_ATTRIBUTES') found.set(key, entry.slice(at + 1));
    }
    return found;
  }
}

/** Programs that set their title write one string, such as "nginx: worker process". */
function titleAware(commandLine: readonly string[]): readonly string[] {
  const first = commandLine[0] ?? '';
  return commandLine.length === 1 && first.includes(' ') ? first.split(' ') : commandLine;
}

function containerId(cgroup: string): string | undefined {
  return /\b([0-9a-f]{64})\b/.exec(cgroup)?.[1];
}

/** The unit of a service; sessions, slices and containers are none. */
function systemdUnit(cgroup: string): string | undefined {
  if (containerId(cgroup) !== undefined) return undefined;
  const unit = /\/([^/]+)\.service(?:\/|$)/m.exec(cgroup)?.[1];
  return unit === undefined || /^user@/.test(unit) ? undefined : unit;
}

const SECRET_OPTION = /^--?[\w-]*(password|passwd|secret|token|api-?key|credential)[\w-]*/i;

/** Values of options that look like secrets, `--x=y` and `--x y` alike, and credentials in URLs. */
export function redactArguments(args: readonly string[]): string[] {
  return args.map((arg, i) => {
    const option = SECRET_OPTION.exec(arg);
    if (option) return arg.includes('=') ? `${arg.slice(0, arg.indexOf('='))}=[redacted]` : arg;
    const previous = args[i - 1];
    if (previous !== undefined && SECRET_OPTION.test(previous) && !previous.includes('=')) return '[redacted]';
    return arg.replace(/(\w+:\/\/)[^/@\s]+@/, '$1[redacted]@');
  });
}

function packageName(root: string, working: string, script: string): string | undefined {
  let folder = dirname(script.startsWith('/') ? script : join(working, script));
  for (let depth = 0; depth < 4; depth++) {
    try {
      const { name } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as { name?: unknown };
      return typeof name === 'string' ? name : undefined;
    } catch {
      folder = dirname(folder);
    }
  }
  return undefined;
}

function isWildcard(address: Uint8Array): boolean {
  const from = isIPv4Mapped(address) ? 12 : 0;
  return address.every((byte, i) => i < from || byte === 0);
}

function isLoopback(address: Uint8Array): boolean {
  return isIPv4Mapped(address) ? address[12] === 127 : address.every((byte, i) => byte === (i === 15 ? 1 : 0));
}
