import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { formatAddress } from '@throughline/core';
import { afterEach, describe, expect, it } from 'vitest';
import { type PacketEvent, SocketOperation, type SocketEvent } from './events.ts';
import { type LadderOptions, openLadder, probeLadder, type Rung } from './ladder.ts';
import { readPrivileges } from './privileges.ts';

function reasonToSkip(): string | undefined {
  const { capabilities, isConfined } = readPrivileges();
  if (isConfined || !capabilities.has('CAP_SYS_ADMIN')) return 'capturing needs root outside of a user namespace';
  return undefined;
}

const skipped = reasonToSkip();
if (skipped !== undefined) console.log(`skipped: ${skipped}`);
const hasBpftool = spawnSync('bpftool', ['version']).error === undefined;
if (!hasBpftool) console.log('skipped: tests that list what the kernel holds need bpftool');
const hasIp = spawnSync('ip', ['-V']).error === undefined;
if (!hasIp) console.log('skipped: tests in network namespaces need iproute2');

const children: ChildProcess[] = [];
const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

/** Runs JavaScript in a process of its own. `prefix`: a command that runs it, such as `ip netns exec NAME`. */
function start(code: string, parameters: readonly string[] = [], prefix: readonly string[] = []) {
  const [command, ...rest] = [...prefix, process.execPath, '-e', code, ...parameters];
  const child = spawn(command!, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  let output = '';
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  return {
    child,
    pid: child.pid!,
    /** First line on standard output. */
    line: async () => {
      await until(() => output.includes('\n'));
      return output.split('\n')[0]!;
    },
    ended: () => new Promise<void>((resolve) => child.once('exit', () => resolve())),
  };
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    if (tries === 1000) throw new Error('gave up waiting');
    await sleep(10);
  }
}

type Socket = Omit<SocketEvent, 'payload' | 'localAddress' | 'remoteAddress'> & { text: string; remote: string };
type Packet = Omit<PacketEvent, 'payload'> & { text: string };

/** Captures while `run` runs, and a little longer, until `enough`. Events are copied: sources reuse theirs. */
async function capture(
  options: LadderOptions,
  run: () => Promise<void>,
  enough: (sockets: readonly Socket[], packets: readonly Packet[]) => boolean = () => true
) {
  const ladder = openLadder({ ...options, capture: { socketRingBytes: 1 << 22, ...options.capture } });
  const sockets: Socket[] = [];
  const packets: Packet[] = [];
  const poll = (): void => {
    for (const source of ladder.sources) {
      source.poll(
        ({ payload, localAddress: _local, remoteAddress, ...event }) =>
          sockets.push({
            ...event,
            text: Buffer.from(payload).toString('latin1'),
            remote: formatAddress(remoteAddress),
          }),
        ({ payload, ...event }) => packets.push({ ...event, text: Buffer.from(payload).toString('latin1') })
      );
    }
  };
  const timer = setInterval(poll, 5);
  try {
    await run();
    await sleep(50); // packet sockets release a block after 10 ms
    poll();
    await until(() => enough(sockets, packets));
    return { sockets, packets, drops: ladder.sources.map((source) => source.drops()) };
  } finally {
    clearInterval(timer);
    for (const source of ladder.sources) source.close();
  }
}

const HTTP_SERVER = `
  const server = require('node:http').createServer((request, response) => response.end('leaf says ' + request.url));
  server.listen(0, process.argv[1] ?? '127.0.0.1', () => console.log(server.address().port));`;
/** Calls the server at port argv[1] for every request, and answers with its answer. */
const MIDDLE = `
  const http = require('node:http');
  const server = http.createServer((request, response) => {
    http.get({ host: '127.0.0.1', port: process.argv[1], path: '/inner' }, (answer) => answer.pipe(response));
  });
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));`;
/** Waits for a line on standard input, then asks argv[1]:argv[2] once. */
const CLIENT = `
  process.stdin.once('data', () => {
    const options = { host: process.argv[1], port: process.argv[2], path: '/outer', agent: false };
    require('node:http').get(options, (answer) => answer.resume().on('end', () => process.exit(0)));
  });
  console.log('ready');`;

async function startChain() {
  const leaf = start(HTTP_SERVER);
  const leafPort = Number(await leaf.line());
  const middle = start(MIDDLE, [String(leafPort)]);
  const middlePort = Number(await middle.line());
  const client = start(CLIENT, ['127.0.0.1', String(middlePort)]);
  await client.line();
  const request = async (): Promise<void> => {
    const ended = client.ended();
    client.child.stdin!.end('go\n');
    await ended;
  };
  return { leaf, leafPort, middle, middlePort, client, request };
}

