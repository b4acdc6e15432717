import { spawn } from 'node:child_process';
import net from 'node:net';
import { delay, startAgent, startIngestStub } from './agentProcess.ts';
import { MODES, PORT, startNginx } from './nginx.ts';
import { type Figure, cpuSeconds, publish, quantile, residentMiB } from './report.ts';

/**
 * What the agent itself takes at a fixed rate of requests to nginx "return 200": processor and memory. The requests are paced,
 * so that the load is the same whatever the machine does besides. As root; needs nginx and iproute2.
 *
 *   node bench/agent-cost.ts [--seconds 2] [--windows 3]
 */

const argument = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const RATES = [2_000, 10_000];
const TARGETS = ['≤ 0.1', '≤ 0.2', '≤ 0.4'];
const CONNECTIONS = 64;
const TICK_MS = 5;
const REQUEST = Buffer.from(
  'GET /api/products/17?page=2 HTTP/1.1\r\nHost: shop.internal\r\nUser-Agent: bench\r\nAccept: application/json\r\n\r\n'
);

/** Inside the namespace: sends `rate` requests a second until its input ends; tells what was answered. */
async function generate(rate: number): Promise<void> {
  let sent = 0;
  let answered = 0;
  const idle: net.Socket[] = [];
  for (let i = 0; i < CONNECTIONS; i++) {
    const socket = net.connect(PORT, '127.0.0.1');
    socket.setNoDelay(true);
    await new Promise((resolve) => socket.once('connect', resolve));
    // The answers are short enough to come in one piece.
    socket.on('data', () => {
      answered++;
      idle.push(socket);
    });
    idle.push(socket);
  }
  const started = performance.now();
  const timer = setInterval(() => {
    let due = Math.min(Math.floor(((performance.now() - started) / 1000) * rate) - sent, idle.length);
    for (; due > 0; due--, sent++) idle.pop()!.write(REQUEST);
  }, TICK_MS);
  process.stdin.resume();
  await new Promise((resolve) => process.stdin.once('end', resolve));
  clearInterval(timer);
  console.log(Math.round(answered / ((performance.now() - started) / 1000)));
  process.exit(0);
}

interface Measured {
  readonly cores: number[];
  memory: number;
  answered: number;
  drops: Record<string, number>;
}

async function measure(): Promise<void> {
  const SECONDS = argument('seconds', 2);
  const WINDOWS = argument('windows', 3);
  const nginx = await startNginx(0);
  const ingest = await startIngestStub();
  const figures: Figure[] = [];
  let rung = '';
  try {
    for (const [i, mode] of MODES.entries()) {
      const agent = await startAgent(ingest.url, [nginx.netns], mode.environment);
      ({ rung } = agent);
      for (const rate of RATES) {
        const generator = spawn(
          'ip',
          ['netns', 'exec', nginx.netns, process.execPath, import.meta.filename, '--generate', String(rate)],
          { stdio: ['pipe', 'pipe', 'inherit'] }
        );
        let output = '';
        generator.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
        const measured: Measured = { cores: [], memory: 0, answered: 0, drops: {} };
        await delay(1_500); // code is compiled, connections are up
        for (let window = 0; window < WINDOWS; window++) {
          const before = cpuSeconds(agent.pid);
          const started = performance.now();
          await delay(SECONDS * 1000);
          measured.cores.push((cpuSeconds(agent.pid) - before) / ((performance.now() - started) / 1000));
          measured.memory = Math.max(measured.memory, residentMiB(agent.pid));
        }
        const { drops } = await agent.counts();
        measured.drops = Object.fromEntries(Object.entries(drops).filter(([, count]) => count > 0));
        generator.stdin.end();
        await new Promise((resolve) => generator.once('close', resolve));
        measured.answered = Number(output.trim());
        figures.push(
          {
            name: `${mode.name}, ${rate} requests/s: agent`,
            value: quantile(measured.cores, 0.5).toFixed(2),
            unit: 'cores',
            ...(rate === 10_000 && { target: TARGETS[i]! }),
            note: `${measured.cores.map((cores) => cores.toFixed(2)).join(', ')} in ${WINDOWS} windows of ${SECONDS} s; ${measured.answered} requests/s were answered; drops ${JSON.stringify(measured.drops)}`,
          },
          {
            name: `${mode.name}, ${rate} requests/s: resident`,
            value: Math.round(measured.memory),
            unit: 'MiB',
            ...(rate === 10_000 && { target: '≤ 200' }),
          }
        );
      }
      await agent.stop();
    }
  } finally {
    ingest.close();
    await nginx.stop();
  }
  publish({
    bench: 'agent-cost',
    input: `paced requests on ${CONNECTIONS} kept-alive connections to nginx "return 200", both ends on this host: four socket events and two rows a request; rung ${rung}; ingest is a stub that acknowledges`,
    figures,
  });
}

const rate = argument('generate', 0);
await (rate > 0 ? generate(rate) : measure());
