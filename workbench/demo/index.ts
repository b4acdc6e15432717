// The demo system: a small shop of real processes. See README.md.
import { chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  MYSQL_PASSWORD,
  MYSQL_USER,
  dnsmasqConf,
  nginxConf,
  nsswitchConf,
  productsRoute,
  redisConf,
  resolvConf,
} from './configuration.ts';
import { Demo } from './demo.ts';
import { DemoError } from './errors.ts';
import {
  DEFAULT_PORT_BASE,
  instanceDirectory,
  instancePrefix,
  requireRecord,
  writeRecord,
  type InstanceRecord,
  type UserIds,
} from './instance.ts';
import { commandLine, launch, untilReady, type Launcher, type Program, type Ready } from './launch.ts';
import { removeInstance } from './leftovers.ts';
import { type LoadReport } from './load/report.ts';
import { dataTemplate, serverArguments, type RunAsUser } from './mariadb.ts';
import { runProgram } from './run.ts';
import { hostNamespace, nodeNamespace, routerNamespace, routerRules, setUpScript } from './network.ts';
import { processIdentity } from './processes.ts';
import { locatePrograms, type Programs } from './programs.ts';
import { currentMode, openUserRealm, runInRealm, type Realm } from './realm.ts';
import { DOMAIN, HOST_NETWORKS, HTTP_PORT, OTLP_HTTP_PORT, nodeAddress, type NodeName } from './topology.ts';

export { Demo, type DemoHost } from './demo.ts';
export { DEMO_ERROR_CODES, DemoError, type DemoErrorCode } from './errors.ts';
export { FAULTS, isFaultName, type FaultName } from './faults.ts';
export { DEFAULT_PORT_BASE, type DemoProcess, type UserIds } from './instance.ts';
export { type LoadOptions, type LoadReport } from './load/report.ts';
export { DEBIAN_PACKAGES } from './programs.ts';
export { type ServiceCounts } from './control/client.ts';

const PROJECT_ROOT = resolve(import.meta.dirname, '../..');
const SERVICES = join(import.meta.dirname, 'services');
const NOBODY: UserIds = { uid: 65534, gid: 65534 };
const READINESS_REQUESTS = 10;

export interface DemoOptions {
  /** Where the Debian packages (DEBIAN_PACKAGES) are unpacked. */
  readonly unpackedRoot: string;
  /** `.throughline`: the demo keeps its files in `demo/` and `cache/` under it. */
  readonly stateDirectory: string;
  readonly portBase?: number;
  /** The unprivileged user the shop runs as when root starts it. An ordinary user's shop runs as that user. */
  readonly user?: UserIds;
  /** Publish the gateway on 127.0.0.1, port base + 80; default true. */
  readonly publishGateway?: boolean;
  readonly onProgress?: (message: string) => void;
  /** A process of the demo ended that was not told to. */
  readonly onExit?: (name: string, reason: string) => void;
}

