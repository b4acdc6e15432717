import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Instance, PROJECT_ROOT } from './instance.ts';
import { type ListedTrace } from './traceList.ts';
import { alive, freeBase, removeInstances, throughline, type Outcome } from './testInstances.ts';

const REQUESTS = 20;
const isRoot = process.getuid?.() === 0;
if (!isRoot) process.stdout.write('skipped: not root; the demo of an ordinary user is tested in workbench/demo\n');

function namespacesOf(base: number): string[] {
  const names = existsSync('/run/netns') ? readdirSync('/run/netns') : [];
  return names.filter((name) => new RegExp(`^tl${base}(?!\\d)`).test(name));
}

describe.skipIf(!isRoot)('demo', () => {
  let base: number;
  let pids: Readonly<Record<string, number>>;
  const ask = (...args: string[]): Promise<Outcome> => throughline(...args, '--port-base', String(base));

  beforeAll(async () => {
    base = await freeBase();
    const { code, stderr } = await ask('demo', '--detach', '--no-load');
    expect({ code, stderr }).toMatchObject({ code: 0 });
    pids = new Instance(base).readEndpoints()?.pids ?? {};
    const load = join(PROJECT_ROOT, 'workbench/demo/load.ts');
    await promisify(execFile)(process.execPath, [load, '--requests', `${REQUESTS}`, '--port-base', `${base}`]);
  });
  afterAll(removeInstances);

  it('shows the requests in sql, by process', async () => {
    const statement =
      "SELECT e.Name AS name, sum(Requests) AS requests FROM red_1s JOIN entities AS e USING EntityId WHERE Layer = 'process' AND Side = 'server' GROUP BY name ORDER BY name";
    await vi.waitFor(
      async () => {
        const { stdout } = await ask('sql', statement);
        const [header, ...rows] = stdout.trim().split('\n');
        expect(header).toBe('name\trequests');
        expect(rows.length).toBeGreaterThan(3);
      },
      { timeout: 20_000, interval: 500 }
    );
  });

  it('lists each request once in trace, as a root, and no report to a collector', async () => {
    const list = await vi.waitFor(
      async () => {
        const found = JSON.parse((await ask('trace', '--json', '--limit', '1000')).stdout) as ListedTrace[];
        expect(found.length).toBeGreaterThanOrEqual(REQUESTS);
        return found;
      },
      { timeout: 20_000, interval: 500 }
    );
    expect(list.filter(({ name }) => name.includes('/v1/traces'))).toEqual([]);
    expect(new Set(list.map(({ id }) => id)).size).toBe(list.length);
    expect(Math.min(...list.map(({ startMs }) => startMs))).toBeGreaterThan(Date.now() - 15 * 60_000);
    const { stdout } = await ask('trace', list[0]?.id ?? '');
    expect(stdout).toContain(list[0]?.name);
  });

  it('stop leaves no process and no network, also after a service was killed', async () => {
    expect(namespacesOf(base).length).toBeGreaterThan(2);
    process.kill(pids['ingest'] ?? 0, 'SIGKILL');
    process.kill(pids['demo-catalog'] ?? 0, 'SIGKILL');
    expect((await ask('stop')).code).toBe(0);
    expect(alive(Object.values(pids))).toEqual([]);
    expect(namespacesOf(base)).toEqual([]);
  });
});
