import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { PLUGINS, PROJECT_ROOT } from '../libs/plugin-build/src/plugins.ts';

/** There is no container engine where this was written: what can be checked by reading is checked here. */

const folder = import.meta.dirname;
const read = (...path: string[]): string => readFileSync(join(folder, ...path), 'utf8');

const compose = z
  .strictObject({
    name: z.literal('throughline'),
    services: z.record(
      z.string(),
      z.strictObject({
        image: z.string().optional(),
        build: z
          .strictObject({ context: z.string(), dockerfile: z.string(), target: z.string().optional() })
          .optional(),
        command: z.array(z.string()).optional(),
        environment: z.record(z.string(), z.string()).optional(),
        ports: z.array(z.string()).optional(),
        volumes: z.array(z.string()).optional(),
        network_mode: z.literal('host').optional(),
        pid: z.literal('host').optional(),
        cgroup: z.literal('host').optional(),
        privileged: z.boolean().optional(),
        ulimits: z.record(z.string(), z.int()).optional(),
        healthcheck: z.strictObject({ test: z.array(z.string()), interval: z.string(), retries: z.int() }).optional(),
        depends_on: z
          .union([z.array(z.string()), z.record(z.string(), z.strictObject({ condition: z.string() }))])
          .optional(),
        restart: z.literal('unless-stopped').optional(),
      })
    ),
    volumes: z.record(z.string(), z.null()),
  })
  .parse(parse(read('docker-compose.yaml')));

const services = Object.entries(compose.services);
const unitFiles = readdirSync(join(folder, 'systemd'));

/** Names of variables that our programs read. */
const knownVariables = new Set(
  ['agent/src/config.ts', 'ingest/src/config.ts', 'store/src/config.ts'].flatMap((file) =>
    Array.from(readFileSync(join(PROJECT_ROOT, file), 'utf8').matchAll(/THROUGHLINE_\w+/g), ([name]) => name)
  )
);

describe('docker-compose.yaml', () => {
  it('mounts and builds from files that are there', () => {
    for (const [name, { build, volumes = [] }] of services) {
      if (build) {
        const file = resolve(folder, build.context, build.dockerfile);
        expect([name, existsSync(file)]).toEqual([name, true]);
        if (build.target) expect(readFileSync(file, 'utf8')).toContain(` AS ${build.target}\n`);
      }
      for (const volume of volumes) {
        const [source] = volume.split(':');
        if (source!.startsWith('.')) expect([volume, existsSync(resolve(folder, source!))]).toEqual([volume, true]);
        else if (!source!.startsWith('/')) expect(Object.keys(compose.volumes)).toContain(source);
      }
    }
  });

  it('lets Grafana load every plugin unsigned', () => {
    const ids = compose.services['grafana']!.environment!['GF_PLUGINS_ALLOW_LOADING_UNSIGNED_PLUGINS']!.split(',');
    expect(ids.sort()).toEqual(PLUGINS.map(({ id }) => id).sort());
  });

  it('sets variables that the programs, or our provisioning files, read', () => {
    const provisioning = readFileSync(join(PROJECT_ROOT, 'provisioning/datasources/throughline.yaml'), 'utf8');
    for (const [name, { environment = {} }] of services) {
      for (const variable of Object.keys(environment).filter((key) => key.startsWith('THROUGHLINE_'))) {
        const isRead = name === 'grafana' ? provisioning.includes(`$${variable}`) : knownVariables.has(variable);
        expect([name, variable, isRead]).toEqual([name, variable, true]);
      }
    }
  });

  it('listens on loopback alone, and takes every secret from deploy/.env', () => {
    const published = services.flatMap(([, { ports = [] }]) => ports);
    expect(published.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
    const needed = Array.from(read('docker-compose.yaml').matchAll(/\$\{(\w+):\?/g), ([, name]) => name!);
    const offered = Array.from(read('.env.example').matchAll(/^(\w+)=$/gm), ([, name]) => name!);
    expect(new Set(needed)).toEqual(new Set(offered));
    for (const [, { environment = {} }] of services) {
      const secrets = Object.entries(environment).filter(([name]) => /TOKEN|PASSWORD/.test(name));
      expect(secrets.filter(([, value]) => !value.startsWith('${'))).toEqual([]);
    }
  });

  it('depends on services that it has', () => {
    for (const [, { depends_on = [] }] of services) {
      for (const name of Array.isArray(depends_on) ? depends_on : Object.keys(depends_on)) {
        expect(Object.keys(compose.services)).toContain(name);
      }
    }
  });
});

describe('Dockerfile', () => {
  it('copies and starts what is there', () => {
    const text = read('Dockerfile');
    const copied = Array.from(text.matchAll(/^COPY (.+) \S+$/gm), ([, sources]) => sources!.split(' ')).flat();
    const started = Array.from(text.matchAll(/\b[\w/-]+\.ts\b/g), ([file]) => file);
    expect(copied.length).toBeGreaterThan(4);
    expect(started.length).toBeGreaterThan(1);
    expect([...copied, ...started].filter((file) => !existsSync(join(PROJECT_ROOT, file)))).toEqual([]);
  });

  it('starts the agent from the same image', () => {
    expect(existsSync(join(PROJECT_ROOT, compose.services['agent']!.command![1]!))).toBe(true);
  });
});

describe('users.d/throughline.xml', () => {
  it('has a user for every token, whose name is what its program sends', () => {
    const users = Array.from(
      read('clickhouse/users.d/throughline.xml').matchAll(/<(\w+)>\s*<password from_env="(\w+)"\/>/g),
      ([, user, variable]) => `${user} ${variable}`
    );
    expect(users).toEqual([
      'read THROUGHLINE_STORE_READ_TOKEN',
      'write THROUGHLINE_STORE_WRITE_TOKEN',
      'admin THROUGHLINE_STORE_ADMIN_TOKEN',
    ]);
    const sent = readFileSync(join(PROJECT_ROOT, 'ingest/src/server.ts'), 'utf8');
    for (const user of ['write', 'admin']) expect(sent).toContain(`username: '${user}'`);
  });
});

describe.each(unitFiles)('%s', (file) => {
  const text = read('systemd', file);

  it('starts a program of this repository', () => {
    const [, program] = /^ExecStart=\/opt\/throughline\/node_modules\/\.bin\/node \/opt\/throughline\/(\S+)$/m.exec(
      text
    )!;
    expect(existsSync(join(PROJECT_ROOT, program!))).toBe(true);
  });

  it('sets variables that the program reads, and names other units that are there', () => {
    const [, set = ''] = /^Environment=(.+)$/m.exec(text) ?? [];
    const ours = set.split(' ').flatMap((pair) => (pair.startsWith('THROUGHLINE_') ? [pair.split('=')[0]!] : []));
    expect(ours.filter((name) => !knownVariables.has(name))).toEqual([]);
    const others = Array.from(text.matchAll(/throughline-\w+\.service/g), ([name]) => name);
    expect(others.filter((name) => !unitFiles.includes(name))).toEqual([]);
  });
});
