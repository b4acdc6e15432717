import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { tableFromIPC } from 'apache-arrow';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  CallResourceRequest,
  CheckHealthRequest,
  DataFrameFormat,
  type PluginProcess,
  QueryDataRequest,
  startPlugin,
} from './index.ts';

const script = join(import.meta.dirname, 'testdata/echoPlugin.ts');

describe('serve', () => {
  let sockets: string;
  let plugin: PluginProcess;
  const logLines: string[] = [];

  beforeEach(async () => {
    sockets = mkdtempSync(join(tmpdir(), 'gp-'));
    plugin = await startPlugin(process.execPath, {
      args: [script],
      env: { PLUGIN_UNIX_SOCKET_DIR: sockets },
      onLogLine: (line) => logLines.push(line),
    });
  });
  afterEach(async () => {
    await plugin.shutdown();
    rmSync(sockets, { recursive: true });
  });

  function request(models: Record<string, object>, format: DataFrameFormat = DataFrameFormat.ARROW): QueryDataRequest {
    return QueryDataRequest.fromPartial({
      format,
      queries: Object.entries(models).map(([refId, model]) => ({ refId, json: Buffer.from(JSON.stringify(model)) })),
    });
  }

  it('answers health, metrics and resources', async () => {
    expect(await plugin.ping()).toBe(true);
    const health = await plugin.checkHealth(CheckHealthRequest.fromPartial({}));
    expect([health.status, health.message, health.jsonDetails.toString()]).toEqual([
      2,
      'DNS: no such host',
      '{"step":"dns"}',
    ]);
    expect(await plugin.collectMetrics()).toBe('echo_up 1\n');
    const answer = await plugin.callResource(
      CallResourceRequest.fromPartial({ method: 'POST', path: 'tag-keys', url: 'tag-keys?q=1', body: Buffer.alloc(2) })
    );
    expect(answer.status).toBe(200);
    expect(answer.body.length).toBe(3_000_000);
    expect(answer.body.toString('utf8', 0, 18)).toBe('POST tag-keys 1 2.');
  });

  it('answers every query of a request, the failing ones and __proto__ too', async () => {
    const models = Object.fromEntries([
      ['A', { kind: 'ok' }],
      ['B', { kind: 'fail' }],
      ['C', { kind: 'bad-frame' }],
      ['D', null],
    ]) as Record<string, object>;
    Object.defineProperty(models, '__proto__', { value: { kind: 'print' }, enumerable: true });
    const { responses } = await plugin.queryData(request(models));
    expect([...responses].map(([refId, { status, errorSource }]) => [refId, status, errorSource]).sort()).toEqual([
      ['A', 200, ''],
      ['B', 401, 'downstream'],
      ['C', 500, 'plugin'],
      ['D', 500, 'plugin'],
      ['__proto__', 200, ''],
    ]);
    const table = tableFromIPC(responses.get('A')!.frames[0]!);
    expect(table.schema.metadata.get('refId')).toBe('A');
    // The environment that Grafana gives, and nothing of ours.
    expect(table.getChild('environment')!.get(0)).toBe(
      'PLUGIN_MAX_PORT PLUGIN_MIN_PORT PLUGIN_PROTOCOL_VERSIONS PLUGIN_UNIX_SOCKET_DIR grafana_plugin_type'
    );
  });

  it('answers in JSON where the host asks for it', async () => {
    const { responses } = await plugin.queryData(request({ A: { kind: 'ok' } }, DataFrameFormat.JSON));
    const { format, frames } = responses.get('A')!;
    expect(format).toBe(DataFrameFormat.JSON);
    expect(JSON.parse(frames[0]!.toString())).toMatchObject({ schema: { name: 'echo', refId: 'A' } });
  });

  it('stops a query that the host cancels', async () => {
    const abort = new AbortController();
    const answer = plugin.queryData(request({ A: { kind: 'wait' } }), abort.signal);
    setTimeout(() => abort.abort(), 50);
    await expect(answer).rejects.toMatchObject({ code: 1 });
    expect(await plugin.ping()).toBe(true);
  });

  it('removes its socket on Shutdown and on SIGTERM, and ignores SIGINT', async () => {
    expect(readdirSync(sockets)).toHaveLength(1);
    process.kill(plugin.pid, 'SIGINT');
    expect(await plugin.ping()).toBe(true);
    process.kill(plugin.pid, 'SIGTERM');
    expect(await plugin.exited).toEqual({ code: 0, signal: null });
    expect(readdirSync(sockets)).toHaveLength(0);
  });

  it('logs lines that hclog reads', async () => {
    await plugin.queryData(request({ A: { kind: 'bad-frame' } }));
    await plugin.shutdown();
    expect(logLines.length).toBeGreaterThan(0);
    for (const line of logLines) expect(JSON.parse(line)).toHaveProperty('@level');
  });
});

describe('without a fitting host', () => {
  it.each([
    ['nobody', {}, 'GRAFANA_NOT_STARTED_BY_HOST'],
    [
      'another protocol',
      { grafana_plugin_type: 'datasource', PLUGIN_PROTOCOL_VERSIONS: '3' },
      'GRAFANA_HANDSHAKE_UNSUPPORTED',
    ],
    ['mutual TLS', { grafana_plugin_type: 'datasource', PLUGIN_CLIENT_CERT: 'x' }, 'GRAFANA_HANDSHAKE_UNSUPPORTED'],
  ])('says so and writes nothing to stdout: %s', async (_name, env, code) => {
    const failure = await promisify(execFile)(process.execPath, [script], { env }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 1, stdout: '' });
    expect((failure as { stderr: string }).stderr).toContain(code);
  });

  it('ends when the host is killed', async () => {
    const sockets = mkdtempSync(join(tmpdir(), 'gp-'));
    // A host that starts the plugin, tells its pid, and stays until it is killed.
    const host = spawn(process.execPath, [
      '--input-type=module',
      '-e',
      `import { spawn } from 'node:child_process';
       const env = { grafana_plugin_type: 'datasource', PLUGIN_UNIX_SOCKET_DIR: ${JSON.stringify(sockets)} };
       const plugin = spawn(process.execPath, [${JSON.stringify(script)}], { env, stdio: ['ignore', 'pipe', 'ignore'] });
       plugin.stdout.once('data', () => process.stdout.write(String(plugin.pid)));`,
    ]);
    const pid = Number(
      await new Promise<string>((resolve) => host.stdout.once('data', (data) => resolve(String(data))))
    );
    expect(readdirSync(sockets)).toHaveLength(1);
    host.kill('SIGKILL');
    await expect
      .poll(() => existsSync(`/proc/${pid}`) && readdirSync(sockets).length > 0, { timeout: 10_000 })
      .toBe(false);
    rmSync(sockets, { recursive: true });
  });
});
