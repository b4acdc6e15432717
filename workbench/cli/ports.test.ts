import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { portUses, requireFreePorts, takenPorts } from './ports.ts';

const servers: Server[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

function listen(host: string): Promise<number> {
  const server = createServer();
  servers.push(server);
  return new Promise((resolve) => {
    server.listen(0, host, () => resolve((server.address() as AddressInfo).port));
  });
}

it.each(['127.0.0.1', '0.0.0.0', '::'])('finds a port taken that is bound to %s', async (host) => {
  const port = await listen(host);
  expect(await takenPorts([{ port, purpose: 'store' }])).toEqual([{ port, purpose: 'store' }]);
});

it('leaves a free port free', async () => {
  const port = await listen('127.0.0.1');
  await new Promise((resolve) => servers.pop()?.close(resolve));
  expect(await takenPorts([{ port, purpose: 'store' }])).toEqual([]);
  expect(await takenPorts([{ port, purpose: 'store' }])).toEqual([]);
});

it('names each taken port, its purpose and the option that helps', async () => {
  const port = await listen('127.0.0.1');
  const refusal = requireFreePorts([{ port, purpose: 'OTLP over gRPC' }]);
  await expect(refusal).rejects.toThrow(`${port} (OTLP over gRPC)`);
  await expect(refusal).rejects.toThrow('--port-base');
});

it('says of ports that need privileges that they do, not that they are taken', async () => {
  const refusal = requireFreePorts([{ port: 1023, purpose: 'store' }], 1024);
  await expect(refusal).rejects.toMatchObject({ code: 'PORT_FORBIDDEN' });
  await expect(refusal).rejects.toThrow('ports below 1024 need root');
});

it('counts the ports from the base', () => {
  const numbers = (uses: { port: number }[]): number[] => uses.map(({ port }) => port);
  expect(numbers(portUses(4300, { agents: 2, gateway: true }))).toEqual([
    4300, 4301, 4302, 4303, 4304, 4317, 4318, 4380,
  ]);
  expect(numbers(portUses(5000, { agents: 1, gateway: false }))).toEqual([5000, 5001, 5002, 5003, 5017, 5018]);
});
