import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_ROOT } from './instance.ts';
import { isRoot } from './user.ts';

interface Tool {
  readonly debianPackage: string;
  /** A program, or an absolute path. */
  readonly provides: string;
  readonly reason: string;
}

const TOOLS: readonly Tool[] = [
  { debianPackage: 'bpftool', provides: 'bpftool', reason: 'says what is attached, beside our own account' },
  { debianPackage: 'clang', provides: 'clang', reason: 'builds the BPF objects again, to compare' },
  { debianPackage: 'llvm', provides: 'llvm-strip', reason: 'builds the BPF objects again, to compare' },
  { debianPackage: 'libbpf-dev', provides: '/usr/include/bpf/bpf_helpers.h', reason: 'headers of the BPF objects' },
  { debianPackage: 'chromium', provides: '/usr/bin/chromium', reason: 'opens every page as a person does' },
  { debianPackage: 'iproute2', provides: 'ip', reason: 'makes network namespaces' },
  { debianPackage: 'nftables', provides: 'nft', reason: 'resets and translates connections' },
  { debianPackage: 'tcpdump', provides: 'tcpdump', reason: 'records packets, to compare' },
  { debianPackage: 'tshark', provides: 'tshark', reason: 'reads recorded traffic, to compare' },
];

/** Root installs what is missing and says why; for others, and where it fails, the tests are skipped. */
export function installTestTools(): void {
  const missing = TOOLS.filter(({ provides }) => !isPresent(provides));
  if (missing.length === 0) return;
  const lines = missing.map(({ debianPackage, reason }) => `  ${debianPackage.padEnd(12)} ${reason}`).join('\n');
  if (!isRoot() || !isPresent('apt-get')) {
    process.stdout.write(`some tests are skipped for want of these Debian packages:\n${lines}\n`);
    return;
  }
  process.stdout.write(`installing Debian packages for the tests:\n${lines}\n`);
  const packages = missing.map(({ debianPackage }) => debianPackage);
  // One at a time: a package this release does not have must not keep the others away.
  const failed = packages.filter((name) => !install(name));
  if (failed.length > 0) {
    process.stdout.write(`not installed: ${failed.join(', ')}; tests that need them are skipped\n`);
  }
}

const OLDEST = join(PROJECT_ROOT, 'workbench/oldest');

/** The oldest set of Grafana's packages that the plugins support, for the browser tests. */
export function installOldestPackages(): void {
  const lock = join(OLDEST, 'package-lock.json');
  const installed = join(OLDEST, 'node_modules/.package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  process.stdout.write('installing the oldest supported packages of Grafana, for the browser tests\n');
  const { status } = spawnSync(
    'npm',
    ['install', '--no-audit', '--no-fund', '--workspaces=false', '--loglevel=error'],
    {
      cwd: OLDEST,
      stdio: ['ignore', 'ignore', 'inherit'],
    }
  );
  if (status !== 0) process.stdout.write('not installed: browser tests with them are skipped\n');
}

let areListsRead = false;

function install(name: string): boolean {
  if (!areListsRead) apt('update');
  areListsRead = true;
  return apt('install', '--yes', '--no-install-recommends', name);
}

function apt(...args: string[]): boolean {
  const { status } = spawnSync('apt-get', ['-qq', ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return status === 0;
}

function isPresent(provides: string): boolean {
  if (provides.startsWith('/')) return existsSync(provides);
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin'];
  return folders.some((folder) => isExecutable(join(folder, provides)));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
