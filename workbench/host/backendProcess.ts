import { setTimeout as sleep } from 'node:timers/promises';
import { backendProgram } from '@throughline/datasource-plugin/backend';
import { type PluginProcess, startPlugin } from '@throughline/grafana-backend';
import { type Logger } from 'pino';

/** The datasource's backend, started as Grafana starts it and started again when it dies. */

/** More deaths than this within the window, and it is left dead: the cause is not a passing one. */
const MAX_RESTARTS = 5;
const RESTART_WINDOW_MS = 60_000;
const RESTART_DELAY_MS = 200;

export class BackendProcess {
  readonly #logger: Logger;
  #plugin: PluginProcess | undefined;
  #starting: Promise<PluginProcess> | undefined;
  #deaths: number[] = [];
  #stopped = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** The running plugin. @throws Error where it does not start or died too often */
  get(): Promise<PluginProcess> {
    if (this.#plugin) return Promise.resolve(this.#plugin);
    this.#starting ??= this.#start().finally(() => (this.#starting = undefined));
    return this.#starting;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#starting?.catch(() => undefined);
    await this.#plugin?.shutdown();
  }

  async #start(): Promise<PluginProcess> {
    if (this.#stopped) throw new Error('WORKBENCH_STOPPING: the workbench is stopping; start it again');
    const recent = Date.now() - RESTART_WINDOW_MS;
    this.#deaths = this.#deaths.filter((time) => time > recent);
    if (this.#deaths.length > MAX_RESTARTS) {
      throw new Error(
        `WORKBENCH_BACKEND_DEAD: the datasource backend died ${this.#deaths.length} times within a minute; read its log above`
      );
    }
    if (this.#deaths.length > 0) await sleep(RESTART_DELAY_MS * this.#deaths.length);
    const started = startPlugin(process.execPath, {
      args: [backendProgram],
      onLogLine: (line) => process.stderr.write(line + '\n'),
    });
    const plugin = await started.catch((error: unknown) => {
      this.#deaths.push(Date.now());
      throw error;
    });
    this.#plugin = plugin;
    this.#logger.info({ pid: plugin.pid }, 'datasource backend started');
    void plugin.exited.then(({ code, signal }) => {
      this.#plugin = undefined;
      if (this.#stopped) return;
      this.#deaths.push(Date.now());
      this.#logger.warn({ pid: plugin.pid, code, signal }, 'datasource backend died, starting it again');
      this.get().catch((error: unknown) => this.#logger.error({ err: error }, 'datasource backend did not start'));
    });
    return plugin;
  }
}
