// Where the instance's namespaces live. Root makes them on the machine itself. An ordinary user makes them inside a
// user, network and mount namespace of the instance's own, which a sleeping process holds open.
import { spawn, spawnSync } from 'node:child_process';
import { DemoError } from './errors.ts';

export type Mode = 'root' | 'user';

export interface Realm {
  readonly mode: Mode;
  /** Process that holds the namespaces open; undefined for root. */
  readonly holderPid?: number;
}

const READY = 'ready';

export function currentMode(): Mode {
  return process.getuid?.() === 0 ? 'root' : 'user';
}

/** Starts the process that holds an ordinary user's realm. */
export async function openUserRealm(): Promise<Realm & { readonly holderPid: number }> {
  // A /run of its own is where `ip netns` keeps names, and hides the machine's name caches from the shop's programs.
  // Where systemd-resolved runs, resolv.conf is a link into the old one: the shop's is mounted on what it points to.
  const script = `
    mount -t tmpfs tmpfs /run
    mkdir /run/netns
    resolv=$(readlink -m /etc/resolv.conf)
    case "$resolv" in /run/*) mkdir -p "\${resolv%/*}"; : >"$resolv" ;; esac
    echo ${READY}
    exec sleep infinity`;
  const holder = spawn('unshare', ['--user', '--map-root-user', '--net', '--mount', 'sh', '-euc', script], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  holder.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const ready = await new Promise<boolean>((resolve) => {
    holder.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (output.includes(READY)) resolve(true);
    });
    holder.once('error', (error) => {
      errors += error.message;
      resolve(false);
    });
    holder.once('close', () => resolve(false));
  });
  if (!ready || holder.pid === undefined) {
    throw new DemoError(
      'NAMESPACE_FAILED',
      `could not make a user and network namespace (${errors.trim()}); ` +
        'unprivileged user namespaces may be off: see sysctl kernel.unprivileged_userns_clone, or run as root'
    );
  }
  holder.stdout.destroy();
  holder.stderr.destroy();
  holder.unref();
  return { mode: 'user', holderPid: holder.pid };
}

/** Command prefix that runs the rest of the command line as root of the realm, in `namespace` if one is given. */
export function realmEntry(realm: Realm, namespace?: string): string[] {
  const outer =
    realm.holderPid === undefined
      ? []
      : ['nsenter', `--target=${realm.holderPid}`, '--user', '--mount', '--net', '--preserve-credentials'];
  return namespace === undefined ? outer : [...outer, 'nsenter', `--net=/run/netns/${namespace}`];
}

/** Runs a command as root of the realm and returns its output. */
export function runInRealm(
  realm: Realm,
  argv: readonly string[],
  options: { namespace?: string; input?: string; environment?: Readonly<Record<string, string>> } = {}
): string {
  const [program, ...rest] = [...realmEntry(realm, options.namespace), ...argv];
  if (program === undefined) throw new Error('empty command');
  const result = spawnSync(program, rest, {
    input: options.input ?? '',
    env: { ...process.env, ...options.environment },
    encoding: 'utf8',
    timeout: 30_000,
  });
  if (result.status !== 0) {
    const reason = (result.error?.message ?? result.stderr).trim();
    throw new DemoError('COMMAND_FAILED', `"${argv.join(' ').slice(0, 200)}" failed: ${reason}`);
  }
  return result.stdout;
}
