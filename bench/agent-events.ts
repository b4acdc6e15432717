import { type ChildProcess, spawn } from 'node:child_process';
import { mapIPv4 } from '@throughline/core';
import { agent } from '@throughline/wire';
import { Clock } from '../agent/src/clock.ts';
import { type EventSource, type SocketEvent, SocketOperation } from '../agent/src/events.ts';
import { Pipeline } from '../agent/src/Pipeline.ts';
import { type Figure, publish, quantile } from './report.ts';

/**
 * The agent's path from a socket event to an encoded batch, without a kernel: a proxy takes requests on kept-alive
 * connections and asks an upstream on others, all on one host, so a request is six events and three rows.
 * The bytes are built once. Compression is left out: the agent does it on another thread.
 *
 *   node bench/agent-events.ts [--seconds 2] [--windows 5]
 *   node --cpu-prof bench/agent-events.ts      where the time goes
 */

const argument = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const SECONDS = argument('seconds', 2);
const WINDOWS = argument('windows', 5);
const CONNECTIONS = 64;
/** What 5 ms bring at 300,000 events/s: the agent drains its rings every 5 ms. */
const REQUESTS_PER_POLL = 250;

const bytes = (...lines: string[]): Uint8Array => new TextEncoder().encode(lines.join('\r\n'));
const REQUESTS = Array.from({ length: 64 }, (_, i) =>
  bytes(
    `GET /api/products/${1000 + i}?page=${i % 7} HTTP/1.1`,
    'Host: shop.internal:8080',
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
    'Accept: application/json, text/plain, */*',
    'Accept-Encoding: gzip, deflate, br',
    'Cookie: session=0123456789abcdef0123456789abcdef',
    'Connection: keep-alive',
    '',
    ''
  )
);
const body = JSON.stringify({ id: 1000, name: 'Kettle', price: 2490, stock: 17, tags: ['kitchen', 'steel'] });
const RESPONSE = bytes(
  'HTTP/1.1 200 OK',
  'Server: nginx/1.22.1',
  'Date: Mon, 06 Oct 2025 12:00:00 GMT',
  'Content-Type: application/json',
  `Content-Length: ${body.length}`,
  'Connection: keep-alive',
  '',
  body
);

const USER = mapIPv4(new Uint8Array([10, 0, 0, 9]), 0);
const PROXY = mapIPv4(new Uint8Array([10, 0, 0, 1]), 0);
const UPSTREAM = mapIPv4(new Uint8Array([10, 0, 0, 2]), 0);

/** One end of a connection; sequence numbers run on as they do on the wire. */
class Socket {
  private readonly event: SocketEvent;
  private sent: number;
  private received: number;

  /** @param start sequence number of both directions */
  constructor(id: number, pid: number, start: number, local: [Uint8Array, number], remote: [Uint8Array, number]) {
    this.sent = start;
    this.received = start;
    this.event = {
      operation: SocketOperation.send,
      timestampNs: 0,
      socketId: id,
      pid,
      tid: pid,
      netns: 4026531840,
      cgroupId: 1,
      protocol: 6,
      localAddress: local[0],
      localPort: local[1],
      remoteAddress: remote[0],
      remotePort: remote[1],
      sequence: 0,
      length: 0,
      payload: RESPONSE,
      payloadMissing: false,
      ingressId: 0,
      answerId: 0,
      birthId: 0,
      resetBy: undefined,
    };
  }

  does(operation: SocketOperation, payload: Uint8Array, timestampNs: number, ingressId: number, answerId = 0) {
    const { event } = this;
    event.operation = operation;
    event.timestampNs = timestampNs;
    event.ingressId = ingressId;
    event.answerId = answerId;
    event.payload = payload;
    event.length = payload.length;
    if (operation === SocketOperation.send) {
      event.sequence = this.sent;
      this.sent = (this.sent + payload.length) >>> 0;
    } else {
      event.sequence = this.received;
      this.received = (this.received + payload.length) >>> 0;
    }
    return event;
  }
}

class Traffic implements EventSource {
  readonly name = 'traffic';
  private readonly paths: { proxyIn: Socket; proxyOut: Socket; upstream: Socket }[];
  private requests = 0;
  private ingressId = 0;

  constructor(proxyPid: number, upstreamPid: number) {
    this.paths = Array.from({ length: CONNECTIONS }, (_, i) => ({
      proxyIn: new Socket(3 * i + 1, proxyPid, i << 20, [PROXY, 8080], [USER, 20_000 + i]),
      proxyOut: new Socket(3 * i + 2, proxyPid, 2 ** 31 + (i << 20), [PROXY, 30_000 + i], [UPSTREAM, 9000]),
      upstream: new Socket(3 * i + 3, upstreamPid, 2 ** 31 + (i << 20), [UPSTREAM, 9000], [PROXY, 30_000 + i]),
    }));
  }

