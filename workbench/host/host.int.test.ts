import { type ChildProcess, spawn } from 'node:child_process';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type RunningStore, startStore } from '@throughline/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createShop, type Shop, spanId } from '../../datasource-plugin/testdata/shop.ts';

/** The workbench's host as the command line starts it, in front of a real store. */

const main = join(import.meta.dirname, 'main.ts');

let store: RunningStore;
let shop: Shop;
let host: ChildProcess;
let base: string;
const lines: string[] = [];
const pids: number[] = [];

beforeAll(async () => {
  store = await startStore();
  shop = await createShop(store);
  host = spawn(process.execPath, [main], {
    env: {
      PATH: process.env['PATH'],
      THROUGHLINE_WORKBENCH_PORT: '0',
      THROUGHLINE_STORE_URL: store.url,
      THROUGHLINE_STORE_READ_TOKEN: store.readToken,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  base = await new Promise<string>((resolve) => {
    createInterface({ input: host.stderr! }).on('line', (line) => {
      lines.push(line);
      const entry = JSON.parse(line) as { msg?: string; port?: number; pid?: number };
      if (entry.msg === 'workbench listens') resolve(`http://127.0.0.1:${entry.port}`);
      if (entry.msg === 'datasource backend started') pids.push(entry.pid!);
    });
  });
  expect((await fetch(`${base}/healthz`)).status).toBe(200);
});
afterAll(async () => {
  host?.kill('SIGTERM');
  await store?.stop();
});

const api = (path: string, init: RequestInit = {}) => fetch(`${base}${path}`, init);
const ask = (body: unknown, headers: Record<string, string> = {}) =>
  api('/api/ds/query', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

describe('workbench host', () => {
  it('answers queries in Grafana’s shape, failing ones beside others', async () => {
    const response = await ask({
      from: String(shop.fromS * 1_000),
      to: String(shop.toS * 1_000),
      queries: [
        { refId: 'A', queryType: 'red', intervalMs: 10_000, maxDataPoints: 100 },
        { refId: 'B', queryType: 'sql', rawSql: 'SELECT nonsense' },
      ],
    });
    expect(response.status).toBe(207);
    expect(await response.json()).toMatchObject({
      results: {
        A: { status: 200, frames: [{ schema: { refId: 'A', name: 'rate' } }, { schema: { name: 'rate' } }] },
        B: { status: 400, errorSource: 'downstream', frames: [], error: expect.stringContaining('nonsense') as string },
      },
    });
    const relative = await ask({ from: 'now-1h', to: 'now', queries: [{ queryType: 'traceSearch' }] });
    expect([relative.status, await relative.text()]).toEqual([200, expect.stringContaining('"traceID"')]);
  });

  it('answers health, resources and its own state', async () => {
    expect(await (await api('/api/datasources/uid/throughline/health')).json()).toMatchObject({ status: 'OK' });
    const trace = await api(`/api/datasources/uid/throughline/resources/trace/${spanId(3, 5, 'c')}`);
    expect(await trace.json()).toMatchObject({ roots: [{ span: { service: 'gateway' } }] });
    const endpoints = await api('/api/datasources/uid/throughline/resources/endpoints?service=orders');
    expect(await endpoints.json()).toEqual([{ text: '/orders' }]);
    expect((await api('/api/datasources/uid/other/health')).status).toBe(404);
  });

  it('serves the page, the settings of the built plugins, and nothing beside them', async () => {
    for (const path of ['/', '/a/throughline-app/home', '/d/any']) {
      const page = await api(path);
      expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
      expect(await page.text()).toContain('<div id="root">');
    }
    const settings = (await (await api('/api/frontend/settings')).json()) as { datasources: object; apps: object };
    expect(Object.keys(settings)).toEqual(expect.arrayContaining(['datasources', 'panels', 'apps']));
    const datasource = await (await api('/api/datasources/uid/throughline')).json();
    expect(datasource).toMatchObject({ url: store.url, secureJsonFields: { readToken: true } });
    expect(JSON.stringify([settings, datasource])).not.toContain(store.readToken);
    for (const path of [
      '/public/plugins/throughline-app/..%2fpackage.json',
      '/build/..%2f..%2finstalled',
      '/public/plugins/other/module.js',
      '/api/nothing',
    ]) {
      expect((await api(path)).status, path).not.toBe(200);
    }
    // An icon that npm's package lacks is drawn by us, or at least not a broken picture.
    const icon = await api('/public/build/img/icons/unicons/no-such-icon.svg');
    expect([icon.status, icon.headers.get('content-type')]).toEqual([200, 'image/svg+xml']);
  });

  it('refuses other names, other sites’ pages and what it cannot read', async () => {
    const status = await new Promise((resolve) => {
      httpRequest(`${base}/healthz`, { headers: { Host: 'rebound.example' } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).end();
    });
    expect(status).toBe(403);
    const query = { from: 'now-1h', to: 'now', queries: [{ queryType: 'red' }] };
    expect((await ask(query, { Origin: 'https://other.example' })).status).toBe(403);
    expect((await ask('{')).status).toBe(400);
    expect((await ask({ queries: [] })).status).toBe(400);
    expect((await ask({ ...query, from: 'yesterday' })).status).toBe(400);
    expect((await ask(' '.repeat(5 << 20))).status).toBe(413);
  });

  it('starts the backend again when it dies', async () => {
    expect(pids).toHaveLength(1);
    process.kill(pids[0]!, 'SIGKILL');
    await expect.poll(() => pids.length, { timeout: 20_000 }).toBe(2);
    expect((await ask({ from: 'now-1h', to: 'now', queries: [{ queryType: 'serviceMap' }] })).status).toBe(200);
  });

  it('tells the token to nobody, and ends its backend with itself', async () => {
    const page = await (await api('/')).text();
    expect(page + lines.join('')).not.toContain(store.readToken);
    const ended = new Promise((resolve) => host.once('exit', resolve));
    host.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(() => process.kill(pids.at(-1)!, 0)).toThrow('ESRCH');
  });

  it.each([
    ['nothing', {}, 'THROUGHLINE_STORE_URL'],
    ['a URL that is none', { THROUGHLINE_STORE_URL: 'x', THROUGHLINE_STORE_READ_TOKEN: 't' }, 'THROUGHLINE_STORE_URL'],
  ])('says what is wrong with its environment: %s', async (_name, env, problem) => {
    const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let text = '';
    for await (const part of child.stderr) text += String(part);
    expect(text).toContain(problem);
    expect(child.exitCode ?? (await new Promise((resolve) => child.once('exit', resolve)))).toBe(2);
  });
});
