import { spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { Instance, STATE_DIRECTORY } from './instance.ts';
import { portUses, takenPorts } from './ports.ts';
import { COMMAND, alive, freeBase, pidsOf, removeInstances, throughline, type Outcome } from './testInstances.ts';

function uidOf(pid: number): number {
  return Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]);
}

afterAll(removeInstances);

describe('up', () => {
  let base: number;

  it('returns when everything answers, and says where', { timeout: 100_000 }, async () => {
    base = await freeBase();
    const { code, stderr } = await throughline('up', '--detach', '--port-base', String(base));
    expect(stderr).toContain('ready');
    expect(code).toBe(0);
    const endpoints = new Instance(base).readEndpoints();
    expect(endpoints).toMatchObject({
      workbench: `http://127.0.0.1:${base}`,
      store: `http://127.0.0.1:${base + 1}`,
      ingest: `http://127.0.0.1:${base + 2}`,
      otlpHttp: `http://127.0.0.1:${base + 18}`,
      otlpGrpc: `http://127.0.0.1:${base + 17}`,
    });
    expect(JSON.parse(readFileSync(join(STATE_DIRECTORY, 'endpoints.json'), 'utf8'))).toEqual(endpoints);
    expect(alive(Object.values(endpoints?.pids ?? {}))).toHaveLength(Object.keys(endpoints?.pids ?? {}).length);
    expect(endpoints?.pids).toHaveProperty('store');
  });

  it('lets only the agent keep what root may do', (context) => {
    if (process.getuid?.() !== 0) context.skip('not root: everything runs as this user');
    const { pids = {} } = new Instance(base).readEndpoints() ?? {};
    for (const name of ['store', 'ingest', 'workbench']) {
      expect(uidOf(pids[name] ?? 0)).not.toBe(0);
      expect(readFileSync(`/proc/${pids[name]}/status`, 'latin1')).toMatch(/^CapEff:\s+0+$/m);
    }
    expect(uidOf(pids['agent'] ?? 0)).toBe(0);
    expect(statSync(join(new Instance(base).directory, 'tokens.json')).mode & 0o077).toBe(0);
  });

  it('sql asks the store, and can only read', async () => {
    const sql = (...args: string[]): Promise<Outcome> => throughline('sql', ...args, '--port-base', String(base));
    expect(await sql('SELECT 6 * 7 AS answer', '--format', 'JSONEachRow')).toEqual({
      code: 0,
      stdout: '{"answer":42}\n',
      stderr: '',
    });
    expect((await sql("SELECT name FROM system.tables WHERE database = 'throughline'")).stdout).toContain('spans');
    const refused = await sql('DROP TABLE spans');
    expect(refused.code).toBe(1);
    expect(refused.stdout).toBe('');
    expect(refused.stderr).toMatch(/\w/);
    const missing = await sql('SELECT nothing');
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain('nothing');
    const brokenOff = await sql('SELECT throwIf(number = 3000000) FROM numbers(5000000)', '--format', 'TabSeparated');
    expect(brokenOff.code).toBe(1);
    expect(brokenOff.stderr).toContain('broke off');
  });

  it('trace lists what there is', async () => {
    const list = await throughline('trace', '--json', '--port-base', String(base));
    expect(list.code).toBe(0);
    expect(JSON.parse(list.stdout)).toBeInstanceOf(Array);
    const unknown = await throughline('trace', '00000000000000ff', '--port-base', String(base));
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toContain('00000000000000ff');
  });

  it('refuses to start twice', async () => {
    const { code, stderr } = await throughline('up', '--detach', '--port-base', String(base));
    expect(code).toBe(1);
    expect(stderr).toContain(`port base ${base} runs already, pid `);
    expect((await throughline('sql', 'SELECT 1', '--port-base', String(base))).stdout).toBe('1\n1\n');
  });

  it('runs a second instance beside it, each stopped by itself', { timeout: 100_000 }, async () => {
    const second = await freeBase();
    const { stderr } = await throughline('up', '--detach', '--port-base', String(second));
    expect(stderr).toContain('ready');
    const pids = pidsOf(second);
    expect((await throughline('stop', '--port-base', String(second))).code).toBe(0);
    expect(alive(pids)).toEqual([]);
    expect((await throughline('sql', 'SELECT 1', '--port-base', String(base))).stdout).toBe('1\n1\n');
  });

  it('stop leaves no process, port or record', async () => {
    const pids = pidsOf(base);
    expect(pids.length).toBeGreaterThan(2);
    expect((await throughline('stop', '--port-base', String(base))).stderr).toContain(`${base}`);
    expect(alive(pids)).toEqual([]);
    expect(await takenPorts(portUses(base, { agents: 2, gateway: true }))).toEqual([]);
    expect(new Instance(base).readEndpoints()).toBeUndefined();
    const again = await throughline('stop', '--port-base', String(base));
    expect(again).toMatchObject({ code: 0, stderr: 'nothing runs\n' });
  });
});

it('names the taken port, what it is for and the option, and starts nothing', async () => {
  const base = await freeBase();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(base + 17, '127.0.0.1', resolve));
  const { code, stderr } = await throughline('up', '--detach', '--port-base', String(base));
  server.close();
  expect(code).toBe(1);
  expect(stderr).toContain(`${base + 17} (OTLP over gRPC)`);
  expect(stderr).toContain('--port-base');
  expect(pidsOf(base)).toEqual([]);
});

describe('in the foreground', () => {
  async function foreground(base: number) {
    const child = spawn(COMMAND, ['up', '--port-base', String(base)], { stdio: ['ignore', 'ignore', 'pipe'] });
    const exited = new Promise<number | string>((resolve) => {
      child.once('exit', (code, signal) => resolve(code ?? signal ?? ''));
    });
    let output = '';
    const ready = new Promise<void>((resolve, reject) => {
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        if (output.includes('Ctrl-C ends it')) resolve();
      });
      void exited.then(() => reject(new Error(output)));
    });
    ready.catch(() => undefined);
    return { child, exited, ready };
  }

  it('Ctrl-C ends everything', { timeout: 100_000 }, async () => {
    const base = await freeBase();
    const { child, exited, ready } = await foreground(base);
    await ready;
    const pids = pidsOf(base);
    child.kill('SIGINT');
    expect(await exited).toBe(130);
    expect(alive(pids)).toEqual([]);
  });

  it('Ctrl-C half-way through the start ends everything', { timeout: 100_000 }, async () => {
    const base = await freeBase();
    const { child, exited } = await foreground(base);
    while (pidsOf(base).length === 0) await delay(20);
    const pids = pidsOf(base);
    child.kill('SIGINT');
    expect(await exited).toBe(130);
    expect(alive([...pids, ...pidsOf(base)])).toEqual([]);
    expect(await takenPorts(portUses(base, { agents: 2, gateway: true }))).toEqual([]);
  });

  it('after kill -9 the next stop removes what is left', { timeout: 100_000 }, async () => {
    const base = await freeBase();
    const { child, exited, ready } = await foreground(base);
    await ready;
    const pids = pidsOf(base);
    child.kill('SIGKILL');
    expect(await exited).toBe('SIGKILL');
    expect((await throughline('stop', '--port-base', String(base))).code).toBe(0);
    expect(alive(pids)).toEqual([]);
  });
});
