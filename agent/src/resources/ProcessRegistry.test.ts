import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseAddress } from '@throughline/core';
import { ProcessRegistry, type RegistryOptions } from './ProcessRegistry.ts';
import { Procfs } from './procfs.ts';

/**
 * Of a host that booted 100000 s before: unbound 640, nginx 812 and its worker 813, Java 1204, Redis 2301 in a container.
 * Its symbolic links are in links.txt: as links they would lead tools that walk the sources out of them.
 */
const RECORDED = join(import.meta.dirname, 'testdata/proc');

const HOST_NETNS = 4026531840;
const CONTAINER_NETNS = 4026532281;
const NOW_MS = Date.UTC(2026, 0, 2);
const BOOT_NS = BigInt(NOW_MS - 100_000_000) * 1_000_000n;

const address = (text: string) => parseAddress(text)!;

let root: string;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: NOW_MS });
  root = mkdtempSync(join(tmpdir(), 'throughline-proc-'));
  cpSync(RECORDED, root, { recursive: true });
  for (const line of readFileSync(join(RECORDED, 'links.txt'), 'utf8').trim().split('\n')) {
    const [path, target] = line.split(' -> ') as [string, string];
    mkdirSync(dirname(join(root, path)), { recursive: true });
    symlinkSync(target, join(root, path));
  }
});

afterEach(() => {
  vi.useRealTimers();
  rmSync(root, { recursive: true });
});

function open(options: Partial<RegistryOptions> = {}): ProcessRegistry {
  return new ProcessRegistry({
    host: { hostId: 'h', hostName: 'h', bootId: 'b' },
    procfs: new Procfs(root),
    ...options,
  });
}

function remove(pid: number): void {
  rmSync(join(root, String(pid)), { recursive: true });
}

function exec(pid: number, executable: string, commandLine: string): void {
  rmSync(join(root, String(pid), 'exe'), { force: true });
  symlinkSync(executable, join(root, String(pid), 'exe'));
  writeFileSync(join(root, String(pid), 'cmdline'), commandLine);
}

/** Gives a pid to another process, by its start time, field 22 of stat. */
function reuse(pid: number, oldStart: number, newStart: number): void {
  const stat = join(root, String(pid), 'stat');
  writeFileSync(stat, readFileSync(stat, 'utf8').replace(` ${oldStart} `, ` ${newStart} `));
}

describe('who a process is', () => {
  it('reads a title with zeros behind it, and the unit', () => {
    const worker = open().lookup(813)!;
    expect(worker).toMatchObject({ pid: 813, startTicks: 1502, name: 'nginx', nameSource: 'unit', netns: HOST_NETNS });
    expect(worker.validFromNs).toBe(BOOT_NS + 15_020_000_000n);
    expect(Object.fromEntries(worker.attributes)).toEqual({
      'process.pid': '813',
      'process.executable.path': '/usr/sbin/nginx',
      'process.command_line': 'nginx: worker process',
      'systemd.unit': 'nginx.service',
    });
  });

  it('reports of the environment only what is on the list', () => {
    const java = open().lookup(1204)!;
    expect(java).toMatchObject({ startTicks: 250000, name: 'Checkout', nameSource: 'command' });
    expect(Object.fromEntries(java.attributes)).toEqual({
      'process.pid': '1204',
      'process.executable.path': '/usr/lib/jvm/java-21-openjdk-amd64/bin/java',
      'process.command_line':
        'java -Xmx512m -cp /opt/shop/app.jar:/opt/shop/lib/log.jar -Dspring.datasource.password=[redacted] ' +
        'com.shop.checkout.Checkout --server.port=8080',
      'service.namespace': 'shop',
      'service.version': '1.4+2',
      'k8s.pod.name': 'checkout-7d9',
    });
  });

  it('has the name of what a shell became, and stays the same process', () => {
    exec(2301, '/bin/sh', 'sh\0-c\0exec redis\0');
    const registry = open();
    const shell = registry.lookup(2301)!;
    const { id, name } = shell;
    expect(name).toBe('sh');
    exec(2301, '/usr/bin/redis-server', 'redis-server *:6379\0');
    vi.setSystemTime(NOW_MS + 1_500);
    expect(registry.lookup(2301)).toBe(shell);
    expect(shell).toMatchObject({ id, name: 'redis-server' });
    expect(shell.attributes.get('process.executable.path')).toBe('/usr/bin/redis-server');
    // A package was upgraded under it: the same program.
    exec(2301, '/usr/bin/redis-server (deleted)', 'redis-server *:6379\0');
    vi.setSystemTime(NOW_MS + 3_000);
    expect(registry.lookup(2301)).toMatchObject({ name: 'redis-server' });
  });

  it('knows the container', () => {
    const redis = open().lookup(2301)!;
    expect(redis).toMatchObject({ name: 'redis-server', nameSource: 'executable', netns: CONTAINER_NETNS });
    expect(redis.attributes.get('container.id')).toBe('3f9a0c1d'.repeat(8));
    expect(redis.attributes.has('systemd.unit')).toBe(false);
  });
});