/** Starts the shop and returns when a request of every kind has gone through it. */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  const portBase = options.portBase ?? DEFAULT_PORT_BASE;
  const prefix = instancePrefix(portBase);
  const stateDirectory = resolve(options.stateDirectory);
  const directory = instanceDirectory(stateDirectory, prefix);
  const progress = options.onProgress ?? (() => undefined);
  const unpackedRoot = resolve(options.unpackedRoot);
  const programs = locatePrograms(unpackedRoot);
  await removeInstance(directory, prefix);

  const user = currentMode() === 'root' ? (options.user ?? NOBODY) : ownIds();
  prepareDirectory(directory, user);
  const realm: Realm = currentMode() === 'root' ? { mode: 'root' } : await openUserRealm();
  const holder = realm.holderPid === undefined ? undefined : processIdentity(realm.holderPid);
  const launcher: Launcher = {
    realm,
    user,
    directory,
    projectRoot: PROJECT_ROOT,
    environment: programs.environment,
    ending: new Set(),
    onExit: options.onExit ?? (() => undefined),
  };
  let record: InstanceRecord = {
    prefix,
    mode: realm.mode,
    user,
    ...(holder === undefined ? {} : { holder }),
    processes: [],
    unpackedRoot,
    ...(options.publishGateway === false ? {} : { gatewayUrl: `http://127.0.0.1:${portBase + 80}` }),
  };
  writeRecord(directory, record);

  // The first failure ends the waiting for the others, and nothing is started after it.
  const failure = new AbortController();
  const start = async (program: Program, ready: Ready): Promise<void> => {
    failure.signal.throwIfAborted();
    const running = launch(launcher, program);
    const { name, pid, startTicks } = running;
    record = { ...record, processes: [...record.processes, { name, pid, startTicks }] };
    writeRecord(directory, record);
    await untilReady(launcher, running, ready, failure.signal);
  };

  try {
    progress(`networks of two hosts (${realm.mode === 'root' ? 'as root' : 'in a user namespace'})`);
    const run = runnerAsUser(launcher);
    await assertReadable(run, [
      process.execPath,
      join(SERVICES, 'catalog.py'),
      programs.mariadbd,
      join(directory, 'nginx.conf'),
    ]);
    const database = prepareDatabase(launcher, programs, join(stateDirectory, 'cache'), run);
    database.catch(() => undefined); // awaited below; the network may fail first
    runInRealm(realm, ['sh', '-euc', setUpScript(prefix)], { environment: programs.environment });
    runInRealm(realm, [programs.nft, '-f', '-'], {
      namespace: routerNamespace(prefix),
      input: routerRules(),
      environment: programs.environment,
    });
    progress('name server, databases and services');
    await start(node(prefix, 'dns', [programs.dnsmasq, `--conf-file=${join(directory, 'dnsmasq.conf')}`]), { udp: 53 });
    await allOrFirstFailure(failure, [
      ...relays(prefix, realm, portBase, record.gatewayUrl !== undefined).map(([program, ready]) =>
        start(program, ready)
      ),
      ...services(prefix, programs, directory).map((program) => start(program, { tcp: HTTP_PORT })),
      start(node(prefix, 'redis', [programs.redisServer, join(directory, 'redis.conf')]), { tcp: 6379 }),
      database.then((data) => start(node(prefix, 'mysql', serverArguments(programs, data)), { tcp: 3306 })),
    ]);
    const demo = new Demo(directory, record, launcher);
    progress('first requests through the shop');
    assertReady(await demo.runLoad({ requests: READINESS_REQUESTS, concurrency: 1 }));
    return demo;
  } catch (error) {
    for (const process of record.processes) launcher.ending.add(process.pid);
    await removeInstance(directory, prefix);
    throw error;
  }
}

/** The demo of another process: for commands that switch faults, send load, or end it. */
export function openDemo(stateDirectory: string, portBase: number = DEFAULT_PORT_BASE): Demo {
  const prefix = instancePrefix(portBase);
  const directory = instanceDirectory(resolve(stateDirectory), prefix);
  const record = requireRecord(directory);
  const { mode, user, holder } = record;
  return new Demo(directory, record, {
    realm: { mode, ...(holder === undefined ? {} : { holderPid: holder.pid }) },
    user,
    directory,
    projectRoot: PROJECT_ROOT,
    environment: locatePrograms(record.unpackedRoot).environment,
    ending: new Set(),
    onExit: () => undefined,
  });
}

/** Removes what a killed command left of an instance. Returns whether there was anything. */
export function stopLeftovers(stateDirectory: string, portBase: number = DEFAULT_PORT_BASE): Promise<boolean> {
  const prefix = instancePrefix(portBase);
  return removeInstance(instanceDirectory(resolve(stateDirectory), prefix), prefix);
}

/** As Promise.all, but returns only when every task has come to an end. */
async function allOrFirstFailure(failure: AbortController, tasks: readonly Promise<void>[]): Promise<void> {
  await Promise.all(tasks.map((task) => task.catch((error: unknown) => failure.abort(error))));
  failure.signal.throwIfAborted();
}

function ownIds(): UserIds {
  return { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
}

function prepareDirectory(directory: string, user: UserIds): void {
  rmSync(directory, { recursive: true, force: true });
  for (const folder of ['.', 'log', 'data', 'control', 'relay', 'temp']) {
    const path = join(directory, folder);
    mkdirSync(path, { recursive: true, mode: 0o755 });
    chownSync(path, user.uid, user.gid);
  }
  const files = {
    'resolv.conf': resolvConf(),
    'nsswitch.conf': nsswitchConf(),
    'dnsmasq.conf': dnsmasqConf(),
    'redis.conf': redisConf(),
    'nginx.conf': nginxConf(),
    'products-route.conf': productsRoute('catalog'),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text, { mode: 0o644 });
}

/** Runs a short program as the shop's user, outside the shop's network. */
function runnerAsUser(launcher: Launcher): RunAsUser {
  const environment = { HOME: launcher.directory, ...launcher.environment };
  return (argv, input) => runProgram(commandLine(launcher, { name: 'run', argv }), input, environment);
}

/** Root reads everything; the unprivileged user has to be able to as well. */
async function assertReadable(run: RunAsUser, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    try {
      await run(['test', '-r', path], '');
    } catch (error) {
      throw new DemoError(
        'PROJECT_UNREADABLE',
        `${path} cannot be read by the unprivileged user the shop runs as; run "chmod -R o+rX" on its folder`,
        error
      );
    }
  }
}

