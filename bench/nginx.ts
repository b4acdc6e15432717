import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { agent } from '@throughline/wire';

/** What the agent is measured on: nginx answering "return 200" in a network namespace of its own, and an ingest that takes all. */

export const MODES = [
  { name: 'sockets only', environment: { THROUGHLINE_AGENT_PACKETS: 'off', THROUGHLINE_AGENT_JOIN: 'off' } },
  { name: '+ packets', environment: { THROUGHLINE_AGENT_PACKETS: 'on', THROUGHLINE_AGENT_JOIN: 'off' } },
  { name: '+ joining', environment: { THROUGHLINE_AGENT_PACKETS: 'on', THROUGHLINE_AGENT_JOIN: 'on' } },
] as const;
export type Mode = (typeof MODES)[number];

export const PORT = 8080;

export interface Nginx {
  readonly netns: string;
  /** Of the one worker. */
  readonly pid: number;
  stop(): Promise<void>;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((resolve) => child.once('exit', resolve));
}

/** @param cpu the worker is pinned to */
export async function startNginx(cpu: number): Promise<Nginx> {
  const netns = `tlbench-${process.pid}`;
  const folder = mkdtempSync(join(tmpdir(), 'throughline-bench-'));
  const configuration = join(folder, 'nginx.conf');
  writeFileSync(
    configuration,
    `user root;
     worker_processes 1;
     worker_cpu_affinity ${cpu === 0 ? '01' : '10'};
     daemon off;
     pid ${folder}/nginx.pid;
     error_log stderr crit;
     events { worker_connections 1024; }
     http {
       access_log off;
       keepalive_requests 1000000000;
       client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
       uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
       server { listen 127.0.0.1:${PORT}; location / { default_type text/plain; return 200 "hello\\n"; } }
     }\n`
  );
  execFileSync('ip', ['netns', 'add', netns]);
  execFileSync('ip', ['-n', netns, 'link', 'set', 'lo', 'up']);
  const child = spawn('ip', ['netns', 'exec', netns, 'nginx', '-e', 'stderr', '-c', configuration], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended(child);
    execFileSync('ip', ['netns', 'del', netns]);
    rmSync(folder, { recursive: true, force: true });
  };
  const until = performance.now() + 5_000;
  while (performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const worker = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ')[0];
    if (worker) return { netns, pid: Number(worker), stop };
  }
  await stop();
  throw new Error('nginx did not start a worker');
}

export interface IngestStub {
  readonly url: string;
  close(): void;
}

/** Speaks the agent's protocol and forgets what it gets, so that only the agent's cost is seen. */
export async function startIngestStub(): Promise<IngestStub> {
  const hello = agent.HelloReply.encode({ version: 1, maxBatchBytes: 16 << 20, message: '' }).finish();
  const taken = agent.BatchReply.encode({ acceptedRows: 0, rejectedRows: 0, message: '' }).finish();
  const server = http.createServer((request, response) => {
    request.resume();
    request.on('end', () => response.end(request.url === '/v1/agent/hello' ? hello : taken));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

export interface Agent {
  readonly pid: number;
  readonly rung: string;
  /** Cumulative, by `kind/…` and `reason/…`. */
  counts(): Promise<{ readonly events: Record<string, number>; readonly drops: Record<string, number> }>;
  stop(): Promise<void>;
}

export async function startAgent(mode: Mode, ingestUrl: string, netns: string): Promise<Agent> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('../agent/src/main.ts', import.meta.url))], {
    env: {
      PATH: process.env.PATH,
      THROUGHLINE_LIBBPF: process.env.THROUGHLINE_LIBBPF,
      THROUGHLINE_INGEST_URL: ingestUrl,
      THROUGHLINE_AGENT_METRICS_PORT: '0',
      THROUGHLINE_AGENT_NETNS: String(statSync(`/run/netns/${netns}`).ino),
      ...mode.environment,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const lines: string[] = [];
  let rung = '';
  const metricsPort = await new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (lines.length < 50) lines.push(line);
      if (!line.startsWith('{')) return;
      const entry = JSON.parse(line) as { msg?: string; metricsPort?: number; rung?: string };
      if (entry.msg === 'capturing') rung = entry.rung ?? '';
      if (entry.msg === 'ready') resolve(entry.metricsPort!);
    });
    child.once('exit', (code) => reject(new Error(`the agent ended with ${code}: ${lines.join('\n')}`)));
  });
  return {
    pid: child.pid!,
    rung,
    counts: async () => {
      const events: Record<string, number> = {};
      const drops: Record<string, number> = {};
      const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
      for (const [, metric, key, value] of text.matchAll(
        /^throughline_agent_(events|dropped)_total\{\w+="([^"]+)"\} (\S+)$/gm
      )) {
        (metric === 'events' ? events : drops)[key!] = Number(value);
      }
      return { events, drops };
    },
    stop: async () => {
      child.kill('SIGTERM');
      await ended(child);
    },
  };
}

export const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