function only<T>(events: readonly T[], matches: (event: T) => boolean): T {
  const found = events.filter(matches);
  expect(found).toHaveLength(1);
  return found[0]!;
}

const SEND = SocketOperation.send;
const RECEIVE = SocketOperation.receive;

describe.skipIf(skipped !== undefined)('ladder, as root', () => {
  it('finds every rung and attaches nothing for good', () => {
    const report = probeLadder();
    expect(report.map(({ rung }) => rung)).toEqual(['tp_btf', 'raw_tp', 'af_packet', 'packets']);
    for (const { rung, works, reason } of report) expect(works, `${rung}: ${reason}`).toBe(true);
    expect(bpfLinksOf(process.pid)).toEqual([]);
  });

  describe.each<Rung>(['tp_btf', 'raw_tp'])('%s', (rung) => {
    const options: LadderOptions = { rung, packets: true };

    it('sees a request through three processes, with sequence, payload and the ids of messages', async () => {
      const chain = await startChain();
      const { sockets, packets, drops } = await capture(options, chain.request, (events) =>
        [chain.client.pid, chain.middle.pid].every((pid) =>
          events.some((event) => event.pid === pid && event.operation === SocketOperation.close)
        )
      );
      const of = (pid: number) => sockets.filter((event) => event.pid === pid && event.protocol === 6);
      const client = of(chain.client.pid);
      const middle = of(chain.middle.pid);
      const leaf = of(chain.leaf.pid);

      const asked = only(client, (event) => event.operation === SEND);
      const received = only(
        middle,
        (event) => event.operation === RECEIVE && event.localPort === chain.middlePort && event.length > 0
      );
      expect(asked.text).toMatch(/^GET \/outer HTTP\/1.1\r\n/);
      expect(received).toMatchObject({ text: asked.text, sequence: asked.sequence, length: asked.length });
      expect(asked.length).toBe(asked.text.length);
      expect(asked).toMatchObject({ remote: '127.0.0.1', remotePort: chain.middlePort, payloadMissing: false });

      const inner = only(middle, (event) => event.operation === SEND && event.remotePort === chain.leafPort);
      const innerReceived = only(leaf, (event) => event.operation === RECEIVE && event.text.startsWith('GET /inner'));
      expect(innerReceived.sequence).toBe(inner.sequence);
      const innerAnswer = middle.find((event) => event.operation === RECEIVE && event.remotePort === chain.leafPort)!;
      const answer = middle.find((event) => event.operation === SEND && event.localPort === chain.middlePort)!;
      expect(innerAnswer.text).toContain('leaf says /inner');

      // The id of the received request goes with the call it caused, from connect() on; the answer's with the answer.
      expect(received.ingressId).toBeGreaterThan(0);
      expect(inner).toMatchObject({ ingressId: received.ingressId, birthId: received.ingressId });
      expect(innerAnswer.ingressId).toBeGreaterThan(0);
      expect(innerAnswer.ingressId).not.toBe(received.ingressId);
      expect(answer).toMatchObject({ ingressId: innerAnswer.ingressId, answerId: innerAnswer.ingressId });
      expect(received.tid).toBe(inner.tid);

      const operations = (events: readonly Socket[], socketId: number) =>
        events.filter((event) => event.socketId === socketId).map((event) => event.operation);
      expect(operations(client, asked.socketId)[0]).toBe(SocketOperation.connect);
      expect(operations(client, asked.socketId).at(-1)).toBe(SocketOperation.close);
      expect(operations(middle, received.socketId)[0]).toBe(SocketOperation.accept);

      for (const direction of ['transmit', 'receive'] as const) {
        const packet = only(
          packets,
          (event) => event.sequence === asked.sequence && event.direction === direction && event.payloadLength > 0
        );
        expect(packet).toMatchObject({ interfaceName: 'lo', payloadLength: asked.length, netns: asked.netns });
      }
      for (const reasons of drops)
        for (const [reason, count] of Object.entries(reasons)) expect([reason, count]).toEqual([reason, 0]);
    });

    it('says which side reset, and of which process the socket was', async () => {
      const server = start(`
        const server = require('node:net').createServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
        server.listen(0, '127.0.0.1', () => console.log(server.address().port));`);
      const port = Number(await server.line());
      const client = start(
        `process.stdin.once('data', () => {
           const socket = require('node:net').connect(process.argv[1], '127.0.0.1', () => socket.write('hello'));
           socket.on('error', () => process.exit(0));
         });
         console.log('ready');`,
        [String(port)]
      );
      await client.line();
      const { sockets } = await capture(options, async () => {
        const ended = client.ended();
        client.child.stdin!.write('go\n');
        await ended;
      });
      const resets = sockets.filter(
        (event) => event.operation === SocketOperation.reset && [event.localPort, event.remotePort].includes(port)
      );
      expect(resets.map(({ pid, resetBy }) => ({ pid, resetBy }))).toEqual(
        expect.arrayContaining([
          { pid: server.pid, resetBy: 'local' },
          { pid: client.pid, resetBy: 'remote' },
        ])
      );
      expect(resets).toHaveLength(2);
    });

    it('leaves out the own process and excluded ones, and other namespaces', async () => {
      const chain = await startChain();
      const own = createServer((_request, response) => response.end('own'));
      await new Promise<void>((resolve) => own.listen(0, '127.0.0.1', resolve));
      cleanups.push(() => void own.close());
      const capturing = { ...options, capture: { excludePids: [chain.client.pid] } };
      const { sockets } = await capture(capturing, async () => {
        await (await fetch(`http://127.0.0.1:${(own.address() as AddressInfo).port}/`)).text();
        await chain.request();
      });
      const pids = new Set(sockets.map((event) => event.pid));
      expect(pids).toContain(chain.middle.pid);
      expect(pids).not.toContain(process.pid);
      expect(pids).not.toContain(chain.client.pid);

      const elsewhere = await startChain();
      const none = await capture({ ...options, capture: { netns: [1] } }, elsewhere.request);
      expect(none.sockets).toEqual([]);
      expect(none.packets).toEqual([]);
    });

    it('shows sendfile as a send without payload, with length and sequence', async () => {
      const server = start(`
        const { spawn } = require('node:child_process');
        const code = 'import os,socket;s=socket.socket();s.bind(("127.0.0.1",0));s.listen();print(s.getsockname()[1],flush=True);' +
          'c,_=s.accept();c.recv(9);f=open("/proc/self/exe","rb");os.sendfile(c.fileno(),f.fileno(),0,5000);c.close()';
        spawn('python3', ['-c', code], { stdio: 'inherit' });`);
      const port = Number(await server.line());
      const { sockets } = await capture({ ...options, capture: { ownPid: 1 } }, async () => {
        const reader = start(
          `const socket = require('node:net').connect(process.argv[1], '127.0.0.1', () => socket.write('x'));
           socket.resume().on('end', () => process.exit(0));`,
          [String(port)]
        );
        await reader.ended();
      });
      const sent = only(sockets, (event) => event.operation === SEND && event.localPort === port);
      expect(sent).toMatchObject({ length: 5000, text: '', payloadMissing: true });
      const received = sockets.find((event) => event.operation === RECEIVE && event.remotePort === port)!;
      expect(received.sequence).toBe(sent.sequence);
    });

    it('reads IPv6, and IPv4 through an IPv6 socket', async () => {
      const server = start(HTTP_SERVER, ['::']);
      const port = Number(await server.line());
      const { sockets } = await capture(options, async () => {
        for (const host of ['::1', '127.0.0.1']) {
          const client = start(CLIENT, [host, String(port)]);
          await client.line();
          const ended = client.ended();
          client.child.stdin!.end('go\n');
          await ended;
        }
      });
      const received = sockets.filter(
        (event) => event.pid === server.pid && event.operation === RECEIVE && event.length > 0
      );
      expect(received.map((event) => event.remote)).toEqual(['::1', '127.0.0.1']);
    });

    it.skipIf(!hasBpftool)('is gone with its process, after kill -9 too', async () => {
      const holder = start(
        `import(process.argv[1]).then(({ openLadder }) => {
           openLadder({ rung: process.argv[2], packets: true });
           console.log('open');
           setInterval(() => {}, 1000);
         });`,
        [fileURLToPath(new URL('ladder.ts', import.meta.url)), rung]
      );
      await holder.line();
      const programs = bpfLinksOf(holder.pid);
      expect(programs.length).toBeGreaterThan(4);
      expect(programs.every(programExists)).toBe(true);
      const ended = holder.ended();
      holder.child.kill('SIGKILL');
      await ended;
      await until(() => !programs.some(programExists)); // freed by the kernel after a grace period
    });
  });

  describe('af_packet', () => {
    it('sees both messages of a request on the interface, with payload', async () => {
      const chain = await startChain();
      const { sockets, packets } = await capture({ rung: 'af_packet', packets: true }, chain.request, (_, seen) =>
        seen.some(({ text }) => text.includes('leaf says'))
      );
      expect(sockets).toEqual([]);
      const request = packets.filter(
        ({ destinationPort, text }) => destinationPort === chain.middlePort && text.startsWith('GET /outer')
      );
      expect(new Set(request.map(({ direction }) => direction))).toEqual(new Set(['transmit', 'receive']));
      expect(new Set(request.map(({ sequence }) => sequence)).size).toBe(1);
      expect(request[0]).toMatchObject({ interfaceName: 'lo', protocol: 6 });
      const nowNs = Number(process.hrtime.bigint());
      for (const { timestampNs } of request) expect(Math.abs(nowNs - timestampNs)).toBeLessThan(60e9);
    });
  });

  describe.skipIf(!hasIp)('two network namespaces', () => {
    const netns = (name: string): number => statSync(`/run/netns/${name}`).ino;

    function makePair(): { client: string; server: string } {
      const suffix = process.pid.toString(36);
      const names = { client: `tlc${suffix}`, server: `tls${suffix}` };
      const ip = (line: string) => execFileSync('ip', line.split(' '));
      for (const name of Object.values(names)) {
        ip(`netns add ${name}`);
        cleanups.push(() => void spawnSync('ip', ['netns', 'del', name]));
      }
      ip(`link add eth0 netns ${names.client} type veth peer name eth0 netns ${names.server}`);
      ip(`-n ${names.client} addr add 10.213.7.1/24 dev eth0`);
      ip(`-n ${names.server} addr add 10.213.7.2/24 dev eth0`);
      for (const name of Object.values(names)) ip(`-n ${name} link set eth0 up`);
      return names;
    }

    it.each<Rung>(['tp_btf', 'raw_tp', 'af_packet'])(
      '%s sees each packet where it leaves and where it arrives',
      async (rung) => {
        const names = makePair();
        const server = start(HTTP_SERVER, ['10.213.7.2'], ['ip', 'netns', 'exec', names.server]);
        const port = Number(await server.line());
        const client = start(CLIENT, ['10.213.7.2', String(port)], ['ip', 'netns', 'exec', names.client]);
        await client.line();
        const owned = { netns: [netns(names.client), netns(names.server)] };
        const { sockets, packets } = await capture({ rung, packets: true, capture: owned }, async () => {
          const ended = client.ended();
          client.child.stdin!.end('go\n');
          await ended;
        });
        // Rings of different namespaces are drained one after the other.
        const requests = packets
          .filter((packet) => packet.destinationPort === port && packet.payloadLength > 0)
          .sort((a, b) => a.timestampNs - b.timestampNs);
        expect(
          requests.map(({ netns: inode, direction, interfaceName }) => ({ inode, direction, interfaceName }))
        ).toEqual([
          { inode: netns(names.client), direction: 'transmit', interfaceName: 'eth0' },
          { inode: netns(names.server), direction: 'receive', interfaceName: 'eth0' },
        ]);
        expect(requests[0]!.sequence).toBe(requests[1]!.sequence);
        expect(packets.every((packet) => Object.values(owned.netns).includes(packet.netns))).toBe(true);
        if (rung === 'af_packet') return;
        const sent = only(sockets, (event) => event.operation === SEND && event.remotePort === port);
        expect(sent).toMatchObject({ netns: netns(names.client), sequence: requests[0]!.sequence });
        expect(sockets.find((event) => event.operation === RECEIVE && event.localPort === port)).toMatchObject({
          netns: netns(names.server),
          sequence: sent.sequence,
        });
      }
    );
  });

  it('shows datagrams of port 53 with their payload, with and without TCP packets', async () => {
    for (const packets of [true, false]) {
      const seen = await capture({ rung: 'tp_btf', packets }, async () => {
        const asker = start(`
          const socket = require('node:dgram').createSocket('udp4');
          socket.send('not really a query', 53, '127.53.0.1', () => socket.close());`);
        await asker.ended();
      });
      const query = seen.packets.filter(({ text }) => text === 'not really a query');
      expect(query.map(({ direction, destinationPort, protocol }) => [direction, destinationPort, protocol])).toEqual([
        ['transmit', 53, 17],
        ['receive', 53, 17],
      ]);
      if (!packets) expect(seen.packets.every(({ protocol }) => protocol === 17)).toBe(true);
      const sent = only(seen.sockets, ({ text }) => text === 'not really a query');
      expect(sent).toMatchObject({ protocol: 17, remote: '127.53.0.1', remotePort: 53, sequence: 0 });
    }
  });
});

/** Ids of the programs that a process holds attached, from its file descriptors. */
function bpfLinksOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/fdinfo`).flatMap((fd) => {
    let text = '';
    try {
      text = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8');
    } catch {
      return []; // closed meanwhile
    }
    const program = /^link_type:[\s\S]*^prog_id:\s*(\d+)/m.exec(text);
    return program ? [Number(program[1])] : [];
  });
}

function programExists(id: number): boolean {
  return spawnSync('bpftool', ['prog', 'show', 'id', String(id)]).status === 0;
}
