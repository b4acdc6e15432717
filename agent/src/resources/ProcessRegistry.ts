import { formatAddress, isIPv4Mapped } from '@throughline/core';
import { type HostIdentity, type ProcessIdentity, identifyProcess } from './identifyProcess.ts';
import { type ProcSocket, Procfs } from './procfs.ts';

export { type HostIdentity, type ProcessIdentity } from './identifyProcess.ts';

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

/** Whoever has a pid, and who had it before: its last exchanges are handed over after its end. */
interface PidEntry {
  readonly identity: ProcessIdentity;
  readonly previous: ProcessIdentity | undefined;
  checkedMs: number;
}

/** For so long a pid is taken to be the process it was; pids are handed out in turn, so that reuse takes longer. */
const CHECK_AGAIN_MS = 1_000;

/** A start is known to a clock tick (10 ms), the boot's wall clock as well. */
const START_PRECISION_NS = 50_000_000n;

/** Who the processes of this host are, and where they listen; bounded, with validity. */
export class ProcessRegistry {
  private readonly options: RegistryOptions;
  private readonly procfs: Procfs;
  /** By pid, the least recently seen first. */
  private readonly processes = new Map<number, PidEntry>();
  private listeners = new Map<string, Listener>();
  private sockets = new Map<string, ProcessIdentity>();
  private socketsReadMs = -Infinity;
  /** Ended since the last report. */
  private endedProcesses: ProcessIdentity[] = [];
  private endedListeners: Listener[] = [];
  private readonly bootWallNs: bigint;
  /** What could not be read or was forgotten, by reason. */
  readonly unreadable: Record<string, number> = { process_gone: 0, descriptors_denied: 0, evicted: 0 };

  constructor(options: RegistryOptions) {
    this.options = options;
    this.procfs = options.procfs ?? new Procfs();
    const uptime = Number((this.procfs.text('uptime') ?? '0').split(' ')[0]);
    this.bootWallNs = BigInt(Math.round(Date.now() - uptime * 1000)) * 1_000_000n;
  }

  /**
   * @param eventWallNs when the process was seen at work: whoever got its pid since is not handed out
   * @returns undefined for a process that is gone, or whose /proc may not be read
   */
  lookup(pid: number, eventWallNs?: bigint): ProcessIdentity | undefined {
    const { identity, previous } = this.entry(pid, CHECK_AGAIN_MS) ?? {};
    const isBefore = (process: ProcessIdentity) =>
      eventWallNs !== undefined && eventWallNs + START_PRECISION_NS < process.validFromNs;
    const found = [identity, previous].find((process) => process && !isBefore(process));
    if (!found) this.unreadable['process_gone']!++;
    return found;
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
    this.readSockets();
    return this.sockets.get(key);
  }

  /**
   * Reads all listening and connected sockets of this host's namespaces and who holds them.
   * @returns processes and listeners that live, and, once, those that ended since the last scan; for the next report
   */
  scan(): { processes: readonly ProcessIdentity[]; listeners: readonly Listener[] } {
    const living = this.readSockets();
    this.endProcesses();
    const processes = [...living.filter(({ validToNs }) => validToNs === 0n), ...this.endedProcesses];
    const listeners = [...this.listeners.values(), ...this.endedListeners];
    this.endedProcesses = [];
    this.endedListeners = [];
    return { processes, listeners };
  }

  /** @returns the processes that hold sockets */
  private readSockets(): ProcessIdentity[] {
    this.socketsReadMs = Date.now();
    const { ownerOfInode, memberOf, seen } = this.readDescriptors();
    const listeners = new Map<string, Listener>();
    const sockets = new Map<string, ProcessIdentity>();
    for (const [netns, pid] of memberOf) {
      const local = this.procfs.localAddresses(pid);
      for (const table of ['tcp', 'tcp6', 'udp', 'udp6'] as const) {
        for (const socket of this.procfs.sockets(pid, table)) {
          const owner = ownerOfInode.get(socket.inode);
          if (!owner) continue;
          const addresses = isWildcard(socket.address)
            ? local.filter((each) => table.endsWith('6') || isIPv4Mapped(each))
            : [socket.address];
          for (const address of addresses) {
            const key = `${netns}/${formatAddress(address)}:${socket.port}`;
            if (socket.isListening) this.addListener(listeners, owner, netns, address, socket);
            // TCP's tables come first: of two sockets with one number, the one with a connection is asked for more often.
            else if (!sockets.has(key)) sockets.set(key, owner);
          }
        }
      }
    }
    const nowNs = BigInt(this.socketsReadMs) * 1_000_000n;
    for (const [key, listener] of this.listeners) {
      if (listeners.get(key) === listener) continue;
      listener.validToNs = nowNs;
      this.endedListeners.push(listener);
    }
    this.listeners = listeners;
    this.sockets = sockets;
    return seen;
  }