describe('who listens', () => {
  it('finds owners by address, the oldest holder of a socket', () => {
    const registry = open();
    const { processes } = registry.scan();
    expect(processes.map(({ pid }) => pid).sort((a, b) => a - b)).toEqual([640, 812, 813, 1204, 2301]);
    const at = (netns: number, text: string, port: number) => registry.listenerAt(netns, address(text), port)?.pid;
    expect(at(HOST_NETNS, '192.0.2.10', 80)).toBe(812);
    expect(at(CONTAINER_NETNS, '192.0.2.10', 80)).toBe(812);
    expect(at(HOST_NETNS, 'fe80::42:ff:fe0a:b0c', 80)).toBe(812);
    expect(at(HOST_NETNS, '127.0.0.1', 8080)).toBe(1204);
    expect(at(CONTAINER_NETNS, '127.0.0.1', 8080)).toBeUndefined();
    expect(at(HOST_NETNS, '192.0.2.10', 8080)).toBeUndefined();
    expect(at(HOST_NETNS, '172.17.0.2', 6379)).toBe(2301);
    expect(at(HOST_NETNS, '127.0.0.1', 6379)).toBeUndefined();
    expect(registry.socketOwner(HOST_NETNS, address('127.0.0.1'), 0xd431)?.pid).toBe(813);
  });

  it('takes a UDP socket on a port that the kernel chose for a client', () => {
    const registry = open();
    const { listeners } = registry.scan();
    expect(listeners.some(({ port }) => port === 0xa028)).toBe(false);
    expect(registry.socketOwner(HOST_NETNS, address('192.0.2.10'), 0xa028)?.pid).toBe(1204);
    expect(registry.listenerAt(HOST_NETNS, address('127.0.0.1'), 53)?.pid).toBe(640);
  });

  it('takes well-known UDP ports for listeners where every port may be chosen', () => {
    writeFileSync(join(root, 'sys/net/ipv4/ip_local_port_range'), '1\t65535\n');
    rmSync(join(root, '640/net/tcp'));
    const registry = open();
    registry.scan();
    expect(registry.listenerAt(HOST_NETNS, address('127.0.0.1'), 53)?.pid).toBe(640);
  });

  it('looks into its own namespaces only', () => {
    const { processes } = open({ netns: [CONTAINER_NETNS] }).scan();
    expect(processes.map(({ pid }) => pid)).toEqual([2301]);
  });

  it('reports the end of a listener once, also where another reading found it', () => {
    const registry = open();
    registry.scan();
    rmSync(join(root, '1204/fd/5'));
    vi.advanceTimersByTime(2_000);
    registry.socketOwner(HOST_NETNS, address('192.0.2.99'), 1);
    const ended = () => registry.scan().listeners.filter(({ validToNs }) => validToNs !== 0n);
    expect(ended().map(({ port, validToNs }) => [port, validToNs])).toEqual([
      [8080, BigInt(NOW_MS + 2_000) * 1_000_000n],
    ]);
    expect(ended()).toEqual([]);
  });
});

