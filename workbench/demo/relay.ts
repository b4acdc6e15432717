// Carries byte streams over the border of a network namespace: a unix socket can be opened from both sides, a TCP
// address cannot. Started as `node relay.ts LISTEN=CONNECT…`, each address `unix:PATH` or `tcp:HOST:PORT`. It
// listens in the order given: who sees the last address knows that all are there.
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect, createServer, type NetConnectOpts, type Socket } from 'node:net';

function address(text: string): NetConnectOpts {
  const unix = /^unix:(.+)$/.exec(text)?.[1];
  if (unix !== undefined) return { path: unix };
  const [, host, port] = /^tcp:([\d.]+):(\d+)$/.exec(text) ?? [];
  if (host === undefined) throw new Error(`relay: ${text} is neither unix:PATH nor tcp:HOST:PORT`);
  return { host, port: Number(port) };
}

/** Joins both directions; when one side ends or fails, the other does. */
function join(one: Socket, other: Socket): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
    from.pipe(to);
  }
}

for (const argument of process.argv.slice(2)) {
  const [from, to] = argument.split('=');
  if (from === undefined || to === undefined) throw new Error(`relay: ${argument} is not LISTEN=CONNECT`);
  const target = address(to);
  const listen = address(from);
  if ('path' in listen) rmSync(listen.path, { force: true });
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    const peer = connect(target);
    join(socket, peer);
    socket.resume();
  });
  server.listen(listen);
  try {
    await once(server, 'listening');
  } catch (error) {
    console.error(`relay: cannot listen on ${from}: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  }
}

process.once('SIGTERM', () => process.exit(0));
