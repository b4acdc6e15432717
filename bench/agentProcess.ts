import { spawn } from 'node:child_process';
import http from 'node:http';
import { type AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { zstdDecompressSync } from 'node:zlib';
import { agent } from '@throughline/wire';

/** The real agent as a process of its own, and an ingest for it to send to. */

export interface IngestStub {
  readonly url: string;
  close(): void;
}

/** Speaks the agent's protocol and stores nothing. @param onBatch without it batches are not even read, so that only the agent's cost is seen */
export async function startIngestStub(onBatch?: (batch: agent.Batch) => void): Promise<IngestStub> {
  const hello = agent.HelloReply.encode({ version: 1, maxBatchBytes: 16 << 20, message: '' }).finish();
  const taken = agent.BatchReply.encode({ acceptedRows: 0, rejectedRows: 0, message: '' }).finish();
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => onBatch && chunks.push(chunk));
    request.on('end', () => {
      const isHello = request.url === '/v1/agent/hello';
      if (!isHello) onBatch?.(agent.Batch.decode(zstdDecompressSync(Buffer.concat(chunks))));
      response.end(isHello ? hello : taken);
    });
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

/** @param netns names under /run/netns that are this agent's host */
export async function startAgent(
  ingestUrl: string,
  netns: readonly string[],
  environment: Readonly<Record<string, string>>
): Promise<Agent> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('../agent/src/main.ts', import.meta.url))], {
    env: {
      PATH: process.env.PATH,
      THROUGHLINE_LIBBPF: process.env.THROUGHLINE_LIBBPF,
      THROUGHLINE_INGEST_URL: ingestUrl,
      THROUGHLINE_AGENT_METRICS_PORT: '0',
      THROUGHLINE_AGENT_NETNS: netns.join(','),
      ...environment,
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
      if (child.exitCode === null && child.signalCode === null)
        await new Promise((resolve) => child.once('exit', resolve));
    },
  };
}

export const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