  /** Who holds which socket, and one process of each namespace, whose /proc shows the namespace's sockets. */
  private readDescriptors(): {
    ownerOfInode: Map<number, ProcessIdentity>;
    memberOf: Map<number, number>;
    seen: ProcessIdentity[];
  } {
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
      const identity = this.entry(pid, 0)?.identity;
      if (!identity) continue;
      seen.push(identity);
      // The oldest holder made it: a master's listener stays the master's when workers inherit it.
      for (const inode of inodes) {
        const other = ownerOfInode.get(inode);
        if (!other || identity.startTicks < other.startTicks) ownerOfInode.set(inode, identity);
      }
    }
    return { ownerOfInode, memberOf, seen };
  }

  private addListener(
    listeners: Map<string, Listener>,
    owner: ProcessIdentity,
    netns: number,
    address: Uint8Array,
    { port }: ProcSocket
  ): void {
    const isNamespaceLocal = isLoopback(address);
    const key = `${isNamespaceLocal ? netns : ''}/${formatAddress(address)}:${port}`;
    const known = this.listeners.get(key);
    listeners.set(
      key,
      known?.owner.id === owner.id
        ? known
        : { owner, address, port, netns, isNamespaceLocal, validFromNs: owner.validFromNs, validToNs: 0n }
    );
  }

  private isOurs(netns: number): boolean {
    const { netns: ours = [] } = this.options;
    return ours.length === 0 || ours.includes(netns);
  }

  /** Who has this pid, as of at most `maxAgeMs` ago; who had it last, where it is free. Makes it the most recently seen. */
  private entry(pid: number, maxAgeMs: number): PidEntry | undefined {
    const known = this.processes.get(pid);
    const entry = known && Date.now() - known.checkedMs < maxAgeMs ? known : this.check(pid, known);
    if (!entry) return undefined;
    this.processes.delete(pid);
    this.processes.set(pid, entry);
    if (this.processes.size > (this.options.maxProcesses ?? 20_000)) {
      this.processes.delete(this.processes.keys().next().value as number);
      this.unreadable['evicted']!++;
    }
    return entry;
  }

  private check(pid: number, known: PidEntry | undefined): PidEntry | undefined {
    const startTicks = this.procfs.startTicks(pid);
    const checkedMs = Date.now();
    if (known && known.identity.startTicks !== startTicks) this.end(known.identity);
    if (known && (startTicks === undefined || known.identity.startTicks === startTicks)) {
      known.checkedMs = checkedMs;
      if (startTicks !== undefined && this.hasNewProgram(known.identity)) {
        // The process stays who it is: whoever holds its identity sees its new name.
        const { name, nameSource, attributes } = this.identify(pid, startTicks);
        Object.assign(known.identity, { name, nameSource, attributes });
      }
      return known;
    }
    if (startTicks === undefined) return undefined;
    return { identity: this.identify(pid, startTicks), previous: known?.identity, checkedMs };
  }

  /** A shell that became what it was to start. An upgrade that replaces the file on disk is no new program. */
  private hasNewProgram({ pid, attributes }: ProcessIdentity): boolean {
    const executable = this.procfs.link(`${pid}/exe`);
    if (executable === undefined || executable.endsWith(' (deleted)')) return false;
    return executable !== attributes.get('process.executable.path');
  }

  private identify(pid: number, startTicks: number): ProcessIdentity {
    return identifyProcess(this.procfs, this.options.host, pid, startTicks, this.bootWallNs);
  }

  /** Finds those that ended among the processes that the scan of descriptors has not just met. */
  private endProcesses(): void {
    for (const [pid, entry] of this.processes) {
      if (entry.identity.validToNs !== 0n || entry.checkedMs >= this.socketsReadMs) continue;
      if (this.procfs.startTicks(pid) === entry.identity.startTicks) continue;
      this.end(entry.identity);
      // Whoever has the pid now is looked at again.
      entry.checkedMs = -Infinity;
    }
  }

  private end(identity: ProcessIdentity): void {
    if (identity.validToNs !== 0n) return;
    identity.validToNs = BigInt(Date.now()) * 1_000_000n;
    this.endedProcesses.push(identity);
  }
}

function isWildcard(address: Uint8Array): boolean {
  const from = isIPv4Mapped(address) ? 12 : 0;
  return address.every((byte, i) => i < from || byte === 0);
}

function isLoopback(address: Uint8Array): boolean {
  return isIPv4Mapped(address) ? address[12] === 127 : address.every((byte, i) => byte === (i === 15 ? 1 : 0));
}
