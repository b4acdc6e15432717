import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Instance, PROJECT_ROOT } from '../../workbench/cli/instance.ts';
import { freeBase, removeInstances, throughline } from '../../workbench/cli/testInstances.ts';
import { buildPage, type PackageSet } from '../../workbench/host/pageBuild.ts';

/** The product as `./throughline demo` starts it, and more hosts in front of the same store. */
export interface Product {
  /** Of the host page that the demo serves. */
  readonly url: string;
  fault(name: string, state: 'on' | 'off'): Promise<void>;
  sql(statement: string): Promise<Record<string, string>[]>;
  /** Another host page: from the oldest packages, under Grafana's Content-Security-Policy. */
  host(options: { readonly packages?: PackageSet; readonly csp?: boolean }): Promise<string>;
  stop(): Promise<void>;
}

export async function startProduct(): Promise<Product> {
  const base = await freeBase();
  const portBase = ['--port-base', String(base)];
  const started = await throughline('demo', '--detach', ...portBase);
  if (started.code !== 0) throw new Error(`the demo did not start: ${started.stderr}`);
  const hosts: { kill(): void }[] = [];
  const url = `http://127.0.0.1:${base}`;
  return {
    url,
    async fault(name, state) {
      const { code, stderr } = await throughline('fault', name, state, ...portBase);
      if (code !== 0) throw new Error(`fault ${name} ${state}: ${stderr}`);
    },
    async sql(statement) {
      const response = await fetch(`${url}/api/ds/query`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({
          from: 'now-1h',
          to: 'now',
          queries: [{ refId: 'A', queryType: 'sql', rawSql: statement, format: 'table' }],
        }),
      });
      const { results } = (await response.json()) as {
        results: {
          A: { error?: string; frames: { schema: { fields: { name: string }[] }; data: { values: unknown[][] } }[] };
        };
      };
      const { error, frames } = results.A;
      if (error !== undefined) throw new Error(error);
      const { schema, data } = frames[0]!;
      return (data.values[0] ?? []).map((_, row) =>
        Object.fromEntries(schema.fields.map(({ name }, column) => [name, String(data.values[column]![row])]))
      );
    },
    async host({ packages = 'current', csp = false }) {
      await buildPage({ set: packages });
      const port = base + 60 + hosts.length;
      const child = spawn(process.execPath, [join(PROJECT_ROOT, 'workbench/host/main.ts')], {
        env: {
          PATH: process.env['PATH'],
          THROUGHLINE_WORKBENCH_PORT: String(port),
          THROUGHLINE_STORE_URL: `http://127.0.0.1:${base + 1}`,
          THROUGHLINE_STORE_READ_TOKEN: new Instance(base).readTokens().read,
          THROUGHLINE_WORKBENCH_PACKAGES: packages,
          THROUGHLINE_WORKBENCH_CSP: String(csp),
        },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      hosts.push(child);
      await new Promise<void>((resolve, reject) => {
        createInterface({ input: child.stderr }).on('line', (line) => {
          if (line.includes('workbench listens')) resolve();
        });
        child.once('exit', (code) => reject(new Error(`the host ended with ${code}`)));
      });
      return `http://127.0.0.1:${port}`;
    },
    async stop() {
      for (const host of hosts) host.kill();
      await removeInstances();
    },
  };
}