  poll(onSocket: (event: SocketEvent) => void): number {
    const nowNs = Number(process.hrtime.bigint());
    for (let i = 0; i < REQUESTS_PER_POLL; i++) {
      const { proxyIn, proxyOut, upstream } = this.paths[this.requests % CONNECTIONS]!;
      const request = REQUESTS[this.requests % REQUESTS.length]!;
      this.requests++;
      const atNs = nowNs - 5e6 + i * 20_000;
      const received = ++this.ingressId;
      onSocket(proxyIn.does(SocketOperation.receive, request, atNs, received));
      onSocket(proxyOut.does(SocketOperation.send, request, atNs + 2_000, received));
      const upstreamReceived = ++this.ingressId;
      onSocket(upstream.does(SocketOperation.receive, request, atNs + 4_000, upstreamReceived));
      onSocket(upstream.does(SocketOperation.send, RESPONSE, atNs + 8_000, upstreamReceived));
      const answered = ++this.ingressId;
      onSocket(proxyOut.does(SocketOperation.receive, RESPONSE, atNs + 10_000, answered));
      onSocket(proxyIn.does(SocketOperation.send, RESPONSE, atNs + 12_000, answered, answered));
    }
    return REQUESTS_PER_POLL * 6;
  }

  drops(): Record<string, number> {
    return {};
  }

  close(): void {}
}

interface Window {
  readonly perCpuSecond: number;
  readonly threadPerCpuSecond: number;
}

interface Run {
  readonly windows: readonly Window[];
  readonly bytesPerRow: number;
  readonly rows: number;
  readonly events: number;
  readonly linked: number;
}

function measure(join: boolean, proxyPid: number, upstreamPid: number): Run {
  let encodedBytes = 0;
  const pipeline = new Pipeline({
    sources: [new Traffic(proxyPid, upstreamPid)],
    clock: new Clock(),
    host: { hostId: 'bench', hostName: 'bench', bootId: 'bench' },
    tenant: 'default',
    environment: 'default',
    agentId: 'bench',
    netns: [],
    excludePids: [],
    join,
    packetsOnly: false,
    onBatch: (batch) => (encodedBytes += agent.Batch.encode(batch).finish().length),
  });
  const runFor = (seconds: number): number => {
    const until = performance.now() + seconds * 1000;
    let events = 0;
    while (performance.now() < until) events += pipeline.poll();
    return events;
  };
  runFor(SECONDS); // until compiled
  const windows: Window[] = [];
  for (let i = 0; i < WINDOWS; i++) {
    const before = process.cpuUsage();
    const threadBefore = process.threadCpuUsage();
    const events = runFor(SECONDS);
    const { user, system } = process.cpuUsage(before);
    const thread = process.threadCpuUsage(threadBefore);
    windows.push({
      perCpuSecond: events / ((user + system) / 1e6),
      threadPerCpuSecond: events / ((thread.user + thread.system) / 1e6),
    });
  }
  pipeline.close();
  const { events, links } = pipeline.status();
  const linked = Object.entries(links).reduce((sum, [evidence, count]) => sum + (evidence === 'none' ? 0 : count), 0);
  return {
    windows,
    rows: events['rows']!,
    events: events['socket_events']!,
    linked:
      linked /
      Math.max(
        1,
        Object.values(links).reduce((sum, count) => sum + count, 0)
      ),
    bytesPerRow: encodedBytes / events['rows']!,
  };
}

const children: ChildProcess[] = [];
const standIn = (): number => {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  children.push(child);
  return child.pid!;
};
const figures: Figure[] = [];
try {
  const [proxyPid, upstreamPid] = [standIn(), standIn()];
  for (const join of [true, false]) {
    const run = measure(join, proxyPid, upstreamPid);
    const label = join ? 'with joining' : 'without joining';
    const rates = run.windows.map((window) => window.perCpuSecond);
    figures.push(
      {
        name: `Socket events ${label}, per CPU second of the process`,
        value: Math.round(quantile(rates, 0.5)),
        unit: 'events/s',
        target: '≥ 300,000',
        note: `${Math.round(Math.min(...rates))} to ${Math.round(Math.max(...rates))} over ${WINDOWS} windows of ${SECONDS} s; garbage collection's threads included`,
      },
      {
        name: `Socket events ${label}, per CPU second of the thread`,
        value: Math.round(
          quantile(
            run.windows.map((window) => window.threadPerCpuSecond),
            0.5
          )
        ),
        unit: 'events/s',
      },
      {
        name: `Rows of ${run.events} events ${label}`,
        value: run.rows,
        unit: 'rows',
        note: `${((run.rows / run.events) * 2).toFixed(4)} of those expected, ${run.bytesPerRow.toFixed(0)} B each before compression${join ? `, ${(run.linked * 100).toFixed(1)} % of client rows linked` : ''}`,
      }
    );
  }
} finally {
  for (const child of children) child.kill();
}
publish({
  bench: 'agent-events',
  input: `HTTP/1.1 through a proxy, ${CONNECTIONS} kept-alive connections each way, ${REQUESTS[0]!.length} B requests and ${RESPONSE.length} B responses, six socket events and three rows a request`,
  figures,
});
