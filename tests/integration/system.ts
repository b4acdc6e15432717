import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { join, resolve } from 'node:path';
import { type Trace } from '@throughline/tracing';
import { type RunningStore, startStore } from '@throughline/testkit';
import { DEBIAN_PACKAGES, type Demo, startDemo } from '../../workbench/demo/index.ts';
import { unpackDebian } from '../../workbench/demo/debian.ts';
import { parseTrace } from '../../workbench/cli/traceJson.ts';

/** The whole system on live traffic: store, ingest, the demo shop on two hosts, an agent on each, the datasource backend. */

export const PROJECT = resolve(import.meta.dirname, '../..');

/** Why the whole system cannot run here; undefined where it can. */
export const missing: string | undefined =
  process.getuid?.() === 0 ? undefined : 'the two hosts of the demo and BPF need root';

export interface SystemOptions {
  readonly rung?: 'auto' | 'tp_btf' | 'raw_tp' | 'af_packet';
  /** Added to the wall clock that host b's agent reports, ms. */
  readonly shiftClockOfB?: number;
}

export interface RunningSystem {
  readonly demo: Demo;
  sql<Row>(query: string): Promise<Row[]>;
  /** Waits until every agent has sent what it saw and it can be read. */
  settled(): Promise<void>;
  trace(id: string): Promise<Trace>;
  /** Sum of what agents and ingest said they dropped, by reason, zeros left out. */
  drops(): Promise<Record<string, number>>;
  stop(): Promise<void>;
}

