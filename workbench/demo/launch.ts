// Starts one program of the shop: in its namespace, with the shop's name service, as an unprivileged user.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DemoError } from './errors.ts';
import { type DemoProcess, type UserIds } from './instance.ts';
import { isRunning, processIdentity } from './processes.ts';
import { realmEntry, type Realm } from './realm.ts';

export interface Launcher {
  readonly realm: Realm;
  readonly user: UserIds;
  /** Working directory of every program; logs are in `log` under it. */
  readonly directory: string;
  /** The folder all programs and sources lie in. */
  readonly projectRoot: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Processes that have been told to end. */
  readonly ending: Set<number>;
  /** A program ended that nobody told to end. */
  readonly onExit: (name: string, reason: string) => void;
}

export interface Program {
  readonly name: string;
  readonly argv: readonly string[];
  /** Undefined: not in the shop's network but where the demo was started. */
  readonly namespace?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Running extends DemoProcess {
  /** Set once the process has ended. */
  readonly ended: { reason?: string };
}

const POLL_MS = 20;
const READY_TIMEOUT_MS = 20_000;

export function logPath(directory: string, name: string): string {
  return join(directory, 'log', `${name}.log`);
}

export function launch(launcher: Launcher, program: Program): Running {
  const argv = commandLine(launcher, program);
  const [file, ...rest] = argv;
  if (file === undefined) throw new Error('empty command');
  const log = openSync(logPath(launcher.directory, program.name), 'a');
  const child = spawn(file, rest, {
    cwd: launcher.directory,
    env: { HOME: launcher.directory, ...launcher.environment, ...program.environment },
    // A session of its own: Ctrl-C reaches only the command, which ends the shop in order.
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  child.unref();
  const identity = child.pid === undefined ? undefined : processIdentity(child.pid);
  if (identity === undefined) {
    throw new DemoError(
      'PROCESS_ENDED',
      `${program.name} could not be started: ${lastLogLine(launcher, program.name)}`
    );
  }
  const running: Running = { name: program.name, ...identity, ended: {} };
  child.once('exit', (code, signal) => {
    running.ended.reason = signal === null ? `exit code ${code}` : `signal ${signal}`;
    if (!launcher.ending.has(running.pid)) launcher.onExit(running.name, running.ended.reason);
  });
  return running;
}

/** The command line as it is started: enter the namespaces, set the name service, drop privileges, run. */
export function commandLine(launcher: Launcher, program: Program): string[] {
  const { realm, user, directory, projectRoot } = launcher;
  const drop =
    realm.mode === 'root'
      ? `setpriv --reuid=${user.uid} --regid=${user.gid} --clear-groups --no-new-privs`
      : `unshare --user --map-user=${user.uid} --map-group=${user.gid}`;
  if (program.namespace === undefined && realm.mode === 'user') return [...program.argv];
  const steps = [
    'set -eu',
    'umask 022',
    ...reachable(realm, projectRoot),
    ...(program.namespace === undefined
      ? []
      : [
          `mount --bind ${quoted(join(directory, 'resolv.conf'))} /etc/resolv.conf`,
          `mount --bind ${quoted(join(directory, 'nsswitch.conf'))} /etc/nsswitch.conf`,
          // A name cache of the machine would be asked before DNS.
          'if [ -d /run/nscd ]; then mount -t tmpfs tmpfs /run/nscd; fi',
        ]),
    `cd ${quoted(directory)}`,
    `exec ${drop} "$@"`,
  ];
  const entry = program.namespace === undefined ? [] : realmEntry(realm, program.namespace);
  return [...entry, 'unshare', '--mount', 'sh', '-c', steps.join('\n'), 'launch', ...program.argv];
}

/**
 * A checkout below a folder closed to other users (root's home, mostly) is shown to the program at the same path
 * through an empty file system over that folder, in the program's own mount namespace.
 */
function reachable(realm: Realm, projectRoot: string): string[] {
  if (realm.mode === 'user') return [];
  const closed = closedAncestor(projectRoot);
  if (closed === undefined) return [];
  const root = quoted(projectRoot);
  return [
    `mount --bind ${root} /mnt`,
    `mount -t tmpfs -o mode=755 tmpfs ${quoted(closed)}`,
    `mkdir -p ${root}`,
    `mount --bind /mnt ${root}`,
    'umount /mnt',
  ];
}

function closedAncestor(projectRoot: string): string | undefined {
  const ancestors: string[] = [];
  for (let folder = dirname(resolve(projectRoot)); folder !== '/'; folder = dirname(folder)) ancestors.unshift(folder);
  return ancestors.find((folder) => (statSync(folder).mode & 0o001) === 0);
}

/** How to see that a program is up: it listens on a port, or a file (a unix socket in the folder) is there. */
export type Ready = { readonly tcp: number } | { readonly udp: number } | { readonly file: string };

/** Waits for it by looking at the kernel's socket table, so that asking makes no traffic. */
export async function untilReady(
  launcher: Launcher,
  running: Running,
  ready: Ready,
  signal?: AbortSignal
): Promise<void> {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while (!isReady(launcher, running, ready)) {
    signal?.throwIfAborted();
    if (!isRunning(running)) {
      const reason = running.ended.reason ?? 'it ended';
      throw new DemoError('PROCESS_ENDED', `${running.name}: ${reason}: ${lastLogLine(launcher, running.name)}`);
    }
    if (performance.now() > deadline) {
      const wanted = JSON.stringify(ready);
      throw new DemoError(
        'NOT_READY',
        `${running.name} is not up (${wanted}) after ${READY_TIMEOUT_MS / 1000} s; see its log`
      );
    }
    await delay(POLL_MS);
  }
}

function isReady(launcher: Launcher, running: Running, ready: Ready): boolean {
  if ('file' in ready) return existsSync(join(launcher.directory, ready.file));
  return 'tcp' in ready ? listens(running.pid, 'tcp', ready.tcp) : listens(running.pid, 'udp', ready.udp);
}

function listens(pid: number, kind: 'tcp' | 'udp', port: number): boolean {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const state = kind === 'tcp' ? '0A' : '07';
  return socketTable(pid, kind).some((row) => row[0]?.endsWith(suffix) && row[1] === state);
}

/** Local address and state of the sockets in the process's network namespace. */
function socketTable(
  pid: number,
  kind: 'tcp' | 'udp'
): (readonly [local: string | undefined, state: string | undefined])[] {
  return [kind, `${kind}6`].flatMap((name) => {
    let table: string;
    try {
      table = readFileSync(`/proc/${pid}/net/${name}`, 'latin1');
    } catch {
      return [];
    }
    return table.split('\n').map((line) => {
      const fields = line.trim().split(/\s+/);
      return [fields[1], fields[3]] as const;
    });
  });
}

function lastLogLine(launcher: Launcher, name: string): string {
  const path = logPath(launcher.directory, name);
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  return `${lines.at(-1) ?? ''} (${path})`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
