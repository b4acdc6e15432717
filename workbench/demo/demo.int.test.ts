// The whole shop, as root in namespaces of the machine, as an ordinary user in a user namespace.
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEBIAN_PACKAGES, openDemo, startDemo, stopLeftovers, type Demo, type LoadReport } from './index.ts';
import { isRunning } from './processes.ts';
import { locatePrograms } from './programs.ts';
import { unpackDebian } from './debian.ts';

const PORT_BASE = 20_000 + Math.floor(Math.random() * 300) * 100;
const PREFIX = `tl${PORT_BASE}`;

/** Of 50 requests, by the generator's fixed pattern. */
const SENT = {
  'GET /api/products': 20,
  'GET /api/products/{id}': 15,
  'POST /api/checkout': 10,
  'GET /api/payments/{id}': 5,
};

type Outcomes = Readonly<Record<string, Readonly<Record<string, number>>>>;

function totals(counts: Outcomes): Record<string, number> {
  return Object.fromEntries(
    Object.entries(counts).map(([key, outcomes]) => [key, Object.values(outcomes).reduce((sum, n) => sum + n, 0)])
  );
}

function difference(after: Outcomes, before: Outcomes): Record<string, number> {
  const earlier = totals(before);
  return Object.fromEntries(
    Object.entries(totals(after))
      .map(([key, count]): [string, number] => [key, count - (earlier[key] ?? 0)])
      .filter(([, count]) => count > 0)
  );
}

function outcomes(report: LoadReport, route: string): Readonly<Record<string, number>> {
  return report.routes[route]?.outcomes ?? {};
}

function namespacesLeft(): string[] {
  return existsSync('/run/netns') ? readdirSync('/run/netns').filter((name) => name.startsWith(`${PREFIX}-`)) : [];
}

/** The machine's own nftables; only root may ask. */
function machineTables(): string {
  const { nft, environment } = locatePrograms(unpackedRoot);
  return spawnSync(nft, ['list', 'tables'], { env: environment, encoding: 'utf8' }).stdout;
}

/** Remote ends of a process's network namespace as /proc/net/tcp writes them: "0A2B640A:1F90". */
function remoteAddresses(pid: number): Set<string> {
  const lines = ['tcp', 'tcp6'].flatMap((name) => readFileSync(`/proc/${pid}/net/${name}`, 'latin1').split('\n'));
  return new Set(lines.flatMap((line) => /^\s*\d+: \S+ (?:0{16}FFFF0000)?([0-9A-F]{8}):/.exec(line)?.[1] ?? []));
}

function kernelForm(address: string): string {
  return Buffer.from(address.split('.').map(Number).reverse()).toString('hex').toUpperCase();
}

/** Why the shop cannot run here, or where its programs are. */
async function prepare(): Promise<{ unpackedRoot: string; missing?: string }> {
  if (process.getuid?.() !== 0 && spawnSync('unshare', ['--user', '--map-root-user', '--net', 'true']).status !== 0) {
    return { unpackedRoot: '', missing: 'neither root nor unprivileged user namespaces' };
  }
  try {
    return { unpackedRoot: await unpackDebian(DEBIAN_PACKAGES) };
  } catch (error) {
    return { unpackedRoot: '', missing: `Debian packages: ${error instanceof Error ? error.message : String(error)}` };
  }
}

const { unpackedRoot, missing } = await prepare();
if (missing !== undefined) console.log(`skipped: the demo system: ${missing}`);