export async function startSystem(options: SystemOptions = {}): Promise<RunningSystem> {
  const folder = mkdtempSync('/var/tmp/throughline-system-');
  // The shop runs as nobody and reads its configuration here.
  chmodSync(folder, 0o755);
  const children: { name: string; child: ChildProcess; output: string[] }[] = [];
  const closers: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const base = await freePortBase();
    const store: RunningStore = await startStore();
    closers.push(() => store.stop());
    const run = async (
      name: string,
      file: string,
      environment: Record<string, string>,
      health: string
    ): Promise<ChildProcess> => {
      const child = spawn(process.execPath, [join(PROJECT, file)], {
        env: { PATH: process.env['PATH'], ...environment },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      const output: string[] = [];
      child.stderr.setEncoding('utf8').on('data', (text: string) => output.push(text));
      children.push({ name, child, output });
      closers.push(async () => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        child.kill('SIGTERM');
        await once(child, 'exit');
      });
      await untilHealthy(name, health, child, output);
      return child;
    };
    const ingest = await run(
      'ingest',
      'ingest/src/main.ts',
      {
        THROUGHLINE_STORE_URL: store.url,
        THROUGHLINE_STORE_WRITE_TOKEN: store.writeToken,
        THROUGHLINE_STORE_ADMIN_TOKEN: store.adminToken,
        THROUGHLINE_INGEST_PORT: String(base + 2),
        THROUGHLINE_OTLP_GRPC_PORT: String(base + 17),
        THROUGHLINE_OTLP_HTTP_PORT: String(base + 18),
      },
      `http://127.0.0.1:${base + 2}/healthz`
    );
    const state = join(PROJECT, '.throughline');
    const unpackedRoot = await unpackDebian(DEBIAN_PACKAGES, { stateDirectory: state });
    const demo = await startDemo({ unpackedRoot, stateDirectory: folder, portBase: base, publishGateway: false });
    closers.push(() => demo.stop());
    const relays = demo.processes.filter(({ name }) => name.startsWith('relay')).map(({ pid }) => pid);
    for (const [i, host] of demo.hosts.entries()) {
      await run(
        `agent ${host.name}`,
        'agent/src/main.ts',
        {
          THROUGHLINE_INGEST_URL: `http://127.0.0.1:${base + 2}`,
          THROUGHLINE_AGENT_RUNG: options.rung ?? 'auto',
          THROUGHLINE_AGENT_NETNS: host.netns.join(','),
          THROUGHLINE_AGENT_EXCLUDE_PIDS: [store.pid, ingest.pid, ...relays].join(','),
          THROUGHLINE_AGENT_METRICS_PORT: String(base + 3 + i),
          THROUGHLINE_HOST_ID: host.id,
          THROUGHLINE_HOST_NAME: host.name,
          ...(i === 1 &&
            options.shiftClockOfB !== undefined && {
              THROUGHLINE_AGENT_DANGEROUSLY_SHIFT_CLOCK_MS: String(options.shiftClockOfB),
            }),
        },
        `http://127.0.0.1:${base + 3 + i}/healthz`
      );
    }
    await run(
      'workbench',
      'workbench/host/main.ts',
      {
        THROUGHLINE_WORKBENCH_PORT: String(base),
        THROUGHLINE_STORE_URL: store.url,
        THROUGHLINE_STORE_READ_TOKEN: store.readToken,
      },
      `http://127.0.0.1:${base}/healthz`
    );
    const sql = async <Row>(query: string): Promise<Row[]> => {
      const response = await fetch(`${store.url}/?default_format=JSONEachRow&database=throughline`, {
        method: 'POST',
        body: query,
        headers: { authorization: `Bearer ${store.readToken}` },
      });
      const text = await response.text();
      if (!response.ok) throw new Error(text);
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Row);
    };
    const metrics = async (port: number): Promise<string> => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    return {
      demo,
      sql,
      stop,
      settled: async () => {
        // Until several looks see the same, over longer than an agent's interval, ingest's hold and an SDK's batch delay.
        let last = -1;
        for (let same = 0, i = 0; same < 4 && i < 30; i++) {
          await delay(1_500);
          const [row] = await sql<{ n: number }>('SELECT toUInt32(count()) AS n FROM spans');
          same = row!.n === last ? same + 1 : 0;
          last = row!.n;
        }
      },
      trace: async (id) => {
        const response = await fetch(`http://127.0.0.1:${base}/api/datasources/uid/throughline/resources/trace/${id}`);
        const text = await response.text();
        if (!response.ok) throw new Error(text);
        return parseTrace(text);
      },
      drops: async () => {
        const sums: Record<string, number> = {};
        for (const port of [base + 3, base + 4]) {
          for (const [, reason, count] of (await metrics(port)).matchAll(
            /^throughline_agent_dropped_total\{reason="([^"]+)"\} (\d+)/gm
          )) {
            if (count !== '0') sums[reason!] = (sums[reason!] ?? 0) + Number(count);
          }
        }
        for (const [, labels, count] of (await metrics(base + 2)).matchAll(
          /^throughline_ingest_writer_dropped_rows_total\{([^}]*)\} (\d+)/gm
        )) {
          if (count !== '0') sums[labels!] = Number(count);
        }
        return sums;
      },
    };
  } catch (error) {
    const logs = children.map(({ name, output }) => `${name}: ${output.join('').split('\n').slice(-4).join('\n')}`);
    await stop();
    throw new Error(`the system did not start: ${String(error)}\n${logs.join('\n')}`, { cause: error });
  }
}

async function untilHealthy(name: string, url: string, child: ChildProcess, output: readonly string[]): Promise<void> {
  const until = Date.now() + 30_000;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}: ${output.join('')}`);
    try {
      if ((await fetch(url)).ok) return;
    } catch {
      // not listening yet
    }
    if (Date.now() > until) throw new Error(`${name} was not healthy within 30 s`);
    await delay(50);
  }
}

/** A base whose ports base … base + 100 are free as far as the first and the published ones tell. */
async function freePortBase(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const base = 30_000 + Math.floor(Math.random() * 200) * 100;
    const offsets = [0, 2, 3, 4, 17, 18, 80];
    const results = await Promise.all(offsets.map((offset) => isFree(base + offset)));
    if (results.every(Boolean)) return base;
  }
  throw new Error('no free ports');
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port === port;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
