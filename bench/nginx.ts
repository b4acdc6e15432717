import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What the agent is measured on: nginx answering "return 200" in a network namespace of its own, and the agent's modes. */

export const MODES = [
  { name: 'sockets only', environment: { THROUGHLINE_AGENT_PACKETS: 'off', THROUGHLINE_AGENT_JOIN: 'off' } },
  { name: '+ packets', environment: { THROUGHLINE_AGENT_PACKETS: 'on', THROUGHLINE_AGENT_JOIN: 'off' } },
  { name: '+ joining', environment: { THROUGHLINE_AGENT_PACKETS: 'on', THROUGHLINE_AGENT_JOIN: 'on' } },
] as const;

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
