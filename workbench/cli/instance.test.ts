import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { processIdentity } from '../demo/processes.ts';
import { endInstance } from './end.ts';
import { INSTANCE_VARIABLE } from './marks.ts';
import { Instance, recordedInstances, runningInstance, type Endpoints } from './instance.ts';

let state: string;
const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'throughline-instance-'));
});
afterEach(() => rmSync(state, { recursive: true, force: true }));

function instance(portBase: number): Instance {
  const made = new Instance(portBase, state);
  made.prepare(own);
  return made;
}

function endpoints(portBase: number): Endpoints {
  const at = (port: number): string => `http://127.0.0.1:${port}`;
  const services = { store: at(portBase + 1), ingest: at(portBase + 2), otlpHttp: at(portBase + 18) };
  return { workbench: at(portBase), ...services, otlpGrpc: at(portBase + 17), pids: {} };
}

function sleeper(env: Record<string, string> = {}) {
  const child = spawn('sleep', ['600'], { stdio: 'ignore', detached: true, env: { ...process.env, ...env } });
  const identity = processIdentity(child.pid ?? 0);
  if (identity === undefined) throw new Error('sleep did not start');
  return { child, process: { name: 'store', ...identity } };
}

it('makes tokens once, for its owner only', () => {
  const first = instance(30_000).tokens(own);
  expect(instance(30_000).tokens(own)).toEqual(first);
  expect(new Set(Object.values(first)).size).toBe(4);
  expect(statSync(join(state, 'instance-30000/tokens.json')).mode & 0o777).toBe(0o600);
  expect(statSync(join(state, 'instance-30000/data')).mode & 0o777).toBe(0o700);
});

it('finds the one that runs, and asks where several do', () => {
  expect(() => runningInstance(undefined, state)).toThrow('nothing runs');
  const self = processIdentity(process.pid);
  if (self === undefined) throw new Error('no /proc');
  instance(30_000).writeProcesses({ processes: [{ name: 'store', ...self }] });
  // Of a killed instance whose process id was given to another process.
  instance(30_100).writeProcesses({ processes: [{ name: 'store', pid: self.pid, startTicks: '1' }] });
  expect(runningInstance(undefined, state).portBase).toBe(30_000);
  expect(runningInstance(30_000, state).portBase).toBe(30_000);
  expect(() => runningInstance(30_100, state)).toThrow('30100');
  instance(30_200).writeProcesses({ processes: [{ name: 'store', ...self }] });
  expect(() => runningInstance(undefined, state)).toThrow('30000, 30200');
  expect(recordedInstances(state).map(({ portBase }) => portBase)).toEqual([30_000, 30_100, 30_200]);
});

it('ends what it wrote down, and never a process that only has the same id', async () => {
  const ours = sleeper();
  const other = sleeper();
  const it = instance(30_000);
  it.writeProcesses({ processes: [ours.process, { ...other.process, startTicks: '1' }] });
  expect(await endInstance(it, state)).toBe(true);
  expect(processIdentity(ours.process.pid)).toBeUndefined();
  expect(processIdentity(other.process.pid)).toBeDefined();
  expect(await endInstance(it, state)).toBe(false);
  other.child.kill();
});

it('ends what it had not written down, and leaves alone what is of another instance', async () => {
  const it = instance(30_000);
  const ours = sleeper({ [INSTANCE_VARIABLE]: it.directory });
  const demo = sleeper({ HOME: join(state, 'demo/tl30000') });
  const other = sleeper({ [INSTANCE_VARIABLE]: instance(30_001).directory });
  expect(await endInstance(it, state)).toBe(true);
  expect(processIdentity(ours.process.pid)).toBeUndefined();
  expect(processIdentity(demo.process.pid)).toBeUndefined();
  expect(processIdentity(other.process.pid)).toBeDefined();
  other.child.kill();
});

it('takes back the endpoints of its own only', async () => {
  const [first, second] = [instance(30_000), instance(30_100)];
  for (const each of [first, second]) {
    each.writeProcesses({ processes: [] });
    each.writeEndpoints(endpoints(each.portBase));
  }
  const latest = (): Endpoints => JSON.parse(readFileSync(join(state, 'endpoints.json'), 'utf8')) as Endpoints;
  await endInstance(first, state);
  expect(latest()).toEqual(endpoints(30_100));
  expect(first.readEndpoints()).toBeUndefined();
  await endInstance(second, state);
  expect(latest).toThrow('ENOENT');
});