async function prepareDatabase(
  launcher: Launcher,
  programs: Programs,
  cacheDirectory: string,
  run: RunAsUser
): Promise<string> {
  const template = await dataTemplate(programs, cacheDirectory, launcher.user, run);
  const data = join(launcher.directory, 'data/mysql');
  await run(['cp', '-a', '--reflink=auto', template, data], '');
  return data;
}

function node(prefix: string, name: NodeName, argv: string[], environment: Record<string, string> = {}): Program {
  return { name, namespace: nodeNamespace(prefix, name), argv, environment };
}

function services(prefix: string, programs: Programs, directory: string): Program[] {
  const shop = { SHOP_DOMAIN: DOMAIN };
  const database = { MYSQL_USER, MYSQL_PASSWORD, PYTHONDONTWRITEBYTECODE: '1' };
  const otlp = { SHOP_OTLP_TRACES_URL: `http://otel-collector.${DOMAIN}:${OTLP_HTTP_PORT}/v1/traces` };
  const java = [
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '-Xmx96m',
    '-Djava.net.preferIPv4Stack=true',
    '-Dsun.net.httpserver.nodelay=true',
  ];
  return [
    node(prefix, 'gateway', [programs.nginx, '-e', 'stderr', '-p', directory, '-c', 'nginx.conf']),
    node(prefix, 'catalog', [programs.python, join(SERVICES, 'catalog.py')], { ...shop, ...database }),
    node(prefix, 'ledger', [programs.python, join(SERVICES, 'ledger.py')], { ...shop, ...database }),
    node(
      prefix,
      'checkout',
      [programs.java, ...java, '-Dsun.net.inetaddr.ttl=5', '-jar', join(SERVICES, 'checkout/checkout.jar')],
      shop
    ),
    node(prefix, 'payments', [process.execPath, join(SERVICES, 'payments.ts')], {
      ...shop,
      ...otlp,
      SHOP_HOST_NAME: 'shop-b',
    }),
  ];
}

/** Ways over the border of the shop's network. */
function relays(prefix: string, realm: Realm, portBase: number, publish: boolean): [Program, Ready][] {
  const relay = (name: string, namespace: string | undefined, ...forwards: string[]): Program => ({
    name,
    ...(namespace === undefined ? {} : { namespace }),
    argv: [process.execPath, join(import.meta.dirname, 'relay.ts'), ...forwards],
  });
  const ingest = `tcp:127.0.0.1:${portBase + 2}`;
  const otlp = `tcp:127.0.0.1:${portBase + 18}`;
  const collector = `tcp:${HOST_NETWORKS.b.bridgeAddress}:${OTLP_HTTP_PORT}=unix:relay/otlp.sock`;
  // An ordinary user's agent runs inside, where the machine's loopback address is another.
  const inside = realm.mode === 'user' ? [`${ingest}=unix:relay/ingest.sock`] : [];
  const gateway = `tcp:${nodeAddress('gateway')}:${HTTP_PORT}`;
  const published = publish ? [`tcp:127.0.0.1:${portBase + 80}=unix:relay/gateway.sock`] : [];
  return [
    [
      relay('relay', undefined, ...published, `unix:relay/ingest.sock=${ingest}`, `unix:relay/otlp.sock=${otlp}`),
      { file: 'relay/otlp.sock' },
    ],
    [
      relay('relay-a', hostNamespace(prefix, 'a'), `unix:relay/gateway.sock=${gateway}`, ...inside),
      { file: 'relay/gateway.sock' },
    ],
    [relay('relay-b', hostNamespace(prefix, 'b'), collector, ...inside), { tcp: OTLP_HTTP_PORT }],
  ];
}

function assertReady(report: LoadReport): void {
  const failed = Object.entries(report.routes).flatMap(([route, { outcomes }]) =>
    Object.keys(outcomes).flatMap((outcome) => (/^2\d\d$/.test(outcome) ? [] : [`${route}: ${outcome}`]))
  );
  if (failed.length > 0 || report.finished !== READINESS_REQUESTS) {
    throw new DemoError(
      'NOT_READY',
      `the first requests through the shop failed: ${failed.join(', ')}; see its log folder`
    );
  }
}