describe.skipIf(missing !== undefined)('the demo system', () => {
  const stateDirectory = mkdtempSync(join(tmpdir(), 'throughline-demo-'));
  const collected: Buffer[] = [];
  const collector = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => collected.push(chunk));
    request.on('end', () => response.end());
  });
  let demo: Demo;

  function start(): Promise<Demo> {
    return startDemo({ unpackedRoot, stateDirectory, portBase: PORT_BASE });
  }

  function processId(name: string): number {
    const found = demo.processes.find((process) => process.name === name);
    if (found === undefined) throw new Error(`no process ${name}`);
    return found.pid;
  }

  beforeAll(async () => {
    chmodSync(stateDirectory, 0o755);
    collector.listen(PORT_BASE + 18, '127.0.0.1');
    await once(collector, 'listening');
    demo = await start();
  });

  afterAll(async () => {
    await stopLeftovers(stateDirectory, PORT_BASE);
    collector.close();
    rmSync(stateDirectory, { recursive: true, force: true });
  });

  it('counts at every service what the load generator sent, and at every edge the same on both sides', async () => {
    const before = await demo.counts();
    const report = await demo.runLoad({ requests: 50, concurrency: 8 });
    const after = await demo.counts();
    expect(report.finished).toBe(50);
    expect(Object.fromEntries(Object.entries(report.routes).map(([name, { sent }]) => [name, sent]))).toEqual(SENT);
    expect(Object.values(report.routes).flatMap((route) => Object.keys(route.outcomes))).toEqual(
      expect.not.arrayContaining([expect.stringMatching(/^[^2]/)])
    );

    const checkout = difference(after.checkout.called, before.checkout.called);
    const payments = difference(after.payments.called, before.payments.called);
    expect(difference(after.checkout.received, before.checkout.received)).toEqual({ 'POST /checkout': 10 });
    expect(checkout).toEqual({
      'catalog GET /products/{id}': 20,
      'catalog GET /stock/{id}': 20,
      'payments POST /payments': 10,
    });
    expect(difference(after.catalog.received, before.catalog.received)).toEqual({
      'GET /products': 20,
      'GET /products/{id}': 15 + 20,
      'GET /stock/{id}': 20,
    });
    expect(difference(after.payments.received, before.payments.received)).toEqual({
      'POST /payments': 10,
      'GET /payments/{id}': 5,
    });
    expect(payments).toEqual({ 'ledger POST /entries': 10, 'ledger GET /entries/{id}': 5 });
    expect(difference(after.ledger.received, before.ledger.received)).toEqual({
      'POST /entries': 10,
      'GET /entries/{id}': 5,
    });
    expect(difference(after.ledger.called, before.ledger.called)).toEqual({
      'mysql BEGIN': 10,
      'mysql EXECUTE entry': 20,
      'mysql COMMIT': 10,
      'mysql SELECT entries': 5,
    });
  });

  it('hides payments behind an address that its callers know and it does not', () => {
    const callers = remoteAddresses(processId('checkout'));
    expect(callers).toContain(kernelForm('10.43.100.10'));
    expect(callers).not.toContain(kernelForm('10.43.2.11'));
    expect(remoteAddresses(processId('payments'))).toContain(kernelForm('10.43.1.12'));
  });

  it('runs every process without privileges', () => {
    for (const { pid, name } of demo.processes) {
      const status = readFileSync(`/proc/${pid}/status`, 'latin1');
      expect(/^Uid:\s+(\d+)/m.exec(status)?.[1], name).not.toBe('0');
      expect(/^CapEff:\s+(\w+)/m.exec(status)?.[1], name).toMatch(/^0+$/);
    }
  });

  it('sends the spans of the one service that has an SDK to the collector', async () => {
    await expect.poll(() => Buffer.concat(collected).includes('payments'), { timeout: 10_000 }).toBe(true);
    expect(Buffer.concat(collected).includes('process.pid')).toBe(true);
  });

  it('publishes the gateway, which names every request', async () => {
    const response = await fetch(`${demo.gatewayUrl}/api/products/7`);
    expect(await response.json()).toMatchObject({ id: 7 });
    expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f]{32}$/);
  });

  it('slows the product list: every request is a join in MySQL', async () => {
    const slowListQueries = async (): Promise<number> => {
      const before = await demo.counts();
      await demo.runLoad({ requests: 10, concurrency: 4 });
      const after = await demo.counts();
      return difference(after.catalog.called, before.catalog.called)['mysql SELECT products'] ?? 0;
    };
    await demo.fault('slow-sql', true);
    expect(await slowListQueries()).toBe(4);
    await demo.fault('slow-sql', false);
    expect(await slowListQueries()).toBeLessThanOrEqual(1);
  });

  it('answers 503 when payments is limited and under load, and not to one caller at a time', async () => {
    await demo.fault('errors-503', true);
    const loaded = outcomes(await demo.runLoad({ requests: 100, concurrency: 8 }), 'POST /api/checkout');
    const alone = outcomes(await demo.runLoad({ requests: 10, concurrency: 1 }), 'POST /api/checkout');
    await demo.fault('errors-503', false);
    const off = outcomes(await demo.runLoad({ requests: 100, concurrency: 8 }), 'POST /api/checkout');
    expect(loaded['503']).toBeGreaterThan(0);
    expect(alone).toEqual({ '201': 2 });
    expect(off).toEqual({ '201': 20 });
  });

  it('resets connections to payments', async () => {
    await demo.fault('resets', true);
    const on = outcomes(await demo.runLoad({ requests: 100, concurrency: 4 }), 'POST /api/checkout');
    await demo.fault('resets', false);
    await demo.fault('resets', false);
    const off = outcomes(await demo.runLoad({ requests: 50, concurrency: 4 }), 'POST /api/checkout');
    expect(on['502']).toBeGreaterThan(0);
    expect(off).toEqual({ '201': 10 });
  });

  it('sends product requests to the wrong upstream; another process may switch it', async () => {
    const other = openDemo(stateDirectory, PORT_BASE);
    await other.fault('wrong-upstream', true);
    const on = outcomes(await demo.runLoad({ requests: 10, concurrency: 1 }), 'GET /api/products');
    await other.fault('wrong-upstream', false);
    const off = outcomes(await demo.runLoad({ requests: 10, concurrency: 1 }), 'GET /api/products');
    expect(on).toEqual({ '404': 4 });
    expect(off).toEqual({ '200': 4 });
  });

  it('sends load until stopped and reports it exactly', async () => {
    const before = await demo.counts();
    await demo.startLoad({ rate: 200 });
    await expect.poll(async () => (await demo.loadReport())?.finished ?? 0, { timeout: 10_000 }).toBeGreaterThan(40);
    const report = await demo.stopLoad();
    const after = await demo.counts();
    expect(report?.finished).toBe(report?.sent);
    expect(report?.endedAt).toBeDefined();
    expect(difference(after.catalog.received, before.catalog.received)['GET /products']).toBe(
      report?.routes['GET /api/products']?.sent
    );
    expect(await demo.loadReport()).toBeUndefined();
  });

  it('names the port that is taken, and leaves nothing of the attempt', async () => {
    await demo.stop();
    const taken = createServer().listen(PORT_BASE + 80, '127.0.0.1');
    await once(taken, 'listening');
    try {
      await expect(start()).rejects.toThrow(new RegExp(`127\\.0\\.0\\.1:${PORT_BASE + 80}.*EADDRINUSE`));
    } finally {
      taken.close();
    }
    expect(namespacesLeft()).toEqual([]);
  });

  it('leaves no process, namespace or nftables rule after it is stopped', async () => {
    const tables = machineTables();
    demo = await start();
    const { processes } = demo;
    expect(machineTables()).toBe(tables);
    if (demo.mode === 'root') expect(namespacesLeft()).toHaveLength(12);
    await demo.stop();
    expect(processes.filter(isRunning)).toEqual([]);
    expect(namespacesLeft()).toEqual([]);
    expect(machineTables()).toBe(tables);
    await expect(fetch(`${demo.gatewayUrl}/api/products`)).rejects.toThrow();
  });

  it('is cleaned up after the process that started it was killed', async () => {
    const script = `import { startDemo } from ${JSON.stringify(join(import.meta.dirname, 'index.ts'))};
      const demo = await startDemo(${JSON.stringify({ unpackedRoot, stateDirectory, portBase: PORT_BASE })});
      console.log(JSON.stringify(demo.processes));
      setInterval(() => undefined, 1000);`;
    const starter = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(starter.stdout, 'data')) as [Buffer];
    const processes = JSON.parse(line.toString()) as Demo['processes'];
    starter.kill('SIGKILL');
    await once(starter, 'exit');
    expect(processes.every(isRunning)).toBe(true);
    expect(await stopLeftovers(stateDirectory, PORT_BASE)).toBe(true);
    expect(processes.filter(isRunning)).toEqual([]);
    expect(namespacesLeft()).toEqual([]);
    expect(await stopLeftovers(stateDirectory, PORT_BASE)).toBe(false);
  });
});
