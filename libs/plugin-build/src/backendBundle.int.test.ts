import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CallResourceRequest,
  CheckHealthRequest,
  DataFrameFormat,
  PluginContext,
  QueryDataRequest,
  startPlugin,
} from '@throughline/grafana-backend';
import { type RunningStore, startStore } from '@throughline/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createShop, REQUESTS, type Shop, spanId, traceId } from '../../../datasource-plugin/testdata/shop.ts';
import { packageBackend, PLATFORMS } from './backendBundle.ts';
import { backendLauncher } from './backendLauncher.ts';

/** The backend as it is shipped, started as Grafana starts it: by its launcher, with an empty environment. */

const platform = PLATFORMS.find(({ nodeArch }) => nodeArch === process.arch);
if (platform === undefined) console.log(`skipped, no backend is packaged for ${process.arch}`);

/** The oldest at hand: the launcher takes what it finds. */
const hostNode = ['/usr/bin/node', '/usr/local/bin/node'].find((file) => existsSync(file)) ?? process.execPath;

describe.skipIf(platform === undefined)('packaged backend', () => {
  let folder: string;
  let store: RunningStore;
  let shop: Shop;
  let pluginContext: PluginContext;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'throughline-package-'));
    await packageBackend(folder, { platforms: [platform!] });
    store = await startStore();
    shop = await createShop(store);
    pluginContext = PluginContext.fromPartial({
      orgId: 1n,
      pluginId: 'throughline-datasource',
      dataSourceInstanceSettings: {
        uid: 'throughline',
        name: 'Throughline',
        url: store.url,
        jsonData: Buffer.from('{}'),
        decryptedSecureJsonData: new Map([['readToken', store.readToken]]),
      },
    });
  });
  afterAll(async () => {
    await store?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const name = () => `gpx_throughline_linux_${platform!.goArch}`;

  it.each([
    ['the launcher, which picks the executable', () => ({ command: join(folder, name()), args: [] })],
    ['a Node of the host', () => ({ command: hostNode, args: [join(folder, 'gpx_throughline.cjs')] })],
  ])('answers health, queries and traces: %s', async (_what, start) => {
    const { command, args } = start();
    const logLines: string[] = [];
    const plugin = await startPlugin(command, { args, onLogLine: (line) => logLines.push(line) });
    try {
      const health = await plugin.checkHealth(CheckHealthRequest.fromPartial({ pluginContext }));
      expect(health.message).toContain('Connected to ClickHouse');
      const queries = {
        count: { queryType: 'sql', rawSql: "SELECT count() AS n FROM spans WHERE SpanKind = 'Client'" },
        // Assembled in a thread, whose program is inside the one file.
        trace: { queryType: 'traceId', query: spanId(3, 9, 'c') },
      };
      const { responses } = await plugin.queryData(
        QueryDataRequest.fromPartial({
          pluginContext,
          format: DataFrameFormat.JSON,
          queries: Object.entries(queries).map(([refId, model]) => ({
            refId,
            queryType: model.queryType,
            timeRange: { fromEpochMS: BigInt(shop.fromS) * 1_000n, toEpochMS: BigInt(shop.toS) * 1_000n },
            json: Buffer.from(JSON.stringify(model)),
          })),
        })
      );
      expect(Array.from(responses.values(), ({ error }) => error)).toEqual(['', '']);
      expect(valuesOf(responses.get('count')!.frames[0]!)[0]).toEqual([2 * REQUESTS]);
      expect(valuesOf(responses.get('trace')!.frames[0]!)[1]).toContain(spanId(3, 9, 'c'));
      const resource = await plugin.callResource(
        CallResourceRequest.fromPartial({ pluginContext, method: 'GET', path: `trace/${traceId(2)}`, url: '' })
      );
      expect(JSON.parse(resource.body.toString('utf8'))).toMatchObject({ traceId: traceId(2) });
    } finally {
      await plugin.shutdown();
    }
    expect(await plugin.exited).toEqual({ code: 0, signal: null });
    // What is no JSON line reaches Grafana's log as noise.
    for (const line of logLines) expect(JSON.parse(line)).toHaveProperty('@message');
  });

  it('runs under the Node that the launcher finds, where there is no glibc', () => {
    const elsewhere = join(folder, 'alpine');
    mkdirSync(elsewhere);
    const node = join(elsewhere, 'node');
    writeFileSync(node, '#!/bin/sh\n[ "$1" = -e ] || printf "started %s\\n" "$1"\n');
    chmodSync(node, 0o755);
    const { stdout, status } = runLauncher(elsewhere, '/etc/passwd', node);
    expect([stdout, status]).toEqual([`started ${elsewhere}/gpx_throughline.cjs\n`, 0]);
  });

  it('says in one line of Grafana’s log what to add, where neither is there', () => {
    const elsewhere = join(folder, 'bare');
    mkdirSync(elsewhere);
    const tooOld = join(elsewhere, 'node');
    writeFileSync(tooOld, '#!/bin/sh\nexit 1\n');
    chmodSync(tooOld, 0o755);
    const { stdout, stderr, status } = runLauncher(elsewhere, '/etc/passwd', tooOld);
    expect([stdout, status]).toEqual(['', 1]);
    const line = JSON.parse(stderr) as Record<string, string>;
    expect(line['@level']).toBe('error');
    expect(line['@message']).toContain('apk add --no-cache nodejs');
    // go-plugin takes a line with any other number of digits for plain text.
    expect(line['@timestamp']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  });

  /** The launcher with the host's files in other places: `alpine` exists where it is Alpine, `node` is its Node. */
  function runLauncher(where: string, alpine: string, node: string) {
    const text = backendLauncher(platform!)
      .replaceAll('/etc/alpine-release', alpine)
      .replace('for node in /usr/bin/node /usr/local/bin/node', `for node in ${where}/none ${node}`);
    const file = join(where, name());
    writeFileSync(file, text);
    chmodSync(file, 0o755);
    return spawnSync(file, [], { env: {}, encoding: 'utf8' });
  }

  it('has files that stay themselves when the same sources are packaged again', async () => {
    const again = join(folder, 'again');
    await packageBackend(again, { platforms: [platform!] });
    for (const file of ['gpx_throughline.cjs', name(), `${name()}_glibc`]) {
      expect(readFileSync(join(again, file)).equals(readFileSync(join(folder, file)))).toBe(true);
    }
  });
});

function valuesOf(frame: Buffer | Uint8Array): readonly (readonly unknown[])[] {
  const { data } = JSON.parse(Buffer.from(frame).toString('utf8')) as { data: { values: unknown[][] } };
  return data.values;
}
