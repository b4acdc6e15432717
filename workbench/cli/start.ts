import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { DEBIAN_PACKAGES, startDemo, type Demo } from '../demo/index.ts';
import { unpackDebian } from '../demo/debian.ts';
import { endProcesses, isRunning, processIdentity, type ProcessIdentity } from '../demo/processes.ts';
import { mayCapture, setcapArgument } from './capabilities.ts';
import { endInstance } from './end.ts';
import { CliError } from './errors.ts';
import { buildFrontend } from './frontend.ts';
import { Instance, PROJECT_ROOT, STATE_DIRECTORY, type Endpoints, type NamedProcess } from './instance.ts';
import { Launcher } from './launcher.ts';
import { unpackLibbpf } from './libbpf.ts';
import { releaseLock, takeLock } from './lock.ts';
import { INSTANCE_VARIABLE } from './marks.ts';
import { DEFAULT_PORT_BASE, portUses, portsOf, requireFreePorts } from './ports.ts';
import { Progress } from './progress.ts';
import {
  agentService,
  hostService,
  ingestService,
  storeService,
  storeUrl,
  workbenchUrl,
  type ServiceContext,
} from './services.ts';
import { isRoot, unprivilegedUser } from './user.ts';

export interface StartOptions {
  readonly portBase: number;
  /** Return when everything is ready; else stay until a signal. */
  readonly detach: boolean;
  /** With the demo system, and requests to it. */
  readonly demo?: { readonly load: boolean };
}

/** How long a start may take to notice that it was called off. */
const ABANDON_MS = 10_000;
const CHILD_GRACE_MS = 2_000;

/** Starts an instance; in the foreground also ends it. Returns the exit code. */
export async function runInstance(options: StartOptions): Promise<number> {
  const instance = new Instance(options.portBase);
  const self = processIdentity(process.pid);
  if (self === undefined) throw new Error('/proc is not mounted');
  instance.prepare(unprivilegedUser(PROJECT_ROOT));
  const holder = takeLock(instance.lockPath, self);
  if (holder !== undefined) throw runsAlready(instance, holder.pid);
  try {
    return await runLocked(instance, self, options);
  } finally {
    releaseLock(instance.lockPath, self);
  }
}

/** No other start of the instance is under way: whatever of it there is, is a leftover or our own. */
async function runLocked(instance: Instance, self: ProcessIdentity, options: StartOptions): Promise<number> {
  // Whatever is started from here on, apt included, can be told to belong to the instance.
  process.env[INSTANCE_VARIABLE] = instance.directory;
  const progress = new Progress();
  const interruption = listenForSignals();
  await removeLeftovers(instance, progress);
  await requireFreePorts(
    portUses(options.portBase, {
      agents: options.demo && isRoot() ? 2 : 1,
      gateway: options.demo !== undefined,
    })
  );
  const starting = start(instance, self, options, progress, interruption);
  try {
    await Promise.race([starting, interruption.happened]);
    if (options.detach && !interruption.signal.aborted) return 0;
  } catch (error) {
    await endInstance(instance);
    throw error;
  }
  if (!interruption.signal.aborted) progress.note('Ctrl-C ends it');
  const alive = setInterval(() => undefined, 60_000); // a promise alone does not keep a process
  await interruption.happened;
  clearInterval(alive);
  progress.step(`${interruption.reason}: ending everything`);
  await endInstance(instance);
  // A start that was under way may be in a download, and may begin one more program before it notices.
  await endProcesses(childProcesses(process.pid), CHILD_GRACE_MS);
  await Promise.race([starting.catch(() => undefined), delay(ABANDON_MS, undefined, { ref: false })]);
  await endInstance(instance);
  progress.step('ended');
  return interruption.exitCode;
}

/** @throws CliError ALREADY_RUNNING */
async function removeLeftovers(instance: Instance, progress: Progress): Promise<void> {
  const record = instance.readProcesses();
  // One with a supervisor was killed: a living supervisor holds the lock.
  const running = record?.supervisor === undefined ? record?.processes.find(isRunning) : undefined;
  if (running !== undefined) throw runsAlready(instance, running.pid);
  if (await endInstance(instance)) progress.step('removed what a killed instance had left');
}

function runsAlready({ portBase }: Instance, pid: number): CliError {
  return new CliError(
    'ALREADY_RUNNING',
    `an instance with port base ${portBase} runs already, pid ${pid}; ` +
      `end it with "./throughline stop --port-base ${portBase}", or start another beside it with --port-base N`
  );
}

async function start(
  instance: Instance,
  supervisor: ProcessIdentity,
  { detach, demo: demoOptions }: StartOptions,
  progress: Progress,
  interruption: Interruption
): Promise<void> {
  const { portBase } = instance;
  const user = unprivilegedUser(PROJECT_ROOT);
  const context: ServiceContext = { instance, user, tokens: instance.tokens(user) };
  const launcher = new Launcher({
    instance,
    user,
    supervisor,
    signal: interruption.signal,
    onExit: (message) => interruption.fail(message),
  });
  if (isRoot()) progress.note(`store, ingest and workbench run as uid ${user.uid}`);

  // Before anything else: compilers keep every core busy, and services that start beside them time out.
  await buildFrontend((line) => progress.step(`built        ${line}`), interruption.signal);
  await launcher.start(storeService(context));
  progress.step(`store        ${storeUrl(portsOf(portBase))}`);
  await launcher.start(ingestService(context));
  progress.step(`ingest       http://127.0.0.1:${portsOf(portBase).ingest}, OTLP on ${otlpPorts(portBase)}`);
  await launcher.start(hostService(context));
  progress.step(`workbench    ${workbenchUrl(portsOf(portBase))}`);
  const demo = demoOptions && (await startShop(portBase, user, progress, interruption));
  await startAgents(context, launcher, demo, progress);
  if (demo && demoOptions.load) {
    await demo.startLoad();
    progress.step('load         20 requests a second');
  }

  interruption.signal.throwIfAborted();
  instance.writeEndpoints(endpointsOf(portBase, launcher.processes, demo));
  if (detach) launcher.detach();
  progress.step('ready');
  const option = portBase === DEFAULT_PORT_BASE ? '' : ` --port-base ${portBase}`;
  progress.note(`look at it:       ${workbenchUrl(portsOf(portBase))}`);
  progress.note(`in the terminal:  ./throughline trace${option}`);
  if (detach) progress.note(`end it:           ./throughline stop${option}`);
}

