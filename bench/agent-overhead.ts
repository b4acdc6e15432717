import { spawn } from 'node:child_process';
import { startAgent, startIngestStub } from './agentProcess.ts';
import { MODES, PORT, startNginx } from './nginx.ts';
import { type Figure, cpuSeconds, publish, quantile, residentMiB } from './report.ts';

/**
 * What an attached agent takes from nginx "return 200" under saturating load (wrk), as the ratio of windows with the agent to
 * the windows without it next to them, all in one run. nginx has one processor, wrk the other, the agent both.
 * As root; needs nginx, wrk and iproute2.
 *
 *   node bench/agent-overhead.ts [--rounds 5] [--seconds 1]
 */

const argument = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const ROUNDS = argument('rounds', 5);
const SECONDS = argument('seconds', 1);
const CONNECTIONS = 32;
/** A request is a send and a receive at each of its two ends. */
const EVENTS_PER_REQUEST = 4;

interface Window {
  readonly perSecond: number;
  /** CPU of nginx and wrk, µs a request. */
  readonly cpuUs: number;
}

const nginx = await startNginx(0);
const ingest = await startIngestStub();

async function saturate(): Promise<Window> {
  const nginxBefore = cpuSeconds(nginx.pid);
  // `ip netns exec` and taskset become what they start, so the pid is wrk's.
  const wrk = spawn(
    'ip',
    [
      'netns',
      'exec',
      nginx.netns,
      'taskset',
      '-c',
      '1',
      'wrk',
      '-t1',
      `-c${CONNECTIONS}`,
      `-d${SECONDS}s`,
      `http://127.0.0.1:${PORT}/`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] }
  );
  let output = '';
  wrk.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  let wrkCpu = 0;
  const watch = setInterval(() => {
    try {
      wrkCpu = cpuSeconds(wrk.pid!);
    } catch {
      // It has ended.
    }
  }, 20);
  await new Promise((resolve) => wrk.once('close', resolve));
  clearInterval(watch);
  const requests = Number(/(\d+) requests in/.exec(output)?.[1]);
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]);
  if (!(requests > 0) || /Non-2xx/.test(output)) throw new Error(`wrk said:\n${output}`);
  return { perSecond, cpuUs: ((cpuSeconds(nginx.pid) - nginxBefore + wrkCpu) / requests) * 1e6 };
}

interface Attached {
  readonly ratio: number;
  readonly addedUs: number;
  /** CPU of nginx and wrk a request, off : on. */
  readonly work: number;
  readonly cores: number;
  readonly memory: number;
  readonly seen: number;
  readonly dropped: Record<string, number>;
}

try {
  const results = new Map<string, Attached[]>(MODES.map(({ name }) => [name, []]));
  const off: number[] = [];
  let rung = '';
  await saturate();
  let before = await saturate();
  for (let round = 0; round < ROUNDS; round++) {
    for (const mode of MODES) {
      const agent = await startAgent(ingest.url, [nginx.netns], mode.environment);
      ({ rung } = agent);
      const cpuBefore = cpuSeconds(agent.pid);
      const started = performance.now();
      const on = await saturate();
      const cores = (cpuSeconds(agent.pid) - cpuBefore) / ((performance.now() - started) / 1000);
      const memory = residentMiB(agent.pid);
      await new Promise((resolve) => setTimeout(resolve, 1_200)); // the last counts come within a second
      const { events, drops } = await agent.counts();
      await agent.stop();
      const after = await saturate();
      off.push(after.perSecond);
      results.get(mode.name)!.push({
        ratio: on.perSecond / ((before.perSecond + after.perSecond) / 2),
        work: (before.cpuUs + after.cpuUs) / 2 / on.cpuUs,
        addedUs: (on.cpuUs - (before.cpuUs + after.cpuUs) / 2) / EVENTS_PER_REQUEST,
        cores,
        memory,
        seen: (events['socket_events'] ?? 0) / (on.perSecond * SECONDS * EVENTS_PER_REQUEST),
        dropped: Object.fromEntries(Object.entries(drops).filter(([, count]) => count > 0)),
      });
      before = after;
    }
  }
  const figures: Figure[] = [
    {
      name: 'Without an agent',
      value: Math.round(quantile(off, 0.5)),
      unit: 'requests/s',
      note: `${Math.round(Math.min(...off))} to ${Math.round(Math.max(...off))} over ${off.length} windows of ${SECONDS} s`,
    },
  ];
  for (const [name, runs] of results) {
    const median = (value: (run: Attached) => number): number => quantile(runs.map(value), 0.5);
    const ratios = runs.map((run) => run.ratio);
    figures.push(
      {
        name: `${name}: throughput on : off`,
        value: median((run) => run.ratio).toFixed(2),
        unit: '',
        target: '≥ 0.90',
        note: `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`,
      },
      {
        name: `${name}: CPU of nginx and wrk a request, off : on`,
        value: median((run) => run.work).toFixed(2),
        unit: '',
        note: 'what the ratio of throughputs is where the agent has a processor of its own',
      },
      {
        name: `${name}: added to nginx and wrk`,
        value: median((run) => run.addedUs).toFixed(2),
        unit: 'µs/event',
        target: '≤ 0.5',
      },
      {
        name: `${name}: agent under this load`,
        value: `${median((run) => run.cores).toFixed(2)} cores, ${median((run) => run.memory).toFixed(0)} MiB`,
        unit: '',
        note: `read ${(median((run) => run.seen) * 100).toFixed(0)} % of the socket events; counted drops of the last window: ${JSON.stringify(runs.at(-1)!.dropped)}`,
      }
    );
  }
  publish({
    bench: 'agent-overhead',
    input: `nginx "return 200" with one worker on processor 0, wrk with ${CONNECTIONS} connections on processor 1, ${ROUNDS} windows of ${SECONDS} s a mode between windows without an agent; rung ${rung}; ingest is a stub that acknowledges`,
    figures,
  });
} finally {
  ingest.close();
  await nginx.stop();
}