describe('processes that end', () => {
  it('are reported once, and stay the owners of what they did', () => {
    const registry = open();
    const redis = registry.lookup(2301)!;
    registry.scan();
    remove(2301);
    vi.advanceTimersByTime(2_000);
    const ended = () => registry.scan().processes.filter(({ validToNs }) => validToNs !== 0n);
    expect(ended()).toEqual([redis]);
    expect(redis.validToNs).toBe(BigInt(NOW_MS + 2_000) * 1_000_000n);
    expect(ended()).toEqual([]);
    expect(registry.lookup(2301)).toBe(redis);
  });

  it('are noticed without a socket, and by a look-up', () => {
    const registry = open();
    const [java, redis] = [registry.lookup(1204)!, registry.lookup(2301)!];
    for (const fd of [5, 6]) rmSync(join(root, `1204/fd/${fd}`));
    remove(2301);
    vi.advanceTimersByTime(2_000);
    expect(registry.lookup(2301)).toBe(redis);
    remove(1204);
    const { processes } = registry.scan();
    expect(processes.filter(({ validToNs }) => validToNs !== 0n)).toEqual([redis, java]);
  });

  it('leave their pid to another, whose identity is its own', () => {
    const registry = open();
    const old = registry.lookup(1204)!;
    reuse(1204, 250_000, 10_000_000);
    vi.advanceTimersByTime(999);
    expect(registry.lookup(1204)).toBe(old);
    vi.advanceTimersByTime(1);
    const young = registry.lookup(1204)!;
    expect(young.startTicks).toBe(10_000_000);
    expect(young.id).not.toBe(old.id);
    expect(old.validToNs).toBe(BigInt(NOW_MS + 1_000) * 1_000_000n);
    const { processes } = registry.scan();
    expect(processes.filter(({ pid }) => pid === 1204)).toEqual([young, old]);
  });

  it('keep what they did before another got their pid', () => {
    const registry = open();
    const old = registry.lookup(1204)!;
    reuse(1204, 250_000, 10_000_000);
    vi.advanceTimersByTime(2_000);
    const young = registry.lookup(1204)!;
    expect(registry.lookup(1204, young.validFromNs + 1n)).toBe(young);
    expect(registry.lookup(1204, young.validFromNs - 1_000_000_000n)).toBe(old);
    expect(registry.unreadable['process_gone']).toBe(0);
    expect(registry.lookup(1204, old.validFromNs - 1_000_000_000n)).toBeUndefined();
    expect(registry.unreadable['process_gone']).toBe(1);
  });

  it('are noticed by the scan within the second in which a look-up trusts', () => {
    const registry = open();
    registry.scan();
    vi.advanceTimersByTime(100);
    const old = registry.lookup(1204)!;
    reuse(1204, 250_000, 10_000_000);
    vi.advanceTimersByTime(100);
    const { processes } = registry.scan();
    expect(processes.filter(({ pid }) => pid === 1204).map(({ startTicks }) => startTicks)).toEqual([
      10_000_000, 250_000,
    ]);
    expect(registry.lookup(1204)).not.toBe(old);
  });
});

describe('what is not known', () => {
  it('counts processes that are gone and descriptors that are denied', () => {
    const registry = open();
    expect(registry.lookup(4_000_000)).toBeUndefined();
    rmSync(join(root, '640/fd'), { recursive: true });
    registry.scan();
    expect(registry.unreadable).toEqual({ process_gone: 1, descriptors_denied: 1, evicted: 0 });
  });

  it('forgets the least recently seen, and counts it', () => {
    const registry = open({ maxProcesses: 2 });
    const [master, worker] = [registry.lookup(812), registry.lookup(813)];
    expect(registry.lookup(812)).toBe(master);
    registry.lookup(1204);
    expect(registry.unreadable['evicted']).toBe(1);
    expect(registry.lookup(812)).toBe(master);
    expect(registry.lookup(813)).not.toBe(worker);
  });

  it('reads package.json as the process sees it', () => {
    writeFileSync(join(root, '640/cmdline'), 'node\0dist/index.js\0');
    writeFileSync(join(root, '640/cgroup'), '0::/user.slice\n');
    rmSync(join(root, '640/cwd'));
    symlinkSync('/app', join(root, '640/cwd'));
    cpSync(join(import.meta.dirname, 'testdata/app'), join(root, '640/root/app'), { recursive: true });
    expect(open().lookup(640)).toMatchObject({ name: 'cart', nameSource: 'command' });
  });
});
