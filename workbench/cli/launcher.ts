import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type UserIds } from '../demo/index.ts';
import { commandLine } from '../demo/launch.ts';
import { processIdentity, type ProcessIdentity } from '../demo/processes.ts';
import { CliError } from './errors.ts';
import { PROJECT_ROOT, type Instance, type NamedProcess } from './instance.ts';
import { logTail } from './logTail.ts';
import { INSTANCE_VARIABLE } from './marks.ts';
import { type Service } from './services.ts';
import { isRoot } from './user.ts';

const POLL_MS = 50;
const READY_TIMEOUT_MS = 60_000;

export interface LauncherOptions {
  readonly instance: Instance;
  readonly user: UserIds;
  /** The command, until the instance does without it. */
  readonly supervisor: ProcessIdentity;
  readonly signal: AbortSignal;
  /** A service ended by itself. */
  readonly onExit: (message: string) => void;
}

/** Starts services one by one and writes each down at once, so that `stop` finds it whatever happens here. */
export class Launcher {
  readonly #options: LauncherOptions;
  readonly #processes: NamedProcess[] = [];

  constructor(options: LauncherOptions) {
    this.#options = options;
    this.#record();
  }

  get processes(): readonly NamedProcess[] {
    return this.#processes;
  }

  /** Returns when the service answers. @throws CliError START_FAILED with the end of its log */
  async start(service: Service): Promise<void> {
    const { instance, signal, onExit } = this.#options;
    signal.throwIfAborted();
    const log = openSync(instance.logPath(service.name), 'w');
    const [file, ...args] = this.#argv(service);
    if (file === undefined) throw new Error('empty command');
    const child = spawn(file, args, {
      cwd: instance.directory,
      env: { ...environmentOf(instance), ...service.environment },
      // A session of its own: Ctrl-C reaches only the command, which ends services in order.
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    child.unref();
    const ended = new AbortController();
    let isReady = false;
    child.once('error', (error) => ended.abort(error.message));
    child.once('exit', (code, name) => {
      const reason = name === null ? `exit code ${code}` : name;
      ended.abort(reason);
      if (isReady && !signal.aborted)
        onExit(`${service.name} ended (${reason}); see ${instance.logPath(service.name)}`);
    });
    const identity = child.pid === undefined ? undefined : processIdentity(child.pid);
    if (identity !== undefined) {
      this.#processes.push({ name: service.name, ...identity });
      this.#record();
    }
    await this.#untilReady(service, ended.signal);
    isReady = true;
  }

  /** The instance goes on without this command. */
  detach(): void {
    this.#options.instance.writeProcesses({ processes: this.#processes });
  }

  #record(): void {
    this.#options.instance.writeProcesses({ supervisor: this.#options.supervisor, processes: this.#processes });
  }

  #argv(service: Service): readonly string[] {
    const argv = [process.execPath, service.file];
    if (service.entry.length > 0) return [...service.entry, ...argv];
    if (!isRoot() || service.privileged) return argv;
    // As the demo's programs: without privileges, and where the checkout lies in a closed folder shown only that.
    const { user, instance } = this.#options;
    const launcher = {
      realm: { mode: 'root' as const },
      user,
      directory: instance.directory,
      projectRoot: PROJECT_ROOT,
    };
    const unused = { environment: {}, ending: new Set<number>(), onExit: () => undefined };
    return commandLine({ ...launcher, ...unused }, { name: service.name, argv });
  }

  async #untilReady(service: Service, ended: AbortSignal): Promise<void> {
    const { instance, signal } = this.#options;
    const deadline = performance.now() + READY_TIMEOUT_MS;
    for (;;) {
      signal.throwIfAborted();
      if (ended.aborted) {
        const path = instance.logPath(service.name);
        const tail = logTail(path);
        const log = tail === '' ? 'it wrote nothing to its log' : `the end of ${path}:${tail}`;
        throw new CliError('START_FAILED', `${service.name} did not start (${String(ended.reason)}); ${log}`);
      }
      const reason = await problem(service);
      if (reason === undefined) return;
      if (performance.now() > deadline) {
        throw new CliError(
          'START_FAILED',
          `${service.name} was not ready within ${READY_TIMEOUT_MS / 1000} s: ${service.readyUrl} ${reason}; ` +
            `see ${instance.logPath(service.name)}`
        );
      }
      await delay(POLL_MS);
    }
  }
}

/** Little of our own environment: not every variable of a person's shell is meant for services. */
function environmentOf(instance: Instance): Record<string, string> {
  const kept = ['PATH', 'LANG', 'TZ', 'NODE_OPTIONS'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { HOME: instance.directory, [INSTANCE_VARIABLE]: instance.directory, ...Object.fromEntries(kept) };
}

/** Asked from inside the service's network where it has one of its own. Undefined where the service is ready. */
async function problem({ entry, readyUrl }: Service): Promise<string | undefined> {
  const [file, ...prefix] = entry;
  if (file === undefined) {
    try {
      const response = await fetch(readyUrl, { signal: AbortSignal.timeout(2000) });
      const text = await response.text();
      return response.ok ? undefined : `answers ${response.status}: ${text.trim().slice(0, 500)}`;
    } catch {
      return 'does not answer';
    }
  }
  const script = 'fetch(process.argv[1]).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))';
  const child = spawn(file, [...prefix, process.execPath, '--eval', script, readyUrl], { stdio: 'ignore' });
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code) => resolve(code === 0 ? undefined : 'does not answer'));
  });
}