async function startShop(
  portBase: number,
  user: ServiceContext['user'],
  progress: Progress,
  interruption: Interruption
): Promise<Demo> {
  const onProgress = (message: string): void => progress.step(`demo: ${message}`);
  const unpackedRoot = await unpackDebian(DEBIAN_PACKAGES, { stateDirectory: STATE_DIRECTORY, onProgress });
  interruption.signal.throwIfAborted();
  let isUp = false;
  const demo: Demo = await startDemo({
    unpackedRoot,
    stateDirectory: STATE_DIRECTORY,
    portBase,
    user,
    onProgress,
    onExit: (name, reason) => {
      // While it starts, its own error says more.
      if (isUp) interruption.fail(`${name} of the demo ended (${reason}); see ${demo.directory}/log`);
    },
  });
  isUp = true;
  progress.step(`demo         ${demo.gatewayUrl ?? ''}`);
  return demo;
}

async function startAgents(
  context: ServiceContext,
  launcher: Launcher,
  demo: Demo | undefined,
  progress: Progress
): Promise<void> {
  const inside = demo !== undefined && !isRoot();
  if (inside) {
    progress.note(
      'as an ordinary user agents see packets only, which cannot tell what caused a call inside a process;'
    );
    progress.note('run "sudo ./throughline demo" to see that too');
  } else if (!mayCapture()) {
    progress.note(`no agent, this user may not capture: run "sudo ./throughline up", or once`);
    progress.note(`  sudo setcap ${setcapArgument()} ${process.execPath}`);
    progress.note('OTLP data is taken all the same');
    return;
  }
  const libbpf = inside ? undefined : await unpackLibbpf((message) => progress.step(message));
  const excludePids = [...withDescendants(launcher.processes).map(({ pid }) => pid), ...relays(demo)];
  const agents =
    demo === undefined
      ? [agentService(context, { excludePids, libbpf })]
      : demo.hosts.map((host, i) =>
          agentService(context, { excludePids, libbpf, host, inside, index: i === 0 ? 0 : 1 })
        );
  await Promise.all(
    agents.map(async (agent) => {
      await launcher.start(agent);
      progress.step(`agent        ${agent.name}${inside ? ', packets only' : ''}`);
    })
  );
}

function relays(demo: Demo | undefined): number[] {
  return (demo?.processes ?? []).filter(({ name }) => name.startsWith('relay')).map(({ pid }) => pid);
}

/** The workbench has the datasource's backend as its child. */
function withDescendants(processes: readonly ProcessIdentity[]): ProcessIdentity[] {
  const found = [...processes];
  for (const { pid } of found) found.push(...childProcesses(pid));
  return found;
}

function childProcesses(pid: number): ProcessIdentity[] {
  const path = `/proc/${pid}/task/${pid}/children`;
  const children = existsSync(path) ? readFileSync(path, 'latin1').trim().split(' ').map(Number) : [];
  return children.flatMap((child) => processIdentity(child) ?? []);
}

function endpointsOf(portBase: number, processes: readonly NamedProcess[], demo: Demo | undefined): Endpoints {
  const ports = portsOf(portBase);
  const all = [...processes, ...(demo?.processes ?? []).map(({ name, pid }) => ({ name: `demo-${name}`, pid }))];
  return {
    workbench: workbenchUrl(ports),
    store: storeUrl(ports),
    ingest: `http://127.0.0.1:${ports.ingest}`,
    otlpHttp: `http://127.0.0.1:${ports.otlpHttp}`,
    otlpGrpc: `http://127.0.0.1:${ports.otlpGrpc}`,
    pids: Object.fromEntries(all.map(({ name, pid }) => [name, pid])),
  };
}

function otlpPorts(portBase: number): string {
  const { otlpGrpc, otlpHttp } = portsOf(portBase);
  return `${otlpGrpc} (gRPC) and ${otlpHttp} (HTTP)`;
}

/** Whatever ends an instance: a signal, or one of its processes that died. */
interface Interruption {
  readonly signal: AbortSignal;
  readonly happened: Promise<void>;
  readonly reason: string;
  readonly exitCode: number;
  fail(message: string): void;
}

function listenForSignals(): Interruption {
  const controller = new AbortController();
  let reason = '';
  let exitCode = 0;
  const end = (why: string, code: number): void => {
    if (controller.signal.aborted) return;
    reason = why;
    exitCode = code;
    controller.abort(new Error(why));
  };
  process.on('SIGINT', () => end('interrupted', 130));
  process.on('SIGTERM', () => end('asked to end', 0));
  process.on('SIGHUP', () => end('the terminal was closed', 129));
  const happened = new Promise<void>((resolve) => {
    controller.signal.addEventListener('abort', () => resolve());
  });
  return {
    signal: controller.signal,
    happened,
    fail: (message) => end(message, 1),
    get reason() {
      return reason;
    },
    get exitCode() {
      return exitCode;
    },
  };
}
